import { gridBias } from "../backbones/attention.js";
import { CLASSIFIER_SIDE, sideOf } from "../backbones/efficientformer.js";
import { embedding, mb3d, mb4d, STRIDES, stem, toTokens, trunkClassifier } from "../backbones/efficientformerParts.js";
import { input, sizeOf, type TensorData } from "../graph/index.js";
import type { Outputs } from "../graph/passes/rewrite.js";
import { Context } from "../nn/context.js";
import type { Layer } from "../nn/layers.js";
import { type Parameter, ParameterList, type ParameterScope, ParameterValues } from "../nn/parameters.js";
import type { Size } from "../pixels/image.js";
import { Random } from "../random.js";
import { type Part, partName } from "./parts.js";

/** The conditions that networks run under. */
export interface PartSetting {
  readonly batch: number;
  /** Of the images. */
  readonly size: Size;
  readonly classes: number;
}

export interface PartGraph {
  readonly outputs: Outputs;
  /** The graph's inputs by name: noise. */
  readonly inputs: Readonly<Record<string, TensorData>>;
  readonly parameters: readonly Parameter[];
}

/** A part of a network as a graph of its own with random parameters, which do not affect its latency. */
export function partGraph(part: Part, setting: PartSetting): PartGraph {
  const name = partName(part);
  const made = record(part, setting, (values) =>
    values.initialise((parameter) => Random.of("slimming", name, parameter)),
  );
  const random = Random.of("slimming", name);
  const length = sizeOf(inputShape(part, setting));
  return { ...made, inputs: { x: Float32Array.from({ length }, () => random.uniform(-2, 2)) } };
}

/** The same for counting only. */
export function countedGraph(part: Part, setting: PartSetting): Omit<PartGraph, "inputs"> {
  return record(part, setting, ({ flat, flatBuffers }) => {
    for (const array of [flat, flatBuffers]) array.fill(0.5); // a graph with 0 or 1 would be simplified
  });
}

function record(part: Part, setting: PartSetting, fill: (values: ParameterValues) => void): Omit<PartGraph, "inputs"> {
  const list = new ParameterList();
  const layer = layerOf(part, list.scope("backbone"), setting);
  const values = new ParameterValues(list.all);
  fill(values);
  const x = input("x", inputShape(part, setting));
  return { outputs: { y: layer(x, Context.inference(values)) }, parameters: list.all };
}

function layerOf(part: Part, scope: ParameterScope, { classes }: PartSetting): Layer {
  const block = { channels: part.width, dropPath: 0, layerScaleInit: 1e-5 };
  switch (part.kind) {
    case "stem":
      return stem(scope, part.width);
    case "embedding":
      return embedding(scope, part.from, part.width);
    case "MB4D":
      return mb4d(scope, block);
    case "MB3D":
      return mb3d(scope, block, gridBias({ side: sideOf(part.stage - 1, CLASSIFIER_SIDE) }));
    case "switch":
      return toTokens;
    case "head": {
      const nothing = { stem: itself, stages: [itself], embeddings: [] };
      return trunkClassifier(scope, nothing, { channels: part.width, classes }).forward;
    }
  }
}

const itself: Layer = (x) => x;

function inputShape(part: Part, { batch, size }: PartSetting): number[] {
  const mapOf = (stage: number): [number, number] => {
    const stride = STRIDES[stage - 1]!;
    return [size.height / stride, size.width / stride];
  };
  switch (part.kind) {
    case "stem":
      return [batch, 3, size.height, size.width];
    case "embedding":
      return [batch, part.from, ...mapOf(part.stage - 1)];
    case "MB4D":
    case "switch":
      return [batch, part.width, ...mapOf(part.stage)];
    case "MB3D":
      return [batch, tokens(mapOf(part.stage)), part.width];
    case "head":
      return [batch, tokens(mapOf(4)), part.width];
  }
}

const tokens = ([height, width]: readonly [number, number]): number => height * width;
