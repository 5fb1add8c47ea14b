import { resizeSample } from "../../datasets/geometry.js";
import type { Dataset, Instances, Sample } from "../../datasets/types.js";
import { drawInstances } from "../../images/draw/instances.js";
import { drawLabelMap } from "../../images/draw/semantic.js";
import { rleBoxXyxy } from "../../masks/rle.js";
import type { SetWork } from "../../masks/work.js";
import { COST } from "../../masks/work.js";
import type { Image, Size } from "../../pixels/image.js";

export interface DrawnSample {
  readonly image: Image;
  readonly caption: string;
  readonly id: number;
  readonly file: string;
  /** For detection: the number of objects. */
  readonly objects?: number;
  /** For classification: the image's class. */
  readonly className?: string;
}

/** Images are not enlarged by more than this. */
const LARGEST_FACTOR = 2;

/** Counts the work of drawing the objects at this size. @throws UserError when it is too much */
function spend({ meta, image }: Sample, { boxes, masks }: Instances, size: Size, work: SetWork): void {
  const [scaleX, scaleY] = [size.width / image.width, size.height / image.height];
  for (const [i, mask] of masks.entries()) {
    const width = (boxes[4 * i + 2]! - boxes[4 * i]!) * scaleX;
    const height = (boxes[4 * i + 3]! - boxes[4 * i + 1]!) * scaleY;
    work.spend(COST.drawnBox + COST.drawnLine * 2 * (width + height), meta.file);
    if (mask === undefined) continue;
    const [x1, y1, x2, y2] = rleBoxXyxy(mask);
    const pixels = (x2 - x1) * scaleX * (y2 - y1) * scaleY;
    work.spend(COST.madeColumn * size.width + COST.column * mask.counts.length + COST.drawnPixel * pixels, meta.file);
  }
}

/** Draws a sample's annotation at the height at which it will be shown, so that lines and words stay legible. */
export function drawSample(sample: Sample, dataset: Dataset, height: number, work: SetWork): DrawnSample {
  const factor = Math.min(height / sample.image.height, LARGEST_FACTOR);
  const size = {
    width: Math.max(1, Math.round(sample.image.width * factor)),
    height: Math.max(1, Math.round(sample.image.height * factor)),
  };
  work.addImage(size);
  if (sample.instances !== undefined) spend(sample, sample.instances, size, work);
  const { image, meta, instances, labelMap, label } = resizeSample(sample, size, {
    interpolation: "bilinear-antialias",
  });
  const { id, file } = meta;
  if (instances !== undefined) {
    const objects = instances.labels.length;
    const drawn = drawInstances(image, instances, { classes: dataset.classes });
    return { image: drawn, caption: `${file} · ${objects} object${objects === 1 ? "" : "s"}`, id, file, objects };
  }
  const className = label === undefined ? undefined : dataset.classes[label];
  if (className !== undefined) return { image, caption: `${className} · ${file}`, id, file, className };
  if (labelMap === undefined || dataset.kind !== "segmentation") return { image, caption: file, id, file };
  const { classes, palette } = dataset;
  return { image: drawLabelMap(image, labelMap, { classes, palette }), caption: file, id, file };
}
