import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { efficientFormerKind } from "../../lib/backbones/efficientformer.js";
import { EFFICIENTFORMER_SIZES } from "../../lib/backbones/efficientformerSizes.js";
import { BACKBONES } from "../../lib/backbones/index.js";
import { toJsonSchema } from "../../lib/config/jsonSchema.js";
import { loadConfig, shippedConfigs } from "../../lib/config/load.js";
import { requireData } from "../support/goldens.js";

const folder = shippedConfigs();
const names = readdirSync(folder).filter((name) => name.endsWith(".yaml"));

describe("published configs", () => {
  it("are the paper's and those for the small data sets", () => {
    for (const variant of ["l1", "l3", "l7"]) {
      expect(names).to.include(`mask-rcnn_efficientformer-${variant}_fpn_1x_coco.yaml`);
      expect(names).to.include(`semantic-fpn_efficientformer-${variant}_fpn_40k_ade20k.yaml`);
    }
    for (const variant of ["s0", "s1", "s2", "l"]) {
      expect(names).to.include(`mask-rcnn_efficientformerv2-${variant}_fpn_1x_coco.yaml`);
      expect(names).to.include(`semantic-fpn_efficientformerv2-${variant}_fpn_40k_ade20k.yaml`);
    }
    for (const variant of [18, 50, 101]) {
      expect(names).to.include(`mask-rcnn_resnet-${variant}_fpn_1x_coco.yaml`);
      expect(names).to.include(`semantic-fpn_resnet-${variant}_fpn_40k_ade20k.yaml`);
    }
    for (const variant of ["m1.1", "m1.5", "m2.3"]) {
      expect(names).to.include(`mask-rcnn_repvit-${variant}_fpn_1x_coco.yaml`);
      expect(names).to.include(`semantic-fpn_repvit-${variant}_fpn_40k_ade20k.yaml`);
    }
  });

  it("have the changes of RepViT's authors", () => {
    const detection = loadConfig("mask-rcnn_repvit-m2.3_fpn_1x_coco").config;
    expect(detection.training.optimizer).to.deep.include({ type: "adamw", lr: 2e-4, weightDecay: 0.05 });
    expect(detection.model.backbone).to.deep.include({ outputs: "stages", batchNorm: "evaluation" });
    const segmentation = loadConfig("semantic-fpn_repvit-m2.3_fpn_40k_ade20k").config;
    expect(segmentation.training.optimizer).to.deep.include({ type: "adamw", lr: 2e-4, weightDecay: 1e-4 });
    expect(segmentation.training.schedule).to.deep.equal({ type: "poly", power: 0.9, minLr: 1e-6 });
    expect(segmentation.model.backbone).to.deep.include({ outputs: "preBlocks", batchNorm: "evaluation" });
    const { training, data } = loadConfig("classifier_repvit-m0.9_300e_imagenet").config;
    expect(training.accumulate * data.batchSize, "images a step").to.equal(2048);
    expect(training.optimizer).to.deep.include({ type: "adamw", lr: 4e-3, weightDecay: 0.025 });
    expect(training.adaptiveClipping).to.deep.include({ factor: 0.02 });
  });

  it("have torchvision's recipes for ResNet and MobileNetV2", () => {
    for (const [name, epochs, optimizer, milestones] of [
      ["classifier_resnet-34_90e_imagenet", 90, { lr: 0.1, weightDecay: 1e-4 }, 2],
      ["classifier_mobilenetv2-x1.0_300e_imagenet", 300, { lr: 0.045, weightDecay: 4e-5 }, 299],
    ] as const) {
      const { config } = loadConfig(name);
      if (config.task !== "classification") throw new Error("wrong task");
      const { training, data, model } = config;
      expect(training.epochs).to.equal(epochs);
      expect(training.accumulate * data.batchSize, "images a step").to.equal(256);
      expect(training.optimizer).to.deep.include({ type: "sgd", momentum: 0.9, ...optimizer });
      expect(training.schedule.type === "step" && training.schedule.milestones.length).to.equal(milestones);
      expect(model.head.labelSmoothing).to.equal(0);
      expect(data.transforms.train.map(({ type }) => type)).to.deep.equal(["randomResizedCrop", "randomFlip"]);
    }
  });

  for (const name of names) {
    it(`${name} is complete, named by the convention, with its command and expected metrics`, () => {
      const parts = name.replace(".yaml", "").split("_");
      const [head, backbone, data] = [parts[0], parts[1], parts.at(-1)];
      const { config } = loadConfig(name);
      const heads = { maskRcnn: "mask-rcnn", semanticFpn: "semantic-fpn", classifier: "classifier" };
      expect(heads[config.model.head.type]).to.equal(head);
      const { type, ...given } = config.model.backbone;
      expect(`${type}-${"variant" in given ? given.variant : "supernet"}`).to.equal(backbone);
      const neck = "neck" in config.model && "channels" in config.model.neck ? config.model.neck.channels : undefined;
      const schedule = parts.at(-2)!;
      const neckName = neck === undefined ? [] : [neck === 256 ? "fpn" : `fpn${neck}`];
      expect(parts).to.deep.equal([head, backbone, ...neckName, schedule, data]);
      const epochs = /^(\d+)e$/.exec(schedule)?.[1];
      if (epochs !== undefined) expect(config.training.epochs).to.equal(Number(epochs));
      // fruits-nuts-4 is four images of fruits-nuts.
      const place = data === "ade20k" ? "ADEChallengeData2016" : data!.replace(/-\d+$/, "");
      expect("images" in config.data.train && config.data.train.images).to.contain(`/data/${place}/`);
      const lines = readFileSync(join(folder, name), "utf8").split("\n");
      expect(lines[0]).to.equal("# yaml-language-server: $schema=../schema/config.schema.json");
      expect(lines[1]).to.equal(`# Run: densekit train configs/${name}`);
      expect(lines[2]).to.match(/^# Expected/);
      expect(lines[3]).to.match(/^# Measured here: /);
    });
  }

  it("name existing data", function () {
    const data = join(requireData(this, "bccd"), "..");
    // The crops are made by a command.
    const small = names.filter((name) => !/_(coco|ade20k|imagenet|bccd-crops)\.yaml$/.test(name));
    expect(small.length).to.be.greaterThan(8);
    for (const name of small) {
      const { config } = loadConfig(name, { environment: { DENSEKIT_DATA: data } });
      const { train, val } = config.data;
      const paths = [train, val].flatMap((split) => Object.values(split).filter((value) => typeof value === "string"));
      if (config.task === "segmentation") paths.push(config.data.objectInfo ?? "none");
      for (const path of paths) expect(existsSync(path), `${name}: ${path}`).to.equal(true);
    }
  });

  it("have the recipe's settings for COCO", () => {
    const { config } = loadConfig("mask-rcnn_efficientformer-l7_fpn_1x_coco");
    expect(config.training).to.deep.include({
      epochs: 12,
      accumulate: 8,
      schedule: { type: "step", milestones: [8, 11], gamma: 0.1, minLr: 0, warmup: { steps: 500, ratio: 1e-6 } },
    });
    expect(config.training.optimizer).to.deep.include({ type: "adamw", lr: 2e-4, weightDecay: 1e-4 });
    expect(config.training.accumulate * config.data.batchSize, "images a step").to.equal(16);
    expect(config.model.backbone).to.deep.include({ variant: "l7", layerScaleInit: 1e-6 });
  });

  it("have the recipe's settings for ImageNet", () => {
    for (const variant of ["l1", "l3", "l7"]) {
      const { config } = loadConfig(`classifier_efficientformer-${variant}_300e_imagenet`);
      if (config.task !== "classification") throw new Error("wrong task");
      const { training, data, model } = config;
      expect(training).to.deep.include({
        epochs: 300,
        adaptiveClipping: { factor: 0.01, eps: 1e-3 },
        schedule: { type: "cosine", minLr: 1e-5, warmup: { epochs: 5, ratio: 1e-3 } },
      });
      expect(training.optimizer).to.deep.include({ type: "adamw", lr: 1e-3, weightDecay: 0.025 });
      expect(training.accumulate * data.batchSize, "images a step").to.equal(1024);
      expect(data.mixing).to.deep.equal({ mixup: 0.8, cutmix: 1, probability: 1, switchProbability: 0.5 });
      expect(data.repeats).to.equal(3);
      const [, , augment, erasing] = data.transforms.train;
      expect(augment).to.deep.include({ type: "randAugment", operations: 2, geometric: true });
      expect(erasing).to.deep.include({ type: "randomErasing", probability: 0.25 });
      expect(model.head).to.deep.include({ labelSmoothing: 0.1 });
      expect(model.head.distillation).to.deep.include({ type: "hard", weight: 0.5 });
    }
  });

  it("have the recipe's settings for ADE20K", () => {
    const { config } = loadConfig("semantic-fpn_efficientformer-l1_fpn_40k_ade20k");
    if (config.task !== "segmentation") throw new Error("wrong task");
    expect(config.training.steps).to.equal(40000);
    expect(config.training.schedule).to.deep.equal({ type: "poly", power: 0.9, minLr: 0 });
    expect(config.training.accumulate * config.data.batchSize, "images a step").to.equal(32);
    expect(config.data.reduceZeroLabel).to.equal(true);
    expect(config.model.head).to.deep.equal({
      type: "semanticFpn",
      channels: 128,
      dropout: 0.1,
      classifierStd: 0.01,
      averageOverAllPixels: true,
    });
  });
});

describe("the schema", () => {
  it("is in the file for editors; if not: npm run build && node dist/tools/writeSchema.js", () => {
    const written: unknown = JSON.parse(readFileSync(join(folder, "..", "schema", "config.schema.json"), "utf8"));
    expect(written).to.deep.equal(JSON.parse(JSON.stringify(toJsonSchema())));
  });

  it("describes every key for editors, or refers to what does", () => {
    const undescribed: string[] = [];
    const visit = (node: unknown, path: string): void => {
      if (typeof node !== "object" || node === null) return;
      if ("properties" in node && typeof node.properties === "object" && node.properties !== null) {
        for (const [key, value] of Object.entries(node.properties)) {
          const text = JSON.stringify(value);
          if (key !== "type" && !text.includes('"description"') && !text.includes("$ref"))
            undescribed.push(`${path}.${key}`);
        }
      }
      for (const [key, value] of Object.entries(node)) visit(value, `${path}.${key}`);
    };
    visit(toJsonSchema(), "");
    expect(undescribed).to.deep.equal([]);
  });

  it("has every backbone and its variants", () => {
    const text = JSON.stringify(toJsonSchema());
    for (const { schema } of BACKBONES) expect(text).to.contain(`"const":"${schema.shape.type.value}"`);
    const { options } = efficientFormerKind.schema.shape.variant.unwrap();
    expect(text).to.contain(`"enum":${JSON.stringify(options)}`);
    expect(options).to.have.members(Object.keys(EFFICIENTFORMER_SIZES));
  });
});
