import { expect } from "chai";
import {
  add,
  constant,
  div,
  GraphError,
  gradients,
  input,
  max,
  mul,
  relu,
  scalar,
  softmax,
  split,
  sub,
  sum,
  type Value,
} from "../../lib/graph/index.js";
import { evaluate } from "./check.js";
import { onEveryEngine } from "./engines.js";

const x = input("x", [3]);
const feeds = { x: Float32Array.of(1, -2, 3), w: Float32Array.of(2, 5, -1) };
const w = input("w", [3]);

describe("gradients", () => {
  onEveryEngine(
    (name) => `on ${name}`,
    (engine) => {
      const run = async (values: readonly (Value | undefined)[]) => {
        const outputs = Object.fromEntries(values.map((value, i) => [`g${i}`, value!]));
        const result = await evaluate(engine(), outputs, feeds);
        return values.map((_, i) => Array.from(result[`g${i}`]!, (x) => x + 0)); // −0 becomes 0
      };

      it("adds up where a value is used twice", async () => {
        const loss = sum(add(mul(x, x), mul(x, w))); // x² + x·w
        expect(await run(gradients(loss, [x, w]))).to.deep.equal([
          [4, 1, 5],
          [1, -2, 3],
        ]);
      });

      it("adds up where an operator takes one value as both operands", async () => {
        expect(await run(gradients(sum(sub(x, x)), [x]))).to.deep.equal([[0, 0, 0]]);
        expect(await run(gradients(sum(div(x, x)), [x]))).to.deep.equal([[0, 0, 0]]);
      });

      it("flows to intermediate values", async () => {
        const square = mul(x, x);
        expect(await run(gradients(sum(mul(square, w)), [square, x]))).to.deep.equal([
          [2, 5, -1],
          [4, -20, -6],
        ]);
      });

      it("accepts seeds, one for each value and several for one", async () => {
        const [y, z] = [mul(x, w), relu(x)];
        const seed = (value: Value, numbers: number[]) => ({ value, gradient: constant(numbers, [3]) });
        const found = gradients([seed(y, [1, 1, 1]), seed(z, [10, 10, 10]), seed(y, [1, 0, 0])], [x, w]);
        expect(await run(found)).to.deep.equal([
          [14, 5, 9],
          [2, -2, 3],
        ]);
      });

      it("of a seed that is a target itself contains the seed", async () => {
        const y = mul(x, scalar(3));
        const found = gradients([{ value: y, gradient: constant([1, 2, 3], [3]) }], [y, x]);
        expect(await run(found)).to.deep.equal([
          [1, 2, 3],
          [3, 6, 9],
        ]);
      });

      it("skip unused outputs", async () => {
        const [first] = split(mul(x, w), 0, [1, 2]) as [Value, Value];
        expect(await run(gradients(sum(first), [x]))).to.deep.equal([[2, 0, 0]]);
      });

      it("of a node with several consumers is complete before it propagates", async () => {
        let y = x;
        for (let i = 0; i < 5; i++) y = add(y, y);
        expect(await run(gradients(sum(y), [x]))).to.deep.equal([[32, 32, 32]]);
      });
    },
  );

  it("are undefined where the loss does not depend on a value", () => {
    expect(gradients(sum(x), [w])).to.deep.equal([undefined]);
  });

  it("do not flow through an operator without a gradient", () => {
    expect(gradients(max(x), [x])).to.deep.equal([undefined]);
    expect(gradients(sum(add(max(x), w)), [x])).to.deep.equal([undefined]);
  });

  it("of a loss that is not a scalar are an error", () => {
    expect(() => gradients(softmax(x, 0), [x])).to.throw(GraphError, "a loss is one number, not [3]");
  });

  it("handle graphs deeper than the call stack", () => {
    let y: Value = x;
    for (let i = 0; i < 30_000; i++) y = add(y, w);
    const [g] = gradients(sum(y), [x]);
    expect(g!.shape).to.deep.equal([3]);
  });
});
