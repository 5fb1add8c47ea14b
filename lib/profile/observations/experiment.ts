import type { Shape } from "../../graph/index.js";
import type { Layer } from "../../nn/layers.js";
import type { ParameterScope } from "../../nn/parameters.js";

/** One of several ways to compute the same. */
export interface Variant {
  /** In tables and plots: "four 3 × 3". */
  readonly label: string;
  /** In sentences, in the singular, if other than the label: "a stem of four 3 × 3 convolutions". */
  readonly name?: string;
  readonly layer: (scope: ParameterScope) => Layer;
  /** Of the input, if other than the experiment's: the same numbers with the axes in another order. */
  readonly shape?: Shape;
  /** The paper's finding relative to the first variant; absent where it has none, or says that it depends. */
  readonly paper?: "slower";
}

/** Ways to compute the same, timed in turn and compared with the first. */
export interface Experiment {
  readonly title: string;
  /** Of the input. */
  readonly shape: Shape;
  readonly variants: readonly [Variant, Variant, ...Variant[]];
}

/** One of the four observations of the EfficientFormer paper (Li et al. 2022, section 3), as experiments. */
export interface Observation {
  readonly name: string;
  readonly title: string;
  /** The paper's finding. */
  readonly paper: string;
  readonly experiments: readonly Experiment[];
}
