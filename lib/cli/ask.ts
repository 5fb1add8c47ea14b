import { createInterface } from "node:readline/promises";

/** Asks on the terminal; what is asked goes to stderr. */
export function askOnTerminal(signal: AbortSignal): (question: string) => Promise<string> {
  return async (question) => {
    const lines = createInterface({ input: process.stdin, output: process.stderr });
    // On a terminal it is the reader that sees Ctrl-C and Ctrl-D.
    lines.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
    const closed = new Promise<string>((_, reject) => lines.once("close", () => reject(new Error("no answer came"))));
    try {
      return await Promise.race([lines.question(question, { signal }), closed]);
    } finally {
      lines.close();
    }
  };
}
