import type { Engine } from "../engines/engine.js";
import { runOnce } from "../engines/inference.js";
import { optimiseForInference } from "../graph/passes/optimise.js";
import type { Outputs } from "../graph/passes/rewrite.js";
import type { Size } from "../pixels/image.js";
import { CLOCKS, type ClockName, type Contender } from "./measure.js";
import { type Network, type Recorded, record } from "./network.js";
import { type Partition, partition } from "./partition.js";
import { placesOf } from "./places.js";
import { captured, type Entrant, entrantOf, type PartCut, partsOf } from "./programs.js";

/** A model at one size, compiled to be timed. */
export interface Subject {
  readonly network: Network;
  readonly batch: number;
  readonly size: Size;
  /** The graph that runs: batch norms folded, constants computed. */
  readonly graph: Outputs;
  readonly inputs: Recorded["inputs"];
  readonly placeOfParameter: Partition["placeOfParameter"];
  readonly whole: Entrant;
  /** Empty where only whole models are timed. */
  readonly stages: readonly PartCut[];
  readonly blocks: readonly PartCut[];
  readonly entrants: ReadonlyMap<PartCut, Entrant>;
  readonly contenders: readonly Contender[];
  dispose(): Promise<void>;
}

export interface SubjectOptions {
  readonly engine: Engine;
  readonly batch: number;
  readonly size: Size;
  readonly totalOnly: boolean;
  readonly clock?: ClockName;
  readonly signal?: AbortSignal | undefined;
}

/** Compiles a model and each of its stages and blocks, cut from the folded graph, with the inputs they have in the model. */
export async function prepareSubject(network: Network, options: SubjectOptions): Promise<Subject> {
  const { engine, batch, size, totalOnly, clock = "wall", signal } = options;
  const { outputs, inputs } = record(network, batch, size);
  const graph = await optimiseForInference(outputs, (constants) => runOnce(engine, constants));
  const parted = partition(graph, placesOf(network.task));
  const parts = totalOnly ? { stages: [], blocks: [] } : partsOf(graph, parted);
  const cuts = [...new Set([...parts.stages, ...parts.blocks])];
  const made: Entrant[] = [];
  const dispose = async () => {
    for (const { program } of made) await program.dispose();
  };
  try {
    const whole = entrantOf(network.name, await engine.compile(graph), inputs, CLOCKS[clock]);
    made.push(whole);
    const values = cuts.length === 0 ? new Map() : await captured(engine, cuts, inputs);
    const entrants = new Map<PartCut, Entrant>();
    for (const part of cuts) {
      signal?.throwIfAborted();
      const given = Object.fromEntries(
        Object.entries(part.cut.taken).map(([name, value]) => [name, values.get(value)]),
      );
      const entrant = entrantOf(
        part.name,
        await engine.compile(part.cut.outputs, { partOf: graph }),
        given,
        CLOCKS[clock],
      );
      made.push(entrant);
      entrants.set(part, entrant);
    }
    const contenders = made.map(({ contender }) => contender);
    const { placeOfParameter } = parted;
    return { network, batch, size, graph, inputs, placeOfParameter, whole, ...parts, entrants, contenders, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}
