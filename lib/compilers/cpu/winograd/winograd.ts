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
  nodesInOrder,
  record,
  reshape,
  type Shape,
  transpose,
  type Value,
} from "../../../graph/index.js";
import { madeBy } from "../../../graph/passes/patterns.js";
import { type Outputs, rewrite } from "../../../graph/passes/rewrite.js";
import { behindTruncate } from "../../onnx/behindTruncate.js";
import { rowBlocksOperator } from "../fusion/rowBlocks.js";
import {
  inputTransform,
  kernelTransform,
  outputTransform,
  PATCH,
  TILE,
  transformKernels,
  turnedKernelTransform,
} from "./matrices.js";
import { chooseTiling, type MapSize, patchIndices, pixelIndices, type Tiling, WORTHWHILE } from "./tiling.js";
import { filteredWeightGradient } from "./weightGradient.js";

/** The cost of transforming per pixel and channel, in multiplications of a plain convolution; measured. */
const TRANSFORM_COST = 300;
/** onnxruntime's fast layouts hold this many channels side by side. */
const CHANNEL_BLOCK = 16;

/**
 * 3 × 3 convolutions of many channels, and the gradients of such, computed tile by tile with the minimal filtering of
 * Lavin and Gray (Fast Algorithms for Convolutional Neural Networks, 2015), F(4 × 4, 3 × 3): a quarter of the
 * multiplications, with rounding errors around 1e-6 of the largest output instead of 1e-7.
 *
 * The steps are designed for onnxruntime on a CPU: pixels as rows of channels, so that patches are gathered and tiles
 * put back row by row; block by block, so that the patches stay in the caches; depthwise 1 × 1 convolutions that pad
 * and add the bias, because next to a convolution all threads change the layout.
 */
export function winograd(outputs: Outputs): Outputs {
  const kernels = memoised(kernelsOf);
  const turnedKernels = memoised(turnedKernelsOf);
  const pixelsOf = memoised(pixelRows); // the input gradient and the kernel's read the same rows
  const truncated = behindTruncate(nodesInOrder(Object.values(outputs))); // tiles are cut for all rows
  return rewrite(outputs, (value) => {
    if (truncated.has(value.node)) return undefined;
    const gradient = madeBy(value, "conv2dInputGradient");
    if (gradient !== undefined) return inputGradient(gradient, turnedKernels, pixelsOf);
    const kernelGradient = madeBy(value, "conv2dWeightGradient");
    if (kernelGradient !== undefined) {
      return fits(value.shape, kernelGradient.attributes)
        ? filteredWeightGradient(kernelGradient, pixelsOf)
        : undefined;
    }
    const node = madeBy(value, "conv2d");
    if (node === undefined || !fits(node.inputs[1]!.shape, node.attributes)) return undefined;
    const [x, w, bias] = node.inputs as [Value, Value, Value | undefined];
    const geometry = worthwhileGeometry(x, w.shape[0]!);
    return geometry && convolution(pixelRows(x), kernels(w), bias, geometry);
  });
}

/** Kernels in the space where convolving is multiplying: [36, C, O], or [36, O, C] if that is how they are made. */
interface Kernels {
  readonly value: Value;
  readonly out: number;
  readonly transposed: boolean;
}

/** For a convolution with w [O, C, 3, 3]; computed in advance if the kernels are constant. */
function kernelsOf(w: Value): Kernels {
  const [out, channels] = w.shape as [number, number];
  const data = constantData(w);
  if (data === undefined) return { value: transformed(w, kernelTransform), out, transposed: true };
  const ready = transformKernels(data, out, channels);
  return { value: constant(ready, [PATCH ** 2, channels, out]), out, transposed: false };
}

/** For the gradient of that convolution's input: the kernels rotated, from O channels to C. */
function turnedKernelsOf(w: Value): Kernels {
  return { value: transformed(w, turnedKernelTransform), out: w.shape[1]!, transposed: false };
}

/** w [O, C, 3, 3] → [36, O, C], as one product: transposing kernels takes onnxruntime thirty times as long. */
function transformed(w: Value, transform: Float32Array): Value {
  const [out, channels] = w.shape as [number, number];
  const taps = reshape(w, [out * channels, 9]);
  const products = matMul(constant(transform, [PATCH ** 2, 9]), taps, { transposeB: true });
  return reshape(products, [PATCH ** 2, out, channels]);
}

/** The geometry of a convolution of x to `out` channels, if this way is cheaper. */
function worthwhileGeometry(x: Value, out: number): Geometry | undefined {
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const map = { batch, height, width };
  const tiling = chooseTiling(map, Math.max(channels, out));
  return worthwhile(tiling, channels, out) ? { map, tiling } : undefined;
}

/** An input gradient, which is a convolution with the rotated kernels, if this way is cheaper. */
function inputGradient(
  node: Node<AttributesOf<"conv2dInputGradient">>,
  turnedKernels: (w: Value) => Kernels,
  pixelsOf: (map: Value) => Value,
): Value | undefined {
  const [g, w] = node.inputs as [Value, Value];
  if (!fits(w.shape, node.attributes)) return undefined;
  const geometry = worthwhileGeometry(g, w.shape[1]!);
  return geometry && convolution(pixelsOf(g), turnedKernels(w), undefined, geometry);
}

/** Whether a kernel [O, C, 3, 3] visits every pixel of the map. */
function fits(kernel: Shape, { stride, padding, groups, dilation }: ConvolutionAttributes): boolean {
  const [out, channels, ...sides] = kernel as [number, number, number, number];
  return (
    sides.every((n) => n === 3) &&
    [...stride, ...padding, ...dilation, groups].every((n) => n === 1) &&
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

/** Padded pixels [B · (H + 2) · (W + 2), C] → [B, O, H, W]. */
function convolution(pixels: Value, kernels: Kernels, bias: Value | undefined, geometry: Geometry): Value {
  return perChannel(transpose(convolvedRows(pixels, kernels, geometry), [0, 3, 1, 2]), bias, 0);
}

/** x [B, C, H, W] → [B · (H + 2) · (W + 2), C], padded by one. */
function pixelRows(x: Value): Value {
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const padded = perChannel(x, undefined, 1); // [B, C, H + 2, W + 2]
  return reshape(transpose(padded, [0, 2, 3, 1]), [batch * (height + 2) * (width + 2), channels]);
}

/** x itself (+ bias), with zeros around. */
function perChannel(x: Value, bias: Value | undefined, padding: number): Value {
  const channels = x.shape[1]!;
  return conv2d(x, filled([channels, 1, 1, 1], 1), bias, { padding, groups: channels });
}

/** Padded pixels [B · (H + 2) · (W + 2), C] → [B, H, W, O]. */
function convolvedRows(pixels: Value, kernels: Kernels, { map, tiling }: Geometry): Value {
  const { batch, height, width } = map;
  const { rows, blocks, tiles } = tiling;
  const elements = PATCH ** 2;
  const { out } = kernels;
  const patches = constant(patchIndices(map, tiling), [blocks, elements * tiles]);
  const shared = [
    pixels,
    kernels.value,
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
      results: [reshape(tilesOf(block, tiles, parts, kernels), [rows, width * out])],
    },
    pixels.node.scope,
  )[0]!;
}

/** The pixels [rows · W, O] of one block. */
function tilesOf(block: Value, tiles: number, parts: readonly Value[], { out, transposed }: Kernels): Value {
  const [pixels, kernels, toProducts, toTiles, places] = parts as [Value, Value, Value, Value, Value];
  const elements = PATCH ** 2;
  const channels = pixels.shape[1]!;
  const patches = reshape(gather(pixels, block, 0), [elements, tiles * channels]);
  const factors = reshape(matMul(toProducts, patches), [elements, tiles, channels]);
  const products = reshape(matMul(factors, kernels, { transposeB: transposed }), [elements, tiles * out]);
  const results = reshape(matMul(toTiles, products), [TILE ** 2 * tiles, out]);
  return gather(results, places, 0);
}

function memoised<T>(of: (value: Value) => T): (value: Value) => T {
  const known = new Map<Value, T>();
  return (value) => {
    const result = known.get(value) ?? of(value);
    known.set(value, result);
    return result;
  };
}
