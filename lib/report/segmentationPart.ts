import type { SegmentationConfig } from "../config/schema.js";
import { worstLabelMaps } from "./images.js";
import { analyseLabelMaps, type LabelMapAnalysis } from "./labelMaps.js";
import { labelMapSections } from "./labelMapsPage.js";
import { confusionRows, imageSection, type PartMaker } from "./part.js";
import type { ReportResult } from "./types.js";

export const segmentationPart: PartMaker<SegmentationConfig> = {
  options: [],
  async make(evaluation, weights, options) {
    const analysis = await analyseLabelMaps(evaluation, evaluation.config, options);
    const drawn = weights === undefined ? [] : await worstLabelMaps(analysis, evaluation, weights, options);
    const measure = "mIoU over the classes annotated or predicted in them";
    return {
      sections: [...(await labelMapSections(analysis)), ...imageSection(drawn, measure)],
      result: segmentationResult(analysis),
      remarks: weights === undefined ? ["The weights are gone, so the worst images are not shown."] : [],
    };
  },
};

function segmentationResult({ dataset, confusion, worst }: LabelMapAnalysis): Partial<ReportResult> {
  return {
    confusion: confusionRows(dataset.classes, confusion.counts),
    worst: worst.map(({ file, mIoU }) => ({ file, value: mIoU! })),
  };
}
