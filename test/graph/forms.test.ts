import fc from "fast-check";
import { operators } from "../../lib/graph/index.js";
import { checkSamples } from "./check.js";
import { onEveryEngine } from "./engines.js";
import { bools, floats, type Sample, suite } from "./operators/sample.js";
import * as elementwise from "./reference/elementwise.js";
import * as linear from "./reference/linear.js";

/** Forms that random samples rarely have, and that an engine once computed wrongly. */
const forms: Readonly<Record<string, fc.Arbitrary<Sample>>> = {
  "either side broadcast": suite(operators.and, {
    calls: fc
      .constantFrom(
        [
          [3, 4],
          [3, 1],
        ],
        [
          [3, 1],
          [3, 4],
        ],
        [
          [1, 4],
          [3, 4],
        ],
        [
          [3, 1],
          [1, 4],
        ],
      )
      .map((shapes) => ({ operands: shapes.map((shape) => bools(shape)), attributes: {} })),
    reference: elementwise.and,
  }),
  "a kernel as large as the image, padded only below and to the right": suite(operators.conv2d, {
    calls: fc.constantFrom([0, 0, 2, 1], [0, 0, 1, 0], [0, 0, 0, 2]).map((padding) => ({
      operands: [floats([2, 2, 3, 2]), floats([4, 2, 3, 2]), floats([4])],
      attributes: { stride: [1, 1], padding: sides(padding), groups: 1, dilation: [1, 1] },
    })),
    reference: linear.conv2d,
  }),
  "a kernel of one pixel, padded only below and to the right": suite(operators.conv2d, {
    calls: fc.constantFrom([0, 0, 2, 1], [0, 0, 1, 0], [0, 0, 0, 2]).map((padding) => ({
      operands: [floats([2, 2, 3, 4]), floats([4, 2, 1, 1])],
      attributes: { stride: [1, 1], padding: sides(padding), groups: 1, dilation: [1, 1] },
    })),
    reference: linear.conv2d,
  }),
  "channels that are a multiple of 3, but not of 4": suite(operators.conv2d, {
    calls: fc.tuple(fc.constantFrom(6, 9), fc.constantFrom(1, 2)).map(([channels, step]) => ({
      operands: [floats([1, channels, 2, 3]), floats([4, channels, 2, 1])],
      attributes: { stride: [1, 1], padding: [1, 0, 1, 0], groups: 1, dilation: [step, step] },
    })),
    reference: linear.conv2d,
  }),
  "groups of several channels with one output each": suite(operators.convTranspose2d, {
    calls: fc.constantFrom(2, 3).map((groups) => ({
      operands: [floats([2, 2 * groups, 3, 2]), floats([2 * groups, 1, 2, 2])],
      attributes: { stride: [2, 2], padding: [0, 0], groups, outputSize: [6, 4] },
    })),
    reference: linear.convTranspose2d,
  }),
};

type Sides = readonly [top: number, left: number, bottom: number, right: number];

const sides = ([top = 0, left = 0, bottom = 0, right = 0]: readonly number[]): Sides => [top, left, bottom, right];

onEveryEngine(
  (name) => `forms of operators on ${name}`,
  (engine) => {
    for (const [form, samples] of Object.entries(forms)) {
      it(form, () => checkSamples(engine(), fc.sample(samples, { seed: 1, numRuns: 6 })));
    }
  },
);
