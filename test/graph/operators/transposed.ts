import { transpose, type Value } from "../../../lib/graph/index.js";
import * as reference from "../reference/shaping.js";
import type { Tensor } from "../reference/tensor.js";
import type { Sample } from "./sample.js";

/**
 * The same operator between transpositions, with its tensors in NHWC: an engine that moves transpositions past operators, or
 * works in NHWC itself, must permute every axis, list of axes and vector of sides with them.
 */
export function transposed(sample: Sample): Sample {
  return {
    ...sample,
    label: `${sample.label}, transposed`,
    operands: sample.operands.map((operand) => {
      const tensor = movedTensor(operand.tensor, channelsLast);
      return { ...operand, shape: tensor.shape, tensor };
    }),
    apply: (inputs) => sample.apply(inputs.map((x) => moved(x, channelsFirst))).map((y) => moved(y, channelsLast)),
    nodeOf: ([first]) => sample.nodeOf([isMoved(first!) ? first!.node.inputs[0]! : first!]),
    reference: (inputs) =>
      sample.reference(inputs.map((x) => movedTensor(x, channelsFirst))).map((y) => movedTensor(y, channelsLast)),
  };
}

type Move = (axes: readonly number[]) => readonly number[];

const channelsLast: Move = ([n, c, ...rest]) => [n!, ...rest, c!];
const channelsFirst: Move = (axes) => [axes[0]!, axes.at(-1)!, ...axes.slice(1, -1)];

const isMoved = ({ shape }: { readonly shape: readonly number[] }) => shape.length >= 3;

const orderFor = ({ shape }: { readonly shape: readonly number[] }, move: Move) => move(shape.map((_, axis) => axis));

const moved = (x: Value, move: Move) => (isMoved(x) ? transpose(x, [...orderFor(x, move)]) : x);

const movedTensor = (x: Tensor, move: Move) =>
  isMoved(x) ? reference.transpose([x], { order: [...orderFor(x, move)] })[0]! : x;
