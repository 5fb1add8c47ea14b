import { WIDTH_STEP } from "../backbones/efficientformerSizes.js";
import { type Architecture, withPath, withWidth } from "./architecture.js";
import { type Alphas, pathImportance, stageImportance } from "./importance.js";

/** One step that makes a network cheaper. Stages and blocks are counted from 1. */
export type Action =
  | { readonly action: "remove"; readonly stage: number; readonly block: number; readonly importance: number }
  | { readonly action: "convert"; readonly stage: number; readonly block: number }
  | { readonly action: "narrow"; readonly stage: number; readonly width: number; readonly importance: number };

export interface Move {
  readonly action: Action;
  readonly architecture: Architecture;
  readonly cost: number;
}

export interface MoveOptions {
  readonly alphas: Alphas;
  /** Of the network before the step. */
  readonly cost: number;
  readonly costOf: (architecture: Architecture) => number;
}

/**
 * The paper's three actions, where they are possible and make the network cheaper: the least important MetaPath becomes the
 * identity; the first MB3D becomes MB4D; the least important stage becomes narrower by 16. Where the least important one
 * saves nothing, because a stage keeps a block and 16 channels, or because the machine is no faster with fewer channels, a
 * stage becomes narrower by the smallest multiple of 16 that saves something; failing that, the next important path or stage
 * is tried. Among equally important ones, the first in the network is taken.
 */
export function movesOf(architecture: Architecture, options: MoveOptions): Move[] {
  const found = [removal(architecture, options), conversion(architecture, options), narrowing(architecture, options)];
  return found.filter((move) => move !== undefined);
}

function removal(architecture: Architecture, options: MoveOptions): Move | undefined {
  const blocks = architecture.paths.flatMap((choices, stage) => {
    const there = choices.flatMap((choice, block) => (choice === "identity" ? [] : [block]));
    return there.length < 2
      ? []
      : there.map((block) => ({ stage, block, importance: pathImportance(options.alphas[stage]![block]!) }));
  });
  for (const { stage, block, importance } of ascending(blocks)) {
    const action: Action = { action: "remove", stage: stage + 1, block: block + 1, importance };
    const move = saving(action, withPath(architecture, stage, block, "identity"), options);
    if (move !== undefined) return move;
  }
  return undefined;
}

function conversion(architecture: Architecture, options: MoveOptions): Move | undefined {
  for (const [stage, choices] of architecture.paths.entries()) {
    const block = choices.indexOf("MB3D");
    if (block < 0) continue;
    const action: Action = { action: "convert", stage: stage + 1, block: block + 1 };
    return saving(action, withPath(architecture, stage, block, "MB4D"), options);
  }
  return undefined;
}

function narrowing(architecture: Architecture, options: MoveOptions): Move | undefined {
  const stages = architecture.widths.map((width, stage) => ({
    stage,
    width,
    importance: stageImportance(architecture, options.alphas, stage),
  }));
  for (const { stage, width: now, importance } of ascending(stages)) {
    for (let width = now - WIDTH_STEP; width >= WIDTH_STEP; width -= WIDTH_STEP) {
      const action: Action = { action: "narrow", stage: stage + 1, width, importance };
      const move = saving(action, withWidth(architecture, stage, width), options);
      if (move !== undefined) return move;
    }
  }
  return undefined;
}

/** Sorting is stable. */
const ascending = <T extends { readonly importance: number }>(list: readonly T[]): T[] =>
  list.toSorted((a, b) => a.importance - b.importance);

function saving(
  action: Action,
  architecture: Architecture,
  { cost: now, costOf }: Pick<MoveOptions, "cost" | "costOf">,
): Move | undefined {
  const cost = costOf(architecture);
  return cost < now ? { action, architecture, cost } : undefined;
}
