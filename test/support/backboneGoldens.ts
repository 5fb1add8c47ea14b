import { fileURLToPath } from "node:url";
import { expect } from "chai";
import type { Backbone } from "../../lib/backbones/backbone.js";
import type { Engine } from "../../lib/engines/engine.js";
import { input } from "../../lib/graph/index.js";
import { Context } from "../../lib/nn/context.js";
import { ParameterList, type ParameterScope, ParameterValues } from "../../lib/nn/parameters.js";
import { integers, uniform } from "../../tools/prng.js";
import { readJson } from "./goldens.js";
import { expectClose, fillFromPrng } from "./tensors.js";

/** What bench/peers/goldens.py writes: a few values of every output of a published implementation. */
interface Golden {
  readonly cases: readonly {
    readonly shape: readonly [number, number, number, number];
    readonly outputs: readonly {
      readonly name: string;
      readonly shape: readonly number[];
      readonly mean: number;
      readonly norm: number;
      readonly values: readonly number[];
    }[];
  }[];
}

const PREFIX = "golden"; // as in the script
const FOLDER = fileURLToPath(new URL("../../../test/backbones/goldens/", import.meta.url)); // from dist/test/support
const TOLERANCE = 2e-5; // of the largest value

/** Compares a backbone's maps with recorded ones, for every recorded size. */
export async function expectGoldenMaps(
  name: string,
  make: (scope: ParameterScope) => Backbone,
  engine: Engine,
): Promise<void> {
  const { cases } = readJson<Golden>(`${FOLDER}${name}.json`);
  expect(cases.length).to.be.greaterThan(1);
  const list = new ParameterList();
  const backbone = make(list.scope());
  const values = new ParameterValues(list.all);
  fillFromPrng(values, list.all, PREFIX);
  for (const { shape, outputs } of cases) {
    const maps = backbone.forward(input("x", shape), Context.inference(values));
    const program = await engine.compile(Object.fromEntries(outputs.map((output, i) => [output.name, maps[i]!])));
    const length = shape.reduce((a, b) => a * b, 1);
    const results = await program.run({ x: uniform(`${PREFIX}:images`, length, -2, 2) });
    await program.dispose();
    expect(outputs.map((output) => output.shape)).to.deep.equal(maps.map((map) => map.shape));
    for (const { name: output, mean, norm, values: expected } of outputs) {
      const actual = results[output]!;
      const what = `${name}, ${shape.join(" × ")}, ${output}`;
      const picked = integers(`${PREFIX}:${output}`, expected.length, actual.length);
      expectClose(
        Array.from(picked, (i) => actual[i]!),
        expected,
        TOLERANCE,
        what,
      );
      let sum = 0;
      let squares = 0;
      for (const x of actual) {
        sum += x;
        squares += x * x;
      }
      expect(Math.sqrt(squares), `norm of ${what}`).to.be.closeTo(norm, TOLERANCE * norm);
      expect(sum / actual.length, `mean of ${what}`).to.be.closeTo(mean, TOLERANCE * norm);
    }
  }
}
