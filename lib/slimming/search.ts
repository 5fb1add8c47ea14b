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

/** What every way of searching is given. */
export interface SearchProblem {
  readonly space: SearchSpace;
  readonly costs: PartCosts;
  readonly log: SearchLog;
  /** What a network is judged by. */
  readonly by: Criterion;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

/** Accuracy, or the loss, which tells more on few images: of two hundred, accuracy has two hundred values. */
export const CRITERIA = ["accuracy", "loss"] as const;
export type Criterion = (typeof CRITERIA)[number];

/** The more, the better. @throws RangeError where the loss was not evaluated */
export function scoreOf({ accuracy, loss }: Figures, by: Criterion): number {
  if (by === "accuracy") return accuracy;
  if (loss === undefined) throw new RangeError("a network is to be judged by its loss, which was not evaluated");
  return -loss;
}

/** A network found for a target, with its figures by the supernet's weights on held-out data. */
export interface Found extends Figures {
  readonly target: Target;
  readonly architecture: Architecture;
  readonly cost: number;
}

/** One of the steps considered. */
export interface Candidate extends Figures {
  readonly action: Action;
  readonly architecture: string;
  readonly cost: number;
  readonly saved: number;
  /** Of accuracy, or the rise of the loss; 0 where the network becomes better. */
  readonly drop: number;
  /** The drop for each unit of cost saved: the least is taken. */
  readonly dropPerCost: number;
}

/** One round of the search, as the log has it. */
export interface Step extends Figures {
  readonly type: "step";
  readonly step: number;
  readonly target: string;
  readonly architecture: string;
  readonly cost: number;
  readonly candidates: readonly Candidate[];
  /** Which of them. */
  readonly taken: number;
}

/** How a search ended. */
export interface SearchOutcome {
  readonly found: readonly Found[];
  /** Targets that were not reached, and why. */
  readonly unreached: readonly { readonly target: Target; readonly reason: string }[];
}

/**
 * Latency-driven slimming (EfficientFormer, section 3.3): from the whole supernet on, the action that loses the least
 * accuracy for each millisecond it saves is taken, until a target is met; from there on to the next one. A rise of accuracy
 * counts as no loss. Of actions that lose equally little the one that saves most is taken, then the more accurate one, then
 * the first of removing, converting, narrowing.
 *
 * @param targets all met on one way, the dearest first
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

/** @throws UserError where a target is below what any network of the space costs */
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
