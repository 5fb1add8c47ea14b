import type fc from "fast-check";
import type { OperatorName } from "../../../lib/graph/index.js";
import { detectionSuites } from "./detection.js";
import { elementwiseSuites } from "./elementwise.js";
import { linearSuites } from "./linear.js";
import { lossSuites } from "./losses.js";
import { mapSuites } from "./maps.js";
import type { Sample } from "./sample.js";
import { shapingSuites } from "./shaping.js";

/** Inputs and constants are in every other test. */
type Tested = Exclude<OperatorName, "input" | "constant">;

/** Samples of every operator. */
export const suites: Readonly<Record<Tested, fc.Arbitrary<Sample>>> = {
  ...elementwiseSuites,
  ...shapingSuites,
  ...linearSuites,
  ...mapSuites,
  ...lossSuites,
  ...detectionSuites,
};
