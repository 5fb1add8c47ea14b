import { join } from "node:path";
import type { SegmentationConfig } from "../config/schema.js";
import type { SegmentationDataset } from "../datasets/types.js";
import type { ConfusionMatrix } from "../metrics/labels/confusion.js";
import { type SegmentationFigures, segmentationFigures } from "../metrics/labels/figures.js";
import type { ImageFigures } from "../tasks/segmentation/kind.js";
import { labelMapsSource, openSource } from "../tasks/sources.js";
import type { StoredEvaluation } from "./run.js";
import { readStored, storedConfusion, storedLabelMaps } from "./storedFiles.js";
import type { ReportOptions } from "./types.js";

export interface LabelMapAnalysis {
  readonly dataset: SegmentationDataset;
  readonly confusion: ConfusionMatrix;
  readonly figures: SegmentationFigures;
  readonly images: readonly ImageFigures[];
  /** By mIoU, the lowest first. */
  readonly worst: readonly ImageFigures[];
}

/** @throws UserError when label maps or stored counts cannot be read, or are not of one set */
export async function analyseLabelMaps(
  { folder, perClass }: StoredEvaluation,
  config: SegmentationConfig,
  { worst: most = 8 }: ReportOptions,
): Promise<LabelMapAnalysis> {
  const names = perClass.map(({ name }) => name);
  const { classes, counts, ignored = 0 } = await readStored(join(folder, "confusion.json"), storedConfusion(names));
  const confusion = { classes: classes.length, counts, ignored };
  const images: readonly ImageFigures[] = await readStored(join(folder, "images.json"), storedLabelMaps);
  const judged = images.filter(({ mIoU }) => mIoU !== null && mIoU < 1);
  return {
    dataset: await openSource(await labelMapsSource(config, "val", classes)),
    confusion,
    figures: segmentationFigures(confusion),
    images,
    worst: judged.sort((a, b) => a.mIoU! - b.mIoU!).slice(0, most),
  };
}
