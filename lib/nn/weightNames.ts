import type { Shape } from "../graph/index.js";

/** Which row of a file's tensor each row of the model's comes from; undefined where the numbers of rows do not match. */
export type Rows = (found: number, wanted: number) => readonly number[] | undefined;

/** Makes the replacement from the match's groups and all names of the file. */
export type Renamer = (groups: readonly string[], names: readonly string[]) => string;

/** The names of one kind of checkpoint, and how to turn them into ours. */
export interface Naming {
  /** Whose names these are, for messages. */
  readonly name: string;
  /** A name that only such files have; and, if other files have it too, one that such files lack. */
  readonly mark: RegExp;
  readonly unless?: RegExp;
  /**
   * All that match are applied to each name, one after another. A new name that ends in `[0]`, `[1]`, … is a piece of
   * one parameter, the rows of one below those of the other.
   */
  readonly renames: readonly (readonly [pattern: RegExp, replacement: string | Renamer])[];
  /** Tensors with rows in another order than ours; by our names. */
  readonly rows?: readonly (readonly [pattern: RegExp, rows: Rows])[];
}

export interface NamedShape {
  readonly name: string;
  readonly shape: Shape;
}

/** How to make a parameter from a file's tensor with another name or shape. */
export interface Adaptation {
  /** The file's tensor, by our names. */
  readonly from: string;
  /** @param values float32, in the shape the file has @returns the parameter's, in its shape */
  readonly change: (values: Float32Array) => Float32Array;
}

/**
 * What a backbone knows about checkpoints that differ from it by design, such as a classifier for another image size.
 */
export interface WeightAdapter {
  /**
   * Called for each parameter that the file does not have with its name and shape: what to make it from; "initial" if
   * it keeps its initial value on purpose; undefined if nothing is known about it.
   *
   * @param find the shape of a tensor of the file, by our names
   */
  readonly adapt: (wanted: NamedShape, find: (name: string) => Shape | undefined) => Adaptation | "initial" | undefined;
  /** Whether a model with these parameters does not need a tensor of the file. */
  readonly isIdle: (name: string, wanted: readonly NamedShape[]) => boolean;
  /** For messages, after a number: what was adapted, and what kept its initial value. */
  readonly adapted: string;
  readonly initial: string;
}
