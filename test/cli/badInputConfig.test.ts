import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { stringify } from "yaml";
import { examine } from "../../lib/cli/doctor.js";
import { loadConfig } from "../../lib/config/load.js";
import { openEngine } from "../../lib/engines/index.js";
import { availableProviders } from "../../lib/engines/onnxruntime/engine.js";
import { userMessage } from "../support/failure.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";
import { refused, set } from "./refused.js";

describe("bad input: configs", () => {
  let data: ShapesData;
  let config: string;
  let text: string;
  let run: string;
  before(async () => {
    data = await makeShapes(2);
    run = join(data.folder, "run");
    config = join(data.folder, "config.yaml");
    text = stringify(shapesConfig("segmentation", data, run));
    writeFileSync(config, text);
  });
  after(() => rmSync(data.folder, { recursive: true }));

  const changed = (from: string, to: string): string => {
    expect(text).to.contain(from);
    const path = join(data.folder, "changed.yaml");
    writeFileSync(path, text.replace(from, to));
    return path;
  };

  const files: [name: string, from: string, to: string, message: RegExp][] = [
    [
      "an unknown key",
      "logEvery: 1",
      "logEvry: 1",
      /changed\.yaml:\d+:3: training\.logEvry: unknown key; did you mean/,
    ],
    ["a wrong type", "steps: 8", "steps: eight", /:\d+:10: training\.steps: expected a number, got the text "eight"/],
    [
      "a wrong choice",
      "variant: nano",
      "variant: l2",
      /model\.backbone\.variant: must be one of l1, l3, l7, nano; got/,
    ],
    ["broken YAML", "steps: 8", "steps: [8", /changed\.yaml:\d+:\d+: not valid YAML/],
  ];
  for (const [name, from, to, message] of files) {
    it(`names position and key of ${name}`, async () => {
      expect(await refused(["train", changed(from, to)])).to.match(message);
      expect(existsSync(run)).to.equal(false);
    });
  }

  it("names a config that is not there", async () => {
    const missing = join(data.folder, "none.yaml");
    expect(await refused(["train", missing])).to.contain(`cannot read the config ${missing}: no such file`);
    expect(await refused(["train", data.images])).to.contain(
      `${data.images}: not a run's folder: it holds no config.yaml`,
    );
    // A config alone is not a run.
    expect(await refused(["train", data.folder])).to.contain(
      `${data.folder}: not a run's folder: it holds no log.jsonl`,
    );
  });

  const overrides: [override: string, code: number, message: RegExp][] = [
    ["training.optimiser.lr=1", 1, /^--set training\.optimiser\.lr=1: training\.optimiser: unknown key; did you mean/],
    ["training.steps=2.5", 1, /^--set training\.steps=2\.5: training\.steps: expected a whole number, got 2\.5$/],
    ["training.steps", 2, /^--set training\.steps: expected a\.b\.c=value/],
    ["training.steps=[1", 2, /^--set training\.steps=\[1: the value is not valid YAML/],
    ["engine.type=torch", 1, /engine\.type: must be one of onnxruntime, tfjs; got the text "torch"/],
    ["engine.backends=[gpu]", 1, /engine\.backends\.0: must be one of tensorflow, .*; got the text "gpu"/],
    ["engine.backends=[cpu,cpu]", 1, /engine\.backends: a backend occurs twice/],
    ["engine.providers=[tpu]", 1, /engine\.providers\.0: must be one of cpu, .*; got the text "tpu"/],
    ["data.transforms.test=[{type: randomFlip}]", 1, /data\.transforms\.test: "randomFlip" cannot be undone/],
  ];
  for (const [override, code, message] of overrides) {
    it(`explains --set ${override}`, async () => {
      expect(await refused(["train", config, ...set(override)], { code })).to.match(message);
    });
  }

  it("lists the providers of this machine", async () => {
    const offered = availableProviders();
    const other = (["coreml", "dml"] as const).find((name) => !offered.includes(name));
    const message = await refused(["train", config, ...set(`engine.providers=[${other}]`)]);
    expect(message)
      .to.contain(`no provider "${other}" on this machine`)
      .and.contain(`it offers ${offered.join(", ")}`);
  });

  it("reports an available provider that cannot start", async function () {
    const cuda = (await examine()).find(({ name }) => name === "provider cuda");
    if (!availableProviders().includes("cuda") || cuda?.status === "ok") this.skip();
    const made = join(data.folder, "made");
    const message = await refused(["train", config, ...set("engine.providers=[cuda]", `output=${made}`)]);
    expect(message).to.match(
      /^engine\.providers: onnxruntime could not start cuda on this machine \(.*densekit doctor/,
    );
    expect(existsSync(made)).to.equal(false);
    const { engine } = loadConfig(config, { overrides: ["engine.providers=[cuda]"] }).config;
    expect(await userMessage(() => openEngine(engine))).to.equal(message); // before any image is read
  });
});
