import { expect } from "chai";
import {
  add,
  channelAffine,
  constant,
  div,
  exp,
  filled,
  input,
  mul,
  neg,
  reshape,
  scalar,
  sub,
  transpose,
  type Value,
} from "../../../lib/graph/index.js";
import { commonSubexpressions } from "../../../lib/graph/passes/commonSubexpressions.js";
import { simplify } from "../../../lib/graph/passes/simplify.js";
import { countOperators } from "../check.js";

const x = input("x", [2, 3, 4]);
const one = (y: Value) => simplify({ y }).y!;

describe("simplify", () => {
  const neutral: Readonly<Record<string, Value>> = {
    "x + 0": add(x, scalar(0)),
    "0 + x": add(filled([4], 0), x),
    "x − 0": sub(x, scalar(0)),
    "x · 1": mul(x, filled([1, 3, 1], 1)),
    "1 · x": mul(scalar(1), x),
    "x / 1": div(x, scalar(1)),
    "x · 1 + 0 by channel": channelAffine(x, filled([3], 1), filled([3], 0)),
    "−(−x)": neg(neg(x)),
    "a reshape there and back": reshape(reshape(x, [6, 4]), [2, 3, 4]),
    "a transpose there and back": transpose(transpose(x, [2, 0, 1]), [1, 2, 0]),
    "several of these": add(mul(neg(neg(x)), scalar(1)), scalar(0)),
  };
  for (const [what, value] of Object.entries(neutral)) {
    it(`${what} is x`, () => {
      expect(one(value)).to.equal(x);
    });
  }

  const different: Readonly<Record<string, Value>> = {
    "0 − x": sub(scalar(0), x),
    "1 / x": div(scalar(1), x),
    "x + 1": add(x, scalar(1)),
    "x · 0": mul(x, scalar(0)),
    "almost 1": mul(x, constant([1, 1, 1, 1.0001], [4])),
    "a sum with zeros that broadcasts": add(input("z", [4]), filled([3, 4], 0)),
  };
  for (const [what, value] of Object.entries(different)) {
    it(`${what} stays`, () => {
      expect(one(value)).to.equal(value);
    });
  }

  it("merges reshapes and transposes in a row", () => {
    const y = one(reshape(reshape(reshape(x, [24]), [6, 4]), [3, 8]));
    expect(y.node.inputs[0]).to.equal(x);
    expect(y.shape).to.deep.equal([3, 8]);
    const z = one(transpose(transpose(x, [1, 2, 0]), [2, 1, 0]));
    expect(z.node.inputs[0]).to.equal(x);
    expect(z.node.attributes).to.deep.equal({ order: [0, 2, 1] });
  });
});

describe("commonSubexpressions", () => {
  const count = (outputs: readonly Value[]) => {
    const named = Object.fromEntries(outputs.map((value, i) => [`y${i}`, value]));
    return countOperators(Object.values(commonSubexpressions(named)));
  };

  it("computes equal subexpressions once, through several levels", () => {
    const make = () => exp(add(neg(x), reshape(constant([1, 2, 3, 4], [4]), [1, 4])));
    const { y0, y1 } = commonSubexpressions({ y0: make(), y1: make() });
    expect(y0).to.equal(y1);
  });

  it("distinguishes attributes, inputs, outputs and order", () => {
    expect(count([reshape(x, [6, 4]), reshape(x, [4, 6])]).reshape).to.equal(2);
    expect(count([sub(x, exp(x)), sub(exp(x), x)]).sub).to.equal(2);
    expect(count([neg(x), neg(input("z", x.shape))]).neg).to.equal(2);
    expect(count([input("x", [4]), input("x", [4])]).input).to.equal(1);
  });

  it("compares small constants by content, type and name", () => {
    const numbers = [1, 2, 3, 4];
    expect(count([constant(numbers, [4]), constant(numbers, [4])]).constant).to.equal(1);
    expect(count([constant(numbers, [4]), constant(numbers, [2, 2])]).constant).to.equal(2);
    expect(count([constant(numbers, [4]), constant(numbers, [4], "int32")]).constant).to.equal(2);
    const named = (name: string) => constant(numbers, [4], "float32", name);
    expect(count([named("a"), named("b")]).constant).to.equal(2);
    expect(count([constant([0], [1]), constant([-0], [1])]).constant).to.equal(2);
  });

  it("compares large constants by their memory", () => {
    const memory = new Float32Array(3000);
    const view = (start: number) => constant(memory.subarray(start, start + 1000), [1000]);
    expect(count([view(0), view(0)]).constant).to.equal(1);
    expect(count([view(0), view(1000)]).constant).to.equal(2);
    expect(count([view(0), constant(new Float32Array(1000), [1000])]).constant).to.equal(2);
  });
});
