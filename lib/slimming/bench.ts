import { efficientFormerClassifier } from "../backbones/efficientformer.js";
import type { EfficientFormerSize } from "../backbones/efficientformerSizes.js";
import { titleOfSize } from "../backbones/efficientformerSizes.js";
import type { Engine, Program, Tensors } from "../engines/engine.js";
import { runOnce } from "../engines/inference.js";
import { input, sizeOf } from "../graph/index.js";
import { optimiseForInference } from "../graph/passes/optimise.js";
import type { Outputs } from "../graph/passes/rewrite.js";
import { Context } from "../nn/context.js";
import { ParameterList, ParameterValues } from "../nn/parameters.js";
import { CLOCKS, type ClockName, type Contender, measureInTurn } from "../profile/measure.js";
import { entrantOf } from "../profile/programs.js";
import { PATIENCE } from "../profile/setting.js";
import { Random } from "../random.js";
import { type PartSetting, partGraph } from "./partGraph.js";
import { partName } from "./parts.js";
import type { Bench, IsEnough, TimedGroup } from "./table.js";

export interface BenchOptions {
  readonly engine: Engine;
  readonly setting: PartSetting;
  readonly start: EfficientFormerSize;
  /** Minimum number of rounds, and how long a program runs in each. */
  readonly rounds: number;
  readonly seconds: number;
  readonly clock: ClockName;
  readonly signal?: AbortSignal | undefined;
}

/** Runs programs on the engine, timed by the profiler's clock. The start stays compiled. */
export async function openBench(options: BenchOptions): Promise<Bench & { dispose(): Promise<void> }> {
  const { engine, setting, start, rounds, seconds, clock, signal } = options;
  const runs: Runs = { engine, clock };
  const whole = await compiledNetwork(start, setting, runs);
  const timed = async (made: readonly Made[], enough: IsEnough): Promise<TimedGroup> => {
    const contenders = [whole, ...made].map(({ contender }) => contender);
    const found = await measureInTurn(contenders, {
      rounds,
      mostRounds: PATIENCE * rounds,
      seconds,
      isEnough: (timings) => enough(groupOf(timings)),
      signal,
    });
    return groupOf(found);
  };
  const timeEach = async <T>(items: readonly T[], enough: IsEnough, make: (item: T) => Promise<Made>) => {
    const made: Made[] = [];
    try {
      for (const item of items) {
        signal?.throwIfAborted();
        made.push(await make(item));
      }
      return await timed(made, enough);
    } finally {
      for (const { program } of made) await program.dispose();
    }
  };
  return {
    timeParts: (parts, enough) =>
      timeEach(parts, enough, (part) => {
        const { outputs, inputs } = partGraph(part, setting);
        return compiled(partName(part), outputs, inputs, { ...runs, partOf: whole.graph });
      }),
    timeNetworks: (sizes, enough) => timeEach(sizes, enough, (size) => compiledNetwork(size, setting, runs)),
    dispose: () => whole.program.dispose(),
  };
}

const groupOf = ([reference, ...timings]: readonly Pick<TimedGroup["reference"], "ms">[]): TimedGroup => ({
  reference: reference!,
  timings,
});

interface Made {
  readonly contender: Contender;
  readonly program: Program;
  readonly graph: Outputs;
}

interface Runs {
  readonly engine: Engine;
  readonly clock: ClockName;
  readonly partOf?: Outputs;
}

async function compiled(
  name: string,
  outputs: Outputs,
  inputs: Tensors,
  { engine, clock, partOf }: Runs,
): Promise<Made> {
  const graph = await optimiseForInference(outputs, (constants) => runOnce(engine, constants));
  const program = await engine.compile(graph, partOf === undefined ? {} : { partOf });
  return { ...entrantOf(name, program, inputs, CLOCKS[clock]), graph };
}

/** A whole network with random parameters. */
function compiledNetwork(
  size: EfficientFormerSize,
  { batch, size: { height, width }, classes }: PartSetting,
  runs: Runs,
): Promise<Made> {
  const list = new ParameterList();
  const { forward } = efficientFormerClassifier(list.scope("backbone"), { size, classes });
  const values = new ParameterValues(list.all);
  values.initialise((parameter) => Random.of("slimming", parameter));
  const images = input("images", [batch, 3, height, width]);
  const random = Random.of("slimming", "images");
  const noise = Float32Array.from({ length: sizeOf(images.shape) }, () => random.uniform(-2, 2));
  const outputs = { logits: forward(images, Context.inference(values)) };
  return compiled(titleOfSize(size), outputs, { images: noise }, runs);
}
