import { expect } from "chai";
import { api } from "../../../lib/cli/api.js";
import type { ObserveOptions } from "../../../lib/profile/observations/types.js";
import { recordingApi, run } from "../support.js";

const COUNTS = ["--threads", "1", "--rounds", "2", "--seconds", "0.001"];
const ACTIVATION = ["profile", "--observations", "activation", ...COUNTS];

describe("densekit profile --observations", () => {
  it("prints a table and a sentence of each experiment", async () => {
    const { code, stdout, stderr } = await run([...ACTIVATION, "--within", "100000"], { api });
    expect(code, stderr).to.equal(0);
    expect(stdout).to.match(/onnxruntime \(cpu\) [\d.]+, 1 thread; 2 rounds of 0.001 s in turn/);
    expect(stdout).to.match(/^NONLINEARITIES\nThe paper: The cost of a nonlinearity depends/m);
    expect(stdout).to.match(/^The MLP of stage 4, 448 channels of 7 × 7\n.*times the first.*\nReLU .* 1$/m);
    expect(stdout).to.match(/^SiLU +1.61 +78.7 +6.61 +[\d.]+ +± [\d.]+ % +[\d.]+ +[\d.]+–[\d.]+$/m);
    expect(stdout).to.match(/^GELU takes .* as long as ReLU, hard-swish .*\.$/m);
  });

  it("prints the known ratios, and ends with exit code 1, if the machine is too noisy", async () => {
    const { code, stdout, stderr } = await run([...ACTIVATION, "--within", "1e-7"], { api });
    expect(code).to.equal(1);
    expect(stdout).to.match(/^SiLU +1.61 +78.7 +6.61 +too noisy +too noisy$/m);
    expect(stderr).to.match(/^the machine is too noisy for 15 of 15 ratios.*; end other programs/m);
  });

  it("gives the same as JSON", async () => {
    const { code, stdout } = await run([...ACTIVATION, "--within", "100000", "--json"], { api });
    expect(code).to.equal(0);
    const { observations } = JSON.parse(stdout);
    expect(observations[0].experiments[1].variants[3]).to.deep.include({
      label: "SiLU",
      name: "SiLU",
      input: [1, 48, 56, 56],
      output: [1, 48, 56, 56],
    });
  });

  it("asks for all observations by default, on the engine given by flags", async () => {
    const asked: ObserveOptions[] = [];
    const observe = async (options: ObserveOptions): Promise<never> => {
      asked.push(options);
      throw new Error("enough");
    };
    const flags = ["--engine", "tfjs", "--provider", "wasm", "--within", "5", "--out", "o.html", "--force"];
    await run(["profile", "--observations", ...flags], recordingApi({ observe }));
    expect(asked[0]).to.deep.include({
      only: [],
      overrides: ["engine.type=tfjs", "engine.backends=[wasm]"],
      within: 0.05,
      out: "o.html",
      force: true,
    });
  });

  it("explains faulty command lines, with exit code 2", async () => {
    for (const [args, message] of [
      [[], /no model is given; name one or several, or say --observations/],
      [["resnet-50", "--observations"], /experiments of their own, without a model; leave out resnet-50/],
      [["--observations", "resnet-50"], /no observation is called "resnet-50"; there are /],
      [["--observations", "--size", "64"], /'--observations .*' cannot be used with option '--size <side or HxW,...>'/],
      [["--observations", "--engine", "onnxruntme"], /there is no engine "onnxruntme"; did you mean onnxruntime\?/],
    ] as const) {
      const { code, stderr } = await run(["profile", ...args], { api });
      expect(stderr).to.match(message);
      expect(code).to.equal(2);
    }
  });

  it("gives advice on a missing provider", async () => {
    const { code, stderr } = await run([...ACTIVATION, "--provider", "coreml"], { api });
    expect(stderr).to.match(/onnxruntime has no provider "coreml"/);
    expect(code).to.be.within(1, 2);
  });
});
