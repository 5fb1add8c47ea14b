import fc from "fast-check";
import { operators } from "../../../lib/graph/index.js";
import * as normalisation from "../reference/normalisation.js";
import * as reference from "../reference/resampling.js";
import { axesOf, floats, shapeOf, suite } from "./sample.js";

const side = fc.integer({ min: 1, max: 6 });
const leading = fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 3 }));
const window = fc.integer({ min: 1, max: 3 });

/** Windows with stride 1 and padding, or windows that tile the input: those with a gradient. */
const poolings = fc.oneof(
  fc
    .record({
      leading,
      kernel: fc.tuple(window, window),
      padding: fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 2 }), fc.nat({ max: 2 }), fc.nat({ max: 2 })),
      extra: fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 4 })),
      countPadding: fc.boolean(),
    })
    .map(({ leading: outer, kernel, padding: wanted, extra, countPadding }) => {
      const least = (i: number) => Math.min(wanted[i]!, kernel[i % 2]! - 1);
      const padding = [least(0), least(1), least(2), least(3)] as const;
      const size = [0, 1].map((i) => Math.max(1, kernel[i]! - padding[i]! - padding[i + 2]!) + extra[i]!);
      return {
        operands: [floats([...outer, ...size])],
        attributes: { kernel, stride: [1, 1] as const, padding, countPadding },
      };
    }),
  fc.tuple(leading, fc.tuple(window, window), fc.tuple(window, window)).map(([outer, kernel, tiles]) => ({
    operands: [floats([...outer, kernel[0] * tiles[0], kernel[1] * tiles[1]])],
    attributes: { kernel, stride: kernel, padding: [0, 0, 0, 0] as const, countPadding: false },
  })),
);

/** Windows of any stride; padding is less than the kernel, and there is at least one window. */
const maxPoolings = fc
  .record({
    leading,
    kernel: fc.tuple(window, window),
    stride: fc.tuple(window, window),
    padding: fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 2 }), fc.nat({ max: 2 }), fc.nat({ max: 2 })),
    extra: fc.tuple(fc.nat({ max: 5 }), fc.nat({ max: 5 })),
  })
  .map(({ leading: outer, kernel, stride, padding: wanted, extra }) => {
    const least = (i: number) => Math.min(wanted[i]!, kernel[i % 2]! - 1);
    const padding = [least(0), least(1), least(2), least(3)] as const;
    const size = [0, 1].map((i) => Math.max(1, kernel[i]! - padding[i]! - padding[i + 2]!) + extra[i]!);
    return { operands: [floats([...outer, ...size])], attributes: { kernel, stride, padding } };
  });

const resizes = fc.tuple(leading, fc.tuple(side, side), fc.tuple(side, side)).map(([outer, from, to]) => ({
  operands: [floats([...outer, ...from])],
  attributes: { size: to },
}));

const channelled = shapeOf(2, 4);
const vectors = (shape: readonly number[], count: number) =>
  Array.from({ length: count }, () => floats([shape[1]!], 0.5, 2));

export const mapSuites = {
  averagePool: suite(operators.averagePool, { calls: poolings, reference: reference.averagePool }),
  maxPool: suite(operators.maxPool, { calls: maxPoolings, reference: reference.maxPool }),
  repeat: suite(operators.repeat, {
    calls: fc.tuple(leading, fc.tuple(window, window), fc.tuple(window, window)).map(([outer, size, factor]) => ({
      operands: [floats([...outer, ...size])],
      attributes: { factor },
    })),
    reference: reference.repeat,
  }),
  resizeBilinear: suite(operators.resizeBilinear, { calls: resizes, reference: reference.resizeBilinear }),
  resizeBilinearGradient: suite(operators.resizeBilinearGradient, {
    calls: resizes,
    reference: reference.resizeBilinearGradient,
  }),
  resizeBicubic: suite(operators.resizeBicubic, {
    calls: fc.tuple(resizes, fc.boolean()).map(([{ operands, attributes }, antialias]) => ({
      operands,
      attributes: { ...attributes, antialias },
    })),
    reference: reference.resizeBicubic,
  }),
  channelAffine: suite(operators.channelAffine, {
    calls: channelled.map((shape) => ({ operands: [floats(shape), ...vectors(shape, 2)], attributes: {} })),
    reference: normalisation.channelAffine,
  }),
  channelDot: suite(operators.channelDot, {
    calls: channelled.map((shape) => ({ operands: [floats(shape), floats(shape)], attributes: {} })),
    reference: normalisation.channelDot,
  }),
  affineSum: suite(operators.affineSum, {
    calls: channelled.map((shape) => {
      const [p, q, s] = vectors(shape, 3);
      return { operands: [floats(shape), p!, floats(shape), q!, s!], attributes: {} };
    }),
    reference: normalisation.affineSum,
  }),
  batchNorm: suite(operators.batchNorm, {
    calls: fc.tuple(channelled, fc.constantFrom(1e-5, 1e-2)).map(([shape, epsilon]) => ({
      // A channel with one element has variance 0, and its gradient is a difference of huge numbers.
      operands: [floats(shape.with(0, shape[0]! + 1)), ...vectors(shape, 2)],
      attributes: { epsilon: shape.length === 2 ? 1e-2 : epsilon },
    })),
    reference: normalisation.batchNorm,
  }),
  pointwiseBatchNorm: suite(operators.pointwiseBatchNorm, {
    calls: fc.tuple(shapeOf(4, 4), fc.integer({ min: 1, max: 6 })).map(([shape, out]) => ({
      operands: [floats(shape.with(0, shape[0]! + 1)), floats([out, shape[1]!]), ...vectors([1, out], 2)],
      attributes: { epsilon: 1e-2 },
    })),
    reference: normalisation.pointwiseBatchNorm,
  }),
  standardise: suite(operators.standardise, {
    calls: shapeOf(1, 4).chain((shape) =>
      axesOf(shape.length, 1).map((axes) => ({ operands: [floats(shape)], attributes: { axes, epsilon: 1e-2 } })),
    ),
    reference: normalisation.standardise,
  }),
};
