import fc from "fast-check";
import { operators, restore, truncate } from "../../../lib/graph/index.js";
import type { Random } from "../../../lib/random.js";
import * as reference from "../reference/detection.js";
import { floats, type Operand, shapeOf, suite, ties, whole } from "./sample.js";

/** Boxes [..., 4] xyxy with ordered corners, some without area: numbers are drawn in the order x1, y1, x2, y2. */
function boxes(outer: readonly number[], size: number): Operand {
  const corner = [0, 0, 0, 0];
  let next = 0;
  const draw = (random: Random) => {
    const i = next++ % 4;
    const start = i < 2 ? 0 : corner[i - 2]!;
    corner[i] = start + random.integer(i < 2 ? size : size / 2) + random.integer(4) / 4;
    return corner[i];
  };
  return { shape: [...outer, 4], dtype: "float32", draw };
}

export const detectionSuites = {
  topK: suite(operators.topK, {
    calls: fc
      .tuple(shapeOf(0, 2), fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 8 }))
      .map(([outer, n, k]) => ({ operands: [ties([...outer, n])], attributes: { k } })),
    reference: reference.topK,
  }),
  nonMaximumSuppression: suite(operators.nonMaximumSuppression, {
    calls: fc
      .record({
        groups: fc.integer({ min: 1, max: 3 }),
        n: fc.integer({ min: 1, max: 12 }),
        iouThreshold: fc.constantFrom(0.1, 0.31, 0.5, 0.7),
        scoreThreshold: fc.constantFrom(-1, 0.3, 0.9, 2),
        maxKept: fc.integer({ min: 1, max: 15 }),
      })
      .map(({ groups, n, ...attributes }) => ({
        operands: [boxes([groups, n], 8), floats([groups, n], 0, 1)],
        attributes,
      })),
    reference: reference.nonMaximumSuppression,
  }),
  roiAlign: suite(operators.roiAlign, {
    calls: fc
      .record({
        images: fc.integer({ min: 1, max: 2 }),
        channels: fc.integer({ min: 1, max: 2 }),
        rois: fc.integer({ min: 1, max: 6 }),
        levels: fc.integer({ min: 1, max: 3 }),
        outputSize: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
        samplingRatio: fc.integer({ min: 0, max: 2 }),
      })
      .map(({ images, channels, rois, levels, outputSize, samplingRatio }) => ({
        operands: [
          ...Array.from({ length: levels }, (_, l) => floats([images, channels, 8 >> l, 12 >> l])),
          boxes([rois], 12),
          whole([rois], 0, images - 1),
          whole([rois], 0, levels - 1),
        ],
        attributes: { outputSize, scales: Array.from({ length: levels }, (_, l) => 0.5 ** l), samplingRatio },
      })),
    reference: reference.roiAlign,
  }),
  // Rows beyond the count may be missing in between, so they are compared after `restore`.
  truncate: suite(operators.truncate, {
    calls: fc.tuple(shapeOf(1, 3), fc.nat({ max: 4 })).map(([shape, count]) => ({
      operands: [floats(shape), { ...whole([1], 0, 0), draw: () => Math.min(count, shape[0]!) }],
      attributes: {},
    })),
    reference: reference.truncate,
    apply: ([x, count]) => [restore(truncate(x!, count!))],
  }),
  restore: suite(operators.restore, {
    calls: shapeOf(1, 3).map((shape) => ({ operands: [floats(shape)], attributes: {} })),
    reference: ([x]) => [x!],
  }),
};
