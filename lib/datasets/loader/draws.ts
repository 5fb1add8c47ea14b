import type { Random } from "../../random.js";

/** How often the images of an epoch are drawn, where not each once. */
export interface Draws {
  /** [n] copies of each image in an epoch, on average; default 1 each. */
  readonly repeatFactors?: Float64Array;
  /** Images of which an epoch has a share of its own. */
  readonly background?: {
    /** [n] 1 for such an image. */
    readonly isBackground: Uint8Array;
    /** Of the images of an epoch, below 1. */
    readonly share: number;
  };
}

/**
 * Repeat-factor sampling (Gupta et al., "LVIS", 2019): a class in a share f of the images has the factor max(1, √(t / f)), an
 * image that of its rarest class; without objects it has 1.
 *
 * @param labels of each image's objects @param threshold t
 * @returns [n]
 */
export function repeatFactors(labels: readonly Iterable<number>[], classes: number, threshold: number): Float64Array {
  const sets = labels.map((own) => new Set(own));
  const images = new Array<number>(classes).fill(0);
  for (const own of sets) for (const label of own) images[label]!++;
  const ofClass = images.map((n) => (n === 0 ? 1 : Math.max(1, Math.sqrt((threshold * labels.length) / n))));
  return Float64Array.from(sets, (own) => Math.max(1, ...Array.from(own, (label) => ofClass[label]!)));
}

/**
 * The images of an epoch, by group, in random order: always as many, whatever the epoch.
 *
 * @param groups the images of each
 */
export function drawEpoch(groups: readonly Int32Array[], draws: Draws, random: Random): Int32Array[] {
  const { background } = draws;
  const has = (wanted: number) => (i: number) => (background?.isBackground[i] ?? 0) === wanted;
  const drawn = groups.map((members) => repeated(members.filter(has(0)), draws.repeatFactors, random));
  const others = groups.map((members) => members.filter(has(1)));
  const counts = shared(
    others.map(({ length }) => length),
    backgroundCount(drawn, background?.share),
  );
  return drawn.map((own, g) => random.shuffle(Int32Array.from([...own, ...cycled(others[g]!, counts[g]!, random)])));
}

/** How many images without objects an epoch has besides those with some. */
function backgroundCount(drawn: readonly (readonly number[])[], share = 0): number {
  const others = drawn.reduce((sum, { length }) => sum + length, 0);
  return Math.round((others * share) / (1 - share));
}

/** Divides a number among groups in proportion to their sizes. */
function shared(sizes: readonly number[], count: number): number[] {
  const all = sizes.reduce((a, b) => a + b, 0);
  if (all === 0) return sizes.map(() => 0);
  let [before, seen] = [0, 0];
  return sizes.map((size) => {
    seen += size;
    const until = Math.round((count * seen) / all);
    const own = until - before;
    before = until;
    return own;
  });
}

/** Below this, a sum of factors is a whole number that was added up inexactly. */
const INEXACT = 1e-9;

/**
 * Each image as often as its factor says, rounded down or up at random so that the mean is the factor: a random point is moved
 * along the images, which are in random order, and each has as many copies as whole numbers are passed (systematic sampling).
 * Where that gives one copy fewer than the factors' sum rounded up, another is drawn.
 */
function repeated(members: Int32Array, factors: Float64Array | undefined, random: Random): number[] {
  if (factors === undefined || members.length === 0) return Array.from(members);
  const order = random.shuffle(members.slice());
  const length = Math.ceil(members.reduce((sum, i) => sum + factors[i]!, 0) - INEXACT);
  const drawn: number[] = [];
  let place = random.next();
  for (const i of order) {
    const passed = Math.floor(place);
    place += factors[i]!;
    for (let copies = Math.floor(place) - passed; copies > 0 && drawn.length < length; copies--) drawn.push(i);
  }
  while (drawn.length < length) drawn.push(order[random.integer(order.length)]!);
  return drawn;
}

/** So many of the members, none much more often than another. */
function cycled(members: Int32Array, count: number, random: Random): number[] {
  const drawn: number[] = [];
  while (drawn.length < count) drawn.push(...random.choose(members.length, count - drawn.length));
  return drawn.map((i) => members[i]!);
}
