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
  const isShare = (x: number) => x >= 0 && x <= 1;
  checkList(IOU, resolved.iouThresholds, isShare, "numbers from 0 to 1");
  checkList("recallThresholds", resolved.recallThresholds, isShare, "numbers from 0 to 1");
  if (resolved.recallThresholds.some((r, i, all) => i > 0 && r < all[i - 1]!)) {
    throw new UserError("recallThresholds: each number must be as high as the one before it, or higher", 2);
  }
  checkList(MAX_DETECTIONS, resolved.maxDetections, (x) => Number.isInteger(x) && x > 0, "whole numbers from 1 on");
  const { areaRanges } = resolved;
  const bad = areaRanges.find(({ low, high }) => !(low <= high));
  if (areaRanges.length === 0 || bad !== undefined) {
    const found = bad === undefined ? "none" : `${bad.label}:${bad.low}-${bad.high}`;
    throw new UserError(`${AREAS}: ranges whose low end is not above the high one are expected, not ${found}`, 2);
  }
  return resolved;
}

// What the command line calls them, and the API.
const IOU = "--iou (iouThresholds in the API)";
const MAX_DETECTIONS = "--max-detections (maxDetections in the API)";
const AREAS = "--areas (areaRanges in the API)";

function checkList(name: string, list: readonly number[], isValid: (x: number) => boolean, what: string): void {
  const index = list.findIndex((x) => !isValid(x));
  if (list.length > 0 && index < 0) return;
  throw new UserError(`${name}: ${what} are expected, not ${index < 0 ? "none" : list[index]}`, 2);
}

/** `count` evenly spaced numbers, rounded as NumPy's `linspace` rounds them. */
function linspace(first: number, last: number, count: number): number[] {
  const step = (last - first) / (count - 1);
  return Array.from({ length: count }, (_, i) => (i === count - 1 ? last : i * step + first));
}
