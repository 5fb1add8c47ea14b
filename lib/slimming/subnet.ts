import type { EfficientFormerSize } from "../backbones/efficientformerSizes.js";
import { pathsOfSupernet, SUPERNET_NAMES } from "../backbones/efficientformerSupernet.js";
import { BACKBONE_PREFIX } from "../models/backbone.js";
import type { Parameter, ParameterValues } from "../nn/parameters.js";
import type { Tensor } from "../tensors/tensor.js";
import type { Architecture } from "./architecture.js";
import { type Kept, type KeptBlock, keptOf } from "./kept.js";

/** The new path of a module of the supernet, and the indices of its parameters that are kept; by default all. */
interface Cut {
  readonly path: string;
  readonly rows?: Int32Array;
  /** Of weights only. */
  readonly columns?: Int32Array;
}

/**
 * The weights of a network of the supernet, under the names of an EfficientFormer of that size: the most important channels
 * of the chosen blocks, as in `keptOf`. Parameters outside the backbone, such as a neck's, are included.
 *
 * @param values of a model whose backbone is a supernet of that size
 * @throws UserError where an architecture is not one of the supernet's
 */
export function subnetWeights(
  values: ParameterValues,
  size: EfficientFormerSize,
  architecture: Architecture,
): Map<string, Tensor> {
  const cutOf = cuts(keptOf(values, size, architecture));
  const found = new Map<string, Tensor>();
  for (const parameter of values.parameters) {
    const cut = cutOf(parameter);
    if (cut !== undefined) found.set(cut.path, taken(values.view(parameter.name), parameter.shape, cut));
  }
  return found;
}

/**
 * Makes a supernet compute the outputs of one of its networks, without another program: α select its blocks alone, and the
 * channels it lacks are 0 from where they are produced, so that they have no effect.
 *
 * @param values of the supernet @param into the same model's; all of them are written
 */
export function imitateSubnet(
  values: ParameterValues,
  size: EfficientFormerSize,
  architecture: Architecture,
  into: ParameterValues,
): void {
  const kept = keptOf(values, size, architecture);
  const cutOf = cuts(kept);
  into.flat.set(values.flat);
  into.flatBuffers.set(values.flatBuffers);
  for (const parameter of values.trainable) {
    const { rows } = cutOf(parameter) ?? {};
    if (rows === undefined) continue;
    const view = into.view(parameter.name);
    const length = view.length / parameter.shape[0]!;
    const stays = new Set(rows);
    for (let row = 0; row < parameter.shape[0]!; row++) {
      if (!stays.has(row)) view.fill(0, row * length, (row + 1) * length);
    }
  }
  for (const path of pathsOfSupernet(size)) {
    const choice = architecture.paths[path.stage]![path.block]!;
    into
      .view(BACKBONE_PREFIX + SUPERNET_NAMES.alpha(path))
      .set(path.choices.map((each) => (each === choice ? CERTAIN : 0)));
  }
  into.view(BACKBONE_PREFIX + SUPERNET_NAMES.temperature).fill(1);
  for (const [stage, channels] of kept.channels.entries()) {
    const view = into.view(BACKBONE_PREFIX + SUPERNET_NAMES.kept(stage)).fill(0);
    for (const channel of channels) view[channel] = 1;
  }
}

/** An α so large that the softmax share of an α of 0 is exactly 0 in float32. */
const CERTAIN = 1000;

/** Maps each parameter to what is kept of it; undefined where the network lacks it. */
function cuts(kept: Kept): (parameter: Parameter) => Cut | undefined {
  const modules = new Map<string, Cut>();
  const add = (path: string, cut: Omit<Cut, "path"> = {}, to = path) => modules.set(path, { path: to, ...cut });
  const { stem, channels } = kept;
  add("patch_embed.0", { rows: stem });
  add("patch_embed.1", { rows: stem });
  add("patch_embed.3", { rows: channels[0]!, columns: stem });
  add("patch_embed.4", { rows: channels[0]! });
  for (const [stage, rows] of channels.entries()) {
    if (stage > 0) {
      add(`network.${stage * 2 - 1}.proj`, { rows, columns: channels[stage - 1]! });
      add(`network.${stage * 2 - 1}.norm`, { rows });
    }
    add(`norm${stage * 2}`, { rows });
    for (const [i, block] of kept.blocks[stage]!.entries()) {
      const from = SUPERNET_NAMES.block(block, block.choice);
      // Before the first MB3D of a stage, the switch to tokens takes up an index of the list.
      const to = `network.${stage * 2}.${block.choice === "MB3D" ? i + 1 : i}`;
      for (const [path, cut] of blockCuts(block, rows, kept.hidden(block)))
        add(`${from}.${path}`, cut, `${to}.${path}`);
    }
  }
  add("norm", { rows: channels[3]! });
  for (const head of ["head", "dist_head"]) add(head, { columns: channels[3]! });
  return ({ name }) => {
    if (!name.startsWith(BACKBONE_PREFIX)) return outside(name, kept);
    const own = name.slice(BACKBONE_PREFIX.length);
    const dot = own.lastIndexOf(".");
    const [module, last] = [own.slice(0, dot), own.slice(dot)];
    const alone = modules.get(own); // a parameter outside of modules, such as a layer scale
    if (alone !== undefined) return { ...alone, path: BACKBONE_PREFIX + alone.path };
    const cut = modules.get(module);
    if (cut === undefined) return undefined;
    const { path, rows, columns } = cut;
    const isWeight = last === ".weight";
    return { path: BACKBONE_PREFIX + path + last, ...(rows && { rows }), ...(isWeight && columns && { columns }) };
  };
}

function blockCuts(
  { choice }: KeptBlock,
  channels: Int32Array,
  hidden: Int32Array,
): [path: string, cut: Omit<Cut, "path">][] {
  const own = { rows: channels };
  const mlp: [string, Omit<Cut, "path">][] = [
    ["layer_scale_1", own],
    ["layer_scale_2", own],
    ["mlp.fc1", { rows: hidden, columns: channels }],
    ["mlp.fc2", { rows: channels, columns: hidden }],
  ];
  if (choice === "MB4D") return [...mlp, ["mlp.norm1", { rows: hidden }], ["mlp.norm2", own]];
  return [
    ...mlp,
    ["norm1", own],
    ["norm2", own],
    ["token_mixer.qkv", { columns: channels }],
    ["token_mixer.proj", own],
    ["token_mixer.attention_biases", {}],
    ["token_mixer.attention_biases_seg", {}],
  ];
}

/** The layers that read the maps have a column per channel; everything else outside the backbone stays. */
function outside(name: string, { channels }: Kept): Cut {
  const stage = /^neck\.lateral_convs\.(\d)\.conv\.weight$/.exec(name)?.[1];
  return { path: name, ...(stage !== undefined && { columns: channels[Number(stage)]! }) };
}

/** Selects rows and columns of [rows, columns, …]. */
function taken(values: Float32Array, shape: readonly number[], { rows, columns }: Cut): Tensor {
  const [height, width = 1, ...inner] = shape as [number, number?, ...number[]];
  const area = inner.reduce((a, b) => a * b, 1);
  const [ys, xs] = [rows ?? range(height), columns ?? range(width)];
  const data = new Float32Array(ys.length * xs.length * area);
  let at = 0;
  for (const y of ys) {
    for (const x of xs) {
      const from = (y * width + x) * area;
      data.set(values.subarray(from, from + area), at);
      at += area;
    }
  }
  const cut = [ys.length, ...(shape.length > 1 ? [xs.length] : []), ...inner];
  return { dtype: "F32", shape: cut, data };
}

const range = (length: number): Int32Array => Int32Array.from({ length }, (_, i) => i);
