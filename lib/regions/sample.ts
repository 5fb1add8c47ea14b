import type { Random } from "../random.js";
import { NEGATIVE } from "./assign.js";

export interface SampleOptions {
  /** How many boxes to take, fewer if there are not enough. */
  readonly count: number;
  /** At most this share of `count` is positive; negatives fill the rest. */
  readonly positiveFraction: number;
  /** At most this many negatives for each positive (counted as one if there is none). Default: no bound. */
  readonly negativesPerPositive?: number;
}

export interface Sample {
  /** Chosen boxes: the positives, then the negatives, each in ascending order. */
  readonly indices: Int32Array;
  readonly positives: number;
}

/**
 * Draws positives and negatives without replacement, uniformly among their kind.
 *
 * @param matched [n] true box index ≥ 0, NEGATIVE or IGNORED, see `assignByIou`
 */
export function sampleBalanced(matched: Int32Array, options: SampleOptions, random: Random): Sample {
  const positives: number[] = [];
  const negatives: number[] = [];
  for (let i = 0; i < matched.length; i++) {
    if (matched[i]! >= 0) positives.push(i);
    else if (matched[i] === NEGATIVE) negatives.push(i);
  }
  const positive = draw(positives, Math.floor(options.count * options.positiveFraction), random);
  const bound = (options.negativesPerPositive ?? Number.POSITIVE_INFINITY) * Math.max(1, positive.length);
  const negative = draw(negatives, Math.floor(Math.min(options.count - positive.length, bound)), random);
  return { indices: Int32Array.from([...positive, ...negative]), positives: positive.length };
}

/** `count` of the items (all, if there are no more), in ascending order: the first steps of a Fisher–Yates shuffle. */
function draw(items: number[], count: number, random: Random): number[] {
  if (items.length <= count) return items;
  for (let i = 0; i < count; i++) {
    const j = i + random.integer(items.length - i);
    const kept = items[i]!;
    items[i] = items[j]!;
    items[j] = kept;
  }
  return items.slice(0, count).sort((a, b) => a - b);
}
