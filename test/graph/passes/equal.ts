import { expect } from "chai";
import type { Engine } from "../../../lib/engines/engine.js";
import {
  constant,
  type InputAttributes,
  nodesInOrder,
  type Shape,
  sizeOf,
  type Value,
} from "../../../lib/graph/index.js";
import type { Outputs } from "../../../lib/graph/passes/rewrite.js";
import { Random } from "../../../lib/random.js";
import { expectClose } from "../../support/tensors.js";
import { evaluate } from "../check.js";

/** A constant with random numbers between −1 and 1. */
export function randomConstant(shape: Shape, name?: string): Value {
  return constant(randomNumbers(`constant ${shape} ${name}`, shape), shape, "float32", name);
}

function randomNumbers(key: string, shape: Shape): Float32Array {
  const random = Random.of(key);
  return Float32Array.from({ length: sizeOf(shape) }, () => random.uniform(-1, 1));
}

/** Runs both graphs on the same random inputs and asserts that the outputs agree up to rounding. */
export async function expectSameResults(engine: Engine, before: Outputs, after: Outputs, tolerance = 1e-5) {
  const inputs = nodesInOrder(Object.values(before)).filter(({ operator }) => operator.name === "input");
  const feeds = Object.fromEntries(
    inputs.map(({ attributes, outputs }) => {
      const { name } = attributes as InputAttributes;
      return [name, randomNumbers(name, outputs[0]!.shape)];
    }),
  );
  const expected = await evaluate(engine, before, feeds);
  const actual = await evaluate(engine, after, feeds);
  expect(Object.keys(after)).to.deep.equal(Object.keys(before));
  for (const name of Object.keys(before)) {
    expect(after[name]!.shape, name).to.deep.equal(before[name]!.shape);
    expectClose(actual[name]!, expected[name]!, tolerance, name);
  }
}
