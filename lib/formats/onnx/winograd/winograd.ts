import {
  type AttributesOf,
  type ConvolutionAttributes,
  constant,
  constantData,
  conv2d,
  filled,
  gather,
  input,
  matMul,
  type Node,
  record,
  reshape,
  transpose,
  type Value,
} from "../../../graph/index.js";
import { madeBy } from "../../../graph/passes/patterns.js";
import { type Outputs, rewrite } from "../../../graph/passes/rewrite.js";
import { rowBlocksOperator } from "../fusion/rowBlocks.js";
import { inputTransform, kernelTransform, outputTransform, PATCH, TILE, transformKernels } from "./matrices.js";
import { chooseTiling, type MapSize, patchIndices, pixelIndices, type Tiling } from "./tiling.js";

/** What transforming costs a pixel and channel, in multiplications of a plain convolution; measured. */
const TRANSFORM_COST = 450;
/** The part of a plain convolution's cost that has to be undercut. */
const WORTHWHILE = 0.8;
/** onnxruntime's fast layouts hold so many channels side by side. */
const CHANNEL_BLOCK = 16;

/**
 * 3 × 3 convolutions of many channels, and the input gradients of such, computed tile by tile with the minimal filtering of
 * Lavin and Gray (Fast Algorithms for Convolutional Neural Networks, 2015), F(4 × 4, 3 × 3): a quarter of the
 * multiplications, with rounding errors around 1e-6 of the largest output instead of 1e-7.
 *
 * The steps are laid out for onnxruntime on a CPU: pixels as rows of channels, so that patches are gathered and tiles
 * put back row by row; block by block, so that the patches stay in the caches; depthwise 1 × 1 convolutions that pad
 * and add the bias, because beside a convolution the layout is changed by all threads.
 */
export function winograd(outputs: Outputs): Outputs {
  const kernels = new Map<Value, Value>();
  const transformed = (w: Value): Value => {
    const known = kernels.get(w) ?? transformedKernels(w);
    kernels.set(w, known);
    return known;
  };
  return rewrite(outputs, (value) => {
    const gradient = madeBy(value, "conv2dInputGradient");
    if (gradient !== undefined)
      return replacesGradient(gradient) ? gradient.operator.decompose!(gradient)[0] : undefined;
    const node = madeBy(value, "conv2d");
    if (node === undefined || !fits(node)) return undefined;
    const [x, w, bias] = node.inputs as [Value, Value, Value | undefined];
    const geometry = worthwhileGeometry(x, w.shape[0]!);
    return geometry && convolution(x, transformed(w), bias, geometry);
  });
}

/** w [O, C, 3, 3] → [36, C, O], ahead of time where the kernels are constant. */
function transformedKernels(w: Value): Value {
  const [out, channels] = w.shape as [number, number];
  const data = constantData(w);
  if (data !== undefined) return constant(transformKernels(data, out, channels), [PATCH ** 2, channels, out]);
  const taps = reshape(transpose(w, [2, 3, 1, 0]), [9, channels * out]);
  return reshape(matMul(constant(kernelTransform, [PATCH ** 2, 9]), taps), [PATCH ** 2, channels, out]);
}

/** The geometry of a convolution of x to so many channels, if this way is the cheaper one. */
function worthwhileGeometry(x: Value, out: number): Geometry | undefined {
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const map = { batch, height, width };
  const tiling = chooseTiling(map, Math.max(channels, out));
  return worthwhile(tiling, channels, out) ? { map, tiling } : undefined;
}

/** Whether an input gradient, which is a convolution with the turned kernels, would be computed this way. */
function replacesGradient(node: Node<AttributesOf<"conv2dInputGradient">>): boolean {
  const [g, w] = node.inputs as [Value, Value];
  return fits(node) && worthwhileGeometry(g, w.shape[1]!) !== undefined;
}

function fits({ inputs: [, w], attributes }: Pick<Node<ConvolutionAttributes>, "inputs" | "attributes">): boolean {
  const { stride, padding, groups } = attributes;
  const [out, channels, ...kernel] = w!.shape as [number, number, number, number];
  return (
    kernel.every((n) => n === 3) &&
    [...stride, ...padding, groups].every((n) => n === 1) &&
    out % CHANNEL_BLOCK === 0 &&
    channels % CHANNEL_BLOCK === 0
  );
}

function worthwhile({ cost }: Tiling, channels: number, out: number): boolean {
  const plain = 9 * channels * out;
  const multiplied = (PATCH / TILE) ** 2 * channels * out * cost;
  return multiplied + TRANSFORM_COST * (channels + out) < WORTHWHILE * plain;
}

interface Geometry {
  readonly map: MapSize;
  readonly tiling: Tiling;
}

/** x [B, C, H, W] with kernels [36, C, O] → [B, O, H, W]. */
function convolution(x: Value, kernels: Value, bias: Value | undefined, geometry: Geometry): Value {
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const padded = perChannel(x, undefined, 1); // [B, C, H + 2, W + 2]
  const pixels = reshape(transpose(padded, [0, 2, 3, 1]), [batch * (height + 2) * (width + 2), channels]);
  return perChannel(transpose(convolvedRows(pixels, kernels, geometry), [0, 3, 1, 2]), bias, 0);
}

/** x itself (+ bias), with zeros around. */
function perChannel(x: Value, bias: Value | undefined, padding: number): Value {
  const channels = x.shape[1]!;
  return conv2d(x, filled([channels, 1, 1, 1], 1), bias, { padding, groups: channels });
}

/** Padded pixels [B · (H + 2) · (W + 2), C] → [B, H, W, O]. */
function convolvedRows(pixels: Value, kernels: Value, { map, tiling }: Geometry): Value {
  const { batch, height, width } = map;
  const { rows, blocks, tiles } = tiling;
  const [elements, , out] = kernels.shape as [number, number, number];
  const patches = constant(patchIndices(map, tiling), [blocks, elements * tiles]);
  const shared = [
    pixels,
    kernels,
    constant(inputTransform, [elements, elements]),
    constant(outputTransform, [TILE ** 2, elements]),
    constant(pixelIndices(map, tiling), [rows * width]),
  ];
  const block = input("patches", [elements * tiles], "int32");
  const parts = shared.map(({ shape, dtype }, i) => input(`shared${i}`, shape, dtype));
  return record(
    rowBlocksOperator,
    [patches, ...shared],
    {
      domain: [batch, height, width, out],
      rows,
      blocks: [block],
      shared: parts,
      results: [reshape(tilesOf(block, tiles, parts), [rows, width * out])],
    },
    pixels.node.scope,
  )[0]!;
}

/** The pixels [rows · W, O] of one block. */
function tilesOf(block: Value, tiles: number, parts: readonly Value[]): Value {
  const [pixels, kernels, toProducts, toTiles, places] = parts as [Value, Value, Value, Value, Value];
  const [elements, channels, out] = kernels.shape as [number, number, number];
  const patches = reshape(gather(pixels, block, 0), [elements, tiles * channels]);
  const factors = reshape(matMul(toProducts, patches), [elements, tiles, channels]);
  const products = reshape(matMul(factors, kernels), [elements, tiles * out]);
  const results = reshape(matMul(toTiles, products), [TILE ** 2 * tiles, out]);
  return gather(results, places, 0);
}
