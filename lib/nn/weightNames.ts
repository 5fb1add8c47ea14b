import type { Shape } from "../graph/index.js";

/** Which row of a file's tensor each row of the model's comes from; undefined where the numbers of rows do not match. */
export type Rows = (found: number, wanted: number) => readonly number[] | undefined;

/** Makes the new text from the match's groups and from all names of the file. */
export type Renamer = (groups: readonly string[], names: readonly string[]) => string;

/** The names of one kind of checkpoint, and how ours are made of them. */
export interface Naming {
  /** Whose names these are, for messages. */
  readonly name: string;
  /** A name that only such files have; and one that they have not, where others have the first too. */
  readonly mark: RegExp;
  readonly unless?: RegExp;
  /**
   * Applied one after another to each name, every one that matches. A new name that ends in `[0]`, `[1]`, … is a piece of one
   * parameter, the rows of one below those of the other.
   */
  readonly renames: readonly (readonly [pattern: RegExp, replacement: string | Renamer])[];
  /** Tensors whose rows are in another order than ours; by our names. */
  readonly rows?: readonly (readonly [pattern: RegExp, rows: Rows])[];
}

export interface NamedShape {
  readonly name: string;
  readonly shape: Shape;
}

/** How a parameter is made of a file's tensor of another name or shape. */
export interface Adaptation {
  /** The file's tensor, by our names. */
  readonly from: string;
  /** @param values float32, in the shape the file has @returns the parameter's, in its shape */
  readonly change: (values: Float32Array) => Float32Array;
}

/** What a backbone knows of checkpoints that differ from it by design, such as a classifier's of another image size. */
export interface WeightAdapter {
  /**
   * Asked for each parameter that the file has not in its name and shape: what it is made of; "initial" where it keeps
   * its start on purpose; undefined where nothing is known of it.
   *
   * @param find the shape of a tensor of the file, by our names
   */
  readonly adapt: (wanted: NamedShape, find: (name: string) => Shape | undefined) => Adaptation | "initial" | undefined;
  /** Whether a tensor of the file is not needed by a model of these parameters. */
  readonly isIdle: (name: string, wanted: readonly NamedShape[]) => boolean;
  /** For messages, after a number: what was adapted, and what kept its start. */
  readonly adapted: string;
  readonly initial: string;
}
