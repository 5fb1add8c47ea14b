import type { Random } from "../../lib/random.js";

/** Something that reads what users bring, and is tried with inputs that nobody would bring. */
export interface FuzzTarget {
  /** What is read, and by which door; for `npm run fuzz -- --help`. */
  readonly about: string;
  /**
   * Called once in each process that tries inputs.
   *
   * @param folder empty, for files; it is removed afterwards
   */
  open(folder: string): FuzzSession | Promise<FuzzSession>;
}

export interface FuzzSession {
  /** Makes an input. It must follow from `random` alone, so that the number of an input is enough to make it again. */
  make(random: Random): Uint8Array;
  /**
   * Reads an input as the commands do.
   *
   * @throws UserError when the input is refused; anything else that is thrown is a failure
   */
  attempt(input: Uint8Array): void | Promise<void>;
}

/** By name; a target is loaded when it is tried. */
export type FuzzTargets = Readonly<Record<string, () => Promise<{ readonly target: FuzzTarget }>>>;
