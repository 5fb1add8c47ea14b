import { type AttributesOf, GraphError, type Node } from "../../graph/index.js";
import type { Emitter } from "./emitter.js";
import type { Sizes, Target } from "./target.js";

/*
 * Where a file may be run on any provider, forms that onnxruntime's WebGPU provider (1.30) gets wrong are written in
 * another way. Our models have none of them.
 */

type Convolution = Node<AttributesOf<"conv2d">>;

export function lowerConvolution(
  emit: Emitter,
  operands: readonly string[],
  node: Convolution,
  { dialect }: Target,
): string {
  const { stride, padding, groups, dilation } = node.attributes;
  const inputs = dialect === "standard" && mixesThirds(node) ? withOneChannelMore(emit, operands) : operands;
  const convolve = (pads: readonly number[]) =>
    emit.node("Conv", inputs, {
      attributes: {
        kernel_shape: node.inputs[1]!.shape.slice(2),
        strides: stride,
        pads,
        group: groups,
        ...(dilation.some((n) => n > 1) && { dilations: dilation }),
      },
    });
  if (dialect === "onnxruntime" || !losesPadding(node)) return convolve(padding);
  const [, left, bottom, right] = padding;
  const oneRowMore = convolve([stride[0], left, bottom, right]);
  return emit.node("Slice", [oneRowMore, ...[1, END, 2].map((n) => emit.int64([n]))]);
}

const END = 2 ** 31 - 1;

/**
 * WebGPU: where the kernel is one pixel or the whole image the convolution is computed as a product, without its
 * padding if that is below and to the right alone.
 */
function losesPadding({ inputs: [x, w], attributes: { padding } }: Convolution): boolean {
  const kernel = w!.shape.slice(2);
  const product = kernel.every((n) => n === 1) || kernel.every((n, i) => n === x!.shape[2 + i]);
  const [top, left, bottom, right] = padding;
  return product && top === 0 && left === 0 && bottom + right > 0;
}

/**
 * WebGPU: for maps with a number of channels that is a multiple of 3, but not 3 or a multiple of 4, sums for a multiple
 * of 4 outputs are wrong.
 */
function mixesThirds({ inputs: [, w], attributes: { groups } }: Convolution): boolean {
  const [out, channels, ...kernel] = w!.shape as [number, number, number, number];
  const thirds = channels > 3 && channels % 3 === 0 && channels % 4 !== 0;
  return groups === 1 && thirds && out % 4 === 0 && kernel.some((n) => n > 1);
}

/** The map and the kernel with a channel of zeros after the others. */
function withOneChannelMore(emit: Emitter, [x, w, ...bias]: readonly string[]): readonly string[] {
  const sides = emit.int64([0, 0, 0, 0, 0, 1, 0, 0]);
  return [...[x!, w!].map((tensor) => emit.node("Pad", [tensor, sides])), ...bias];
}

type TransposedConvolution = Node<AttributesOf<"convTranspose2d">>;

export function lowerTransposedConvolution(
  emit: Emitter,
  [x, w]: readonly string[],
  node: TransposedConvolution,
  { dialect, sizes }: Target,
): string {
  const { groups } = node.attributes;
  const form = { node, sizes };
  if (dialect === "onnxruntime" || !mixesGroups(node)) return transposedConvolution(emit, [x!, w!], groups, form);
  const members = node.inputs[0]!.shape[1]! / groups;
  const parts = Array.from({ length: groups }, (_, i) => {
    const bounds = [members * i, members * (i + 1)].map((n) => emit.int64([n]));
    const operands = [
      emit.node("Slice", [x!, ...bounds, emit.int64([1])]),
      emit.node("Slice", [w!, ...bounds, emit.int64([0])]),
    ];
    return transposedConvolution(emit, operands, 1, form);
  });
  return emit.node("Concat", parts, { attributes: { axis: 1 } });
}

/** WebGPU: groups of several channels that make one channel each are mixed up. */
function mixesGroups({ inputs: [x, w], attributes: { groups } }: TransposedConvolution): boolean {
  return groups > 1 && w!.shape[1] === 1 && x!.shape[1]! > groups;
}

/** How much the transposed kernel writes beyond the requested size along each axis; negative if it writes less. */
const excess = ({ inputs: [x, w], attributes: { stride, padding, outputSize } }: TransposedConvolution): number[] =>
  [0, 1].map((i) => (x!.shape[2 + i]! - 1) * stride[i]! + w!.shape[2 + i]! - padding[i]! - outputSize[i]!);

function transposedConvolution(
  emit: Emitter,
  operands: readonly string[],
  groups: number,
  { node, sizes }: { readonly node: TransposedConvolution; readonly sizes: Sizes },
): string {
  const { stride, padding } = node.attributes;
  const over = sizes.fixed(node, excess);
  if (over === undefined) throw new GraphError("a transposed convolution whose padding follows from a free size");
  return emit.node("ConvTranspose", operands, {
    attributes: {
      kernel_shape: node.inputs[1]!.shape.slice(2),
      strides: stride,
      pads: [...padding, ...over.map((n) => Math.max(0, n))], // the excess is cut off
      output_padding: over.map((n) => Math.max(0, -n)),
      group: groups,
    },
  });
}
