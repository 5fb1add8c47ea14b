import { UserError } from "../../errors.js";
import type { OnnxNode } from "./proto.js";

/** What exported files are written for when nothing is said: old enough for every runtime of today. */
export const DEFAULT_OPSET = 17;

/** The newest opset all of whose operators onnxruntime has: up to 1.31 it lacks the RoiAlign of 22. */
export const NEWEST_OPSET = 21;

/** For operators younger than the others: the first opset that has them in the form written here. */
const SINCE: Readonly<Record<string, number>> = {
  ArgMax: 13,
  AveragePool: 11,
  Conv: 11,
  ConvTranspose: 11,
  Concat: 11,
  Equal: 11,
  Erf: 9,
  Expand: 8,
  Gather: 11,
  Gelu: 20,
  Max: 12,
  Min: 12,
  NonMaxSuppression: 11,
  NonZero: 9,
  Pad: 11,
  Range: 11,
  ReduceSum: 13,
  Resize: 13,
  RoiAlign: 16,
  ScatterElements: 11,
  ScatterND: 11,
  Slice: 11,
  Softmax: 13,
  Squeeze: 13,
  TopK: 11,
  Unsqueeze: 13,
  Where: 9,
};

const OLDEST_OPSET = 7;

/** The format's version that came with each opset; a file has to say one its readers know. */
export function irVersionOf(opset: number): number {
  if (opset >= 21) return 10;
  if (opset >= 19) return 9;
  return opset >= 15 ? 8 : 7;
}

/** @throws UserError for a number that is no opset written here */
export function checkOpset(opset: number): void {
  if (Number.isInteger(opset) && opset >= OLDEST_OPSET && opset <= NEWEST_OPSET) return;
  throw new UserError(`opset ${opset}: an opset is a whole number from ${OLDEST_OPSET} to ${NEWEST_OPSET}`, 2);
}

/** @throws UserError naming the operator that is younger than the opset */
export function checkOperators(nodes: readonly OnnxNode[], opset: number): void {
  let needed = 0;
  let youngest = "";
  for (const { opType } of nodes) {
    const since = SINCE[opType] ?? 0;
    if (since > needed) [needed, youngest] = [since, opType];
  }
  if (needed <= opset) return;
  throw new UserError(
    `opset ${opset} is too old: this model needs the operator ${youngest} as it is from opset ${needed} on; give --opset ${needed} or a newer one`,
    2,
  );
}
