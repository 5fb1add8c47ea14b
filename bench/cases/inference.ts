import { compileForInference } from "../../lib/engines/inference.js";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import { input, type Value } from "../../lib/graph/index.js";
import { Context } from "../../lib/nn/context.js";
import { type Parameter, ParameterList, type ParameterScope, type ParameterValues } from "../../lib/nn/parameters.js";
import { checksum, normalisedImages, rms } from "../inputs.js";
import type { CaseOptions, PreparedCase } from "../protocol.js";
import { benchValues } from "./models.js";

type Forward = (images: Value, context: Context) => readonly Value[];

type Values = (parameters: readonly Parameter[]) => ParameterValues;

/** One forward pass with folded parameters; the check compares the last output. */
export async function prepareInference(
  options: CaseOptions,
  build: (scope: ParameterScope) => Forward,
  values: Values = benchValues,
): Promise<PreparedCase> {
  const program = await compile(options, build, values);
  const images = normalisedImages(options.batch, options.size);
  let last: ArrayLike<number> = [];
  return {
    async run() {
      last = Object.values(await program.run({ images })).at(-1)!;
    },
    dispose: () => program.dispose(),
    checksum: checksum(images),
    check: () => rms(last),
  };
}

/** Not an async function, because its frame would keep the parameters, of which the engine makes its own copy. */
function compile(
  { size, batch, threads }: CaseOptions,
  build: (scope: ParameterScope) => Forward,
  values: Values,
): ReturnType<typeof compileForInference> {
  const list = new ParameterList();
  const forward = build(list.scope());
  const outputs = forward(input("images", [batch, 3, ...size]), Context.inference(values(list.all)));
  const named = Object.fromEntries(outputs.map((value, i) => [`output${i}`, value]));
  return compileForInference(onnxRuntimeEngine({ threads }), named);
}
