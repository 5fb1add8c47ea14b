import * as ort from "onnxruntime-node";
import { bytesOf } from "../../compilers/onnx/emitter.js";
import { ELEMENT_TYPES, encodeModel, valueInfo } from "../../compilers/onnx/proto.js";
import { emptySequence, IR_VERSION, OPSET } from "../../compilers/onnx/write.js";
import { bytesOf as bytesOfAll } from "../../graph/cost.js";
import type { Value } from "../../graph/index.js";

/**
 * onnxruntime-node (1.30) copies every output into fresh memory after a run, even those that were written in place: 600
 * MB in a training step of Mask R-CNN, a tenth of its time. It takes one output after the other, in the model's order,
 * and throws at one that is not a tensor, when the run is over and everything is written. So a model whose first output
 * is an empty sequence with this name avoids the copies.
 */
export const STOP = "stopsCopying";

/** The exception takes as long as a copy of about this many bytes. */
const LEAST_BYTES = 2 ** 16;

/** Whether copying these outputs takes longer than avoiding the copies. */
export const isWorthStopping = (outputs: Readonly<Record<string, Value>>): boolean =>
  bytesOfAll(Object.values(outputs)) >= LEAST_BYTES;

/**
 * Runs a session of a model whose first output is the empty sequence `STOP`, without copies of its other outputs.
 *
 * @param fetches a tensor to write to for every output
 * @returns false, without having run, if this version of onnxruntime-node does not stop at a sequence
 */
export async function runUncopied(
  session: ort.InferenceSession,
  feeds: Readonly<Record<string, ort.Tensor>>,
  fetches: Readonly<Record<string, ort.Tensor>>,
): Promise<boolean> {
  refusal ??= findRefusal();
  const expected = await refusal;
  if (expected === undefined) return false;
  const message = await messageOf(session, feeds, fetches);
  if (message !== expected) throw new Error(message ?? "onnxruntime-node returned a sequence, which it refused before");
  return true;
}

let refusal: Promise<string | undefined> | undefined;

/**
 * The message with which sequences are refused after a run; undefined if they are not, or if the run does not take
 * place.
 */
async function findRefusal(): Promise<string | undefined> {
  const sequence = emptySequence(STOP);
  const session = await ort.InferenceSession.create(
    encodeModel({
      irVersion: IR_VERSION,
      producerName: "densekit",
      opsetImport: [{ domain: "", version: OPSET }],
      graph: {
        name: "probe",
        node: [
          sequence.node,
          { opType: "Neg", domain: "", name: "Neg", input: ["one"], output: ["out"], attribute: [] },
        ],
        initializer: [
          { name: "one", dims: [1], dataType: ELEMENT_TYPES.float32, rawData: bytesOf(Float32Array.of(1)) },
        ],
        input: [],
        output: [sequence.info, valueInfo("out", "float32", [1])],
      },
    }),
    { logSeverityLevel: 4 },
  );
  const out = new Float32Array(1);
  const message = await messageOf(session, {}, { out: new ort.Tensor("float32", out, [1]) });
  await session.release();
  return out[0] === -1 ? message : undefined;
}

/** The message that a run throws when the sequence is also requested. */
async function messageOf(
  session: ort.InferenceSession,
  feeds: Readonly<Record<string, ort.Tensor>>,
  fetches: Readonly<Record<string, ort.Tensor>>,
): Promise<string | undefined> {
  try {
    await session.run(feeds, { [STOP]: null, ...fetches });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
