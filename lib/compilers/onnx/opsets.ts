import { UserError } from "../../errors.js";
import type { OnnxNode } from "./proto.js";

/** The default for exported files: old enough for every current runtime. */
export const DEFAULT_OPSET = 17;

/** The newest opset all of whose operators onnxruntime has: up to 1.31 it lacks the RoiAlign of 22. */
export const NEWEST_OPSET = 21;

const OLDEST_OPSET = 7;

/**
 * The ONNX operators that lowerings write: the first opset that has each in the form written here, or the oldest opset
 * here if it is older than that.
 */
const SINCE = {
  Abs: 7,
  Add: 7,
  And: 7,
  ArgMax: 13,
  AveragePool: 11,
  Cast: 9,
  Clip: 11,
  Concat: 11,
  Conv: 11,
  ConvTranspose: 11,
  Div: 7,
  Equal: 11,
  Erf: 9,
  Exp: 7,
  Expand: 8,
  Floor: 7,
  Gather: 11,
  Gelu: 20,
  HardSigmoid: 7,
  Less: 9,
  Log: 7,
  LogSoftmax: 13,
  MatMul: 7,
  Max: 12,
  MaxPool: 8,
  Min: 12,
  Mul: 7,
  Neg: 7,
  NonMaxSuppression: 11,
  NonZero: 9,
  Pad: 11,
  Range: 11,
  ReduceMax: 7,
  ReduceMean: 7,
  ReduceSum: 13,
  Relu: 7,
  Reshape: 7,
  Resize: 13,
  RoiAlign: 16,
  Scan: 9,
  ScatterElements: 11,
  ScatterND: 11,
  Shape: 7,
  Sigmoid: 7,
  Sign: 9,
  Slice: 11,
  Softmax: 13,
  Sqrt: 7,
  Squeeze: 13,
  Sub: 7,
  TopK: 11,
  Transpose: 7,
  Unsqueeze: 13,
  Where: 9,
} as const;

/** Names of operators that a lowering may write. */
export type OnnxOperator = keyof typeof SINCE;

/** Operators that onnxruntime alone has. */
export type OnnxRuntimeOperator = "FusedMatMul";

/** The version of the format that came with each opset; a file must declare one that its readers know. */
export function irVersionOf(opset: number): number {
  if (opset >= 21) return 10;
  if (opset >= 19) return 9;
  return opset >= 15 ? 8 : 7;
}

/** @throws UserError for a number that is not an opset written here */
export function checkOpset(opset: number): void {
  if (Number.isInteger(opset) && opset >= OLDEST_OPSET && opset <= NEWEST_OPSET) return;
  throw new UserError(`opset ${opset}: an opset is a whole number from ${OLDEST_OPSET} to ${NEWEST_OPSET}`, 2);
}

/** @throws UserError naming the operator that is newer than the opset */
export function checkOperators(nodes: readonly OnnxNode[], opset: number): void {
  let needed = 0;
  let youngest = "";
  for (const { opType } of nodes) {
    const since = SINCE[opType as OnnxOperator] ?? 0; // every opset has what the writer adds besides
    if (since > needed) [needed, youngest] = [since, opType];
  }
  if (needed <= opset) return;
  throw new UserError(
    `opset ${opset} is too old: this model needs the operator ${youngest} as it is from opset ${needed} on; give --opset ${needed} or a newer one`,
    2,
  );
}
