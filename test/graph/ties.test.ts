import { expect } from "chai";
import {
  abs,
  cast,
  constant,
  gradients,
  input,
  maximum,
  maxPool,
  minimum,
  relu,
  reshape,
  sigmoid,
  softmax,
  softplus,
  sum,
  type Value,
} from "../../lib/graph/index.js";
import { evaluate } from "./check.js";
import { onEveryEngine } from "./engines.js";

/** Points where a definition has to choose, and numbers that overflow naive formulas. */
onEveryEngine(
  (name) => `edges of operators on ${name}`,
  (engine) => {
    const run = async (value: Value, x: readonly number[]) => {
      const { y } = await evaluate(engine(), { y: value }, { x: Float32Array.from(x) });
      return [...y!];
    };
    const x = input("x", [3]);

    it("the gradient of relu and abs is 0 at 0", async () => {
      const [ofRelu] = gradients(sum(relu(x)), [x]);
      expect(await run(ofRelu!, [-1, 0, 2])).to.deep.equal([0, 0, 1]);
      const [ofAbs] = gradients(sum(abs(x)), [x]);
      expect(await run(ofAbs!, [-1, 0, 2])).to.deep.equal([-1, 0, 1]);
    });

    it("equal operands of maximum and minimum: the first takes the whole gradient", async () => {
      const y = constant([1, 1, 1], [3]);
      for (const operator of [maximum, minimum]) {
        const [ofFirst] = gradients(sum(operator(x, y)), [x]);
        const [ofSecond] = gradients(sum(operator(y, x)), [x]);
        expect((await run(ofFirst!, [0, 1, 2]))[1]).to.equal(1);
        expect((await run(ofSecond!, [0, 1, 2]))[1]).to.equal(0);
      }
    });

    it("among equal elements of a window, the first takes the whole gradient", async () => {
      const map = reshape(x, [1, 1, 1, 3]);
      const [gradient] = gradients(sum(maxPool(map, { kernel: 3, padding: 1 })), [x]);
      expect(await run(gradient!, [5, 5, 1])).to.deep.equal([2, 1, 0]);
    });

    it("softmax, sigmoid and softplus of large numbers stay finite", async () => {
      expect(await run(softmax(x, 0), [1000, 1000, -1000])).to.deep.equal([0.5, 0.5, 0]);
      expect(await run(sigmoid(x), [-200, 0, 200])).to.deep.equal([0, 0.5, 1]);
      const [low, middle, high] = await run(softplus(x), [-200, 0, 200]);
      expect(low).to.equal(0);
      expect(middle).to.be.closeTo(Math.LN2, 1e-6);
      expect(high).to.equal(200);
    });

    it("a cast to int32 truncates", async () => {
      expect(await run(cast(x, "int32"), [-1.75, 1.75, -0.5])).to.deep.equal([-1, 1, 0]);
    });
  },
);
