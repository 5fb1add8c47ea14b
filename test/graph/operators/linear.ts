import fc from "fast-check";
import { operators, slidingSize } from "../../../lib/graph/index.js";
import * as reference from "../reference/linear.js";
import { broadcastable, floats, suite } from "./sample.js";

const small = fc.integer({ min: 1, max: 4 });

const matMulCalls = fc
  .tuple(broadcastable(2, 2), small, small, small, fc.boolean(), fc.boolean())
  .map(([[outerA, outerB], m, k, n, transposeA, transposeB]) => ({
    operands: [
      floats([...outerA!, ...(transposeA ? [k, m] : [m, k])]),
      floats([...outerB!, ...(transposeB ? [n, k] : [k, n])]),
    ],
    attributes: { transposeA, transposeB },
  }));

/** Stride 1 has expansions of its own. */
const strides = fc.constantFrom<[number, number][]>([1, 1], [1, 1], [1, 1], [2, 2], [1, 2], [3, 1]);
const pair = (min: number, max: number) => fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));

/** The geometry of a convolution; padding may differ on the four sides, and the input may end before the last stride. */
const geometry = fc
  .record({
    batch: fc.integer({ min: 1, max: 2 }),
    groups: fc.constantFrom(1, 1, 2, 3),
    perGroup: fc.integer({ min: 1, max: 2 }),
    outputsPerGroup: fc.integer({ min: 1, max: 2 }),
    kernel: fc.oneof(pair(1, 3), pair(2, 3)),
    stride: strides,
    before: pair(0, 2),
    after: pair(0, 2),
    extra: pair(0, 4),
    spread: fc.oneof(fc.constant([1, 1] as [number, number]), pair(1, 3)),
  })
  .map(({ batch, groups, perGroup, outputsPerGroup, kernel, stride, before, after, extra, spread }) => {
    // Dilated convolutions have stride 1, and less padding than the kernel's extent.
    const dilation = stride.every((n) => n === 1) ? spread : ([1, 1] as const);
    const reach = (i: 0 | 1) => (kernel[i] - 1) * dilation[i] + 1;
    const most = (i: 0 | 1) => (dilation.every((n) => n === 1) ? 2 : reach(i) - 1);
    const [top, left] = [Math.min(before[0], most(0)), Math.min(before[1], most(1))];
    const [bottom, right] = [Math.min(after[0], most(0)), Math.min(after[1], most(1))];
    const padding = [top, left, bottom, right] as const;
    const side = (i: 0 | 1) => Math.max(1, reach(i) - padding[i] - padding[i + 2]!) + extra[i];
    const x = [batch, groups * perGroup, side(0), side(1)];
    const w = [groups * outputsPerGroup, perGroup, ...kernel];
    const size = slidingSize([side(0), side(1)], kernel, { stride, padding, dilation });
    const y = [batch, groups * outputsPerGroup, ...size];
    return { x, w, y, kernel, stride, padding, groups, dilation, inputSize: [side(0), side(1)] as const };
  });

/** Depthwise convolutions have their own code paths in the weight gradient and in runtimes. */
const geometries = fc.oneof(
  geometry,
  geometry.map((g) => {
    const channels = g.x[1]!;
    return { ...g, groups: channels, w: [channels, 1, ...g.kernel], y: g.y.with(1, channels) };
  }),
);

export const linearSuites = {
  matMul: suite(operators.matMul, { calls: matMulCalls, reference: reference.matMul }),
  conv2d: suite(operators.conv2d, {
    calls: fc.tuple(geometries, fc.boolean()).map(([{ x, w, stride, padding, groups, dilation }, bias]) => ({
      operands: [floats(x), floats(w), ...(bias ? [floats([w[0]!])] : [])],
      attributes: { stride, padding, groups, dilation },
    })),
    reference: reference.conv2d,
  }),
  conv2dInputGradient: suite(operators.conv2dInputGradient, {
    calls: geometries.map(({ y, w, stride, padding, groups, dilation, inputSize }) => ({
      operands: [floats(y), floats(w)],
      attributes: { stride, padding, groups, dilation, inputSize },
    })),
    reference: reference.conv2dInputGradient,
  }),
  conv2dWeightGradient: suite(operators.conv2dWeightGradient, {
    calls: geometries.map(({ x, y, stride, padding, groups, dilation, kernel }) => ({
      operands: [floats(x), floats(y)],
      attributes: { stride, padding, groups, dilation, kernel },
    })),
    reference: reference.conv2dWeightGradient,
  }),
  convTranspose2d: suite(operators.convTranspose2d, {
    calls: fc
      .record({
        batch: fc.integer({ min: 1, max: 2 }),
        groups: fc.constantFrom(1, 1, 2),
        perGroup: fc.integer({ min: 1, max: 2 }),
        outputsPerGroup: fc.integer({ min: 1, max: 2 }),
        size: pair(1, 3),
        kernel: pair(1, 3),
        stride: strides,
        cut: pair(0, 1),
        missing: pair(-1, 2),
      })
      .map(({ batch, groups, perGroup, outputsPerGroup, size, kernel, stride, cut, missing }) => {
        const side = (i: 0 | 1) => {
          const padding = Math.min(cut[i], kernel[i] - 1);
          const whole = (size[i] - 1) * stride[i] + kernel[i] - padding;
          return { padding, output: Math.max(1, whole + Math.min(missing[i], stride[i] - 1)) };
        };
        const [vertical, horizontal] = [side(0), side(1)];
        return {
          operands: [
            floats([batch, groups * perGroup, ...size]),
            floats([groups * perGroup, outputsPerGroup, ...kernel]),
          ],
          attributes: {
            stride,
            padding: [vertical.padding, horizontal.padding] as const,
            groups,
            outputSize: [vertical.output, horizontal.output] as const,
          },
        };
      }),
    reference: reference.convTranspose2d,
  }),
};
