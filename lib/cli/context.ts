import type { LoadOptions } from "../config/load.js";
import type { Api } from "./api.js";

/** A command's access to the outside world; tests pass their own. */
export interface Context {
  readonly api: Api;
  /** Where an image may be piped into; default none. */
  readonly stdin?: AsyncIterable<Uint8Array> & { readonly isTTY?: boolean };
  /** Asks on the terminal; absent where there is none. */
  ask?(question: string): Promise<string>;
  /** Results: text for people, or one JSON object. */
  stdout(text: string): void;
  /** Progress and messages. */
  readonly stderr: ErrorStream;
  /** Aborted by Ctrl-C or SIGTERM; the reason says which. */
  readonly signal: AbortSignal;
  /** Whether SIGUSR1 has asked for a checkpoint since this was last called. Default never. */
  saveWanted?(): boolean;
}

export type ErrorStream = Pick<NodeJS.WriteStream, "write" | "isTTY">;

/** Options every command has. */
export interface SharedOptions {
  readonly json?: true;
}

/** Options of commands that read a config. */
export interface ConfigOptions extends SharedOptions {
  readonly set: readonly string[];
  readonly allowPlugins?: true;
}

/** How the config is loaded that a command is given. */
export const loadOptionsOf = ({ set, allowPlugins }: ConfigOptions): LoadOptions => ({
  overrides: set,
  allowPlugins: allowPlugins === true,
});

/** Prints a command's result: as JSON with --json, otherwise as the text. */
export function printResult(context: Context, options: SharedOptions, result: object, text: () => string): void {
  context.stdout(options.json ? `${JSON.stringify(result)}\n` : `${text()}\n`);
}
