import type { AttributesOf } from "../../graph/index.js";
import { withLast, withoutAxes } from "./order.js";
import { type Lowering, typeOf } from "./site.js";

export const reduction =
  (op: string): Lowering<AttributesOf<"sum">> =>
  ({ emit, outputs, attributes, operands: [x] }) => {
    const { axes, keepDims } = attributes;
    const { order } = x!;
    const places = order.flatMap((axis, p) => (axes.includes(axis) ? [p] : []));
    const name = emit.op(op, [x!.as(order), emit.ints(places)], {
      T: typeOf(outputs[0]!.dtype),
      keep_dims: { b: keepDims },
    });
    return { name, order: keepDims ? order : withoutAxes(order, axes) };
  };

export const argMax: Lowering<AttributesOf<"argMax">> = ({ emit, attributes, operands: [x] }) => {
  const { axis } = attributes;
  const { order } = x!;
  const name = emit.op("ArgMax", [x!.as(order), emit.int(order.indexOf(axis))], {
    T: typeOf(x!.dtype),
    output_type: typeOf("int32"),
  });
  return { name, order: withoutAxes(order, [axis]) };
};

/** TensorFlow's softmax is over the last axis. */
export const softmax: Lowering<AttributesOf<"softmax">> = ({ emit, attributes, operands: [x] }) => {
  const { axis } = attributes;
  const order = withLast(x!.order, axis);
  return { name: emit.op("Softmax", [x!.as(order)], { T: typeOf("float32") }), order };
};
