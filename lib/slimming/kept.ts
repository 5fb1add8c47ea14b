import { type EfficientFormerSize, WIDTH_STEP } from "../backbones/efficientformerSizes.js";
import { type BlockPlace, SUPERNET_NAMES } from "../backbones/efficientformerSupernet.js";
import { UserError } from "../errors.js";
import { BACKBONE_PREFIX } from "../models/backbone.js";
import type { ParameterValues } from "../nn/parameters.js";
import type { Architecture } from "./architecture.js";

/** A block that an architecture has. */
export interface KeptBlock extends BlockPlace {
  readonly choice: "MB4D" | "MB3D";
}

/** The parts of a supernet that an architecture keeps; indices ascend. */
export interface Kept {
  /** By stage. */
  readonly blocks: readonly (readonly KeptBlock[])[];
  /** Channels, by stage. */
  readonly channels: readonly Int32Array[];
  /** Channels between the stem's two convolutions. */
  readonly stem: Int32Array;
  /** Channels inside a block's MLP. */
  readonly hidden: (block: KeptBlock) => Int32Array;
}

/** @throws UserError where an architecture is not one of the supernet's */
export function checkWithin(size: EfficientFormerSize, { widths, paths }: Architecture): void {
  for (const [stage, width] of widths.entries()) {
    const at = `stage ${stage + 1}`;
    const most = size.widths[stage]!;
    if (width % WIDTH_STEP !== 0 || width < WIDTH_STEP || width > most) {
      throw new UserError(`${at} is to be ${width} wide; expected a multiple of ${WIDTH_STEP} of at most ${most}`);
    }
    const choices = paths[stage] ?? [];
    if (choices.length !== size.depths[stage]) {
      throw new UserError(`${at} has ${size.depths[stage]} MetaPaths, but ${choices.length} are chosen`);
    }
    if (choices.every((choice) => choice === "identity")) throw new UserError(`${at} has no block left; keep one`);
  }
  const flat = paths.flat();
  const convolutional = flat.length - size.attentionBlocks;
  const first = flat.indexOf("MB3D");
  if (first >= 0 && first < convolutional) {
    throw new UserError(
      `block ${first + 1} of the network is to be MB3D, which only the last ${flat.length - convolutional} may be`,
    );
  }
  const after = first < 0 ? -1 : flat.indexOf("MB4D", first);
  if (after >= 0) throw new UserError(`block ${after + 1} of the network is MB4D after an MB3D; MB3D come last`);
}

/**
 * The blocks of an architecture, and the channels that it keeps in each stage and inside each block: the most important ones
 * by the supernet's weights.
 *
 * The importance of a stage's channel combines how much it varies with how much its readers use it: the absolute scale of the
 * batch norm that produces it (the stem's last one, or the embedding's), times the sum over its readers of the L1 norm of
 * their weights. Readers are the MLPs and the attention of the stage's blocks that the architecture keeps, the next embedding
 * or a classifier's heads, and a pyramid's lateral convolution. Each reader's norms are divided by their mean, so that all
 * readers count equally. A channel inside an MLP, or between the stem's convolutions, is scored by the scale of its norm (in
 * MB3D, which has none there, the L1 norm of the weights that produce it) times the L1 norm of the weights that read it. Ties
 * go to the lower index.
 *
 * @param values of a model whose backbone is a supernet of that size
 * @throws UserError where an architecture is not one of the supernet's
 */
export function keptOf(values: ParameterValues, size: EfficientFormerSize, architecture: Architecture): Kept {
  checkWithin(size, architecture);
  const weights = readerOf(values);
  const blocks = architecture.paths.map((choices, stage) =>
    choices.flatMap((choice, block) => (choice === "identity" ? [] : [{ stage, block, choice }])),
  );
  const channels = architecture.widths.map((width, stage) => {
    const readers = blocks[stage]!.flatMap((block) => readersWithin(block)).concat(readersAfter(stage));
    return largest(product(weights.scales(makerOf(stage)), weights.meanColumns(readers)), width);
  });
  const hidden = (block: KeptBlock): Int32Array => {
    const mlp = `${SUPERNET_NAMES.block(block, block.choice)}.mlp`;
    const made = block.choice === "MB4D" ? weights.scales(`${mlp}.norm1`) : weights.rows(`${mlp}.fc1`);
    const share = made.length / size.widths[block.stage]!;
    return largest(product(made, weights.columns(`${mlp}.fc2`)), share * architecture.widths[block.stage]!);
  };
  const stem = product(weights.scales("patch_embed.1"), weights.columns("patch_embed.3"));
  return { blocks, channels, hidden, stem: largest(stem, architecture.widths[0] / 2) };
}

/** The norm that produces a stage's maps. */
const makerOf = (stage: number): string => (stage === 0 ? "patch_embed.4" : `network.${stage * 2 - 1}.norm`);

function readersWithin(block: KeptBlock): string[] {
  const module = SUPERNET_NAMES.block(block, block.choice);
  return block.choice === "MB4D" ? [`${module}.mlp.fc1`] : [`${module}.token_mixer.qkv`, `${module}.mlp.fc1`];
}

/** Some of these may be missing in the model. */
const readersAfter = (stage: number): string[] => [
  ...(stage < 3 ? [`network.${stage * 2 + 1}.proj`] : ["head", "dist_head"]),
  `/neck.lateral_convs.${stage}.conv`,
];

/** Norms of a model's weights by the module's path within the backbone; a path that begins with a slash is outside it. */
function readerOf(values: ParameterValues) {
  const shapes = new Map(values.parameters.map(({ name, shape }) => [name, shape]));
  const nameOf = (module: string) => (module.startsWith("/") ? module.slice(1) : BACKBONE_PREFIX + module);
  const norms = (module: string, axis: 0 | 1): Float64Array => {
    const name = `${nameOf(module)}.weight`;
    const view = values.view(name);
    const [rows, columns, ...kernel] = shapes.get(name)! as [number, number, ...number[]];
    const area = kernel.reduce((a, b) => a * b, 1);
    const sums = new Float64Array(axis === 0 ? rows : columns);
    for (let i = 0; i < view.length; i++) {
      const row = Math.floor(i / (columns * area));
      sums[axis === 0 ? row : Math.floor(i / area) - row * columns]! += Math.abs(view[i]!);
    }
    return sums;
  };
  const columns = (module: string) => norms(module, 1);
  return {
    rows: (module: string) => norms(module, 0),
    columns,
    /** Absolute scales of a norm. */
    scales: (module: string) => Float64Array.from(values.view(`${nameOf(module)}.weight`), Math.abs),
    /** The sum over modules of their column norms, each divided by its mean. */
    meanColumns(modules: readonly string[]): Float64Array {
      const there = modules.filter((module) => shapes.has(`${nameOf(module)}.weight`)).map(columns);
      return there.reduce((sum, norm) => {
        const total = norm.reduce((a, b) => a + b, 0);
        return sum.map((value, i) => value + (total === 0 ? 0 : (norm[i]! * norm.length) / total));
      }, new Float64Array(there[0]!.length));
    },
  };
}

const product = (a: Float64Array, b: Float64Array): Float64Array => a.map((value, i) => value * b[i]!);

/** The indices of the `count` largest, ascending. */
function largest(scores: Float64Array, count: number): Int32Array {
  const order = Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]! || a - b);
  return Int32Array.from(order.slice(0, count)).sort();
}
