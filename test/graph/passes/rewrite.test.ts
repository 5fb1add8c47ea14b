import { expect } from "chai";
import {
  add,
  exp,
  GraphError,
  input,
  inScope,
  mul,
  neg,
  nodesInOrder,
  reshape,
  scalar,
  sqrt,
  topK,
  type Value,
} from "../../../lib/graph/index.js";
import { rewrite, sameOutputs } from "../../../lib/graph/passes/rewrite.js";

const x = input("x", [4]);
const isOperator = (value: Value, name: string) => value.node.operator.name === name;

describe("rewrite", () => {
  it("keeps the same nodes if no rule applies", () => {
    const outputs = { y: mul(exp(x), x), z: x };
    const after = rewrite(outputs, () => undefined);
    expect(sameOutputs(outputs, after)).to.equal(true);
  });

  it("rebuilds the nodes above a replacement and keeps the others", () => {
    const kept = exp(x);
    const outputs = { y: add(kept, neg(x)), kept };
    const after = rewrite(outputs, (value) => (isOperator(value, "neg") ? sqrt(value.node.inputs[0]!) : undefined));
    expect(after.kept).to.equal(kept);
    const [left, right] = after.y!.node.inputs;
    expect(left).to.equal(kept);
    expect(right!.node.operator.name).to.equal("sqrt");
  });

  it("applies rules again to replacements and their inputs", () => {
    // neg(neg(neg x)) → neg x, one pair per step
    const pair = (value: Value) => {
      const inner = isOperator(value, "neg") ? value.node.inputs[0]! : undefined;
      return inner !== undefined && isOperator(inner, "neg") ? inner.node.inputs[0]! : undefined;
    };
    const { y } = rewrite({ y: exp(neg(neg(neg(neg(neg(x)))))) }, pair);
    expect(nodesInOrder([y!]).map(({ operator }) => operator.name)).to.deep.equal(["input", "neg", "exp"]);
  });

  it("does not visit nodes that a replacement has cut off", () => {
    const asked: string[] = [];
    rewrite({ y: neg(exp(sqrt(x))) }, (value) => {
      asked.push(value.node.operator.name);
      return isOperator(value, "exp") ? input("cut", value.shape) : undefined;
    });
    expect(asked).to.deep.equal(["neg", "exp", "input"]);
  });

  it("rebuilds a node with several outputs once", () => {
    const { values, indices } = topK(neg(x), 2);
    const after = rewrite({ values, indices }, (value) => (isOperator(value, "neg") ? exp(x) : undefined));
    expect(after.values!.node).to.equal(after.indices!.node);
    expect(after.indices!.index).to.equal(1);
  });

  it("gives replacements the scope of the nodes they replace", () => {
    const y = inScope("backbone.stem", () => neg(x));
    const after = rewrite({ y }, (value) => (isOperator(value, "neg") ? mul(x, scalar(-1)) : undefined));
    expect(after.y!.node.scope).to.equal("backbone.stem");
  });

  it("handles graphs deeper than the call stack", () => {
    let y = neg(x);
    for (let i = 0; i < 30_000; i++) y = add(y, x);
    const after = rewrite({ y }, (value) => (isOperator(value, "neg") ? exp(x) : undefined));
    expect(nodesInOrder([after.y!]).length).to.equal(30_002);
  });

  it("refuses a replacement of another shape and a rule that never ends", () => {
    expect(() => rewrite({ y: neg(x) }, (v) => (isOperator(v, "neg") ? reshape(x, [2, 2]) : undefined))).to.throw(
      GraphError,
      "neg replaced by a tensor of another type",
    );
    expect(() => rewrite({ y: neg(x) }, () => neg(x))).to.throw(GraphError, "a rule that never ends on neg");
  });
});
