import { resizeSample } from "../../datasets/geometry.js";
import type { DetectionDataset, Sample, SegmentationDataset } from "../../datasets/types.js";
import { drawInstances } from "../../images/draw/instances.js";
import { drawLabelMap } from "../../images/draw/semantic.js";
import type { Picture } from "../../images/picture.js";

export interface DrawnSample {
  readonly picture: Picture;
  readonly caption: string;
  readonly id: number;
  readonly file: string;
  /** Of detection. */
  readonly objects?: number;
}

/** Pictures are not enlarged by more than this. */
const LARGEST_FACTOR = 2;

/** Draws a sample's annotation, at the height it will be shown at, so that lines and words stay legible. */
export function drawSample(
  sample: Sample,
  dataset: DetectionDataset | SegmentationDataset,
  height: number,
): DrawnSample {
  const factor = Math.min(height / sample.picture.height, LARGEST_FACTOR);
  const size = {
    width: Math.max(1, Math.round(sample.picture.width * factor)),
    height: Math.max(1, Math.round(sample.picture.height * factor)),
  };
  const { picture, meta, instances, labelMap } = resizeSample(sample, size, { interpolation: "bilinear-antialias" });
  const { id, file } = meta;
  if (instances !== undefined) {
    const objects = instances.labels.length;
    const drawn = drawInstances(picture, instances, { classes: dataset.classes });
    return { picture: drawn, caption: `${file} · ${objects} object${objects === 1 ? "" : "s"}`, id, file, objects };
  }
  if (labelMap === undefined || dataset.kind !== "segmentation") return { picture, caption: file, id, file };
  const { classes, palette } = dataset;
  return { picture: drawLabelMap(picture, labelMap, { classes, palette }), caption: file, id, file };
}
