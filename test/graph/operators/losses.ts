import fc from "fast-check";
import { operators } from "../../../lib/graph/index.js";
import * as reference from "../reference/losses.js";
import { floats, suite, whole } from "./sample.js";

const small = fc.integer({ min: 1, max: 4 });
const logits = fc.tuple(small, small, small);

export const lossSuites = {
  softmaxCrossEntropy: suite(operators.softmaxCrossEntropy, {
    calls: logits.map(([n, k, p]) => ({
      operands: [floats([n, k, p], -5, 5), whole([n, p], 0, k - 1)],
      attributes: {},
    })),
    reference: reference.softmaxCrossEntropy,
  }),
  softmaxCrossEntropyGradient: suite(operators.softmaxCrossEntropyGradient, {
    calls: logits.map(([n, k, p]) => ({
      operands: [floats([n, k, p], -5, 5), whole([n, p], 0, k - 1), floats([n, p])],
      attributes: {},
    })),
    reference: reference.softmaxCrossEntropyGradient,
  }),
  resizedCrossEntropy: suite(operators.resizedCrossEntropy, {
    calls: fc.tuple(small, small, small, small, small, small).map(([n, k, h, w, up, across]) => ({
      operands: [
        floats([n, k, h, w], -5, 5),
        whole([n, h * up, w * across], 0, k - 1),
        { ...floats([n, h * up, w * across], 0, 1), differentiable: false },
      ],
      attributes: {},
    })),
    reference: reference.resizedCrossEntropy,
  }),
};
