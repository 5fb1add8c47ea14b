export { createOptimizer } from "../optimizers/index.js";
export { learningRateAt } from "../schedules/index.js";
export { createSegments } from "./segments.js";
export { type TrainOptions, type TrainResult, train } from "./train.js";
