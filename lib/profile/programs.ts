import { type Engine, newArray, type Program, type Tensors } from "../engines/engine.js";
import type { Node, TensorData, Value } from "../graph/index.js";
import type { Outputs } from "../graph/passes/rewrite.js";
import { type Clock, type Contender, contenderOf } from "./measure.js";
import { type Cut, cut, type Partition } from "./partition.js";
import type { Place } from "./places.js";

/** A program ready to be timed. */
export interface Entrant {
  readonly contender: Contender;
  readonly program: Program;
  readonly inputs: Tensors;
}

export function entrantOf(name: string, program: Program, inputs: Tensors, clock: Clock): Entrant {
  const into = Object.fromEntries(Object.entries(program.outputs).map(([key, type]) => [key, newArray(type)]));
  const run = async () => void (await program.run(inputs, into));
  return { contender: contenderOf(name, run, clock), program, inputs };
}

/** A part of a model that is timed on its own. */
export interface PartCut {
  readonly name: string;
  readonly stage: string;
  readonly cut: Cut;
  readonly includes: (place: Place) => boolean;
  /** Whether it contains an operator of the whole graph. */
  readonly has: (node: Node) => boolean;
}

/** The stages and the blocks of a graph as graphs of their own, in its order. A stage with one block is both. */
export function partsOf(
  whole: Outputs,
  { places, placeOf }: Partition,
): { readonly stages: readonly PartCut[]; readonly blocks: readonly PartCut[] } {
  const part = (name: string, stage: string, includes: PartCut["includes"]): PartCut => {
    const has = (node: Node): boolean => {
      const place = placeOf(node);
      return place !== undefined && includes(place);
    };
    return { name, stage, cut: cut(whole, has), includes, has };
  };
  const blocks = places.map(({ stage, block }) =>
    part(block, stage, (place) => place.stage === stage && place.block === block),
  );
  const stages = [...new Set(places.map(({ stage }) => stage))].map((stage) => {
    const own = blocks.filter((block) => block.stage === stage);
    return own.length === 1 ? own[0]! : part(stage, stage, (place) => place.stage === stage);
  });
  return { stages, blocks };
}

/** The values that parts take from the whole graph, recorded in one run of it. */
export async function captured(
  engine: Engine,
  parts: readonly PartCut[],
  inputs: Tensors,
): Promise<ReadonlyMap<Value, TensorData>> {
  const values = [...new Set(parts.flatMap((part) => Object.values(part.cut.taken)))];
  const program = await engine.compile(Object.fromEntries(values.map((value, i) => [`value/${i}`, value])));
  try {
    const found = await program.run(inputs);
    return new Map(values.map((value, i) => [value, found[`value/${i}`]!]));
  } finally {
    await program.dispose();
  }
}
