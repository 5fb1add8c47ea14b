import { attentionOf, type EfficientFormerSize, titleOfSize, WIDTH_STEP } from "../backbones/efficientformerSizes.js";
import { UserError } from "../errors.js";
import { Random } from "../random.js";
import { type Architecture, nameOf, type PathChoice, type Widths } from "./architecture.js";
import { costOf } from "./costs.js";
import { mostAttention, randomSize } from "./randomArchitecture.js";
import { type Criterion, type Found, type SearchOutcome, type SearchProblem, scoreOf } from "./search.js";
import type { SearchSpace } from "./space.js";
import type { Target } from "./targets.js";

/** Methods that slimming is compared with, on the same supernet and the same costs. */
export const BASELINES = ["uniform", "random", "evolutionary"] as const;
export type Baseline = (typeof BASELINES)[number];

export interface BaselineOptions {
  /** Networks evaluated: `random` takes the best of them, `evolutionary` spreads them over its generations. */
  readonly samples: number;
}

/** Finds a network for each target by one of the baselines. */
export async function runBaseline(
  baseline: Baseline,
  problem: SearchProblem,
  targets: readonly Target[],
  options: BaselineOptions,
): Promise<SearchOutcome> {
  const found: Found[] = [];
  const unreached: SearchOutcome["unreached"][number][] = [];
  for (const target of targets.toSorted((a, b) => b.cost - a.cost)) {
    const one = await WAYS[baseline](problem, target, options);
    if (one === undefined) unreached.push({ target, reason: `${baseline} found no network that is cheap enough` });
    else {
      const { target: _, architecture, ...figures } = one;
      problem.log.record({ type: "found", target: target.text, architecture: nameOf(architecture), ...figures });
      found.push(one);
    }
  }
  return { found, unreached };
}

type Way = (problem: SearchProblem, target: Target, options: BaselineOptions) => Promise<Found | undefined>;

const WAYS: Readonly<Record<Baseline, Way>> = { uniform, random: randomSearch, evolutionary };

/** The supernet's network of a given size: each stage keeps its first blocks, and the last ones where they are MB3D. */
export function architectureWithin({ start }: SearchSpace, size: EfficientFormerSize): Architecture {
  const attention = attentionOf(size);
  const paths = start.depths.map((blocks, stage) => {
    const [last, all] = [attention[stage]!, size.depths[stage]!];
    return Array.from({ length: blocks }, (_, block): PathChoice => {
      if (block >= blocks - last) return "MB3D";
      return block < all - last ? "MB4D" : "identity";
    });
  });
  return { widths: size.widths, paths };
}

const FINEST = 1000;

/**
 * Widths and depths shrunk by one factor, the largest that meets the target. Steps of 16 channels are coarse, so the rest of
 * the target is then used up: as long as something fits, the dimension shrunk most grows by a step.
 */
async function uniform(problem: SearchProblem, target: Target): Promise<Found | undefined> {
  const { space, costs } = problem;
  const fits = (size: EfficientFormerSize): boolean => costOf(architectureWithin(space, size), costs) <= target.cost;
  for (let i = FINEST; i > 0; i--) {
    let size = shrunk(space, i / FINEST);
    if (!fits(size)) continue;
    for (let next = grown(space, size, fits); next !== undefined; next = grown(space, size, fits)) size = next;
    return evaluated(problem, target, architectureWithin(space, size));
  }
  return undefined;
}

/** A size with one dimension a step larger: the one shrunk most, among those with which the network fits. */
function grown(
  space: SearchSpace,
  size: EfficientFormerSize,
  fits: (size: EfficientFormerSize) => boolean,
): EfficientFormerSize | undefined {
  const { start } = space;
  const larger = [0, 1, 2, 3].flatMap((stage) => {
    const widths = size.widths.with(stage, size.widths[stage]! + WIDTH_STEP) as unknown as Widths;
    const depths = size.depths.with(stage, size.depths[stage]! + 1) as unknown as Widths;
    return [
      { share: size.widths[stage]! / start.widths[stage]!, size: { ...size, widths } },
      { share: size.depths[stage]! / start.depths[stage]!, size: { ...size, depths } },
    ];
  });
  const more = { ...size, attentionBlocks: size.attentionBlocks + 1 };
  if (size.attentionBlocks < mostAttention(space, size.depths)) {
    larger.push({ share: size.attentionBlocks / start.attentionBlocks, size: more });
  }
  const possible = larger.filter(({ share, size: one }) => share < 1 && fits(one));
  return possible.sort((a, b) => a.share - b.share)[0]?.size;
}

function shrunk(space: SearchSpace, factor: number): EfficientFormerSize {
  const { widths, depths, attentionBlocks } = space.start;
  const width = (w: number): number => Math.max(1, Math.round((factor * w) / WIDTH_STEP)) * WIDTH_STEP;
  const depth = (d: number): number => Math.max(1, Math.round(factor * d));
  const smaller = [depth(depths[0]), depth(depths[1]), depth(depths[2]), depth(depths[3])] as const;
  return {
    widths: [width(widths[0]), width(widths[1]), width(widths[2]), width(widths[3])],
    depths: smaller,
    attentionBlocks: Math.min(mostAttention(space, smaller), Math.round(factor * attentionBlocks)),
  };
}

async function evaluated(
  { costs, log, signal }: SearchProblem,
  target: Target,
  architecture: Architecture,
): Promise<Found> {
  signal?.throwIfAborted();
  return { target, architecture, cost: costOf(architecture, costs), ...(await log.figuresOf(architecture)) };
}

/** The best of random networks that cost almost as much as the target. */
async function randomSearch(
  problem: SearchProblem,
  target: Target,
  { samples }: BaselineOptions,
): Promise<Found | undefined> {
  const random = Random.of(problem.seed, "random", target.text);
  const seen = new Map<string, Found>();
  for (let i = 0; i < samples; i++) {
    const size = fitting(problem, target, () => randomSize(problem.space, random));
    if (size === undefined) break;
    seen.set(titleOfSize(size), await evaluated(problem, target, architectureWithin(problem.space, size)));
  }
  return bestOf(seen.values(), problem.by);
}

/** Lower bounds of a network's cost as a share of the target; the first one that a drawn network meets counts. */
const BANDS = [0.95, 0.9, 0.8, 0];
const DRAWS = 3000;

/** The first network drawn that fits, in the narrowest band that has one. */
function fitting(
  { space, costs }: SearchProblem,
  target: Target,
  draw: () => EfficientFormerSize,
): EfficientFormerSize | undefined {
  const drawn = Array.from({ length: BANDS.length }, (): EfficientFormerSize | undefined => undefined);
  for (let i = 0; i < DRAWS && drawn[0] === undefined; i++) {
    const size = draw();
    const share = costOf(architectureWithin(space, size), costs) / target.cost;
    const band = share > 1 ? -1 : BANDS.findIndex((least) => share >= least);
    if (band >= 0) drawn[band] ??= size;
  }
  return drawn.find((size) => size !== undefined);
}

/** The first of equally good ones. */
const bestOf = <T extends Found>(found: Iterable<T>, by: Criterion): T | undefined => ranked(found, by)[0];

const ranked = <T extends Found>(found: Iterable<T>, by: Criterion): T[] =>
  [...found].sort((a, b) => scoreOf(b, by) - scoreOf(a, by));

const POPULATION = 16;
const PARENTS = 4;
const MUTATION = 0.25;

/**
 * Evolution as in single-path one-shot search (Guo et al. 2020): the best few networks so far are parents; half of the
 * children take each gene (a stage's width, its depth, the number of MB3D) from one of two parents, the other half are
 * mutations of one.
 */
async function evolutionary(
  problem: SearchProblem,
  target: Target,
  { samples }: BaselineOptions,
): Promise<Found | undefined> {
  const { space } = problem;
  const random = Random.of(problem.seed, "evolutionary", target.text);
  const seen = new Map<string, Found & { readonly size: EfficientFormerSize }>();
  const add = async (draw: () => EfficientFormerSize): Promise<boolean> => {
    const size = fitting(problem, target, draw);
    if (size === undefined) return false;
    const found = await evaluated(problem, target, architectureWithin(space, size));
    seen.set(titleOfSize(size), { ...found, size });
    return true;
  };
  for (let i = 0; i < samples; i++) {
    const parents = ranked(seen.values(), problem.by).slice(0, PARENTS);
    const parent = () => parents[random.integer(parents.length)]!.size;
    const draw =
      i < POPULATION
        ? () => randomSize(space, random)
        : i % 2 === 0
          ? () => crossed(space, random, parent(), parent())
          : () => crossed(space, random, parent(), randomSize(space, random), MUTATION);
    if (!(await add(draw))) break;
  }
  const best = bestOf(seen.values(), problem.by);
  if (best === undefined) return undefined;
  const { size: _, ...found } = best;
  return found;
}

/** @param share of the genes that come from b; default half */
function crossed(
  space: SearchSpace,
  random: Random,
  a: EfficientFormerSize,
  b: EfficientFormerSize,
  share = 0.5,
): EfficientFormerSize {
  const of = (): EfficientFormerSize => (random.next() < share ? b : a);
  const depths = [of().depths[0], of().depths[1], of().depths[2], of().depths[3]] as const;
  return {
    widths: [of().widths[0], of().widths[1], of().widths[2], of().widths[3]],
    depths,
    attentionBlocks: Math.min(mostAttention(space, depths), of().attentionBlocks),
  };
}

/** @throws UserError for an unknown name */
export function parseBaseline(name: string): Baseline {
  const found = BASELINES.find((one) => one === name);
  if (found === undefined) throw new UserError(`there is no baseline "${name}"; there are ${BASELINES.join(", ")}`, 2);
  return found;
}
