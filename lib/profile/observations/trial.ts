import type { Engine } from "../../engines/engine.js";
import { runOnce } from "../../engines/inference.js";
import { input, type Shape, sizeOf, type Value } from "../../graph/index.js";
import { optimiseForInference } from "../../graph/passes/optimise.js";
import type { Outputs } from "../../graph/passes/rewrite.js";
import { Context } from "../../nn/context.js";
import { ParameterList, ParameterValues } from "../../nn/parameters.js";
import { Random } from "../../random.js";
import { CLOCKS, type ClockName } from "../measure.js";
import { noise } from "../network.js";
import { type Entrant, entrantOf } from "../programs.js";
import type { Work } from "../types.js";
import { workCounter } from "../work.js";
import type { Experiment, Variant } from "./experiment.js";

/** A variant compiled to be timed. */
export interface Trial extends Entrant {
  readonly variant: Variant;
  readonly input: Shape;
  readonly output: Shape;
  readonly work: Work;
}

export interface TrialOptions {
  readonly engine: Engine;
  readonly clock: ClockName;
}

/** A variant's graph; its parameters are 0 until they are drawn. */
export function record({ layer }: Variant, shape: Shape) {
  const list = new ParameterList();
  const forward = layer(list.scope());
  const values = new ParameterValues(list.all);
  const output: Value = forward(input("x", shape), Context.inference(values));
  return { outputs: { y: output } satisfies Outputs, values };
}

/** Draws parameters: those of the same name have the same values in all variants. */
export function drawParameters(values: ParameterValues): void {
  values.initialise((name) => Random.of("profile", name));
}

/** Compiles a variant the way models are compiled: folded first. */
export async function prepareTrial(
  variant: Variant,
  experiment: Experiment,
  { engine, clock }: TrialOptions,
): Promise<Trial> {
  const { shape = experiment.shape } = variant;
  const { outputs, values } = record(variant, shape);
  drawParameters(values);
  const graph = await optimiseForInference(outputs, (constants) => runOnce(engine, constants));
  const everything = () => true;
  const work = workCounter(graph, values.parameters).of(graph, everything, everything);
  const inputs = { x: noise(sizeOf(shape)) };
  const entrant = entrantOf(variant.label, await engine.compile(graph), inputs, CLOCKS[clock]);
  return { ...entrant, variant, input: shape, output: outputs.y.shape, work };
}
