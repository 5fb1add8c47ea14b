import type { Engine } from "../engines/engine.js";
import { mostLiveBytes } from "../graph/cost.js";
import { isOperator, nodesInOrder, truncateOperator } from "../graph/index.js";
import type { Outputs } from "../graph/passes/rewrite.js";
import type { Contender } from "./measure.js";
import { ratioOfSum, sumOf, type Timing } from "./measure.js";
import type { MemoryUse } from "./memory.js";
import type { PartCut } from "./programs.js";
import { type Estimate, halfWidth } from "./statistics.js";
import type { Subject } from "./subject.js";
import type { ModelProfile, Part, Peaks } from "./types.js";
import { workCounter } from "./work.js";

const KERNEL_RUNS = 10;

export interface Measured {
  readonly timings: ReadonlyMap<Contender, Timing>;
  readonly engine: Engine;
  /** Maximum half-width of an interval, as a share of the median. */
  readonly within: number;
  readonly memory: MemoryUse | undefined;
  readonly peaks: Peaks | undefined;
}

/** Everything measured of one model. */
export async function profileOf(subject: Subject, measured: Measured): Promise<ModelProfile> {
  const { timings, engine, within, memory, peaks } = measured;
  const { network, batch, size, graph, inputs, whole, stages, blocks, entrants } = subject;
  const { name, task, config } = network;
  const work = workCounter(graph, task.parameters);
  const timingOf = (part: PartCut): Timing => timings.get(entrants.get(part)!.contender)!;
  const total = timings.get(whole.contender)!;
  const partOf = (part: PartCut): Part => {
    const { latency } = timingOf(part);
    return {
      name: part.name,
      ...truncation(part.cut.outputs),
      ...work.of(part.cut.outputs, part.has, (parameter) => {
        const place = subject.placeOfParameter(parameter);
        return place !== undefined && part.includes(place);
      }),
      ...(isKnown(latency, total.latency, { within, parts: blocks.length }) && { latency }),
    };
  };
  const kernels = await engine.kernelTimes?.(graph, inputs, KERNEL_RUNS);
  const inBlocks = blocks.map(timingOf);
  return {
    model: name,
    task: config.task,
    classes: task.description.classes.length,
    batch,
    ...size,
    total: {
      name,
      ...truncation(graph),
      ...work.of(
        graph,
        () => true,
        () => true,
      ),
      liveBytes: mostLiveBytes(graph),
      ...(memory !== undefined && { peakMemoryBytes: memory.peak, nodeMemoryBytes: memory.before }),
      latency: total.latency,
      rounds: total.ms,
    },
    ...(blocks.length > 0 && {
      stages: stages.map(partOf),
      blocks: blocks.map((block) => ({ stage: block.stage, ...partOf(block) })),
      sumOfBlocks: { latency: sumOf(inBlocks), overWhole: ratioOfSum(inBlocks, total) },
    }),
    operators: work.operators(),
    ...(peaks !== undefined && { peaks }),
    ...(kernels !== undefined && { kernels }),
  };
}

function truncation(graph: Outputs): Pick<Part, "truncated"> {
  const has = nodesInOrder(Object.values(graph)).some((node) => isOperator(node, truncateOperator));
  return has ? { truncated: true } : {};
}

/** A part's latency is reported if it is known as well as the whole's, or well enough that its error vanishes in the sum. */
function isKnown(
  latency: Estimate,
  whole: Estimate,
  { within, parts }: { readonly within: number; readonly parts: number },
): boolean {
  const error = halfWidth(latency) * latency.median;
  return error <= within * Math.max(latency.median, whole.median / Math.max(1, parts));
}
