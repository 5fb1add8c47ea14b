import { expect } from "chai";
import { gradients, input, mul, resizeBicubic, sizeOf, sum } from "../../lib/graph/index.js";
import { uniform } from "../../tools/prng.js";
import { expectClose } from "../support/tensors.js";
import { evaluate } from "./check.js";
import { onEveryEngine } from "./engines.js";
import * as reference from "./reference/resampling.js";

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((total, x, i) => total + x * b[i]!, 0);

onEveryEngine(
  (name) => `large tables are resized in bands on ${name}`,
  (engine) => {
    for (const [from, to, antialias] of [
      [[300, 3], [520, 5], false],
      [[4, 520], [6, 300], false],
      [[600, 2], [290, 2], true],
    ] as const) {
      it(`${from.join(" × ")} to ${to.join(" × ")}${antialias ? ", antialiased" : ""}, and back`, async () => {
        const shapes = { x: [1, 2, ...from], g: [1, 2, ...to] };
        const [x, g] = [input("x", shapes.x), input("g", shapes.g)];
        const y = resizeBicubic(x, to, { antialias });
        const [back] = gradients(sum(mul(y, g)), [x]);
        const feeds = {
          x: uniform("x", sizeOf(shapes.x), -1, 1),
          g: uniform("g", sizeOf(shapes.g), -1, 1),
        };
        const found = await evaluate(engine(), { y, back: back! }, feeds);
        const [wanted] = reference.resizeBicubic([{ shape: shapes.x, data: Float64Array.from(feeds.x) }], {
          size: to,
          antialias,
        });
        expectClose(found.y as Float32Array, wanted!.data, 1e-5, "values");
        // The gradient is the transpose: ⟨g, R x⟩ = ⟨Rᵀ g, x⟩.
        const forward = dot(feeds.g, wanted!.data);
        expect(dot(found.back as Float32Array, feeds.x)).to.be.closeTo(forward, 1e-4 * Math.abs(forward) + 1e-3);
      });
    }
  },
);
