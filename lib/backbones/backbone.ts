import { z } from "zod";
import { add, check, mean, mul, scalar, type Value } from "../graph/index.js";
import type { Context } from "../nn/context.js";
import { type Layer, type Linear, linear } from "../nn/layers.js";
import type { ParameterScope } from "../nn/parameters.js";
import type { Naming, WeightAdapter } from "../nn/weightNames.js";
import { weightsPath } from "../schemas/fields.js";

/** A network that turns images into feature maps of falling resolution. Neck and heads read its channels and strides. */
export interface Backbone {
  /** Channels of each output map. */
  readonly channels: readonly number[];
  /** Image pixels per map pixel of each output. */
  readonly strides: readonly number[];
  /** Height and width of an image must be multiples of this. */
  readonly multiple: number;
  /**
   * The parts that can be frozen, in the order the image passes through them: for the stem, then for each stage, the paths of
   * its modules within the backbone, such as `network.0`.
   */
  readonly stages: readonly (readonly string[])[];

  /** @param x [B, 3, H, W] normalised images @returns one map [B, channels, H / stride, W / stride] per output */
  readonly forward: (x: Value, context: Context) => Value[];
}

/** A network that turns images into class scores. It has the backbone's layers and stages. */
export interface Classifier extends Pick<Backbone, "stages">, Partial<Pick<Backbone, "multiple">> {
  /** @param x [B, 3, H, W] normalised images @returns logits [B, classes]; the mean if there are two heads */
  readonly forward: (x: Value, context: Context) => Value;
  /** Both heads' logits, [B, classes] twice, if the model has a second head for distillation. */
  readonly forwardHeads?: (x: Value, context: Context) => readonly [head: Value, distillation: Value];
}

/** What a classifier is made for. */
export interface ClassifierOptions extends MakeOptions {
  readonly classes: number;
}

/** What a backbone is made for. */
export interface MakeOptions {
  /** Side in pixels of the images that the model is made for: 800 for detection, 512 for segmentation, 224 for classification. */
  readonly imageSide: number;
}

/** Stands in a config for a backbone's published weights. */
export const IMAGENET = "imagenet";

/** Weights of an ImageNet-1k classifier that are published on the Hugging Face hub. */
export interface PublishedWeights {
  /** OWNER/NAME */
  readonly repository: string;
  readonly licence: string;
  /** What users should know about them. */
  readonly note?: string;
}

/** Published weights under one licence. @param names of timm's repositories, by variant */
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

/** The schema of a backbone's config: its `type`, its own keys, and those of every backbone. */
export function backboneSchema<Type extends string, Shape extends z.ZodRawShape>(type: Type, keys: Shape) {
  return z.strictObject({ type: z.literal(type), ...keys, ...generalKeys });
}

/** A family of backbones: everything the project knows about it. lib/backbones/index.ts has the table of them. */
export interface BackboneKind<Schema extends z.ZodType = z.ZodType> {
  /** Made by `backboneSchema`. */
  readonly schema: Schema;
  /** Makes the layers; parameter names are those of the published checkpoints. */
  readonly make: (scope: ParameterScope, config: z.output<Schema>, options: MakeOptions) => Backbone;
  /** The same layers as a classifier, with the published heads. */
  readonly classifier: (scope: ParameterScope, config: z.output<Schema>, options: ClassifierOptions) => Classifier;
  /** The model's name in prose, such as "EfficientFormer L1". */
  readonly title: (config: z.output<Schema>) => string;
  /** The names of its parameters in other libraries. */
  readonly namings: readonly Naming[];
  /** A name that only files with the published names have, and whose names these are. */
  readonly published: Pick<Naming, "name" | "mark">;
  /**
   * Groups of layers for layer-wise learning rate decay: their modules' paths, the stem's first, a classifier's last norm with
   * the last. Default: the stages, and `norm` with the last. Other parameters count as the head's.
   */
  readonly layers?: (config: z.output<Schema>) => Layers;
  /** The choices of a supernet. */
  readonly choices?: (config: z.output<Schema>) => Choices;
  /** The weights that `weights: imagenet` stands for; undefined if none are published for this config. */
  readonly imagenet?: (config: z.output<Schema>) => PublishedWeights | undefined;
  /** How loading handles checkpoints that differ by design. @param config its keys may be left out for their defaults */
  readonly adapter?: (config?: z.output<Schema>) => WeightAdapter;
}

/** The choices of a supernet, with the names, within the backbone, of the tensors that weight them. */
export interface Choices {
  readonly paths: readonly MetaPath[];
  /** The buffer [1] that divides them before the softmax: the lower, the harder the choice. */
  readonly temperature: string;
}

/** A place in a supernet with several candidate blocks. */
export interface MetaPath {
  /** The parameter [choices]. */
  readonly alpha: string;
  /** The index of its stage and of its block in it. */
  readonly stage: number;
  readonly block: number;
  readonly choices: readonly string[];
}

/** Paths of modules within the backbone, a list per layer, in the order the image passes through them. */
export type Layers = readonly (readonly string[])[];

/** Every block of every stage as a layer. */
export const blockLayers = (
  depths: readonly number[],
  paths: (stage: number, block: number) => readonly string[],
): Layers => depths.flatMap((depth, stage) => Array.from({ length: depth }, (_, block) => paths(stage, block)));

/** The layers with more paths in the last one. */
export const withLast = (layers: Layers, ...paths: readonly string[]): Layers => [
  ...layers.slice(0, -1),
  [...(layers.at(-1) ?? []), ...paths],
];

/** Defines a backbone; the types of `make` and `title` follow from the schema. */
export const backboneKind = <Schema extends z.ZodType>(kind: BackboneKind<Schema>): BackboneKind<Schema> => kind;

/** @throws GraphError unless both sides of the images are multiples of `multiple` */
export function checkSides(x: Value, multiple: number): void {
  const [height, width] = x.shape.slice(2) as [number, number];
  check(
    height % multiple === 0 && width % multiple === 0,
    () => `images of ${height} × ${width}; sides must be multiples of ${multiple}`,
  );
}

/** Runs stages one after the other and returns the output of each. */
export function inTurn(stages: readonly Layer[], x: Value, context: Context): Value[] {
  let value = x;
  return stages.map((stage) => {
    value = stage(value, context);
    return value;
  });
}

/**
 * A backbone with a stem and four stages, whose maps have strides 4, 8, 16 and 32, or others.
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

/** A classifier with a second head for distillation: its logits are the mean of both. */
export function distilled(
  stages: Classifier["stages"],
  forwardHeads: NonNullable<Classifier["forwardHeads"]>,
): Classifier {
  return { stages, forwardHeads, forward: (x, context) => mul(add(...forwardHeads(x, context)), scalar(0.5)) };
}
