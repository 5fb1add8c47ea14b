import type { Shape } from "../../graph/index.js";
import type { Layer } from "../../nn/layers.js";
import type { ParameterScope } from "../../nn/parameters.js";

/** One of several ways to do the same. */
export interface Variant {
  /** In tables and plots: "four 3 × 3". */
  readonly label: string;
  /** In sentences, in the singular, where it is not the label: "a stem of four 3 × 3 convolutions". */
  readonly name?: string;
  readonly layer: (scope: ParameterScope) => Layer;
  /** Of what goes in, where it is not the experiment's: the same numbers in another order of axes. */
  readonly shape?: Shape;
  /** What the paper says of it beside the first one; absent where it says nothing, or that it depends. */
  readonly paper?: "slower";
}

/** Ways to do the same, timed in turn; others are set against the first. */
export interface Experiment {
  readonly title: string;
  /** Of what goes in. */
  readonly shape: Shape;
  readonly variants: readonly [Variant, Variant, ...Variant[]];
}

/** One of the four of the EfficientFormer paper (Li et al. 2022, section 3), as experiments. */
export interface Observation {
  readonly name: string;
  readonly title: string;
  /** What the paper found. */
  readonly paper: string;
  readonly experiments: readonly Experiment[];
}
