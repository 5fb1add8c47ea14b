import { flag } from "../schemas/fields.js";
import { decayRate, optimizerKind, optimizerSchema, weightDecay } from "./optimizer.js";

const schema = optimizerSchema("sgd", {
  weightDecay: weightDecay.default(0).describe("L2 weight decay"),
  momentum: decayRate.default(0.9).describe("Momentum"),
  nesterov: flag("Nesterov momentum").default(false),
});

/**
 * Stochastic gradient descent as in PyTorch: g ← g + wd p; b ← μ b + g (b ← g at the first update);
 * p ← p − lr (g + μ b with Nesterov, b without).
 */
export const sgd = optimizerKind({
  schema,
  create: ({ weightDecay, momentum, nesterov }, length) => {
    const velocity = new Float32Array(momentum === 0 ? 0 : length);
    return {
      state: momentum === 0 ? {} : { velocity },
      update({ parameters, gradients, segments, lr, gradientScale = 1 }) {
        for (const { offset, length, lrScale, decay } of segments) {
          if (lrScale === 0) continue;
          const rate = lr * lrScale;
          const wd = decay ? weightDecay : 0;
          for (let i = offset; i < offset + length; i++) {
            const g = gradients[i]! * gradientScale + wd * parameters[i]!;
            let direction = g;
            if (momentum !== 0) {
              // The velocity starts at 0, so the first update gives b = g.
              const b = velocity[i]! * momentum + g;
              velocity[i] = b;
              direction = nesterov ? g + momentum * b : b;
            }
            parameters[i] = parameters[i]! - rate * direction;
          }
        }
      },
    };
  },
});
