import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import protobuf from "protobufjs/light.js";
import type { TrainingEvent } from "../../lib/loggers/events.js";
import { loggerOf } from "../../lib/loggers/index.js";
import { tfRecord } from "../../lib/loggers/tensorboard.js";
import { openJsonl } from "../../lib/runs/jsonl.js";
import { openRunLog } from "../../lib/runs/logs.js";

const step = (number: number): TrainingEvent => ({
  type: "step",
  step: number,
  epoch: 0,
  loss: 1 / number,
  losses: { boxes: 0.5 / number, classes: 0.5 / number },
  lr: 1e-4,
  gradientNorm: 3,
  stepSeconds: 0.5,
  dataSeconds: 0.125,
});

/** CRC-32C bit by bit, from its definition. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

function masked(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** The records of an event file, with verified checksums. */
function recordsOf(bytes: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    expect(bytes.readUInt32LE(at + 8), "checksum of the length").to.equal(masked(bytes.subarray(at, at + 8)));
    const data = bytes.subarray(at + 12, at + 12 + length);
    expect(bytes.readUInt32LE(at + 12 + length), "checksum of the data").to.equal(masked(data));
    records.push(data);
    at += 16 + length;
  }
  return records;
}

// Field numbers as in TensorFlow's event.proto and summary.proto.
const root = new protobuf.Root();
root.define("tb", {
  Event: {
    fields: {
      wall_time: { id: 1, type: "double" },
      step: { id: 2, type: "int64" },
      file_version: { id: 3, type: "string" },
      summary: { id: 5, type: "Summary" },
      session_log: { id: 7, type: "SessionLog" },
    },
  },
  SessionLog: { fields: { status: { id: 1, type: "int32" } } },
  Summary: { fields: { value: { id: 1, type: "Value", rule: "repeated" } } },
  Value: { fields: { tag: { id: 1, type: "string" }, simple_value: { id: 2, type: "float" } } },
});

interface DecodedEvent {
  readonly step: number;
  readonly file_version: string;
  readonly summary?: { readonly value: readonly { tag: string; simple_value: number }[] };
  readonly session_log?: { readonly status: number };
}

function eventsOf(folder: string): DecodedEvent[] {
  const type = root.lookupType("tb.Event");
  return readdirSync(folder)
    .sort()
    .flatMap((name) => recordsOf(readFileSync(join(folder, name))))
    .map((record) => type.toObject(type.decode(record), { longs: Number, defaults: true }) as DecodedEvent);
}

describe("logs", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "densekit-logs-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const lines = (path: string): { step?: number; type?: string }[] =>
    readFileSync(path, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));

  it("JSONL: a line is in the file when write returns; opening it again empties it", async () => {
    const path = join(folder, "log.jsonl");
    const log = await openJsonl(path);
    log.write({ step: 1, loss: 0.5 });
    expect(readFileSync(path, "utf8")).to.equal('{"step":1,"loss":0.5}\n');
    log.write({ step: 2, loss: Number.NaN });
    expect(lines(path)).to.deep.equal([
      { step: 1, loss: 0.5 },
      { step: 2, loss: null },
    ]);
    await openJsonl(path);
    expect(readFileSync(path, "utf8")).to.equal("");
  });

  it("JSONL: resuming drops later steps and a half-written line", async () => {
    const path = join(folder, "log.jsonl");
    const first = await openJsonl(path);
    first.write({ type: "start" });
    for (const number of [1, 2, 3, 4]) first.write({ step: number });
    appendFileSync(path, '{"step": 1, "lo');
    const resumed = await openJsonl(path, { keep: ({ step = 0 }) => Number(step) <= 2 });
    resumed.write({ step: 3, again: true });
    expect(lines(path)).to.deep.equal([{ type: "start" }, { step: 1 }, { step: 2 }, { step: 3, again: true }]);
    expect(first.remarks).to.deep.equal([]);
    expect(resumed.remarks).to.deep.equal([
      `${path}: line 6 is damaged and left out; a run that is killed may leave its last line half written`,
    ]);
    expect((await openJsonl(path, { keep: () => true })).remarks).to.deep.equal([]);
  });

  it("JSONL: counts damaged lines, including invalid UTF-8, and keeps those that only look damaged", async () => {
    const path = join(folder, "log.jsonl");
    const good = '{"text":"a name of other bytes: \ufffd"}\n';
    writeFileSync(path, good);
    expect((await openJsonl(path, { keep: () => true })).remarks).to.deep.equal([]);
    expect(readFileSync(path, "utf8")).to.equal(good);
    writeFileSync(path, Buffer.concat([Buffer.from('{"step":1}\n\n7\n{"text":"'), Buffer.of(0xff), Buffer.from('"}\nx\n')]));
    expect((await openJsonl(path, { keep: () => true })).remarks).to.deep.equal([
      `${path}: line 3 and 2 other lines are damaged and left out; a run that is killed may leave its last line half written`,
    ]);
    expect(readFileSync(path, "utf8")).to.equal('{"step":1}\n');
  });

  it("TFRecords have TensorFlow's documented framing", () => {
    expect(crc32c(Buffer.from("123456789"))).to.equal(0xe3069283); // the check value of CRC-32C
    expect(recordsOf(Buffer.from(tfRecord(Buffer.from("hello"))))[0]?.toString()).to.equal("hello");
  });

  const run = () => ({ folder, config: "", loggers: [loggerOf({ type: "tensorboard" })], say: () => undefined });

  it("writes a run's curves and lines", async () => {
    const log = await openRunLog({ ...run(), config: "task: segmentation" });
    log.write(step(1));
    log.write({ type: "progress", what: "validation", done: 1, total: 2 });
    log.write({ type: "evaluation", step: 1, epoch: 0, metrics: { mIoU: 0.25 } });
    log.write({ type: "metrics", step: 1, hook: "onStep", metrics: { mine: 2 } });
    expect(lines(join(folder, "log.jsonl")).map(({ type }) => type)).to.deep.equal(["step", "evaluation", "metrics"]);
    const events = eventsOf(join(folder, "tensorboard"));
    expect(events[0]?.file_version).to.equal("brain.Event:2");
    const scalars = events.flatMap(({ step, summary }) =>
      (summary?.value ?? []).map(({ tag, simple_value }) => [step, tag, simple_value]),
    );
    expect(scalars).to.deep.equal([
      [0, "config", 0],
      [1, "training/loss", 1],
      [1, "losses/boxes", 0.5],
      [1, "losses/classes", 0.5],
      [1, "training/lr", Math.fround(1e-4)],
      [1, "training/gradientNorm", 3],
      [1, "time/step", 0.5],
      [1, "time/data", 0.125],
      [1, "validation/mIoU", 0.25],
      [1, "mine", 2],
    ]);
  });

  it("drops of a resumed run what is repeated: steps, and what was logged at a validation that is", async () => {
    const first = await openRunLog(run());
    for (const number of [1, 2, 3]) first.write(step(number));
    for (const hook of ["onStep", "onEvaluate"] as const) {
      for (const number of [1, 2]) first.write({ type: "metrics", step: number, hook, metrics: {} });
    }
    await openRunLog({ ...run(), resumeStep: 2, evaluatedStep: 1 });
    const kept = lines(join(folder, "log.jsonl")) as { type?: string; step?: number; hook?: string }[];
    expect(kept.map(({ type, step: number, hook }) => `${hook ?? type} ${number}`)).to.deep.equal([
      "step 1",
      "step 2",
      "onStep 1",
      "onStep 2",
      "onEvaluate 1",
    ]);
  });

  it("tells TensorBoard the step at which a run resumes", async () => {
    for (const number of [1, 2]) (await openRunLog(run())).write(step(number));
    await new Promise((resolve) => setTimeout(resolve, 2)); // so that the next file has another name
    await openRunLog({ ...run(), resumeStep: 1 });
    const starts = eventsOf(join(folder, "tensorboard")).filter(({ session_log }) => session_log?.status === 1);
    expect(starts.map((event) => event.step)).to.deep.equal([2]);
  });
});
