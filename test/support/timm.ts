import { fileURLToPath } from "node:url";
import { readJson } from "./goldens.js";

type Numbers = readonly number[];

/** The file that bench/peers/recipes.py writes: inputs and results of timm's parts of a training recipe. */
interface Recipes {
  readonly clipping: readonly {
    readonly factor: number;
    readonly eps: number;
    readonly parts: readonly {
      readonly name: string;
      readonly shape: Numbers;
      readonly values: Numbers;
      readonly gradient: Numbers;
      readonly clipped: Numbers;
    }[];
  }[];
  readonly averages: readonly {
    readonly decay: number;
    readonly warmup: boolean;
    /** The model before the first step and after each. */
    readonly steps: readonly Readonly<Record<"weight" | "running_mean", Numbers>>[];
    /** After each step. */
    readonly averages: readonly Readonly<Record<"weight" | "running_mean", Numbers>>[];
  }[];
  readonly layerDecay: number;
  readonly layers: Readonly<
    Record<
      string,
      {
        readonly config: object;
        readonly groups: number;
        readonly scales: readonly (readonly [scale: number, names: readonly string[]])[];
      }
    >
  >;
  readonly cosine: {
    readonly lr: number;
    readonly epochs: number;
    /** Steps per epoch. */
    readonly updates: number;
    readonly warmupEpochs: number;
    readonly warmupLr: number;
    readonly minLr: number;
    readonly rates: Numbers;
  };
}

export const readTimm = (): Recipes =>
  readJson<Recipes>(fileURLToPath(new URL("../../../test/training/timm.json", import.meta.url))); // from dist/test/support
