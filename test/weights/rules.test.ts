import { expect } from "chai";
import { attentionBiasAdapter } from "../../lib/backbones/attentionBias.js";
import { efficientFormerClassifier } from "../../lib/backbones/efficientformer.js";
import { EFFICIENTFORMER_SIZES, type EfficientFormerVariant } from "../../lib/backbones/efficientformerSizes.js";
import { makeBackbone, makeClassifier } from "../../lib/backbones/index.js";
import { resolveConfig } from "../../lib/config/load.js";
import type { ConfigInput, DetectionConfig, SegmentationConfig } from "../../lib/config/schema.js";
import { maskRcnn } from "../../lib/models/maskRcnn/model.js";
import { semanticFpn } from "../../lib/models/semanticFpn/model.js";
import { type Parameter, ParameterList, type ParameterScope } from "../../lib/nn/parameters.js";
import { translate } from "../../lib/weights/names.js";
import { type LoadPlan, planLoad } from "../../lib/weights/plan.js";
import { backboneConfig } from "../support/backboneGoldens.js";
import { type CheckpointKind, fileOf, type NamedShape, nameList, officialNames } from "../support/nameLists.js";

function classifier(variant: EfficientFormerVariant, classes = 1000): readonly Parameter[] {
  const list = new ParameterList();
  efficientFormerClassifier(list.scope(), { size: EFFICIENTFORMER_SIZES[variant], classes });
  return list.all;
}

/** The parameters of a backbone as a classifier, and as dense models for the image sizes of both tasks. */
function zooParameters(written: object) {
  const config = backboneConfig.parse(written);
  const of = (make: (scope: ParameterScope) => unknown): readonly Parameter[] => {
    const list = new ParameterList();
    make(list.scope());
    return list.all;
  };
  return {
    classifier: of((scope) => makeClassifier(scope, config, { imageSide: 224, classes: 1000 })),
    detection: of((scope) => makeBackbone(scope, config, { imageSide: 800 })),
    segmentation: of((scope) => makeBackbone(scope, config, { imageSide: 512 })),
  };
}

const ownOf = (written: object) => {
  const { classifier: cls, detection: det, segmentation: seg } = zooParameters(written);
  return (kind: CheckpointKind) => ({ cls, det, seg })[kind];
};

const backbone = (variant: EfficientFormerVariant) => ({ type: "efficientformer", variant }) as const;
const neck = { type: "fpn" } as const;

function instances(variant: EfficientFormerVariant, classes = 80): readonly Parameter[] {
  const input: ConfigInput = {
    task: "detection",
    model: { backbone: backbone(variant), neck, head: { type: "maskRcnn" } },
    data: {
      type: "coco",
      train: { annotations: "a.json", images: "a" },
      val: { annotations: "a.json", images: "a" },
    },
    training: { steps: 1, optimizer: { type: "adamw", lr: 1 }, schedule: { type: "constant" } },
    output: "x",
  };
  return maskRcnn((resolveConfig(input).config as DetectionConfig).model, classes, true).parameters;
}

function semantic(variant: EfficientFormerVariant): readonly Parameter[] {
  const split = { images: "a", labelMaps: "a" };
  const input: ConfigInput = {
    task: "segmentation",
    model: { backbone: backbone(variant), neck, head: { type: "semanticFpn" } },
    data: { type: "labelMaps", train: split, val: split, classes: ["a", "b"] },
    training: { steps: 1, optimizer: { type: "adamw", lr: 1 }, schedule: { type: "constant" } },
    output: "x",
  };
  return semanticFpn((resolveConfig(input).config as SegmentationConfig).model, 150).parameters;
}

/** The plan covers the whole model and the whole file. */
function expectWhole(plan: LoadPlan, wanted: readonly Parameter[]): void {
  const { loads, missing, unexpected, reshaped, initial } = plan;
  expect({ missing, unexpected, reshaped, initial }).to.deep.equal({
    missing: [],
    unexpected: [],
    reshaped: [],
    initial: [],
  });
  expect(loads.map(({ name }) => name)).to.deep.equal(wanted.map(({ name }) => name));
}

const names = (parameters: readonly Parameter[], prefix: string): string[] =>
  parameters.map(({ name }) => name).filter((name) => name.startsWith(prefix));

/** A whole model's tensors as in a file. */
const asFile = (parameters: readonly Parameter[]): NamedShape[] => parameters.map(({ name, shape }) => [name, shape]);

describe("the rules for other programs' names", () => {
  for (const variant of ["l1", "l3", "l7"] as const) {
    for (const [source, naming] of [
      ["timm_efficientformer", "timm's EfficientFormer"],
      ["transformers_efficientformer", "transformers' EfficientFormer"],
    ] as const) {
      it(`cover every tensor of ${naming} ${variant}, for the classifier and the backbone`, () => {
        const tensors = nameList(`${source}_${variant}`);
        const wanted = classifier(variant);
        const whole = planLoad({ file: fileOf(tensors), wanted });
        expect(whole.naming).to.equal(naming);
        expectWhole(whole, wanted);
        expect(whole.notNeeded.every((name) => /num_batches_tracked$|attention_bias_idxs$/.test(name))).to.equal(true);

        const inBackbone = instances(variant).filter(({ name }) => name.startsWith("backbone."));
        const part = planLoad({ file: fileOf(tensors), wanted: inBackbone });
        expect(part.missing).to.deep.equal(
          [0, 2, 4, 6].flatMap((stage) => ["weight", "bias"].map((kind) => `backbone.norm${stage}.${kind}`)),
        );
        expect(part.initial.map(({ name }) => name)).to.deep.equal(
          names(inBackbone, "backbone.").filter((name) => name.endsWith("attention_biases_seg")),
        );
        expect(part.unexpected).to.deep.equal(
          ["norm", "head", "dist_head"].flatMap((layer) => [`backbone.${layer}.weight`, `backbone.${layer}.bias`]),
        );
        expect(part.reshaped).to.deep.equal([]);
      });
    }

    for (const official of officialNames(variant, ownOf({ type: "efficientformer", variant }))) {
      it(`recognise the authors' own checkpoints of ${variant}: classifier, detection, segmentation; ${official.place}`, function () {
        const listOf = (kind: CheckpointKind) => official.listOf(this, kind);
        const wanted = classifier(variant);
        const plan = planLoad({ file: fileOf(listOf("cls"), ["model"]), wanted });
        expect(plan.naming).to.equal("the authors' EfficientFormer");
        expectWhole(plan, wanted);
        for (const [kind, parameters] of [
          ["det", instances(variant)],
          ["seg", semantic(variant)],
        ] as const) {
          const inBackbone = parameters.filter(({ name }) => name.startsWith("backbone."));
          // MMDetection and MMSegmentation prepend "backbone." and keep everything under state_dict.
          const rest = parameters.filter(({ name }) => !name.startsWith("backbone."));
          const file = [
            ...listOf(kind).map(([name, shape]): NamedShape => [`backbone.${name}`, shape]),
            ...asFile(rest),
          ];
          const whole = planLoad({ file: fileOf(file, ["state_dict"]), wanted: parameters });
          expectWhole(whole, parameters);
          expect(whole.naming).to.contain("MMDetection");
          expect(whole.notNeeded.filter((name) => name.endsWith("attention_biases"))).to.have.length(
            listOf(kind).filter(([name]) => name.endsWith(".attention_biases")).length,
          );
          // The backbone alone, out of the whole model.
          const part = planLoad({ file: fileOf(file, ["state_dict"]), wanted: inBackbone });
          expect(part.loads).to.have.length(inBackbone.length);
          expect(part.unexpected).to.deep.equal(rest.map(({ name }) => name));
        }
      });
    }
  }

  it("remove prefixes that training code puts before all names", () => {
    for (const prefix of ["module.", "_orig_mod.", "module._orig_mod.", "model."]) {
      const tensors = nameList("timm_efficientformer_l1").map(([name, shape]): NamedShape => [prefix + name, shape]);
      expectWhole(planLoad({ file: fileOf(tensors), wanted: classifier("l1") }), classifier("l1"));
    }
    const one: NamedShape = ["other.weight", [1]];
    expect(translate(["module.a", "other.weight"]).ours.get("module.a")).to.equal("module.a");
    expect(planLoad({ file: fileOf([one]), wanted: classifier("l1") }).loads).to.have.length(0);
  });

  it("name what differs if the number of classes does", () => {
    const { reshaped, missing, loads } = planLoad({
      file: fileOf(nameList("timm_efficientformer_l1")),
      wanted: classifier("l1", 10),
    });
    expect(missing).to.deep.equal([]);
    expect(reshaped).to.deep.equal(
      ["head", "dist_head"].flatMap((head) => [
        { name: `${head}.weight`, found: [1000, 448], wanted: [10, 448] },
        { name: `${head}.bias`, found: [1000], wanted: [10] },
      ]),
    );
    expect(loads).to.have.length(classifier("l1").length - 4);
  });

  it("resample the classifier's attention biases if asked to", () => {
    const wanted = instances("l3").filter(({ name }) => name.startsWith("backbone."));
    const file = fileOf(nameList("timm_efficientformer_l3"));
    const adapters = [attentionBiasAdapter("resampled")];
    const { loads, initial } = planLoad({ file, wanted, adapters });
    expect(initial).to.deep.equal([]);
    const resampled = loads.filter((load) => load.change);
    expect(resampled).to.have.length(4);
    for (const { name, tensor, shape } of resampled) {
      expect(name).to.match(/\.attention_biases_seg$/);
      expect([tensor.shape, shape]).to.deep.equal([
        [8, 49],
        [8, 625],
      ]);
    }
  });

  it("cover every tensor of torchvision's Mask R-CNN outside its backbone, which keeps torchvision's names", () => {
    const tensors = nameList("torchvision_maskrcnn_resnet50_fpn");
    const { naming, ours } = translate(tensors.map(([name]) => name));
    expect(naming).to.equal("torchvision's Mask R-CNN");
    const model = instances("l1");
    const heads = model.map(({ name }) => name).filter((name) => !name.startsWith("backbone."));
    const found = [...ours.values()].filter((name) => !name.startsWith("backbone."));
    expect(found).to.have.members(heads);
    // The rest is the backbone, under the names of torchvision's ResNet without its classifier.
    const resnet = nameList("torchvision_resnet50").map(([name]) => `backbone.${name}`);
    const wanted = resnet.filter((name) => !name.startsWith("backbone.fc."));
    expect([...ours.values()].filter((name) => name.startsWith("backbone."))).to.have.members(wanted);
  });

  it("also map torchvision's names from before 0.13", () => {
    const older = [
      ["backbone.fpn.inner_blocks.2.weight", "neck.lateral_convs.2.conv.weight"],
      ["backbone.fpn.layer_blocks.0.bias", "neck.fpn_convs.0.conv.bias"],
      ["rpn.head.conv.weight", "rpn_head.rpn_conv.weight"],
      ["roi_heads.mask_head.mask_fcn1.weight", "roi_head.mask_head.convs.0.conv.weight"],
      ["roi_heads.mask_head.mask_fcn4.bias", "roi_head.mask_head.convs.3.conv.bias"],
      ["roi_heads.box_predictor.cls_score.weight", "roi_head.bbox_head.fc_cls.weight"],
    ] as const;
    const { ours } = translate(older.map(([theirs]) => theirs));
    expect([...ours]).to.deep.equal(older);
  });

  it("put torchvision's background last and select COCO's 80 classes from its 91 rows", () => {
    const tensors = nameList("torchvision_maskrcnn_resnet50_fpn");
    const rowsIn = (classes: number) => {
      const { loads, reshaped } = planLoad({ file: fileOf(tensors), wanted: instances("l1", classes) });
      const rows = (name: string) => loads.find((load) => load.name === name)?.rows;
      return { rows, reshaped: reshaped.map(({ name }) => name).filter((name) => !name.startsWith("backbone.")) };
    };
    const { rows, reshaped } = rowsIn(80);
    // Different numbers of channels of the backbones remain in the neck.
    expect(reshaped.every((name) => name.startsWith("neck.lateral_convs."))).to.equal(true);
    const classification = rows("roi_head.bbox_head.fc_cls.weight")!;
    expect(classification).to.have.length(81);
    expect(classification.at(-1)).to.equal(0);
    // COCO: 1 is person; 13, stop sign, is the 12th of 80; 90, toothbrush, is the 80th.
    expect([classification[0], classification[11], classification[79]]).to.deep.equal([1, 13, 90]);
    expect(rows("roi_head.mask_head.conv_logits.bias")).to.deep.equal(classification.slice(0, 80));
    const deltas = rows("roi_head.bbox_head.fc_reg.weight")!;
    expect(deltas.slice(44, 48)).to.deep.equal([52, 53, 54, 55]);
    expect(deltas).to.have.length(320);
    const all = rowsIn(90).rows("roi_head.bbox_head.fc_cls.bias")!;
    expect(all).to.deep.equal([...Array.from({ length: 90 }, (_, i) => i + 1), 0]);
    expect(rowsIn(7).reshaped).to.include.members([
      "roi_head.bbox_head.fc_cls.weight",
      "roi_head.bbox_head.fc_reg.bias",
      "roi_head.mask_head.conv_logits.weight",
    ]);
  });

  it("turn timm's PoolFormer into the official names", () => {
    const theirs = nameList("timm_poolformer_s12");
    const official = new Map(nameList("official_poolformer_s12").map(([name, shape]) => [name, String(shape)]));
    const { naming, ours } = translate(theirs.map(([name]) => name));
    expect(naming).to.equal("timm's PoolFormer");
    expect([...ours.values()]).to.have.members([...official.keys()]);
    for (const [name, shape] of theirs) expect(official.get(ours.get(name)!), name).to.equal(String(shape));
    expect(translate([...official.keys()])).to.deep.include({ naming: "the authors' PoolFormer" });
    for (const [name, own] of translate([...official.keys()]).ours) expect(own).to.equal(name);
  });

  for (const [variant, blocks] of [
    ["s0", 5],
    ["s1", 5],
    ["s2", 9],
    ["l", 13],
  ] as const) {
    for (const official of officialNames(`v2_${variant}`, ownOf({ type: "efficientformerv2", variant }))) {
      it(`recognise the authors' own checkpoints of EfficientFormerV2-${variant.toUpperCase()}; ${official.place}`, function () {
        const listOf = (kind: CheckpointKind) => official.listOf(this, kind);
        const plan = (wanted: readonly Parameter[], kind: CheckpointKind) =>
          planLoad({ file: fileOf(listOf(kind)), wanted });
        const wanted = zooParameters({ type: "efficientformerv2", variant });
        const whole = plan(wanted.classifier, "cls");
        expect(whole.naming).to.equal("the authors' EfficientFormerV2");
        expectWhole(whole, wanted.classifier);
        expectWhole(plan(wanted.detection, "det"), wanted.detection);
        expectWhole(plan(wanted.segmentation, "seg"), wanted.segmentation);
        // A classifier's tensors are all used but the tables of biases, which start from zero.
        const part = plan(wanted.detection, "cls");
        expect(part.initial).to.have.length(blocks);
        expect(part.initial.every(({ name }) => name.endsWith("attention_biases_seg"))).to.equal(true);
        expect(part.loads).to.have.length(wanted.detection.length - blocks);
        expect(part.unexpected.every((name) => /^(norm|head|dist_head)\./.test(name))).to.equal(true);
        // Or all of them, with the tables resampled: also the strided attention's, from 14 × 14 offsets to 50 × 50.
        const adapters = [attentionBiasAdapter("resampled")];
        const resampled = planLoad({ file: fileOf(listOf("cls")), wanted: wanted.detection, adapters });
        expect(resampled.loads).to.have.length(wanted.detection.length);
        const table = resampled.loads.find(({ name }) => name === "network.5.attn.attention_biases_seg")!;
        expect(table.tensor.name).to.equal("network.5.attn.attention_biases");
        expect(table.change!(new Float32Array(8 * 196).fill(2))).to.deep.equal(new Float32Array(8 * 2500).fill(2));
      });
    }
  }

  it("turn timm's EfficientFormerV2 into the official names, its layer scales into maps", () => {
    const { classifier: wanted } = zooParameters({ type: "efficientformerv2", variant: "s0" });
    const plan = planLoad({ file: fileOf(nameList("timm_efficientformerv2_s0")), wanted });
    expect(plan.naming).to.equal("timm's EfficientFormerV2");
    expectWhole(plan, wanted);
    const scale = plan.loads.find(({ name }) => name === "network.0.0.layer_scale_2")!;
    expect([scale.shape, scale.tensor.shape]).to.deep.equal([[32, 1, 1], [32]]);
  });

  for (const [list, naming, config] of [
    ["timm_mobilenetv2_100", "timm's MobileNetV2", { type: "mobilenetv2", variant: "x1.0" }],
    ["timm_repvit_m0_9", "timm's RepViT", { type: "repvit", variant: "m0.9" }],
    ["official_repvit_m0_9", "the authors' RepViT", { type: "repvit", variant: "m0.9" }],
    ["transformers_mobilevit_xs", "transformers' MobileViT", { type: "mobilevit", variant: "xs" }],
  ] as const) {
    it(`cover every tensor of ${naming}`, () => {
      const { classifier: wanted, detection } = zooParameters(config);
      const file = fileOf(nameList(list));
      const plan = planLoad({ file, wanted });
      expect(plan.naming).to.equal(naming);
      expectWhole(plan, wanted);
      const part = planLoad({ file, wanted: detection });
      expect(part.loads).to.have.length(detection.length);
    });
  }

  it("distinguish MobileNetV2 from the other models with the same names in timm", () => {
    const lite = zooParameters({ type: "efficientnet", variant: "lite0" }).classifier;
    expect(translate(lite.map(({ name }) => name)).naming).to.equal("timm's EfficientNet");
    const list = nameList("timm_mobilenetv2_100").map(([name]) => name);
    for (const other of ["blocks.5.3.conv_pw.weight", "conv_head.bias", "blocks.1.0.se.conv_reduce.weight"]) {
      expect(translate([...list, other]).naming, other).to.equal("timm's EfficientNet");
    }
  });

  it("recognise a RepViT folded for inference", () => {
    const { naming } = translate(nameList("timm_repvit_m0_9_folded").map(([name]) => name));
    expect(naming).to.contain("branches are folded").and.to.contain("take the file from before that");
  });

  it("stack queries, keys and values that are stored separately", () => {
    const { detection } = zooParameters({ type: "mobilevit", variant: "xs" });
    const tensors = nameList("transformers_mobilevit_xs");
    const { loads } = planLoad({ file: fileOf(tensors), wanted: detection });
    const { tensor, below } = loads.find(({ name }) => name === "stages.2.1.transformer.0.attn.qkv.weight")!;
    const ends = [tensor, ...below!].map(({ name }) => name.split(".").at(-2));
    expect(ends).to.deep.equal(["query", "key", "value"]);
    // A piece short, the parameter is missing.
    const without = tensors.filter(([name]) => !name.includes("layer.2.transformer.layer.0.attention.attention.value"));
    const plan = planLoad({ file: fileOf(without), wanted: detection });
    expect(plan.missing).to.deep.equal(["weight", "bias"].map((kind) => `stages.2.1.transformer.0.attn.qkv.${kind}`));
    expect(plan.unexpected).to.include("stages.2.1.transformer.0.attn.qkv.weight[0]");
  });

  it("turn the authors' MobileViT into timm's names", () => {
    const { classifier: wanted, detection } = zooParameters({ type: "mobilevit", variant: "xs" });
    const plan = planLoad({ file: fileOf(nameList("cvnets_mobilevit_xs")), wanted });
    expect(plan.naming).to.equal("the authors' MobileViT");
    expectWhole(plan, wanted);
    const part = planLoad({ file: fileOf(asFile(wanted)), wanted: detection });
    expect(part.naming).to.equal("timm's MobileViT");
    expect(part.loads).to.have.length(detection.length);
    expect(part.unexpected).to.deep.equal(["head.fc.weight", "head.fc.bias"]);
  });

  it("leave torchvision's names of ResNet unchanged", () => {
    for (const depth of [18, 50]) {
      const list = nameList(`torchvision_resnet${depth}`).map(([name]) => name);
      const { naming, ours } = translate(list);
      expect(naming).to.equal("torchvision's ResNet");
      expect([...ours.values()]).to.deep.equal(list);
    }
  });

  it("report nothing for unknown files", () => {
    expect(translate(["a.weight", "b"]).naming).to.equal(undefined);
  });
});
