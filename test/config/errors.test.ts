import { relative } from "node:path";
import { expect } from "chai";
import { loadConfig, resolveConfig } from "../../lib/config/load.js";
import { UserError } from "../../lib/errors.js";
import { userMessage } from "../support/failure.js";
import { type Files, SMALL, variable, writeFiles } from "./support.js";

describe("config errors", () => {
  let files: Files;
  afterEach(() => files.remove());

  /** The message for these files when config.yaml is loaded, without the folder's name. */
  async function message(written: Readonly<Record<string, string>>, overrides: string[] = []): Promise<string> {
    files = writeFiles(written);
    const text = await userMessage(() => loadConfig(files.path("config.yaml"), { overrides, environment: {} }));
    return text.replaceAll(`${files.folder}/`, "").replaceAll(`${relative(process.cwd(), files.folder)}/`, "");
  }
  const edited = (from: string, to: string) => {
    expect(SMALL).to.contain(from);
    return { "config.yaml": SMALL.replace(from, to) };
  };

  it("names the position of an unknown YAML tag, which would be read as text", async () => {
    const hint = "tags are not needed, remove it";
    for (const [tag, name] of [
      ["!!js/function", "tag:yaml.org,2002:js/function"],
      ["!!python/object:os.system", "tag:yaml.org,2002:python/object:os.system"],
      ["!mine", "!mine"],
    ]) {
      const told = await message(edited("variant: nano", `variant: ${tag} nano`));
      expect(told).to.equal(`config.yaml:3:47: not valid YAML: Unresolved tag: ${name}; ${hint}`);
      files.remove();
    }
    const text = await message({ "config.yaml": SMALL.replace("variant: nano", "variant: !!str none") });
    expect(text).to.contain("must be one of l1, l3, l7, nano");
  });

  it("suggests the key of the same meaning, which is the only suggestion", async () => {
    for (const [path, meant] of [
      ["data.train.pictures", "images"],
      ["data.train.imgs", "images"],
      ["data.val.photos", "images"],
      ["data.val.ann_file", "annotations"],
      ["data.valid", "val"],
      ["training.model_ema", "ema"],
      ["training.learningRate", undefined],
      ["training.optimizer.learning_rate", "lr"],
      ["training.optimizer.weight_decay", "weightDecay"],
      ["training.iterations", "steps"],
      ["training.grad_clip", "clipNorm"],
      ["work_dir", "output"],
    ] as const) {
      const told = await message({ "config.yaml": SMALL }, [`${path}=1`]);
      const line = told.split("\n").find((text) => text.includes(` ${path}: unknown key`));
      if (meant === undefined) expect(line).to.contain("possible are");
      else expect(line).to.match(new RegExp(`; did you mean "${meant}"\\?$`));
      files.remove();
    }
    const told = await message({ "config.yaml": SMALL }, ["data.train.pictures=a"]);
    expect(told)
      .to.contain("--set data.train.pictures=a: data.train.pictures: unknown key")
      .and.match(/did you mean "images"\?$/m);
  });

  const cases: [name: string, from: string, to: string, expected: string][] = [
    [
      "an unknown key, with the nearest one",
      "variant: nano",
      "varaint: nano",
      'config.yaml:3:38: model.backbone.varaint: unknown key where type is efficientformer; did you mean "variant"?\nconfig.yaml:3:13: model.backbone.variant: is missing; it must be one of l1, l3, l7, nano, or size must be set',
    ],
    [
      "an unknown key at the top",
      "training:",
      "trainign:",
      'config.yaml:1:1: training: is missing; expected a mapping\nconfig.yaml:10:1: trainign: unknown key; did you mean "training"?',
    ],
    [
      "a key of another type",
      "type: step",
      "type: poly",
      "config.yaml:15:5: training.schedule.milestones: unknown key where type is poly; possible are type, warmup, power, minLr",
    ],
    [
      "a wrong type",
      "lr: 2e-4",
      "lr: fast",
      'config.yaml:12:33: training.optimizer.lr: expected a number, got the text "fast"',
    ],
    [
      "a fraction for a whole number",
      "steps: 300",
      "steps: 2.5",
      "config.yaml:11:10: training.steps: expected a whole number, got 2.5",
    ],
    [
      "a list for a mapping",
      "{ type: fpn, channels: 128 }",
      "[fpn]",
      "config.yaml:4:9: model.neck: expected a mapping, got a list of 1",
    ],
    [
      "a mapping for a list",
      "[200, 275]",
      "{ at: 200 }",
      "config.yaml:15:17: training.schedule.milestones: expected a list, got a mapping",
    ],
    [
      "a value out of range",
      "steps: 50",
      "steps: 0",
      "config.yaml:16:22: training.schedule.warmup.steps: must be at least 1, got 0",
    ],
    [
      "a wrong choice",
      "variant: nano",
      "variant: nnao",
      'config.yaml:3:47: model.backbone.variant: must be one of l1, l3, l7, nano; got the text "nnao": did you mean "nano"?',
    ],
    [
      "a backbone without a size",
      ", variant: nano",
      "",
      "config.yaml:3:13: model.backbone.variant: is missing; it must be one of l1, l3, l7, nano, or size must be set",
    ],
    [
      "two sizes of a backbone",
      "variant: nano",
      "variant: nano, size: { widths: [32, 48, 96, 128], depths: [2, 2, 4, 2], attentionBlocks: 1 }",
      "config.yaml:3:59: model.backbone.size: variant and size are both set; delete one by setting it to null",
    ],
    [
      "a width that is not a multiple of 16",
      "variant: nano",
      "size: { widths: [24, 48, 96, 128], depths: [2, 2, 4, 2], attentionBlocks: 1 }",
      "config.yaml:3:55: model.backbone.size.widths.0: must be a multiple of 16, got 24",
    ],
    [
      "a stage without blocks",
      "variant: nano",
      "size: { widths: [32, 48, 96, 128], depths: [2, 0, 4, 2], attentionBlocks: 1 }",
      "config.yaml:3:85: model.backbone.size.depths.1: must be at least 1, got 0",
    ],
    [
      "attention in the second stage",
      "variant: nano",
      "size: { widths: [32, 48, 96, 128], depths: [2, 2, 4, 2], attentionBlocks: 7 }",
      "config.yaml:3:112: model.backbone.size.attentionBlocks: must be at most 6, the blocks of stages 3 and 4, got 7",
    ],
    [
      "a wrong type name",
      "type: maskRcnn",
      "type: maskRCN",
      'config.yaml:5:17: model.head.type: must be maskRcnn; got the text "maskRCN": did you mean "maskRcnn"?',
    ],
    [
      "a wrong task",
      "task: detection",
      "task: panoptic",
      'config.yaml:1:7: task: must be one of detection, segmentation, classification; got the text "panoptic"',
    ],
    [
      "milestones that do not increase",
      "[200, 275]",
      "[275, 200]",
      "config.yaml:15:17: training.schedule.milestones: must rise",
    ],
    [
      "both steps and epochs",
      "steps: 300",
      "steps: 300\n  epochs: 2",
      "config.yaml:11:10: training.steps: epochs and steps are both set; delete one by setting it to null",
    ],
    [
      "a layer decay that increases the rate",
      "lr: 2e-4 }",
      "lr: 2e-4, layerDecay: 1.5 }",
      "config.yaml:12:51: training.optimizer.layerDecay: must be at most 1, got 1.5",
    ],
    [
      "a layer decay of zero",
      "lr: 2e-4 }",
      "lr: 2e-4, layerDecay: 0 }",
      "config.yaml:12:51: training.optimizer.layerDecay: must be above 0, got 0",
    ],
    [
      "adaptive clipping to zero",
      "steps: 300",
      "steps: 300\n  adaptiveClipping: { factor: 0 }",
      "config.yaml:12:31: training.adaptiveClipping.factor: must be above 0, got 0",
    ],
    [
      "an average that never changes",
      "steps: 300",
      "steps: 300\n  ema: { decay: 1 }",
      "config.yaml:12:17: training.ema.decay: must be below 1, got 1",
    ],
    [
      "early stopping without validations during training",
      "steps: 300",
      "steps: 300\n  earlyStopping: { patience: 3 }",
      "config.yaml:12:18: training.earlyStopping: needs training.evaluateEvery: without it there is one validation, at the end",
    ],
    [
      "early stopping without patience",
      "steps: 300",
      "steps: 300\n  evaluateEvery: 10\n  earlyStopping: { minDelta: 0.1 }",
      "config.yaml:13:18: training.earlyStopping.patience: is missing; expected a number",
    ],
    [
      "early stopping with a patience of zero",
      "steps: 300",
      "steps: 300\n  evaluateEvery: 10\n  earlyStopping: { patience: 0 }",
      "config.yaml:13:30: training.earlyStopping.patience: must be at least 1, got 0",
    ],
    [
      "early stopping by another task's metric",
      "steps: 300",
      "steps: 300\n  evaluateEvery: 10\n  earlyStopping: { patience: 3, metric: mIoU }",
      'config.yaml:13:41: training.earlyStopping.metric: must be one of boxAP, maskAP, loss; got the text "mIoU"',
    ],
    [
      "a warm-up without a length",
      "warmup: { steps: 50 }",
      "warmup: { ratio: 0.1 }",
      "config.yaml:16:13: training.schedule.warmup: needs steps or epochs",
    ],
    [
      "a warm-up with two lengths",
      "warmup: { steps: 50 }",
      "warmup: { steps: 50, epochs: 1 }",
      "config.yaml:16:34: training.schedule.warmup.epochs: steps and epochs are both set; delete one by setting it to null",
    ],
    ["neither steps nor epochs", "  steps: 300\n", "", "config.yaml:11:3: training: needs epochs or steps"],
    ["a missing value", "images: a/val", "", "config.yaml:9:8: data.val.images: is missing; expected a text"],
    [
      "a padding size the backbone cannot take",
      "type: coco",
      "type: coco\n  padding: { sizes: [{ width: 640, height: 500 }] }",
      "config.yaml:8:44: data.padding.sizes.0.height: must be a multiple of 32, the backbone's largest stride",
    ],
    [
      "far too many threads",
      "type: coco",
      "type: coco\n  workers: 1000000000",
      "config.yaml:8:12: data.workers: must be at most 256, got 1000000000",
    ],
    [
      "sides too large for any memory",
      "type: coco",
      "type: coco\n  transforms: { train: [{ type: resize, scale: [1000000, 1000] }] }",
      "config.yaml:8:49: data.transforms.train.0.scale.0: must be at most 16384, got 1000000",
    ],
    [
      "a second document",
      "type: coco",
      "type: coco\n---\nmore: 1",
      "config.yaml:8:1: a second YAML document starts; a config is one document",
    ],
    [
      "a class twice",
      "type: coco",
      "type: coco\n  classes: [cat, dog, cat]",
      "config.yaml:8:12: data.classes: a name occurs twice",
    ],
    [
      "an unknown transform",
      "type: coco",
      "type: coco\n  transforms: { train: [{ type: randomFlop }] }",
      "config.yaml:8:33: data.transforms.train.0.type: must be one of resize, randomScale, randomResize, " +
        "largeScaleJitter, randomFlip, randomCrop, photometricDistortion, minIouCrop, colourJitter, randomErasing, " +
        'copyPaste, mosaic, pad, randomRotation, randomAffine, gaussianBlur, mixUp, randAugment; got the text "randomFlop": did you mean "randomFlip"?',
    ],
    [
      "a key twice",
      "steps: 300",
      "steps: 300\n  steps: 200",
      "config.yaml:12:3: not valid YAML: Map keys must be unique",
    ],
    ["broken YAML", "task: detection", 'task: "detection', "config.yaml:16:22: not valid YAML:"],
    [
      "a variable that is not set",
      "images: a/val",
      `images: '${variable("MY_SETS")}/val'`,
      `config.yaml:9:43: data.val.images: the environment variable MY_SETS is not set; set it, or write ${variable("MY_SETS:-otherwise")}`,
    ],
    [
      "a key that would change prototypes",
      "task: detection",
      "__proto__: {}",
      'config.yaml:1:1: "__proto__" cannot be a key',
    ],
  ];
  for (const [name, from, to, expected] of cases) {
    it(`names ${name}`, async () => {
      const text = await message(edited(from, to));
      if (name === "broken YAML")
        expect(text).to.match(/^config\.yaml:\d+:\d+: not valid YAML: Missing closing "quote/);
      else expect(text).to.equal(expected);
    });
  }

  it("lists all faults, up to ten lines", async () => {
    const keys = Array.from({ length: 13 }, (_, i) => `zz${i}: 1\n`).join("");
    const lines = (await message({ "config.yaml": SMALL + keys })).split("\n");
    expect(lines).to.have.length(11);
    expect(lines[10]).to.equal("and 3 more");
  });

  it("names the base file that has the fault", async () => {
    const text = await message({ "config.yaml": "extends: base.yaml\n", "base.yaml": SMALL.replace("nano", "mini") });
    expect(text).to.match(/^base\.yaml:3:47: model\.backbone\.variant: must be one of/);
  });

  it("names a base that is missing, with the nearest file", async () => {
    const text = await message({ "config.yaml": "task: detection\nextends:\n  - bsae.yaml\n", "base.yaml": SMALL });
    expect(text).to.equal('config.yaml:3:5: extends: bsae.yaml: no such file; did you mean "base.yaml"?');
    files.remove();
    expect(await message({ "config.yaml": "extends: 5\n" })).to.equal(
      "config.yaml:1:10: extends: expected the path of a config file, or a list of them",
    );
  });

  it("names a cycle of files", async () => {
    const text = await message({
      "config.yaml": "extends: a.yaml\n",
      "a.yaml": "extends: b.yaml\n",
      "b.yaml": "extends: a.yaml\n",
    });
    expect(text).to.equal("b.yaml:1:10: extends: the files extend each other in a cycle: a.yaml → b.yaml → a.yaml");
  });

  it("refuses an alias within its own value, empty files and files that are not mappings", async () => {
    expect(await message({ "config.yaml": "task: &t [*t]\n" })).to.match(
      /^config\.yaml:1:11: the alias \*t does not lead/,
    );
    files.remove();
    expect(await message({ "config.yaml": "# nothing\n" })).to.equal("config.yaml: the config is empty");
    files.remove();
    expect(await message({ "config.yaml": "- a\n" })).to.equal(
      "config.yaml:1:1: a config is a mapping of keys to values",
    );
  });

  it("names an override that matches nothing, with the nearest key", async () => {
    expect(await message({ "config.yaml": SMALL }, ["training.optimiser.lr=1"])).to.equal(
      '--set training.optimiser.lr=1: training.optimiser: unknown key; did you mean "optimizer"?',
    );
    files.remove();
    expect(await message({ "config.yaml": SMALL }, ["training.optimizer.lr.x=1"])).to.equal(
      "--set training.optimizer.lr.x=1: training.optimizer.lr: expected a number, got a mapping",
    );
  });

  it("checks keys that are set to null like others", async () => {
    // Without a space after the colon these are two keys without values; AdamW was trained although SGD was asked for.
    expect(await message({ "config.yaml": SMALL }, ["training.optimizer={type:sgd,lr:1}"])).to.equal(
      ['"type: sgd"', '"lr: 1"']
        .map(
          (right) =>
            `--set training.optimizer={type:sgd,lr:1}: training.optimizer.${right.replace(/"|: /g, (x) => x.trim().replace('"', ""))}: unknown key where type is adamw; YAML needs a blank after the colon: ${right}`,
        )
        .join("\n"),
    );
    files.remove();
    expect(await message({ "config.yaml": SMALL.replace("steps: 300", "steps: 300\n  sead: null") })).to.equal(
      'config.yaml:12:3: training.sead: unknown key; did you mean "seed"?',
    );
    files.remove();
    expect(await message({ "config.yaml": `${SMALL}zz:\n` })).to.match(
      /^config\.yaml:\d+:1: zz: unknown key; possible are/,
    );
  });

  it("does not mistake keys for members that every object has", async () => {
    for (const key of ["constructor", "toString", "hasOwnProperty", "valueOf", "__defineGetter__"]) {
      for (const value of ["1", "null", "{ a: 1 }", "[b]"]) {
        const text = await message({ "config.yaml": `${SMALL}${key}: ${value}\n` });
        expect(text).to.match(new RegExp(`^config\\.yaml:\\d+:1: ${key}: unknown key; possible are task`));
        files.remove();
        expect(await message({ "config.yaml": SMALL }, [`training.${key}.x=${value}`])).to.equal(
          `--set training.${key}.x=${value}: training.${key}: unknown key; possible are epochs`.concat(
            ", steps, optimizer, schedule, architecture, clipNorm, adaptiveClipping, ema, frozen, accumulate, evaluateEvery, earlyStopping, checkpoint, logEvery, loggers, seed",
          ),
        );
        files.remove();
      }
      const path = SMALL.replace("images: a/val", `images: '${variable(key)}/val'`);
      expect(await message({ "config.yaml": path })).to.contain(`the environment variable ${key} is not set`);
      files.remove();
    }
    const before = Object.getOwnPropertyNames(Object.prototype);
    expect(await message({ "config.yaml": SMALL }, ["__proto__.x=1"])).to.contain('"__proto__" cannot be a key');
    files.remove();
    expect(await message({ "config.yaml": SMALL }, ["training={__proto__: {seed: 3}}"])).to.equal(
      "--set training={__proto__: {seed: 3}}: the value is not valid YAML; quote strings with special characters",
    );
    expect(Object.getOwnPropertyNames(Object.prototype)).to.deep.equal(before);
  });

  it("refuses malformed overrides", () => {
    files = writeFiles({ "config.yaml": SMALL });
    for (const [text, expected] of [
      ["training.steps", /--set training\.steps: expected a\.b\.c=value/],
      ["=1", /--set =1: expected/],
      ["a..b=1", /--set a\.\.b=1: expected/],
      ["training.steps=[1", /--set training\.steps=\[1: the value is not valid YAML/],
      ["extends=b.yaml", /extends can only be set in a file/],
    ] as const) {
      expect(() => loadConfig(files.path("config.yaml"), { overrides: [text] }))
        .to.throw(UserError, expected)
        .with.property("exitCode", 2);
    }
  });

  it("names a missing file, and the shipped config that was meant", async () => {
    files = writeFiles({});
    expect(await userMessage(() => loadConfig("mask-rcnn_efficientformer-l1_fpn_1x_cooc.yaml"))).to.equal(
      'cannot read the config mask-rcnn_efficientformer-l1_fpn_1x_cooc.yaml: no such file; did you mean "mask-rcnn_efficientformer-l1_fpn_1x_coco.yaml", which comes with densekit?',
    );
    expect(await userMessage(() => loadConfig("zzz/none.yaml"))).to.match(
      /cannot read the config zzz\/none\.yaml: no such file; give the path of a YAML file, or the name of one of the configs in/,
    );
  });

  it("names only the path for a config given as an object", async () => {
    files = writeFiles({});
    expect(await userMessage(() => resolveConfig({ task: "segmentation", modle: {} }))).to.match(
      /^config: model: is missing; expected a mapping\n(?:.*\n)*config: modle: unknown key; did you mean "model"\?/,
    );
  });
});

describe("config errors of values of several forms", () => {
  it("names every form that a value may have, or the fault in the form it has", async () => {
    const weights = async (value: string) => {
      const overrides = [`model.head.classWeights=${value}`];
      const text = await userMessage(() =>
        loadConfig("classifier_resnet-18_80_bccd-crops", { overrides, environment: { DENSEKIT_DATA: "data" } }),
      );
      return text.replace(/^.*: model\.head\./, "");
    };
    expect(await weights("balance")).to.equal(
      'classWeights: must be one of none, balanced, a list; got the text "balance": did you mean "balanced"?',
    );
    expect(await weights("[1]")).to.equal("classWeights: expected a list of at least 2 values, got a list of 1");
    expect(await weights("[1, -2]")).to.match(/^classWeights\.1: must be above 0, got -2$/);
  });
});
