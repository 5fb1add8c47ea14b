import { backboneNames } from "../lib/profile/model.js";
import { BATCHES_PER_RUN } from "./cases/loading.js";
import { COCO_VAL, writeCocoFiles, writeMaps } from "./evaluationFiles.js";
import type { Size } from "./inputs.js";
import type { CaseOptions, Speedup } from "./protocol.js";

export const GROUPS = [
  "training",
  "inference",
  "predict",
  "loader",
  "formats",
  "evaluation",
  "ablation",
  "zoo",
] as const;
export type Group = (typeof GROUPS)[number];

/** One side of a case. `node` runs a module of bench/cases, `python` a function of bench/peers/cases.py. */
export interface Side {
  readonly label: string;
  readonly runner: "node" | "python";
  readonly case: string;
  readonly options: Partial<CaseOptions>;
  /** Runs PyTorch's export of the case's model: the harness fills in its path. */
  readonly usesExport?: true;
}

export interface BenchCase {
  readonly name: string;
  readonly group: Group;
  readonly title: string;
  /** Ours first; the others are compared with it, and need Python. */
  readonly sides: readonly Side[];
  /** The export that PyTorch writes for this case. */
  readonly exported?: { readonly model: string; readonly options: Partial<CaseOptions> };
  /** The case reads a 340 MB file of weights, which the harness writes. */
  readonly usesWeights?: true;
  /** The case reads the benchmark's JPEG. */
  readonly usesImage?: true;
  /** The case reads real data sets: its path is their folder. */
  readonly usesData?: true;
  /** What a run processes, for cases whose throughput says more than their time. */
  readonly perRun?: { readonly count: number; readonly unit: string };
  /** Writes the files that all sides read into a folder; the sides get its path. */
  readonly writeFiles?: (folder: string) => Promise<void>;
  /** Skip the untimed first run, because in use the case runs only once, and takes long. */
  readonly cold?: true;
}

const ours = (name: string, options: Partial<CaseOptions>): Side => ({
  label: "densekit",
  runner: "node",
  case: name,
  options,
});

function torch(name: string, options: Partial<CaseOptions>): Side[] {
  const side = (label: string, layout: CaseOptions["layout"]): Side => ({
    label,
    runner: "python",
    case: name,
    options: { ...options, layout },
  });
  return [side("PyTorch", "contiguous"), side("PyTorch channels-last", "channels-last")];
}

function training(name: string, module: string, title: string, extra: Partial<CaseOptions> = {}): BenchCase {
  const options = { variant: "l1", size: [512, 512] as Size, batch: 2, ...extra };
  return { name, group: "training", title, sides: [ours(module, options), ...torch(module, options)] };
}

const SPEEDUPS: readonly Speedup[] = ["minimal filtering", "row blocks", "covariance batch norm", "uncopied outputs"];

/** A training step of ours, with all speed-ups and with each one switched off. */
function ablation(module: string, title: string): BenchCase {
  const options = { variant: "l1", size: [512, 512] as Size, batch: 2 };
  const off = (without: Speedup): Side => ({ ...ours(module, { ...options, without }), label: `without ${without}` });
  const sides = [ours(module, options), ...SPEEDUPS.map(off)];
  return { name: `ablation-${module}`, group: "ablation", title, sides };
}

function inference(name: string, model: string, variant: string, size: Size, title: string): BenchCase {
  const options = { variant, size, batch: 1 };
  const exported = (label: string, runner: Side["runner"]): Side => ({
    label: `PyTorch's export in ${label}`,
    runner,
    case: "onnx",
    options,
    usesExport: true,
  });
  const sides = [
    ours(model, options),
    exported("onnxruntime-node", "node"),
    exported("onnxruntime (Python)", "python"),
    ...torch(model, options),
  ];
  return { name, group: "inference", title, sides, exported: { model, options } };
}

/** EfficientFormer-nano is ours, without a peer. */
const ZOO = backboneNames().filter((name) => name !== "efficientformer-nano");

/** One of each family, dense. */
const ZOO_DENSE = [
  "efficientformer-l1",
  "efficientformerv2-s1",
  "resnet-50",
  "poolformer-s12",
  "mobilenetv2-x1.0",
  "mobilevit-xs",
  "efficientnet-lite0",
  "repvit-m0.9",
  "deit-small",
] as const;

/** A backbone compared with timm's or torchvision's in every PyTorch variant, and with PyTorch's export. */
function zoo(variant: string, module: "zoo-classifier" | "zoo-dense", size: Size): BenchCase {
  const options = { variant, size, batch: 1 };
  const exported: Side = {
    ...{ label: "PyTorch's export in onnxruntime-node", runner: "node", case: "onnx", options, usesExport: true },
  };
  const compiled: Side = {
    ...{ label: "PyTorch compiled", runner: "python", case: module },
    options: { ...options, layout: "compiled" },
  };
  return {
    name: module === "zoo-dense" ? `zoo-${variant}-dense` : `zoo-${variant}`,
    group: "zoo",
    title: `${variant}, ${module === "zoo-dense" ? "dense backbone" : "classifier"}, ${size[0]}²`,
    sides: [ours(module, options), exported, ...torch(module, options), compiled],
    exported: { model: module, options },
  };
}

/** MobileViT is made for images of 256². */
const zooClassifier = (name: string): BenchCase =>
  zoo(name, "zoo-classifier", name.startsWith("mobilevit") ? [256, 256] : [224, 224]);

function prediction(
  name: string,
  title: string,
  peers: readonly (readonly [label: string, variant: string])[],
): BenchCase {
  const sides = peers.map(([label, variant]): Side => ({ label, runner: "python", case: name, options: { variant } }));
  return { name, group: "predict", title, sides: [ours(name, { variant: "l1" }), ...sides], usesImage: true };
}

/** Our loader and PyTorch's DataLoader, which decodes images as torchvision's data sets do, or by its own decoder. */
function loading(name: string, title: string): BenchCase {
  const peer = (label: string, variant: string): Side => ({
    label,
    runner: "python",
    case: name,
    options: { variant },
  });
  const sides = [
    ours(name, {}),
    peer("DataLoader, torchvision v2, PIL", "pil"),
    peer("DataLoader, torchvision v2, torchvision.io", "torchvision"),
  ];
  const perRun = { count: 2 * BATCHES_PER_RUN, unit: "images" };
  return { name, group: "loader", title, sides, usesData: true, perRun };
}

const peer = (label: string, name: string, options: Partial<CaseOptions> = {}): Side => ({
  label,
  runner: "python",
  case: name,
  options,
});

function coco(type: "bbox" | "segm", what: string): BenchCase {
  const options = { variant: type };
  return {
    name: `coco-${type}`,
    group: "evaluation",
    title: `COCO evaluation of ${what}, files to metrics: 5,000 images, 36,781 objects, 500,000 detections`,
    sides: [
      ours("coco-files", options),
      peer("pycocotools", "pycocotools", options),
      peer("faster-coco-eval", "faster-coco-eval", options),
    ],
    writeFiles: (folder) => writeCocoFiles(folder, COCO_VAL),
    cold: true,
  };
}

function miou(name: string, what: string, noisy: boolean): BenchCase {
  return {
    name,
    group: "evaluation",
    title: `mIoU of 2,000 label maps of 512×683 in memory, 150 classes, ${what}`,
    sides: [ours("miou", {}), peer("NumPy bincount", "numpy-bincount"), peer("MMSegmentation's histc", "mmseg-histc")],
    writeFiles: (folder) => writeMaps(folder, noisy),
    cold: true,
  };
}

export const SUITE: readonly BenchCase[] = [
  training("backbone-step", "backbone-step", "Dense L1 backbone, forward + backward, 512², batch 2"),
  training(
    "mask-rcnn-step",
    "mask-rcnn-step",
    "Mask R-CNN L1, whole step with AdamW, 512², batch 2, 8 objects per image",
  ),
  training(
    "mask-rcnn-step-crowded",
    "mask-rcnn-step",
    "Mask R-CNN L1, whole step with AdamW, 512², batch 2, 64 objects per image",
    { objects: 64 },
  ),
  training("semantic-fpn-step", "semantic-fpn-step", "Semantic FPN L1, whole step with AdamW, 512², batch 2"),
  inference("l1-224", "classifier", "l1", [224, 224], "L1 classifier, 224²"),
  inference("l3-224", "classifier", "l3", [224, 224], "L3 classifier, 224²"),
  inference("l7-224", "classifier", "l7", [224, 224], "L7 classifier, 224²"),
  inference("l1-dense-512", "backbone", "l1", [512, 512], "Dense L1 backbone, 512²"),
  inference("l1-dense-800", "backbone", "l1", [800, 1344], "Dense L1 backbone, 800×1344"),
  inference("semantic-fpn-512", "semantic-fpn", "l1", [512, 512], "Semantic FPN L1, 512², to a label map"),
  prediction("mask-rcnn-predict", "Mask R-CNN, JPEG to boxes and masks", [
    ["torchvision's Mask R-CNN with L1", "l1"],
    ["torchvision's Mask R-CNN with ResNet-50", "resnet50"],
  ]),
  prediction("semantic-fpn-predict", "Semantic FPN, JPEG to label map", [["PyTorch", "l1"]]),
  loading("loader-coco", "COCO's training pipeline with masks, 800×1333, batches of 2"),
  loading("loader-ade20k", "ADE20K's training pipeline, scaled by ½–2, 512², batches of 2"),
  {
    name: "read-pth",
    group: "formats",
    title: "Reading a 340 MB .pth",
    sides: [
      ours("read-pth", {}),
      { label: "bytes only, in Node", runner: "node", case: "read-pth", options: { variant: "bytes" } },
      { label: "torch.load", runner: "python", case: "read-pth", options: { variant: "load" } },
      {
        label: "torch.load(mmap=True), tensors copied",
        runner: "python",
        case: "read-pth",
        options: { variant: "mmap" },
      },
    ],
    usesWeights: true,
  },
  coco("bbox", "boxes"),
  coco("segm", "masks"),
  miou("miou", "regions", false),
  miou("miou-noise", "every pixel drawn independently", true),
  ablation("backbone-step", "What makes the dense L1 backbone's step fast, 512², batch 2"),
  ablation("mask-rcnn-step", "What makes the step of Mask R-CNN L1 fast, 512², batch 2, 8 objects per image"),
  ablation("semantic-fpn-step", "What makes the step of Semantic FPN L1 fast, 512², batch 2"),
  ...ZOO.map(zooClassifier),
  ...ZOO_DENSE.map((name) => zoo(name, "zoo-dense", [512, 512])),
];
