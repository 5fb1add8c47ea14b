import { expect } from "chai";
import { startContestant } from "../../bench/contestant.js";
import { UserError } from "../../lib/errors.js";

const ECHO = `
process.stdin.on("data", (data) => {
  const { cmd } = JSON.parse(data);
  if (cmd === "report") { console.error("out of memory"); process.exit(3); }
  console.log("noise of a library");
  console.log(JSON.stringify(cmd === "run" ? { ms: [1.5] } : { error: "no such case" }));
});`;

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe("bench/contestant", () => {
  const start = () => startContestant(process.execPath, ["--input-type=commonjs", "-e", ECHO]);

  it("skips lines that are not answers", async () => {
    const contestant = start();
    expect(await contestant.ask({ cmd: "run", seconds: 0 })).to.deep.equal({ ms: [1.5] });
    await contestant.stop();
  });

  it("throws the process's error answers, and continues", async () => {
    const contestant = start();
    const error = await errorOf(contestant.ask({ cmd: "prepare", case: "x", options: {} }));
    expect(error).to.be.instanceOf(UserError).with.property("message", "no such case");
    expect(await contestant.ask({ cmd: "run", seconds: 0 })).to.deep.equal({ ms: [1.5] });
    await contestant.stop();
  });

  it("reports why a process ended early", async () => {
    const contestant = start();
    const error = await errorOf(contestant.ask({ cmd: "report" }));
    expect(error).to.be.instanceOf(UserError).with.property("message").that.contains("out of memory");
    await contestant.stop();
  });

  it("reports a missing program", async () => {
    const contestant = startContestant("/no/such/python", []);
    const error = await errorOf(contestant.ask({ cmd: "run", seconds: 0 }));
    expect(error).to.be.instanceOf(UserError).with.property("message").that.contains("/no/such/python");
    await contestant.stop();
  });
});
