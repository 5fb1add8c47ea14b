import fc from "fast-check";
import { operators, sizeOf } from "../../../lib/graph/index.js";
import * as reductions from "../reference/reductions.js";
import * as reference from "../reference/shaping.js";
import { axesOf, axisOf, broadcastable, bytes, floats, orderOf, shapeOf, suite, ties, whole } from "./sample.js";

const tensor = fc
  .tuple(shapeOf(1, 4), fc.integer({ min: 0, max: 3 }))
  .map(([shape, kind]) => (kind === 0 ? whole(shape, -9, 9) : floats(shape)));

const reduction = tensor.chain((x) =>
  fc.tuple(axesOf(x.shape.length, 1), fc.boolean()).map(([axes, keepDims]) => ({
    operands: [x],
    attributes: { axes, keepDims },
  })),
);

const floatReduction = shapeOf(1, 4).chain((shape) =>
  fc.tuple(axesOf(shape.length, 1), fc.boolean()).map(([axes, keepDims]) => ({
    operands: [floats(shape)],
    attributes: { axes, keepDims },
  })),
);

const onePerAxis = shapeOf(1, 4).chain((shape) => axisOf(shape).map((axis) => ({ shape, axis })));

const alongAxis = shapeOf(1, 3).chain((shape) =>
  axisOf(shape).map((axis) => ({ operands: [floats(shape)], attributes: { axis } })),
);

export const shapingSuites = {
  sum: suite(operators.sum, { calls: reduction, reference: reductions.sum }),
  mean: suite(operators.mean, { calls: floatReduction, reference: reductions.mean }),
  max: suite(operators.max, { calls: reduction, reference: reductions.max }),
  argMax: suite(operators.argMax, {
    calls: onePerAxis.map(({ shape, axis }) => ({ operands: [ties(shape)], attributes: { axis } })),
    reference: reductions.argMax,
  }),
  softmax: suite(operators.softmax, {
    calls: onePerAxis.map(({ shape, axis }) => ({ operands: [floats(shape, -5, 5)], attributes: { axis } })),
    reference: reductions.softmax,
  }),
  reshape: suite(operators.reshape, {
    calls: tensor.chain((x) => {
      const n = sizeOf(x.shape);
      const shapes = [[n], [1, n], [n, 1, 1], [...x.shape].reverse()];
      return fc.constantFrom(...shapes).map((shape) => ({ operands: [x], attributes: { shape } }));
    }),
    reference: reference.reshape,
  }),
  transpose: suite(operators.transpose, {
    calls: tensor.chain((x) => orderOf(x.shape.length).map((order) => ({ operands: [x], attributes: { order } }))),
    reference: reference.transpose,
  }),
  broadcastTo: suite(operators.broadcastTo, {
    calls: broadcastable(1, 3).chain(([shape]) =>
      fc.tuple(shapeOf(0, 1), fc.integer({ min: 1, max: 3 })).map(([outer, n]) => ({
        operands: [floats(shape!)],
        attributes: { shape: [...outer, ...shape!.map((size) => (size === 1 ? n : size))] },
      })),
    ),
    reference: reference.broadcastTo,
  }),
  concat: suite(operators.concat, {
    calls: onePerAxis.chain(({ shape, axis }) =>
      fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }).map((sizes) => ({
        operands: sizes.map((n) => floats(shape.with(axis, n))),
        attributes: { axis },
      })),
    ),
    reference: reference.concat,
  }),
  slice: suite(operators.slice, {
    calls: onePerAxis.chain(({ shape, axis }) =>
      fc
        .tuple(fc.nat({ max: 3 }), fc.integer({ min: 1, max: 6 }), fc.nat({ max: 2 }), fc.integer({ min: 1, max: 3 }))
        .map(([start, length, rest, step]) => ({
          operands: [floats(shape.with(axis, start + length + rest))],
          attributes: { axis, start, end: start + length, step },
        })),
    ),
    reference: reference.slice,
  }),
  pad: suite(operators.pad, {
    calls: onePerAxis.chain(({ shape, axis }) =>
      fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 3 })).map(([before, after]) => ({
        operands: [floats(shape)],
        attributes: { axis, before, after },
      })),
    ),
    reference: reference.pad,
  }),
  reverse: suite(operators.reverse, {
    calls: tensor.chain((x) => axesOf(x.shape.length, 1).map((axes) => ({ operands: [x], attributes: { axes } }))),
    reference: reference.reverse,
  }),
  axisSize: suite(operators.axisSize, { calls: alongAxis, reference: reference.axisSize }),
  axisRange: suite(operators.axisRange, { calls: alongAxis, reference: reference.axisRange }),
  gather: suite(operators.gather, {
    calls: onePerAxis.chain(({ shape, axis }) =>
      fc.tuple(shapeOf(0, 2), fc.boolean()).map(([indices, isFloat]) => ({
        operands: [isFloat ? floats(shape) : bytes(shape), whole(indices, 0, shape[axis]! - 1)],
        attributes: { axis },
      })),
    ),
    reference: reference.gather,
  }),
  scatterAdd: suite(operators.scatterAdd, {
    calls: onePerAxis.chain(({ shape, axis }) =>
      fc.tuple(shapeOf(1, 2), fc.integer({ min: 1, max: 5 })).map(([indices, size]) => ({
        operands: [
          floats([...shape.slice(0, axis), ...indices, ...shape.slice(axis + 1)]),
          whole(indices, 0, size - 1),
        ],
        attributes: { axis, size },
      })),
    ),
    reference: reference.scatterAdd,
  }),
};
