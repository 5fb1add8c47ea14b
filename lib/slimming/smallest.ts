import type { EfficientFormerSize } from "../backbones/efficientformerSizes.js";
import { architectureOf } from "./architecture.js";
import { costOf, type PartCosts } from "./costs.js";
import { mostAttention } from "./randomArchitecture.js";
import { type SearchSpace, widthsOf } from "./space.js";

export interface Smallest {
  readonly size: EfficientFormerSize;
  readonly cost: number;
}

const DEPTHS = [1, 1, 1, 1] as const;

/** The cheapest network of a space: one block per stage, at the cheapest widths, which need not be the smallest. */
export function smallestOf(space: SearchSpace, costs: PartCosts): Smallest {
  let best: Smallest | undefined;
  for (let attentionBlocks = 0; attentionBlocks <= mostAttention(space, DEPTHS); attentionBlocks++) {
    const found = cheapestWidths(space, attentionBlocks, costs);
    if (best === undefined || found.cost < best.cost) best = found;
  }
  return best!;
}

/**
 * A stage's parts depend only on its own width and the previous one. So the cheapest path to each width of a stage extends
 * the cheapest path to one of the previous widths (dynamic programming).
 */
function cheapestWidths(space: SearchSpace, attentionBlocks: number, costs: PartCosts): Smallest {
  const of = (widths: readonly number[]): number => {
    const [a, b, c, d] = widths;
    return costOf(architectureOf({ widths: [a!, b!, c!, d!], depths: DEPTHS, attentionBlocks }), costs);
  };
  const last = (stage: number): number => widthsOf(space, stage)[0]!;
  // Comparing networks with the same later stages tells which of the earlier ones is cheaper.
  let ways = widthsOf(space, 0).map((width) => [width]);
  for (const stage of [1, 2, 3]) {
    const rest = [1, 2, 3].filter((later) => later > stage).map(last);
    ways = widthsOf(space, stage).map((width) => {
      const longer = ways.map((way) => [...way, width]);
      return cheapest(longer, (way) => of([...way, ...rest]));
    });
  }
  const found = cheapest(ways, of);
  const [a, b, c, d] = found;
  return { size: { widths: [a!, b!, c!, d!], depths: DEPTHS, attentionBlocks }, cost: of(found) };
}

function cheapest<T>(list: readonly T[], costOfOne: (one: T) => number): T {
  const costs = list.map(costOfOne);
  return list[costs.indexOf(Math.min(...costs))]!;
}
