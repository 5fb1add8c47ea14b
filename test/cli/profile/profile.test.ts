import { expect } from "chai";
import { api } from "../../../lib/cli/api.js";
import type { ProfileOptions } from "../../../lib/profile/types.js";
import { recordingApi, run } from "../support.js";

const QUICK = [
  "--set",
  "engine.threads=1",
  "--classes",
  "10",
  "--rounds",
  "2",
  "--seconds",
  "0.001",
  "--within",
  "100000",
];
const NANO = ["profile", "efficientformer-nano", "--size", "64", ...QUICK];

describe("densekit profile", () => {
  it("prints the setting, a row per stage and block, the sum of blocks and the operators", async () => {
    const { code, stdout, stderr } = await run(NANO, { api });
    expect(code, stderr).to.equal(0);
    expect(stdout).to.match(/onnxruntime \(cpu\) [\d.]+, 1 thread; 2 rounds of 0.001 s in turn after 1 to warm up/);
    expect(stdout).to.match(/^efficientformer-nano, batch 1, 64x64: [\d.]+ ms, [\d.]+–[\d.]+ \(50 %\), spread/m);
    expect(stdout).to.match(/^stage 3 +[\d.]+ +[\d.]+/m);
    expect(stdout).to.match(/^ {2}network\.4\.3 +[\d.]+ +[\d.]+/m);
    expect(stdout).to.match(/^sum of blocks: [\d.]+ ms, [+−][\d.]+ % against the whole/m);
    expect(stdout).to.match(/^conv2d +\d+/m);
    expect(stdout).to.match(/^Conv +\d+/m);
  });

  it("gives the same as JSON", async () => {
    const { stdout } = await run([...NANO, "--total", "--json"], { api });
    const { profiles, setting } = JSON.parse(stdout);
    expect(profiles[0]).to.include({ model: "efficientformer-nano", batch: 1, height: 64, width: 64, classes: 10 });
    expect(profiles[0].total.latency.median).to.be.above(0);
    expect(setting.machine).to.include({ node: process.version });
  });

  it("reads lists of batches and sizes, and turns flags of the engine into keys of the config", async () => {
    const asked: ProfileOptions[] = [];
    const profile = async (options: ProfileOptions): Promise<never> => {
      asked.push(options);
      throw new Error("enough");
    };
    const flags = [
      "--batch",
      "1,4",
      "--size",
      "224,96x128",
      "--engine",
      "tfjs",
      "--provider",
      "wasm,cpu",
      "--threads",
      "2",
    ];
    await run(["profile", "--compare", "a", "b", ...flags, "--within", "5"], recordingApi({ profile }));
    expect(asked[0]).to.deep.include({
      models: ["a", "b"],
      overrides: ["engine.type=tfjs", "engine.backends=[wasm,cpu]", "engine.threads=2"],
      batches: [1, 4],
      sizes: [
        { height: 224, width: 224 },
        { height: 96, width: 128 },
      ],
      within: 0.05,
      compare: true,
    });
  });

  it("explains faulty command lines, with exit code 2", async () => {
    for (const [args, message] of [
      [["a", "--batch", "0"], /'--batch <n,...>' argument '0' is invalid. expected a whole number above 0/],
      [["a", "--size", "22x"], /expected a side or HEIGHTxWIDTH in pixels/],
      [["a", "--engine", "onnxruntme"], /there is no engine "onnxruntme"; did you mean onnxruntime\?/],
      [["a", "b"], /2 models are given; --compare times them in turn/],
    ] as const) {
      const { code, stderr } = await run(["profile", ...args]);
      expect(stderr).to.match(message);
      expect(code).to.equal(2);
    }
  });
});
