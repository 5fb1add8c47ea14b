export { gradients, type Seed } from "./gradients.js";
export * from "./operators/activations.js";
export {
  broadcastShapes,
  broadcastTo,
  broadcastToOperator,
  type ReduceAttributes,
  type ReduceOptions,
  reshape,
  reshapeOperator,
  sum,
  sumOperator,
  sumTo,
} from "./operators/broadcasting.js";
export * from "./operators/convolution.js";
export * from "./operators/detection.js";
export * from "./operators/elementwise.js";
export * from "./operators/leaves.js";
export * from "./operators/losses.js";
export * from "./operators/matmul.js";
export * from "./operators/normalisation.js";
export * from "./operators/pointwiseBatchNorm.js";
export * from "./operators/pooling.js";
export * from "./operators/reductions.js";
export * from "./operators/resizing.js";
export * from "./operators/shaping.js";
export { type AttributesOf, type OperatorName, operators } from "./operators.js";
export { consumersOf, nodesInOrder } from "./traverse.js";
export * from "./value.js";
