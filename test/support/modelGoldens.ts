import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import type { Engine } from "../../lib/engines/engine.js";
import { input, nodesInOrder, type Value } from "../../lib/graph/index.js";
import { Context } from "../../lib/nn/context.js";
import { ParameterList, type ParameterScope, ParameterValues } from "../../lib/nn/parameters.js";
import { readJson, recordedGolden } from "./goldens.js";
import {
  expectClose,
  expectGoldenOutput,
  fillFromPrng,
  type PrngInput,
  prngInput,
  type SampledOutput,
} from "./tensors.js";

interface ModelGolden {
  readonly prefix: string;
  readonly input: PrngInput;
  readonly outputs: readonly SampledOutput[];
  readonly generated: readonly (readonly [name: string, shape: readonly number[]])[];
  readonly trace: readonly {
    readonly module: string;
    readonly idx: readonly number[];
    readonly val: readonly number[];
  }[];
}

const TOLERANCE = 2e-5; // of the largest value, as the goldens suggest

export type GoldenTask = "cls" | "det" | "seg";

/** The output of each module: the last value recorded in its scope or in one inside it. */
function outputsByScope(outputs: Iterable<Value>): Map<string, Value> {
  const last = new Map<string, Value>();
  for (const { scope, outputs: values } of nodesInOrder(outputs)) {
    const path = scope.split(".");
    for (let depth = 1; depth <= path.length; depth++) last.set(path.slice(0, depth).join("."), values[0]!);
  }
  return last;
}

export interface OfficialModel {
  /** Of the recorded values. */
  readonly folder: string;
  readonly task: GoldenTask;
  readonly make: (scope: ParameterScope) => (x: Value, context: Context) => Value | readonly Value[];
  /** Minimum number of modules that must be compared. */
  readonly leastModules: number;
  readonly engine: Engine;
}

/** Compares parameter names and shapes, every output, and the modules' outputs with the official model's. */
export async function expectOfficialModel({ folder, task, make, leastModules, engine }: OfficialModel): Promise<void> {
  const golden = readJson<ModelGolden>(`${folder}/meta.json`);
  const list = new ParameterList();
  const forward = make(list.scope());

  // The dense models keep the classifier's unused bias table as a buffer.
  const official = golden.generated.filter(([name]) => task === "cls" || !name.endsWith("attention_biases"));
  expect(list.all.map(({ name, shape }) => [name, shape])).to.deep.equal(official);

  const values = new ParameterValues(list.all);
  fillFromPrng(values, list.all, golden.prefix);
  const named = [forward(input("x", golden.input.shape), Context.inference(values))].flat();
  const scopes = outputsByScope(named);
  const traced = golden.trace.filter(({ module }) => scopes.has(module));
  expect(traced.length).to.be.at.least(leastModules);

  const wanted = Object.fromEntries([
    ...traced.map(({ module }) => [`trace/${module}`, scopes.get(module)!] as const),
    ...golden.outputs.map(({ name }, i) => [name, named[i]!] as const),
  ]);
  const program = await engine.compile(wanted);
  const outputs = await program.run({ x: prngInput(golden.input) });
  await program.dispose();
  for (const { module, idx, val } of traced) {
    const actual = outputs[`trace/${module}`]!;
    expectClose(
      idx.map((i) => actual[i]!),
      val,
      TOLERANCE * 5,
      module,
    );
  }
  for (const output of golden.outputs)
    expectGoldenOutput(recordedGolden(folder), output, outputs[output.name]!, TOLERANCE);
}

/** What bench/peers/official.py keeps of a large recording: a few values of every output of the authors' own code. */
interface SmallGolden {
  readonly prefix: string;
  readonly input: PrngInput;
  /** SHA-256 of the parameters' names and shapes as JSON. */
  readonly parameters: string;
  readonly outputs: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly mean: number;
    readonly norm: number;
    readonly indices: readonly number[];
    readonly values: readonly number[];
  }[];
}

const SMALL = fileURLToPath(new URL("../../../test/backbones/official/", import.meta.url)); // from dist/test/support

/** The same comparison as far as the checkout alone allows: names and shapes by their digest, and samples of the outputs. */
export async function expectOfficialSamples(
  name: string,
  { make, engine }: Pick<OfficialModel, "make" | "engine">,
): Promise<void> {
  const golden = readJson<SmallGolden>(`${SMALL}${name}.json`);
  const list = new ParameterList();
  const forward = make(list.scope());
  const names = JSON.stringify(list.all.map((parameter) => [parameter.name, parameter.shape]));
  expect(createHash("sha256").update(names).digest("hex"), "names and shapes").to.equal(golden.parameters);

  const values = new ParameterValues(list.all);
  fillFromPrng(values, list.all, golden.prefix);
  const named = [forward(input("x", golden.input.shape), Context.inference(values))].flat();
  expect(named.map(({ shape }) => shape)).to.deep.equal(golden.outputs.map(({ shape }) => shape));
  const program = await engine.compile(Object.fromEntries(golden.outputs.map((output, i) => [output.name, named[i]!])));
  const outputs = await program.run({ x: prngInput(golden.input) });
  await program.dispose();
  for (const { name: output, mean, norm, indices, values: expected } of golden.outputs) {
    const actual = outputs[output]!;
    const picked = indices.map((i) => actual[i]!);
    expectClose(picked, expected, TOLERANCE, `${name}, ${output}`);
    let [sum, squares] = [0, 0];
    for (const x of actual) {
      sum += x;
      squares += x * x;
    }
    expect(Math.sqrt(squares), `norm of ${name}, ${output}`).to.be.closeTo(norm, TOLERANCE * norm);
    expect(sum / actual.length, `mean of ${name}, ${output}`).to.be.closeTo(mean, TOLERANCE * norm);
  }
}
