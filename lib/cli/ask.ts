import { createInterface, type Interface } from "node:readline/promises";
import { UserError } from "../errors.js";

/** Questions on a terminal. */
export interface Terminal {
  ask(question: string): Promise<string>;
  /** Lets the process end. */
  close(): void;
}

/** Asks on the terminal; questions go to stderr. Lines typed ahead answer later questions. */
export function openTerminal(
  signal: AbortSignal,
  streams: {
    readonly input: NodeJS.ReadableStream;
    readonly output: NodeJS.WritableStream;
  } = { input: process.stdin, output: process.stderr },
): Terminal {
  let reader: Interface | undefined;
  let lines: AsyncIterator<string> | undefined;
  const open = (): AsyncIterator<string> => {
    reader = createInterface(streams);
    // On a terminal it is the reader that sees Ctrl-C.
    reader.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
    signal.addEventListener("abort", () => reader?.close(), { once: true });
    return reader[Symbol.asyncIterator]();
  };
  return {
    async ask(question) {
      lines ??= open();
      streams.output.write(question);
      const { value, done } = await lines.next();
      signal.throwIfAborted();
      if (done) throw new UserError("no answer: the input ended; give the answers as options (--help lists them)", 2);
      return value;
    },
    close: () => reader?.close(),
  };
}
