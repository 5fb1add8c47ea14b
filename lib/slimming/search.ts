import { titleOfSize } from "../backbones/efficientformerSizes.js";
import { UserError } from "../errors.js";
import { type Action, movesOf } from "./actions.js";
import { type Architecture, architectureOf, nameOf, sizeOfArchitecture } from "./architecture.js";
import { costOf, type PartCosts } from "./costs.js";
import type { Alphas } from "./importance.js";
import type { Figures, SearchLog } from "./searchLog.js";
import { smallestOf } from "./smallest.js";
import type { SearchSpace } from "./space.js";
import { showCost, type Target } from "./targets.js";

/** The input of every search method. */
export interface SearchProblem {
  readonly space: SearchSpace;
  readonly costs: PartCosts;
  readonly log: SearchLog;
  /** The criterion that networks are compared by. */
  readonly by: Criterion;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

/** Accuracy, or the loss, which tells more on few images: on two hundred, accuracy has two hundred values. */
export const CRITERIA = ["accuracy", "loss"] as const;
export type Criterion = (typeof CRITERIA)[number];

/** Higher is better. @throws RangeError where the loss was not evaluated */
export function scoreOf({ accuracy, loss }: Figures, by: Criterion): number {
  if (by === "accuracy") return accuracy;
  if (loss === undefined) throw new RangeError("networks are compared by loss, but it was not evaluated");
  return -loss;
}

/** A network found for a target, with its metrics on held-out data using the supernet's weights. */
export interface Found extends Figures {
  readonly target: Target;
  readonly architecture: Architecture;
  readonly cost: number;
}

/** A step considered. */
export interface Candidate extends Figures {
  readonly action: Action;
  readonly architecture: string;
  readonly cost: number;
  readonly saved: number;
  /** Of accuracy, or the rise of the loss; 0 where the network gets better. */
  readonly drop: number;
  /** The drop per unit of cost saved: the lowest is taken. */
  readonly dropPerCost: number;
}

/** One step of the search, as in the log. */
export interface Step extends Figures {
  readonly type: "step";
  readonly step: number;
  readonly target: string;
  readonly architecture: string;
  readonly cost: number;
  readonly candidates: readonly Candidate[];
  /** Index of the candidate taken. */
  readonly taken: number;
}

/** The result of a search. */
export interface SearchOutcome {
  readonly found: readonly Found[];
  /** Targets that were not reached, with the reason. */
  readonly unreached: readonly { readonly target: Target; readonly reason: string }[];
}

/**
 * Latency-driven slimming (EfficientFormer, section 3.3): starting from the whole supernet, take the action that loses the
 * least accuracy per millisecond saved, until a target is met; then go on to the next target. A rise of accuracy counts as
 * no loss. Among actions that lose equally little, the one that saves most is taken, then the more accurate one, then the
 * first of removing, converting, narrowing.
 *
 * @param targets all met in one search, the most expensive first
 */
export async function slim(
  { space, costs, log, by, signal }: SearchProblem,
  alphas: Alphas,
  targets: readonly Target[],
): Promise<SearchOutcome> {
  const price = (one: Architecture): number => costOf(one, costs);
  let architecture = architectureOf(space.start);
  let cost = price(architecture);
  let figures = await log.figuresOf(architecture);
  const found: Found[] = [];
  const left = targets.toSorted((a, b) => b.cost - a.cost);
  for (let step = 1; ; step++) {
    while (left[0] !== undefined && cost <= left[0].cost) {
      const target = left.shift()!;
      log.record({ type: "found", target: target.text, architecture: nameOf(architecture), cost, ...figures });
      found.push({ target, architecture, cost, ...figures });
    }
    if (left[0] === undefined) return { found, unreached: [] };
    signal?.throwIfAborted();
    const moves = movesOf(architecture, { alphas, cost, costOf: price });
    const candidates: Candidate[] = [];
    for (const move of moves) {
      const then = await log.figuresOf(move.architecture);
      const [saved, drop] = [cost - move.cost, Math.max(0, scoreOf(figures, by) - scoreOf(then, by))];
      candidates.push({
        action: move.action,
        architecture: nameOf(move.architecture),
        cost: move.cost,
        saved,
        ...then,
        drop,
        dropPerCost: drop / saved,
      });
    }
    const taken = best(candidates, by);
    if (taken < 0) {
      log.record({ type: "deadEnd", step, architecture: nameOf(architecture), cost, ...figures });
      const title = titleOfSize(sizeOfArchitecture(architecture));
      const reason = `no action makes ${title} cheaper than ${showCost(costs.kind, cost)}`;
      return { found, unreached: left.map((target) => ({ target, reason })) };
    }
    const record: Step = {
      ...{ type: "step", step, target: left[0].text, architecture: nameOf(architecture), cost, ...figures },
      candidates,
      taken,
    };
    log.record({ ...record });
    ({ architecture, cost } = moves[taken]!);
    figures = await log.figuresOf(architecture);
  }
}

function best(candidates: readonly Candidate[], by: Criterion): number {
  const order = candidates
    .map((candidate, i) => ({ ...candidate, i }))
    .sort((a, b) => a.dropPerCost - b.dropPerCost || b.saved - a.saved || scoreOf(b, by) - scoreOf(a, by) || a.i - b.i);
  return order[0]?.i ?? -1;
}

/** @throws UserError where a target is below the cost of every network of the space */
export function checkReachable(space: SearchSpace, costs: PartCosts, targets: readonly Target[]): void {
  const { size, cost } = smallestOf(space, costs);
  for (const target of targets) {
    if (target.cost >= cost) continue;
    const asked = target.text.endsWith("x") ? ` (${showCost(costs.kind, target.cost)})` : "";
    throw new UserError(
      `target ${target.text}${asked} is below the smallest that can be reached, ${showCost(costs.kind, cost)} with ` +
        `${titleOfSize(size)}; ask for more`,
    );
  }
}
