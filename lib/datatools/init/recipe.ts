import type { Facts } from "./facts.js";
import type { FoundData } from "./recognise.js";

/** Sizes of models, the smallest first. */
export const MODEL_SIZES = {
  nano: { backbone: "efficientformer-nano", about: "EfficientFormer nano, from random weights: nothing is downloaded" },
  small: { backbone: "resnet-18", about: "ResNet-18, from ImageNet weights" },
  medium: { backbone: "efficientformer-l1", about: "EfficientFormer L1, from ImageNet weights" },
  large: { backbone: "efficientformer-l3", about: "EfficientFormer L3, from ImageNet weights" },
} as const;
export type ModelSize = keyof typeof MODEL_SIZES;

/** What a config says that depends on the data, each with the reason. */
export interface Recipe {
  /** What the shipped files are called that it extends. */
  readonly extend: readonly string[];
  readonly pretrained: boolean;
  readonly batchSize: number;
  readonly steps: number;
  readonly epochs: number;
  readonly evaluateEvery: number;
  /** The longer and the shorter side that images are resized to. */
  readonly scale: readonly [long: number, short: number];
  /** Side of the anchors over the stride, where it is not the default. */
  readonly anchorScale?: number;
  readonly lr: number;
}

const MOST_EPOCHS = 60;
const LEAST_STEPS = 1000;
const MANY_STEPS = 20_000;
const LEAST_EPOCHS = 12;
/** Of the longer side: what images are resized to, and to what at most so that small objects are seen. */
const SIDE = 640;
const MOST_SIDE = 1024;
const CLASSIFIED_SIDE = 224;
/** Objects smaller than this after resizing, in pixels, call for larger images, then for smaller anchors. */
const SMALL_OBJECT = 24;

/** What recipes of a task have in common. */
interface TaskRecipe {
  /** The shipped file with the model without its backbone. @param narrow half the width, for small models */
  model(narrow: boolean): string;
  readonly batchSize: number;
  readonly weightDecay: string;
  /** @returns also the objects' side after resizing, where there are objects */
  scale(facts: Facts): [scale: Scale, object?: number];
  /** Lines of data.transforms. @param why a comment for the first */
  transforms(scale: Scale, why: string): { readonly train: readonly string[]; readonly test: readonly string[] };
}

type Scale = readonly [long: number, short: number];

const resized = {
  scale: resizedScale,
  transforms([long, short]: Scale, why: string) {
    const resize = `{ type: resize, scale: [${long}, ${short}] }`;
    return { train: [`${resize} # ${why}; proportions are kept`, "{ type: randomFlip }"], test: [resize] };
  },
};

export const TASK_RECIPES: { readonly [T in FoundData["task"]]: TaskRecipe } = {
  detection: { ...resized, model: (narrow) => `mask-rcnn_fpn${narrow ? 128 : ""}`, batchSize: 2, weightDecay: "1e-4" },
  segmentation: {
    ...resized,
    model: (narrow) => `semantic-fpn_fpn${narrow ? 128 : ""}`,
    batchSize: 4,
    weightDecay: "1e-4",
  },
  classification: {
    model: () => "classifier",
    batchSize: 16,
    weightDecay: "0.05",
    scale({ short }) {
      const side = Math.min(multiple(short), CLASSIFIED_SIDE);
      return [[side, side]];
    },
    transforms: ([side], why) => ({
      train: [`{ type: randomResizedCrop, size: ${side}, area: [0.5, 1] } # ${why}`, "{ type: randomFlip }"],
      test: [`{ type: centreCrop, resize: ${Math.round(1.125 * side)}, size: ${side} }`],
    }),
  },
};

export function recipeOf(task: FoundData["task"], size: ModelSize, facts: Facts): Recipe {
  const { backbone } = MODEL_SIZES[size];
  const pretrained = size !== "nano";
  const { model, batchSize: usual, scale: scaleOf } = TASK_RECIPES[task];
  const batchSize = Math.min(usual, Math.max(1, facts.images));
  const inEpochs = (epochs: number): number => Math.ceil((epochs * facts.images) / batchSize);
  const steps = rounded(
    Math.max(LEAST_STEPS, Math.min(inEpochs(MOST_EPOCHS), Math.max(MANY_STEPS, inEpochs(LEAST_EPOCHS)))),
  );
  const [scale, object] = scaleOf(facts);
  return {
    ...{ extend: [model(size === "nano" || size === "small"), backbone], pretrained, batchSize, steps, scale },
    epochs: (steps * batchSize) / Math.max(1, facts.images),
    evaluateEvery: Math.max(50, Math.round(steps / 10)),
    ...(object !== undefined && object < SMALL_OBJECT && { anchorScale: 4 }),
    lr: pretrained ? 1e-4 : 5e-4,
  };
}

/** To two digits, so that it reads well. */
function rounded(steps: number): number {
  const digit = 10 ** Math.max(0, Math.floor(Math.log10(steps)) - 1);
  return Math.ceil(steps / digit) * digit;
}

const multiple = (side: number): number => Math.max(64, Math.round(side / 32) * 32);

/** Of all images the proportions of the median one. */
function resizedScale({ long, short, object }: Facts): [scale: Scale, object?: number] {
  let side = Math.min(long, SIDE);
  if (object !== undefined && object > 0) {
    side = Math.min(Math.max(side, (SMALL_OBJECT * long) / object), long, MOST_SIDE);
  }
  // Images that are not made smaller stay as they are: the loader pads.
  const longer = Math.max(64, side === long ? long : multiple(side));
  const scale: Scale = [longer, Math.max(1, Math.round((longer * short) / long))];
  return object === undefined ? [scale] : [scale, (object * scale[0]) / long];
}
