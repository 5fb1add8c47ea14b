import { join, resolve } from "node:path";
import { expect } from "chai";
import { loadConfig, resolveConfig } from "../../lib/config/load.js";
import { type Files, SMALL, variable, writeFiles } from "./support.js";

describe("loading configs", () => {
  let files: Files;
  before(() => {
    files = writeFiles({
      "small.yaml": SMALL,
      "child.yaml": "extends: small.yaml\ntraining: { seed: 3, schedule: { milestones: [100] } }\n",
      "grandchild.yaml": "extends: [child.yaml, parts/sgd.yaml]\nmodel: { neck: { channels: null } }\n",
      "parts/sgd.yaml": `training: { optimizer: { type: sgd, lr: 0.1 } }\ndata: { val: { images: here, annotations: '${variable("SETS")}/v.json' } }\n`,
      "empty-child.yaml": "extends: small.yaml\ntraining:\n  schedule: { warmup: null }\n  clipNorm:\n",
      "anchors.yaml": `${SMALL.replace("{ annotations: a/val.json, images: a/val }", "*set").replace("train: {", "train: &set {")}`,
    });
  });
  after(() => files.remove());
  const load = (name: string, overrides: string[] = [], environment: Record<string, string> = { SETS: "/sets" }) =>
    loadConfig(files.path(name), { overrides, environment });

  it("extends configs that come with the package by name", () => {
    const files = writeFiles({
      "named.yaml": "extends: densekit/mask-rcnn_efficientformer-nano_fpn128_300_bccd\n",
      "bases.yaml": "extends: [densekit/_base_/models/resnet-50.yaml, densekit/models/mask-rcnn_fpn]\n",
      "own.yaml": "extends: densekit/mine.yaml\n",
      "densekit/mine.yaml": SMALL,
      "slip.yaml": "extends: densekit/mask-rcnn_fpn182\n",
      "out.yaml": "extends: densekit/../package\n",
      "far.yaml": "extends: densekit/qqqqqqqqqqqqqqqqqqqqqqqqqqqqq\n",
      "bare.yaml": "extends: mask-rcnn_fpn128\n",
      "data.yaml": "train: images/train\nnames: [fig]\n",
      "instances.json": '{ "images": [], "annotations": [], "categories": [] }',
    });
    try {
      const named = loadConfig(files.path("named.yaml")).config;
      const shipped = loadConfig("mask-rcnn_efficientformer-nano_fpn128_300_bccd").config;
      expect({ ...named, output: "" }).to.deep.equal({ ...shipped, output: "" });
      expect(() => loadConfig(files.path("bases.yaml"))).to.throw("data: is missing"); // found, but not a complete config
      expect(loadConfig(files.path("own.yaml")).config.model).to.deep.equal(load("small.yaml").config.model);
      expect(() => loadConfig(files.path("slip.yaml"))).to.throw(
        'slip.yaml:1:10: extends: no config of that name comes with densekit; did you mean "densekit/mask-rcnn_fpn128"?',
      );
      expect(() => loadConfig(files.path("bare.yaml"))).to.throw(
        'mask-rcnn_fpn128: no such file; the one that comes with densekit is "densekit/mask-rcnn_fpn128"',
      );
      for (const [name, what] of [
        ["data.yaml", "the data.yaml of a YOLO data set"],
        ["instances.json", "a COCO file"],
      ] as const) {
        const path = files.path(name);
        expect(() => loadConfig(path)).to.throw(
          `${path}: ${what}, not a config; densekit init ${path} checks it and writes a config for it`,
        );
      }
      for (const name of ["out.yaml", "far.yaml"]) {
        expect(() => loadConfig(files.path(name))).to.throw(
          "extends: no config of that name comes with densekit; see the folder configs of the package",
        );
      }
    } finally {
      files.remove();
    }
  });

  it("fills in defaults", () => {
    const { config, name } = load("small.yaml");
    expect(name).to.equal("small");
    if (config.task !== "detection") throw new Error("wrong task");
    expect(config.model.head.rpn).to.deep.include({
      anchorScale: 8,
      anchorRatios: [0.5, 1, 2],
      samples: 256,
      nms: 0.7,
    });
    expect(config.model.head.roi).to.deep.include({
      samples: 512,
      positiveFraction: 0.25,
      boxStds: [0.1, 0.1, 0.2, 0.2],
    });
    expect(config.model.head.test).to.deep.equal({
      scoreThreshold: 0.05,
      nms: 0.5,
      maxPerImage: 100,
      maskThreshold: 0.5,
    });
    expect(config.model.head.mask).to.equal("auto");
    expect(config.training.optimizer).to.deep.equal({
      type: "adamw",
      lr: 2e-4,
      weightDecay: 0.01,
      betas: [0.9, 0.999],
      eps: 1e-8,
      decayNormsAndBiases: false,
      multipliers: [],
    });
    expect(config.training.checkpoint).to.deep.equal({ minutes: 10, keep: 2, best: "boxAP" });
    expect(config.engine).to.deep.equal({
      type: "onnxruntime",
      providers: ["cpu"],
      threads: 0,
      backends: ["tensorflow", "webgpu", "wasm", "cpu"],
    });
    expect(config.output).to.equal(resolve("runs/small"));
  });

  it("merges mappings over a base and replaces lists", () => {
    const { config } = load("child.yaml");
    expect(config.training.seed).to.equal(3);
    expect(config.training.schedule).to.deep.equal({
      type: "step",
      milestones: [100],
      gamma: 0.1,
      minLr: 0,
      warmup: { steps: 50, ratio: 1e-6 },
    });
    expect(config.training.steps).to.equal(300);
  });

  it("lays later bases over earlier ones, replaces a mapping of another type, and deletes by null", () => {
    const { config } = load("grandchild.yaml");
    expect(config.training.optimizer).to.deep.equal({
      type: "sgd",
      lr: 0.1,
      weightDecay: 0,
      momentum: 0.9,
      nesterov: false,
      decayNormsAndBiases: false,
      multipliers: [],
    });
    expect(config.training.seed).to.equal(3);
    expect("neck" in config.model && config.model.neck.channels, "deleted: back to the default").to.equal(256);
    const short = load("empty-child.yaml").config.training;
    expect(short.schedule).not.to.have.property("warmup");
    expect(short).not.to.have.property("clipNorm");
  });

  it("resolves paths relative to their file, and variables relative to the working folder", () => {
    const { config } = load("grandchild.yaml");
    if (config.task !== "detection") throw new Error("wrong task");
    expect(config.data.train.annotations).to.equal(files.path("a/train.json"));
    expect(config.data.val).to.deep.equal({
      annotations: resolve("/sets/v.json"),
      images: files.path("parts/here"),
    });
    const relative = load("grandchild.yaml", [], { SETS: "my-sets" }).config;
    if (relative.task !== "detection") throw new Error("wrong task");
    expect(relative.data.val.annotations).to.equal(join(process.cwd(), "my-sets", "v.json"));
  });

  it("has a default for DENSEKIT_DATA, and uses the defaults of other variables", () => {
    const set = (value: string) => {
      const { config } = load("small.yaml", [`data.train.images=${value}`], { EMPTY: "" });
      return "images" in config.data.train && config.data.train.images;
    };
    expect(set(`${variable("DENSEKIT_DATA")}/x`)).to.equal(resolve("data/x"));
    expect(set(`${variable("EMPTY:-other")}/x`)).to.equal(resolve("other/x"));
    expect(set(`/abs/${variable("NONE:-y")}/${variable("DENSEKIT_DATA")}`)).to.equal(resolve("/abs/y/data"));
  });

  it("treats an output of null as none: the default is named after the config", () => {
    expect(load("small.yaml", ["output=null"]).config.output).to.equal(resolve("runs/small"));
    expect(load("small.yaml", []).config.output).to.equal(resolve("runs/small"));
  });

  it("reads overrides as YAML, in any order", () => {
    const overrides = [
      "training.schedule.power=1",
      "training.schedule.type=poly",
      "training.optimizer.lr=1e-3",
      "data.classes=[cat, dog]",
      "training.optimizer.lr=5e-3",
      "model.neck.channels=null",
      "data.train.images=here",
      "output=out",
    ];
    const { config } = load("small.yaml", overrides);
    if (config.task !== "detection" || config.data.type !== "coco") throw new Error("wrong task");
    expect(config.training.schedule).to.deep.equal({ type: "poly", power: 1, minLr: 0 });
    expect(config.training.optimizer.lr).to.equal(5e-3);
    expect(config.data.classes).to.deep.equal(["cat", "dog"]);
    expect(config.model.neck.channels).to.equal(256);
    expect(config.data.train.images).to.equal(resolve("here"));
    expect(config.output).to.equal(resolve("out"));
  });

  it("follows YAML's anchors", () => {
    const { config } = load("anchors.yaml");
    expect(config.data.val).to.deep.equal(config.data.train);
  });

  it("gives the origin of each value", () => {
    const loaded = load("child.yaml", ["training.logEvery=5"]);
    expect(loaded.originOf("training.seed")).to.match(/child\.yaml:2:19$/);
    expect(loaded.originOf("model.neck.channels")).to.match(/small\.yaml:4:32$/);
    expect(loaded.originOf("training.schedule.milestones.0")).to.match(/child\.yaml:2:47$/);
    expect(loaded.originOf("training.logEvery")).to.equal("--set training.logEvery=5");
    expect(loaded.originOf("training.accumulate")).to.equal(undefined);
  });

  it("accepts a config as an object, and a resolved one unchanged", () => {
    const { config } = load("child.yaml");
    const again = resolveConfig(config);
    expect(again.config).to.deep.equal(config);
    expect(again.name).to.equal("unnamed");
  });
});
