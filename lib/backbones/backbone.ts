import { z } from "zod";
import { add, check, mean, mul, scalar, type Value } from "../graph/index.js";
import type { Context } from "../nn/context.js";
import { type Layer, type Linear, linear } from "../nn/layers.js";
import type { ParameterScope } from "../nn/parameters.js";
import type { Naming, WeightAdapter } from "../nn/weightNames.js";
import { weightsPath } from "../schemas/fields.js";

/** A network that turns images into feature maps of falling resolution. What follows reads its channels and strides. */
export interface Backbone {
  /** Channels of each output map. */
  readonly channels: readonly number[];
  /** Image pixels per map pixel of each output. */
  readonly strides: readonly number[];
  /** Height and width of an image must be multiples of this. */
  readonly multiple: number;
  /**
   * What can be frozen, in the order the image passes it: for the stem, then for each stage, the paths of its modules
   * within the backbone, such as `network.0`.
   */
  readonly stages: readonly (readonly string[])[];

  /** @param x [B, 3, H, W] normalised images @returns one map [B, channels, H / stride, W / stride] an output */
  readonly forward: (x: Value, context: Context) => Value[];
}

/** A network that turns images into scores of classes. Its layers are the backbone's, and so are the stages. */
export interface Classifier extends Pick<Backbone, "stages"> {
  /** @param x [B, 3, H, W] normalised images @returns logits [B, classes]; of two heads the mean */
  readonly forward: (x: Value, context: Context) => Value;
  /** Of a model with a second head for distillation, both heads' logits: [B, classes] twice. */
  readonly forwardHeads?: (x: Value, context: Context) => readonly [head: Value, distillation: Value];
}

export interface ClassifierOptions extends MakeOptions {
  readonly classes: number;
}

export interface MakeOptions {
  /** Side of the images the model is made for, in pixels: 800 for detection, 512 for segmentation, 224 for classification. */
  readonly imageSide: number;
}

/** What a config says in place of the path of the weights that are published for a backbone. */
export const IMAGENET = "imagenet";

/** Weights of a classifier of ImageNet-1k that are published on the Hugging Face hub. */
export interface PublishedWeights {
  /** OWNER/NAME */
  readonly repository: string;
  readonly licence: string;
  /** What who uses them should know. */
  readonly note?: string;
}

/** Published weights of one licence. @param names of the repositories of timm, by variant */
export const ofTimm =
  (licence: string, names: Readonly<Record<string, string>>, note?: string) =>
  (variant: string | number | undefined): PublishedWeights | undefined => {
    const name = names[String(variant)];
    return name === undefined
      ? undefined
      : { repository: `timm/${name}`, licence, ...(note !== undefined && { note }) };
  };

/** Keys that the config of every backbone has. */
const generalKeys = {
  frozenStages: z
    .int()
    .min(0)
    .max(4)
    .default(0)
    .describe("The stem and this many stages are not trained; 0 trains everything"),
  batchNorm: z
    .enum(["training", "evaluation"])
    .default("training")
    .describe("training: batch statistics, running averages updated; evaluation: running averages used and kept"),
  weights: weightsPath(
    "Initial weights of the backbone: a file (.safetensors, .pth, .npz), hf://OWNER/NAME[/FILE][@REVISION], https://… or imagenet, the published ones (see docs/weights.md); without it, random weights",
    [IMAGENET],
  ).exactOptional(),
};

/** The key of backbones with stochastic depth. */
export const dropPathKey = z
  .number()
  .min(0)
  .lt(1)
  .default(0)
  .describe("Stochastic depth: rate of the last block, rising linearly from 0 at the first");

/** The config's schema of a backbone: its `type`, its own keys, and those of every backbone. */
export function backboneSchema<Type extends string, Shape extends z.ZodRawShape>(type: Type, keys: Shape) {
  return z.strictObject({ type: z.literal(type), ...keys, ...generalKeys });
}

/** A family of backbones: all that the project knows of it. lib/backbones/index.ts has the table of them. */
export interface BackboneKind<Schema extends z.ZodType = z.ZodType> {
  /** Made by `backboneSchema`. */
  readonly schema: Schema;
  /** Makes the layers; parameter names are those of the published checkpoints. */
  readonly make: (scope: ParameterScope, config: z.output<Schema>, options: MakeOptions) => Backbone;
  /** The same layers as a classifier, with the published heads. */
  readonly classifier: (scope: ParameterScope, config: z.output<Schema>, options: ClassifierOptions) => Classifier;
  /** The model's name as people write it, such as "EfficientFormer L1". */
  readonly title: (config: z.output<Schema>) => string;
  /** Other people's names of its parameters. */
  readonly namings: readonly Naming[];
  /** A name that only files with the published names have, and whose they are. */
  readonly published: Pick<Naming, "name" | "mark">;
  /**
   * The layers whose learning rates differ where it decays layer by layer: their modules' paths, the stem's first, a
   * classifier's last norm with the last. Default: the stages, and `norm` with the last. Other parameters count as the head's.
   */
  readonly layers?: (config: z.output<Schema>) => Layers;
  /** Of a supernet: what is chosen while it trains. */
  readonly choices?: (config: z.output<Schema>) => Choices;
  /** The weights that `weights: imagenet` stands for; undefined where none are published for this config. */
  readonly imagenet?: (config: z.output<Schema>) => PublishedWeights | undefined;
  /** What loading does where a checkpoint differs by design. @param config its keys may be left out: the defaults hold */
  readonly adapter?: (config?: z.output<Schema>) => WeightAdapter;
}

/** What a supernet chooses among, by the names within the backbone of what tells how much each choice counts. */
export interface Choices {
  readonly paths: readonly MetaPath[];
  /** The buffer [1] that divides them before the softmax: the less, the harder the choice. */
  readonly temperature: string;
}

/** A place of a supernet where one of several things may be. */
export interface MetaPath {
  /** The parameter [choices]. */
  readonly alpha: string;
  /** Which stage it is of and which of its blocks, both counted from 0. */
  readonly stage: number;
  readonly block: number;
  readonly choices: readonly string[];
}

/** Paths of modules within the backbone, a list for each layer in the order the image passes them. */
export type Layers = readonly (readonly string[])[];

/** Every block of every stage as a layer. */
export const blockLayers = (
  depths: readonly number[],
  paths: (stage: number, block: number) => readonly string[],
): Layers => depths.flatMap((depth, stage) => Array.from({ length: depth }, (_, block) => paths(stage, block)));

/** Layers with more in the last one. */
export const withLast = (layers: Layers, ...paths: readonly string[]): Layers => [
  ...layers.slice(0, -1),
  [...(layers.at(-1) ?? []), ...paths],
];

/** Says of a backbone what there is to say; the types of `make` and `title` follow from the schema. */
export const backboneKind = <Schema extends z.ZodType>(kind: BackboneKind<Schema>): BackboneKind<Schema> => kind;

/** @throws GraphError unless both sides of the images are multiples of a number */
export function checkSides(x: Value, multiple: number): void {
  const [height, width] = x.shape.slice(2) as [number, number];
  check(
    height % multiple === 0 && width % multiple === 0,
    () => `images of ${height} × ${width}; sides must be multiples of ${multiple}`,
  );
}

/** Runs stages one after the other and gives the output of each. */
export function inTurn(stages: readonly Layer[], x: Value, context: Context): Value[] {
  let value = x;
  return stages.map((stage) => {
    value = stage(value, context);
    return value;
  });
}

/**
 * A backbone of four parts, one after the other, that give maps at strides 4, 8, 16 and 32, or at others.
 *
 * @param options.parts the first takes the images @param options.stages as in `Backbone`
 */
export function fourStages({
  channels,
  parts,
  stages,
  strides = [4, 8, 16, 32],
}: Pick<Backbone, "channels" | "stages"> &
  Partial<Pick<Backbone, "strides">> & { readonly parts: readonly Layer[] }): Backbone {
  return {
    channels,
    strides,
    multiple: 32,
    stages,
    forward(x, context) {
      checkSides(x, 32);
      return inTurn(parts, x, context);
    },
  };
}

/** The mean of each channel and a linear layer: maps [B, C, H, W] → logits [B, classes]. */
export function pooledHead(
  scope: ParameterScope,
  {
    channels,
    classes,
    ...initialisers
  }: { readonly channels: number; readonly classes: number } & Pick<Linear, "initWeight" | "initBias">,
): Layer {
  const head = linear(scope.ofOutput(), { in: channels, out: classes, ...initialisers });
  return (x, context) => head(mean(x, { axes: [2, 3] }), context);
}

/** A classifier with a second head for distillation: what it answers is the mean of both. */
export function distilled(
  stages: Classifier["stages"],
  forwardHeads: NonNullable<Classifier["forwardHeads"]>,
): Classifier {
  return { stages, forwardHeads, forward: (x, context) => mul(add(...forwardHeads(x, context)), scalar(0.5)) };
}
