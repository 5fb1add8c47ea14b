import { appendFileSync, mkdirSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import crc32c from "crc-32/crc32c.js";
import protobuf from "protobufjs/light.js";
import { z } from "zod";
import { describeFileError } from "../files.js";
import { loggerKind } from "./logger.js";
import { scalarsOf } from "./scalars.js";

/** Curves in the folder `tensorboard` of the run. */
export const tensorboard = loggerKind({
  schema: z
    .strictObject({ type: z.literal("tensorboard") })
    .describe("Curves for TensorBoard, in the folder tensorboard of the run"),
  open(_, { folder, config, resumeStep }) {
    const board = openTensorBoard(join(folder, "tensorboard"), resumeStep === undefined ? {} : { resumeStep });
    board.text(resumeStep ?? 0, "config", config.replace(/^/gm, "    ")); // a code block of Markdown
    return {
      write(event) {
        const scalars = scalarsOf(event);
        if (scalars !== undefined && "step" in event) board.scalars(event.step, scalars);
      },
    };
  },
});

/** A TensorBoard event file; `tensorboard --logdir` on its folder shows it. */
export interface TensorBoardLog {
  scalars(step: number, values: Readonly<Record<string, number>>): void;
  /** Markdown shown in the text tab. */
  text(step: number, tag: string, text: string): void;
}

const field = (id: number, type: string) => ({ id, type });
const repeated = (id: number, type: string) => ({ id, type, rule: "repeated" });

// The parts of TensorFlow's event.proto, summary.proto, tensor.proto and tensor_shape.proto that are used here.
const root = protobuf.Root.fromJSON({
  nested: {
    Event: {
      fields: {
        wallTime: field(1, "double"),
        step: field(2, "int64"),
        fileVersion: field(3, "string"),
        summary: field(5, "Summary"),
        sessionLog: field(7, "SessionLog"),
      },
    },
    SessionLog: { fields: { status: field(1, "int32") } },
    Summary: { fields: { value: repeated(1, "Value") } },
    Value: {
      fields: {
        tag: field(1, "string"),
        simpleValue: field(2, "float"),
        tensor: field(8, "TensorProto"),
        metadata: field(9, "SummaryMetadata"),
      },
    },
    SummaryMetadata: { fields: { pluginData: field(1, "PluginData") } },
    PluginData: { fields: { pluginName: field(1, "string") } },
    TensorProto: {
      fields: {
        dtype: field(1, "int32"),
        tensorShape: field(2, "TensorShapeProto"),
        stringVal: repeated(8, "bytes"),
      },
    },
    TensorShapeProto: { fields: { dim: repeated(2, "Dim") } },
    Dim: { fields: { size: field(1, "int64") } },
  },
});
const eventType = root.lookupType("Event");

const DT_STRING = 7;
const SESSION_START = 1;

/**
 * Starts an event file in a folder. With `resumeStep`, TensorBoard is told to drop later steps from earlier files of
 * the folder.
 */
export function openTensorBoard(folder: string, options: { readonly resumeStep?: number } = {}): TensorBoardLog {
  const { resumeStep } = options;
  const milliseconds = String(Date.now());
  // The time comes first in the name, with milliseconds, since TensorBoard reads a folder's files in name order.
  const path = join(
    folder,
    `events.out.tfevents.${milliseconds.slice(0, -3)}.${milliseconds.slice(-3)}.${hostname()}.${process.pid}`,
  );
  const append = (event: Readonly<Record<string, unknown>>) => {
    const bytes = eventType.encode(eventType.fromObject({ wallTime: Date.now() / 1000, ...event })).finish();
    try {
      mkdirSync(folder, { recursive: true });
      appendFileSync(path, tfRecord(bytes));
    } catch (error) {
      throw describeFileError(error, path, "write");
    }
  };
  append({ fileVersion: "brain.Event:2" });
  if (resumeStep !== undefined) append({ step: resumeStep + 1, sessionLog: { status: SESSION_START } });
  return {
    scalars(step, values) {
      const value = Object.entries(values).map(([tag, simpleValue]) => ({ tag, simpleValue }));
      append({ step, summary: { value } });
    },
    text(step, tag, text) {
      const tensor = { dtype: DT_STRING, tensorShape: { dim: [{ size: 1 }] }, stringVal: [Buffer.from(text)] };
      append({ step, summary: { value: [{ tag, tensor, metadata: { pluginData: { pluginName: "text" } } }] } });
    },
  };
}

/** A TFRecord: length, masked CRC-32C of the length, data, masked CRC-32C of the data; all little-endian. */
export function tfRecord(data: Uint8Array): Uint8Array {
  const record = Buffer.alloc(12 + data.length + 4);
  record.writeBigUInt64LE(BigInt(data.length), 0);
  record.writeUInt32LE(maskedCrc(record.subarray(0, 8)), 8);
  record.set(data, 12);
  record.writeUInt32LE(maskedCrc(data), 12 + data.length);
  return record;
}

/** CRC-32C rotated right by 15 bits plus a constant, as TFRecord requires. */
function maskedCrc(data: Uint8Array): number {
  const crc = crc32c.buf(data) >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
