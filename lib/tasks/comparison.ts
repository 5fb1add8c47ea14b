import type { SizedTensors } from "../engines/modelFile.js";
import type { InferenceBatch } from "../models/predictions.js";
import { type TensorDifference, tensorDifference, worse } from "./differences.js";

/** Objects found by the model and by the file. */
export interface FoundDifference {
  /** Pairs of detections compared. */
  readonly pairs: number;
  /** Detections that only one of the two has. */
  readonly unmatched: number;
  /** The largest difference of a coordinate, in pixels of the network's input. */
  readonly box: number;
  readonly score: number;
  /** Pixels in which masks differ over pixels of the masks together; absent where there are no masks. */
  readonly mask?: number;
}

/** How much two runs differ. */
export interface Compared {
  /** By output, for outputs that are compared number by number. */
  readonly outputs: Readonly<Record<string, TensorDifference>>;
  readonly found?: FoundDifference;
  /** Share of pixels with another class. */
  readonly map?: number;
}

/** Collects how much two runs differ, batch after batch. */
export interface Comparison {
  add(batch: InferenceBatch, reference: SizedTensors, other: SizedTensors): void;
  result(): Compared;
}

/** Compares the outputs that both have, number by number. */
export function outputsComparison(): Comparison {
  const outputs: Record<string, TensorDifference> = {};
  return {
    add(_, reference, other) {
      for (const [name, { data }] of Object.entries(reference)) {
        const twin = other[name];
        if (twin !== undefined) outputs[name] = worse(outputs[name], tensorDifference(data, twin.data));
      }
    },
    result: () => ({ outputs }),
  };
}
