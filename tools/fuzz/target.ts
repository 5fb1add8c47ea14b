import type { Random } from "../../lib/random.js";

/** A reader of users' files, tried with inputs that no user would give. */
export interface FuzzTarget {
  /** What is read, and by which function; for `npm run fuzz -- --help`. */
  readonly about: string;
  /**
   * Called once in each process that tries inputs.
   *
   * @param folder empty, for files; it is removed afterwards
   */
  open(folder: string): FuzzSession | Promise<FuzzSession>;
}

export interface FuzzSession {
  /** Makes an input. It must depend only on `random`, so that an input's number suffices to make it again. */
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
