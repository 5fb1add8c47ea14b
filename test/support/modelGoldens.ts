import { expect } from "chai";
import type { Engine } from "../../lib/engines/engine.js";
import { input, nodesInOrder, type Value } from "../../lib/graph/index.js";
import { Context } from "../../lib/nn/context.js";
import { ParameterList, type ParameterScope, ParameterValues } from "../../lib/nn/parameters.js";
import { readJson } from "./goldens.js";
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
  for (const output of golden.outputs) expectGoldenOutput(folder, output, outputs[output.name]!, TOLERANCE);
}
