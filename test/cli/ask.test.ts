import { PassThrough } from "node:stream";
import { expect } from "chai";
import { openTerminal } from "../../lib/cli/ask.js";
import { userMessage } from "../support/failure.js";

describe("questions on a terminal", () => {
  const opened = (text: string, signal = new AbortController().signal) => {
    const input = new PassThrough();
    const output = new PassThrough();
    input.end(text);
    return { terminal: openTerminal(signal, { input, output }), output };
  };

  it("are answered line by line, also by lines that were typed before", async () => {
    const { terminal, output } = opened("one\n\nthree\n");
    const answers = [await terminal.ask("1? "), await terminal.ask("2? "), await terminal.ask("3? ")];
    terminal.close();
    expect(answers).to.deep.equal(["one", "", "three"]);
    expect(String(output.read())).to.equal("1? 2? 3? ");
  });

  it("end where the input does, or when interrupted", async () => {
    const { terminal } = opened("one\n");
    await terminal.ask("1? ");
    expect(await userMessage(() => terminal.ask("2? "))).to.equal(
      "no answer: the input ended; give the answers as options (--help lists them)",
    );
    const controller = new AbortController();
    const input = new PassThrough();
    const waiting = openTerminal(controller.signal, { input, output: new PassThrough() }).ask("1? ");
    controller.abort(new Error("enough"));
    expect(await waiting.catch((error: Error) => error.message)).to.equal("enough");
  });
});
