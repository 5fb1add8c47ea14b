import type { CocoGroundTruth } from "../../coco/entries.js";
import { readCocoFile } from "../../datasets/cocoFile.js";
import type { DetectionDataset } from "../../datasets/types.js";
import { type CocoEvaluation, evaluateTables, formatCocoSummary, remarksOn } from "../../metrics/coco/evaluate.js";
import { detectionsFromInstances } from "../../metrics/coco/instances.js";
import { groundTruthTable } from "../../metrics/coco/reading.js";
import type { GroundTruthTable } from "../../metrics/coco/tables.js";
import type { Detections } from "../../models/predictions.js";
import type { ClassMetrics, Evaluation } from "../task.js";
import { cocoResults } from "./cocoResults.js";

export type ImageDetections = Detections & { readonly imageId: number };

type Type = "bbox" | "segm";

/** The names of the 12 figures, in COCO's order, after "box" or "mask". */
const FIGURES = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"] as const;
const PREFIXES: Readonly<Record<Type, string>> = { bbox: "box", segm: "mask" };
const TITLES: Readonly<Record<Type, string>> = { bbox: "boxes", segm: "masks" };

export interface CocoJudge {
  /** What in the file lowers the metrics without being an error. */
  readonly remarks: readonly string[];
  judge(found: readonly ImageDetections[]): Evaluation;
}

/**
 * Judges detections against the annotation file itself, so that the metrics are those of COCO's reference for that file
 * and the results. The file's objects are read once.
 *
 * @param masks whether masks are judged besides boxes
 */
export async function cocoJudge(annotations: string, dataset: DetectionDataset, masks: boolean): Promise<CocoJudge> {
  const file = (await readCocoFile(annotations)) as CocoGroundTruth; // checked when the data set was opened
  const chosen = {
    imageIds: dataset.images.map(({ id }) => id),
    categoryIds: [...dataset.categoryIds],
    withoutMask: "ignore",
  } as const;
  const types: readonly Type[] = masks ? ["bbox", "segm"] : ["bbox"];
  const truths = types.map((type) => [type, groundTruthTable(file, { ...chosen, type })] as const);
  const remarks = remarksOn(truths[0]![1]).map((remark) => `${annotations}: ${remark}`);
  return { remarks, judge: evaluationOf };

  function evaluationOf(found: readonly ImageDetections[]): Evaluation {
    const evaluations = truths.map(([type, truth]) => judge(found, truth, dataset.categoryIds, type));
    const figures = evaluations.flatMap(({ type, stats }) =>
      FIGURES.map((name, i) => [PREFIXES[type] + name, stats[i]!] as const),
    );
    return {
      metrics: Object.fromEntries(figures),
      summary: evaluations.map((e) => `${TITLES[e.type]}\n${formatCocoSummary(e)}`).join("\n"),
      perClass: classMetrics(evaluations),
      files: resultFiles(found, dataset.categoryIds, masks),
    };
  }
}

/** Results with masks have no boxes: with both, the reference takes the box's area for the size class. */
function resultFiles(found: readonly ImageDetections[], categoryIds: readonly number[], masks: boolean) {
  const results = found.flatMap((image) => cocoResults(image.imageId, image, categoryIds));
  return {
    "results.bbox.json": results.map(({ segmentation: _, ...rest }) => rest),
    ...(masks && { "results.segm.json": results.map(({ bbox: _, ...rest }) => rest) }),
  };
}

function judge(
  found: readonly ImageDetections[],
  groundTruth: GroundTruthTable,
  categoryIds: readonly number[],
  type: Type,
): CocoEvaluation {
  // The table's categories are in order of their ids; a model's classes may not be.
  const index = categoryIds.map((id) => groundTruth.categoryIds.indexOf(id));
  const images = found.map((image) => ({ ...image, labels: image.labels.map((label) => index[label]!) }));
  const detections = detectionsFromInstances(images, groundTruth, type);
  return evaluateTables({ groundTruth, detections, type });
}

function classMetrics(evaluations: readonly CocoEvaluation[]): ClassMetrics[] {
  const [first] = evaluations;
  return (first?.categories ?? []).map(({ name }, k) => ({
    name,
    metrics: Object.fromEntries(
      evaluations.map(({ type, categories }) => {
        const ap = categories[k]!.ap;
        return [`${PREFIXES[type]}AP`, ap < 0 ? null : ap];
      }),
    ),
  }));
}
