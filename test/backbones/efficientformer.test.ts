import { expect } from "chai";
import {
  EFFICIENTFORMER_SIZES,
  type EfficientFormerVariant,
  efficientFormer,
  efficientFormerClassifier,
} from "../../lib/backbones/efficientformer.js";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime.js";
import { input, nodesInOrder, type Value } from "../../lib/graph/index.js";
import { Context } from "../../lib/nn/context.js";
import { ParameterList, ParameterValues } from "../../lib/nn/parameters.js";
import { readJson, requireGoldens } from "../support/goldens.js";
import {
  expectClose,
  expectGoldenOutput,
  fillFromPrng,
  type PrngInput,
  prngInput,
  type SampledOutput,
} from "../support/tensors.js";

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
const BIAS_SIDES = { det: 25, seg: 16 };

/** The value a module hands on: the last one recorded in its scope or in one inside it. */
function outputsByScope(outputs: Iterable<Value>): Map<string, Value> {
  const last = new Map<string, Value>();
  for (const { scope, outputs: values } of nodesInOrder(outputs)) {
    const path = scope.split(".");
    for (let depth = 1; depth <= path.length; depth++) last.set(path.slice(0, depth).join("."), values[0]!);
  }
  return last;
}

describe("EfficientFormer", () => {
  const engine = onnxRuntimeEngine();

  for (const model of ["l1_cls", "l1_det", "l1_seg", "l3_cls", "l3_det", "l7_cls"] as const) {
    it(`${model} equals the official model, layer by layer`, async function () {
      const folder = requireGoldens(this, `models/${model}`);
      const golden = readJson<ModelGolden>(`${folder}/meta.json`);
      const [variant, task] = model.split("_") as [EfficientFormerVariant, "cls" | "det" | "seg"];
      const size = EFFICIENTFORMER_SIZES[variant];
      const list = new ParameterList();
      const forward =
        task === "cls"
          ? efficientFormerClassifier(list.scope(), { size, classes: 1000 }).forward
          : efficientFormer(list.scope(), { size, biasSide: BIAS_SIDES[task] }).forward;

      // The dense models keep the classifier's unused bias table as a buffer.
      const official = golden.generated.filter(([name]) => task === "cls" || !name.endsWith("attention_biases"));
      expect(list.all.map(({ name, shape }) => [name, shape])).to.deep.equal(official);

      const values = new ParameterValues(list.all);
      fillFromPrng(values, list.all, golden.prefix);
      const result = forward(input("x", golden.input.shape), Context.inference(values));
      const named = Array.isArray(result) ? result : [result];
      const scopes = outputsByScope(named);
      const traced = golden.trace.filter(({ module }) => scopes.has(module));
      expect(traced.length).to.be.greaterThan(EFFICIENTFORMER_SIZES[variant].depths.reduce((a, b) => a + b, 0) / 2);

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
    });
  }
});
