import { basename } from "node:path";
import type { DetectionConfig } from "../config/schema.js";
import { analyseDetections, type DetectionAnalysis, resultsFile } from "./detections.js";
import { detectionSections } from "./detectionsPage.js";
import { worstDetections } from "./images.js";
import { confusionRows, imageSection, type PartMaker } from "./part.js";
import type { ReportResult } from "./types.js";

export const detectionPart: PartMaker<DetectionConfig> = {
  options: ["type", "iouThreshold", "scoreThreshold"],
  async make(evaluation, _, options) {
    const analysis = await analyseDetections(evaluation, evaluation.config, options);
    const drawn = await worstDetections(analysis, evaluation, options);
    const measure = `F1 of their ${analysis.main.type === "bbox" ? "boxes" : "masks"} that score at least ${analysis.chosen.score.toFixed(2)}`;
    const sections = [...(await detectionSections(analysis)), ...imageSection(drawn, measure)];
    return { sections, result: detectionResult(analysis), remarks: remarksOn(analysis) };
  },
};

/** What the results hold that counts for nothing, or otherwise than one might think. */
function remarksOn({ types }: DetectionAnalysis): string[] {
  const all = new Set(types.flatMap(({ evaluation }) => evaluation.remarks));
  return Array.from(all, (remark) => {
    const files = types.flatMap(({ type, evaluation }) =>
      evaluation.remarks.includes(remark) ? [basename(resultsFile("", type))] : [],
    );
    return `Evaluating ${files.join(" and ")}: ${remark}`;
  });
}

function detectionResult({
  types,
  main,
  iouThreshold,
  chosen,
  confusion,
  worst,
  dataset,
}: DetectionAnalysis): Partial<ReportResult> {
  const files = new Map(dataset.images.map(({ id, file }) => [id, file]));
  const errors = types.map(({ type, errors }) => {
    const kinds = errors.errors.map(({ kind, count, deltaAp }) => ({ kind, count, deltaAp }));
    return [type, { ...errors, errors: kinds }] as const;
  });
  return {
    detection: { type: main.type, iouThreshold, operatingPoint: chosen, errors: Object.fromEntries(errors) },
    confusion: confusionRows([...main.groundTruth.categoryNames, "background"], confusion.counts),
    worst: worst.map(({ image, f1 }) => ({ file: files.get(main.groundTruth.imageIds[image]!) ?? "", value: f1 })),
  };
}
