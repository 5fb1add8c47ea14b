import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { makeBackbone, makeClassifier, backboneConfig as schemaOfBackbones } from "../../lib/backbones/index.js";
import type { Engine } from "../../lib/engines/engine.js";
import { input, type Value } from "../../lib/graph/index.js";
import { Context } from "../../lib/nn/context.js";
import { ParameterList, ParameterValues } from "../../lib/nn/parameters.js";
import { integers, parameterValue, uniform } from "../../tools/prng.js";
import { readJson } from "./goldens.js";
import { expectClose } from "./tensors.js";

interface Case {
  readonly shape: readonly [number, number, number, number];
  readonly outputs: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly mean: number;
    readonly norm: number;
    readonly values: readonly number[];
  }[];
}

/** What bench/peers/goldens.py writes: a few values of every output of a published implementation. */
interface Golden {
  readonly config: object;
  /** Factors for generated parameters, by the end of their names. */
  readonly gains?: Readonly<Record<string, number>>;
  readonly dense: readonly Case[];
  readonly classifier: readonly Case[];
}

const PREFIX = "golden"; // as in the script
const FOLDER = fileURLToPath(new URL("../../../test/backbones/goldens/", import.meta.url)); // from dist/test/support
const TOLERANCE = 2e-5; // of the largest value
const CLASSES = 1000;

/** Backbones' configs with defaults filled in. */
export const backboneConfig = schemaOfBackbones();

export const goldenNames = (): string[] => readdirSync(FOLDER).map((file) => file.replace(/\.json$/, ""));

/** Compares a backbone with the published implementation, dense and as a classifier, at every recorded size. */
export async function expectGolden(name: string, engine: Engine): Promise<void> {
  const golden = readJson<Golden>(`${FOLDER}${name}.json`);
  const config = backboneConfig.parse(golden.config);
  expect(golden.dense.length + golden.classifier.length).to.be.greaterThan(2);
  // The classifier's parameters have the dense form's names; each value is generated once.
  const made = new Map<string, Float32Array>();
  const dense = new ParameterList();
  const backbone = makeBackbone(dense.scope(), config, { imageSide: 512 });
  for (const each of golden.dense)
    await compare({ name, each, list: dense, made, engine, gains: golden.gains }, (x, context) =>
      backbone.forward(x, context),
    );
  for (const each of golden.classifier) {
    const list = new ParameterList();
    const classifier = makeClassifier(list.scope(), config, { imageSide: each.shape[2], classes: CLASSES });
    await compare({ name, each, list, made, engine, gains: golden.gains }, (x, context) => [
      classifier.forward(x, context),
    ]);
  }
}

interface Comparison {
  readonly name: string;
  readonly each: Case;
  readonly list: ParameterList;
  readonly made: Map<string, Float32Array>;
  readonly engine: Engine;
  readonly gains: Golden["gains"];
}

async function compare(
  { name, each: { shape, outputs }, list, made, engine, gains = {} }: Comparison,
  forward: (x: Value, context: Context) => Value[],
): Promise<void> {
  const values = new ParameterValues(list.all);
  for (const parameter of list.all) {
    const { name: own, shape: ownShape } = parameter;
    const gain = Object.entries(gains).find(([end]) => own.endsWith(end))?.[1] ?? 1;
    const key = `${own} ${ownShape.join(" ")}`;
    const value = made.get(key) ?? parameterValue(PREFIX, own, ownShape)!.map((x) => gain * x);
    made.set(key, value);
    values.view(parameter.name).set(value);
  }
  const found = forward(input("x", shape), Context.inference(values));
  expect(found.map((value) => value.shape)).to.deep.equal(outputs.map((output) => output.shape));
  const program = await engine.compile(Object.fromEntries(outputs.map((output, i) => [output.name, found[i]!])));
  const length = shape.reduce((a, b) => a * b, 1);
  const results = await program.run({ x: uniform(`${PREFIX}:images`, length, -2, 2) });
  await program.dispose();
  for (const { name: output, mean, norm, values: expected } of outputs) {
    const actual = results[output]!;
    const what = `${name}, ${shape.join(" × ")}, ${output}`;
    const picked = Array.from(integers(`${PREFIX}:${output}`, expected.length, actual.length), (i) => actual[i]!);
    expectClose(picked, expected, TOLERANCE, what);
    let [sum, squares] = [0, 0];
    for (const x of actual) {
      sum += x;
      squares += x * x;
    }
    expect(Math.sqrt(squares), `norm of ${what}`).to.be.closeTo(norm, TOLERANCE * norm);
    expect(sum / actual.length, `mean of ${what}`).to.be.closeTo(mean, TOLERANCE * norm);
  }
}
