import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../../lib/config/load.js";
import type { Random } from "../../../lib/random.js";
import { mutate } from "../mutate.js";
import type { FuzzTarget } from "../target.js";
import { anyJson, anyName, anyNumber, mutateText, oneOf } from "../words.js";

const OBJECTS = `task: detection
model:
  backbone: { type: efficientformer, variant: nano, weights: w.pth }
  neck: { type: fpn, channels: 128 }
  head: { type: maskRcnn }
data:
  type: coco
  train: { annotations: a/train.json, images: a/train }
  val: &val { annotations: a/val.json, images: '\${DENSEKIT_DATA}/val' }
  transforms:
    train: [{ type: resize, scale: [640, 480] }, { type: randomFlip }]
    test: [{ type: resize, scale: [640, 480] }]
training:
  steps: 300
  optimizer: { type: adamw, lr: 2e-4, betas: [0.9, 0.99] }
  schedule: { type: step, milestones: [100, 200], warmup: { steps: 5 } }
engine: { providers: [cpu], threads: 2 }
`;
const MAPS = `extends: base.yaml
task: segmentation
data:
  type: labelMaps
  train: { images: p, labelMaps: l }
  classes: [road, building, tree]
training: { optimizer: { type: sgd, lr: 1 }, clipNorm: null }
`;
const WORDS = [
  ...[
    "type",
    "null",
    "extends",
    "base.yaml",
    "config.yaml",
    "&a",
    "*a",
    "<<",
    "!!set",
    "sgd",
    "adamw",
    "coco",
    "- a\n",
  ],
  ...["poly", "cosine", "transforms", "classes", "output", "~", "seed", "palette"],
];
/** Separates the files and settings of an input. */
const CUT = "\u0001";

/** Nested aliases, each anchor with several of the previous one. */
function laughs(random: Random): string {
  const wide = 1 + random.integer(12);
  return Array.from({ length: random.integer(12) }, (_, i) => {
    const items = Array.from({ length: wide }, () => (i === 0 ? anyNumber(random) : `*a${random.integer(i)}`));
    return `k${i}: &a${i} [${items.join(", ")}]\n`;
  }).join("");
}

function anyConfig(random: Random): string {
  const seed = oneOf(random, [OBJECTS, OBJECTS, MAPS]);
  switch (random.integer(6)) {
    case 0:
      return seed;
    case 1:
      return laughs(random) + seed;
    case 2:
      return anyJson(random, 6);
    case 3:
      return Buffer.from(mutate(Buffer.from(seed), random)).toString();
    default:
      return mutateText(seed, random, WORDS);
  }
}

const PATHS = ["training.steps", "data.train.images", "training.optimizer", "model.head", "engine.threads", "output"];

/** A file, one that it may extend, and a setting. */
function anyInput(random: Random): string {
  const path = random.integer(3) === 0 ? `${oneOf(random, PATHS)}.${anyName(random)}` : oneOf(random, PATHS);
  const value = oneOf(random, [anyNumber(random), anyJson(random), "{type:sgd,lr:1}", "null", "", anyName(random)]);
  return [anyConfig(random), anyConfig(random), random.integer(2) === 0 ? "" : `${path}=${value}`].join(CUT);
}

export const target: FuzzTarget = {
  about: "configs with what they extend and settings: damaged, full of aliases, of any values",
  open(folder) {
    const path = join(folder, "config.yaml");
    return {
      make: (random) => Buffer.from(anyInput(random)),
      attempt(input) {
        const [config = "", base = "", setting = ""] = Buffer.from(input).toString().split(CUT);
        writeFileSync(path, config);
        writeFileSync(join(folder, "base.yaml"), base);
        loadConfig(path, { overrides: setting === "" ? [] : [setting], environment: {} });
      },
    };
  },
};
