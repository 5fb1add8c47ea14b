import { type Corners, clipBox } from "../../datasets/cocoChecks.js";
import type { CocoAnnotation } from "../../datasets/cocoRecords.js";
import { placeName } from "../../datasets/fault.js";
import { type CocoSegmentation, segmentationToRle } from "../../masks/coco.js";
import { rleArea, rleBoxXyxy } from "../../masks/rle.js";
import type { Rle } from "../../masks/types.js";
import type { SetWork } from "../../masks/work.js";
import { counted } from "../../words.js";
import type { Collector } from "./collector.js";

/** How many pixels a corner or a point may be outside its image without a warning: annotation tools round. */
const TOLERANCE = 1;
/** If the IoU of an object's box with its mask's box is below this, box and mask do not match. */
const LEAST_AGREEMENT = 0.5;

/** What is wrong with an object's box and mask, separately and compared with each other. */
export function checkShapes(annotation: CocoAnnotation, given: boolean, collector: Collector, work: SetWork): void {
  const boxSound = !given || checkCorners(annotation, collector);
  const mask = annotation.shape === undefined ? undefined : checkMask(annotation, annotation.shape, collector, work);
  if (mask !== undefined && given && boxSound) checkAgreement(annotation, mask, collector);
  if (boxSound) checkArea(annotation, mask, collector);
}

/**
 * `area` is the mask's in COCO, often the box's elsewhere, and either may be computed before clipping; an outline's
 * area differs from that of the mask drawn from it. An area that is outside all of these by more than a tenth and a
 * border is neither's.
 */
function checkArea({ area, corners, image, place }: CocoAnnotation, mask: Rle | undefined, collector: Collector): void {
  if (area === undefined) return;
  const boxes = [corners, clipBox(corners, image).box].map((box) => areaOf(box));
  const areas = mask === undefined ? boxes : [...boxes, rleArea(mask)];
  const border = corners[2] - corners[0] + corners[3] - corners[1];
  const [least, most] = [0.9 * Math.min(...areas) - border, 1.1 * Math.max(...areas) + border];
  if (area > 0 && area >= least && area <= most) return;
  const found = mask === undefined ? "" : `, its mask ${counted(rleArea(mask), "pixel")}`;
  const message = `area is ${round(area)}, but the box covers ${counted(round(boxes[0]!), "pixel")}${found}; metrics by size use the area`;
  collector.add("warning", "area", place, message);
}

const areaOf = ([x1, y1, x2, y2]: readonly [number, number, number, number]): number => (x2 - x1) * (y2 - y1);

function checkCorners({ corners, image, place }: CocoAnnotation, collector: Collector): boolean {
  const [x1, y1, x2, y2] = corners;
  const size = `${round(x2 - x1)} × ${round(y2 - y1)} pixels`;
  if (x2 <= x1 || y2 <= y1) {
    collector.add("error", "box", place, `the box is empty: ${size}; it is left out of training`);
    return false;
  }
  const { box } = clipBox(corners, image);
  if (box[2] <= box[0] || box[3] <= box[1]) {
    const where = `x ${round(x1)} to ${round(x2)}, y ${round(y1)} to ${round(y2)}`;
    const message = `the box lies outside its image of ${image.width} × ${image.height}: ${where}`;
    collector.add("error", "box", place, message);
    return false;
  }
  if (box[2] - box[0] < 1 || box[3] - box[1] < 1) {
    collector.add("warning", "box", place, `the box is thinner than a pixel: ${size}; it is left out of training`);
  }
  const beyond = Math.max(-x1, -y1, x2 - image.width, y2 - image.height);
  if (beyond > TOLERANCE) {
    collector.add(
      "warning",
      "box",
      place,
      `the box reaches ${counted(round(beyond), "pixel")} outside its image; it is clipped`,
    );
  }
  return true;
}

function checkMask(
  { image, place }: CocoAnnotation,
  shape: CocoSegmentation,
  collector: Collector,
  work: SetWork,
): Rle | undefined {
  if (work.isSpent) return undefined; // which is reported already
  const { width, height } = image;
  // Too much work for the file is a fault of the file and reported as such, before those of single masks.
  const kind = () => (work.isSpent ? "file" : "mask");
  const rle = collector.attemptAt(kind, place, () => segmentationToRle(shape, height, width, placeName(place), work));
  if (rle === undefined) return undefined;
  if (!("size" in shape)) {
    const beyond = reach(shape, width, height);
    if (beyond > TOLERANCE) {
      const message = `a polygon reaches ${counted(round(beyond), "pixel")} outside its image; it is clipped`;
      collector.add("warning", "mask", place, message);
    }
    for (const [i, polygon] of shape.entries()) {
      if (polygonArea(polygon) > 0) continue;
      const number = shape.length > 1 ? ` ${i + 1}` : "";
      collector.add("error", "mask", place, `polygon${number} is degenerate: its points enclose no area`);
    }
  }
  if (rleArea(rle) > 0) return rle;
  collector.add("warning", "mask", place, "the mask covers no pixel of its image");
  return undefined;
}

function checkAgreement({ corners, place }: CocoAnnotation, mask: Rle, collector: Collector): void {
  const extent = rleBoxXyxy(mask);
  const apart = Math.max(...corners.map((edge, i) => Math.abs(edge - extent[i]!)));
  if (apart <= 2 || boxIou(corners, extent) >= LEAST_AGREEMENT) return;
  const [x1, y1, x2, y2] = extent;
  const message =
    `bbox [${xywh(corners)}] is not the mask's, [${[x1, y1, x2 - x1, y2 - y1].join(", ")}]; ` +
    "bbox is x, y, width, height";
  collector.add("warning", "box", place, message);
}

/** How far outside the farthest point is. */
function reach(polygons: readonly (readonly number[])[], width: number, height: number): number {
  let most = 0;
  for (const polygon of polygons) {
    for (let i = 0; i < polygon.length; i += 2) {
      most = Math.max(most, -polygon[i]!, -polygon[i + 1]!, polygon[i]! - width, polygon[i + 1]! - height);
    }
  }
  return most;
}

/** By the shoelace formula. @param points x0 y0 x1 y1 … */
function polygonArea(points: readonly number[]): number {
  let twice = 0;
  for (let i = 0; i < points.length; i += 2) {
    const next = (i + 2) % points.length;
    twice += points[i]! * points[next + 1]! - points[next]! * points[i + 1]!;
  }
  return Math.abs(twice) / 2;
}

function boxIou(a: Corners, b: Corners): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  return (width * height) / (areaOf(a) + areaOf(b) - width * height);
}

const xywh = ([x1, y1, x2, y2]: Corners): string => [x1, y1, x2 - x1, y2 - y1].map(round).join(", ");
const round = (value: number): number => Math.round(value * 100) / 100;
