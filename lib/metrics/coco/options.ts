import { UserError } from "../../errors.js";

/** A size class: objects with an area from `low` to `high`, both included. */
export interface AreaRange {
  readonly label: string;
  readonly low: number;
  readonly high: number;
}

/** How detections are judged. All defaults are COCO's. */
export interface CocoOptions {
  /** The overlaps from which a detection counts as right. Default 0.5, 0.55 … 0.95. */
  readonly iouThresholds?: readonly number[];
  /** The recalls at which precision is read. Default 0, 0.01 … 1. */
  readonly recallThresholds?: readonly number[];
  /** The largest numbers of detections per image and category. Default 1, 10, 100. */
  readonly maxDetections?: readonly number[];
  /** Default `all`, `small` (to 32²), `medium` (to 96²) and `large`. */
  readonly areaRanges?: readonly AreaRange[];
  /** False: all objects count as one class ("proposals"). Default true. */
  readonly useCategories?: boolean;
  /** Keep every image's matches in the result. Default false. */
  readonly keepMatches?: boolean;
}

export type ResolvedCocoOptions = Required<CocoOptions>;

export const COCO_AREA_RANGES: readonly AreaRange[] = [
  { label: "all", low: 0, high: 1e10 },
  { label: "small", low: 0, high: 32 ** 2 },
  { label: "medium", low: 32 ** 2, high: 96 ** 2 },
  { label: "large", low: 96 ** 2, high: 1e10 },
];

/** @throws UserError naming the option that is out of range */
export function resolveOptions(options: CocoOptions): ResolvedCocoOptions {
  const resolved = {
    iouThresholds: options.iouThresholds ?? linspace(0.5, 0.95, 10),
    recallThresholds: options.recallThresholds ?? linspace(0, 1, 101),
    maxDetections: [...(options.maxDetections ?? [1, 10, 100])].sort((a, b) => a - b),
    areaRanges: options.areaRanges ?? COCO_AREA_RANGES,
    useCategories: options.useCategories ?? true,
    keepMatches: options.keepMatches ?? false,
  };
  checkList("iouThresholds", resolved.iouThresholds, (x) => x >= 0 && x <= 1, "between 0 and 1");
  checkList("recallThresholds", resolved.recallThresholds, (x) => x >= 0 && x <= 1, "between 0 and 1");
  if (resolved.recallThresholds.some((r, i, all) => i > 0 && r < all[i - 1]!)) {
    throw new UserError("evaluation option recallThresholds must grow from the first to the last");
  }
  checkList("maxDetections", resolved.maxDetections, (x) => Number.isInteger(x) && x > 0, "whole numbers from 1 on");
  checkList(
    "areaRanges",
    resolved.areaRanges.map(({ low, high }) => high - low),
    (x) => x >= 0,
    "ranges with low ≤ high",
  );
  return resolved;
}

function checkList(name: string, list: readonly number[], isValid: (x: number) => boolean, what: string): void {
  const bad = list.find((x) => !isValid(x));
  if (list.length > 0 && bad === undefined) return;
  throw new UserError(`evaluation option ${name} must be a list of ${what}; it is ${bad ?? "empty"}`);
}

/** `count` evenly spaced numbers, rounded as NumPy's `linspace` rounds them. */
function linspace(first: number, last: number, count: number): number[] {
  const step = (last - first) / (count - 1);
  return Array.from({ length: count }, (_, i) => (i === count - 1 ? last : i * step + first));
}
