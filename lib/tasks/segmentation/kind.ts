import type { SegmentationConfig } from "../../config/schema.js";
import type { SegmentationBatch } from "../../datasets/loader/batch.js";
import type { SegmentationDataset } from "../../datasets/types.js";
import { chosenLoss } from "../../heads/losses/keys.js";
import { type ConfusionMatrix, confusionOf, emptyConfusion, mergeConfusions } from "../../metrics/labels/confusion.js";
import { segmentationFigures } from "../../metrics/labels/figures.js";
import type { Segmenter } from "../../models/predictions.js";
import { labelMap } from "../../models/semanticFpn/labelMapGraph.js";
import { semanticFpn } from "../../models/semanticFpn/model.js";
import { readLabelMaps, segmenter } from "../../models/semanticFpn/segmenter.js";
import { semanticTrainer } from "../../models/semanticFpn/trainer.js";
import type { LabelMap } from "../../pixels/image.js";
import { countLabels } from "../../pixels/labelCounts.js";
import { checkWeights, weightsOf } from "../classWeights.js";
import { checkPadding, checkUndone, trainingLoaders, validationLoader } from "../data.js";
import { assumedClasses, type ModelDescription } from "../description.js";
import { namedMaps } from "../graphs.js";
import type { ModelKind } from "../modelKind.js";
import { checkPresent, labelMapsSource, openSource, type Split } from "../sources.js";
import { openSplits } from "../splits.js";
import type { ClassMetrics, Evaluation, Task, Validation } from "../task.js";
import { defined, validationOf } from "../validation.js";
import { segmentationComparison, withClassesLast } from "./comparison.js";
import { segmentationPredictions } from "./predictions.js";
import { SegmentationResult } from "./result.js";

/** ADE20K's. */
const PUBLISHED_CLASSES = 150;

/** A class for every pixel: Semantic FPN on label maps. */
export const segmentationKind: ModelKind<SegmentationConfig, SegmentationBatch, LabelMap> = {
  task: "segmentation",
  title: "Semantic FPN",
  source: labelMapsSource,
  open: openSegmentation,
  assume: ({ data }, count = data.classes?.length ?? PUBLISHED_CLASSES) => ({
    task: "segmentation",
    classes: assumedClasses(data.classes, count),
  }),
  found: (map, seen) => new SegmentationResult(map, seen),
  predictions: segmentationPredictions,
  evaluationFiles: () => ["confusion.json", "images.json"],
};

async function openSegmentation(
  config: SegmentationConfig,
  given?: ModelDescription,
  teller: Split = "train",
): Promise<Task<SegmentationBatch, LabelMap>> {
  const splits = await openSplits({ given, teller, open: (split, known) => open(config, split, known), describe });
  const { description } = splits;
  const model = semanticFpn(config.model, description.classes.length);
  checkPadding(config, model.backbone);
  const { averageOverAllPixels, classWeights } = config.model.head;
  const classLoss = chosenLoss(config.model.head);
  const counts = classWeights === "balanced" && splits.trained ? await countPixels(splits.trained) : undefined;
  return {
    description,
    parameters: model.parameters,
    backbone: model.backbone,
    graphs: {
      backbone: namedMaps("c", model.backbone.strides, model.backbone.forward),
      neck: namedMaps("p", model.strides, model.features),
      model: ({ images }, context) => ({ logits: model.forward(images, context) }),
      postprocess({ logits }, { images }) {
        const [, , height, width] = images.shape as [number, number, number, number];
        return { label_map: labelMap(logits!, [height, width]) };
      },
    },
    trainer(options) {
      checkWeights("model.head.classWeights", classWeights, description.classes, "the model");
      const weights = weightsOf(classWeights, counts);
      return semanticTrainer({ ...options, model, averageOverAllPixels, classWeights: weights, classLoss });
    },
    predictor(options) {
      checkUndone(config);
      return segmenter({ ...options, model });
    },
    read: (outputs, batch) => readLabelMaps(withClassesLast(outputs), batch),
    comparison: segmentationComparison,
    async trainingData() {
      return { ...trainingLoaders(await splits.of("train"), config), remarks: [] };
    },
    validation: async (predictor) => judged(config, await splits.of("val"), predictor),
  };
}

/** How many pixels of a set each class has. */
async function countPixels({ classes, length, loadLabelMap }: SegmentationDataset): Promise<number[]> {
  const counts = new Array<number>(classes.length).fill(0);
  for (let i = 0; i < length; i++) {
    const map = await loadLabelMap(i);
    const own = countLabels(map, { left: 0, top: 0, width: map.width, height: map.height });
    for (const k of counts.keys()) counts[k]! += own[k]!;
  }
  return counts;
}

function describe({ classes, palette }: SegmentationDataset): ModelDescription {
  return { task: "segmentation", classes, palette };
}

async function open(config: SegmentationConfig, split: Split, known?: ModelDescription): Promise<SegmentationDataset> {
  checkPresent(config, split);
  const source = await labelMapsSource(config, split, known?.classes);
  return openSource(known?.palette === undefined ? source : { ...source, palette: known.palette });
}

function judged(
  config: SegmentationConfig,
  dataset: SegmentationDataset,
  predictor: Segmenter,
): Validation<SegmentationBatch> {
  const classes = dataset.classes.length;
  return validationOf({
    task: "segmentation",
    classes: dataset.classes,
    loader: validationLoader(dataset, config),
    predictor,
    images: dataset.length,
    remarks: [],
    judge() {
      let confusion = emptyConfusion(classes);
      const images: ImageFigures[] = [];
      return {
        async add(prediction, { indices, meta }, i) {
          const label = await dataset.loadLabelMap(indices[i]!);
          const { file } = meta[i]!;
          const own = confusionOf({ prediction, label, classes, where: file });
          confusion = mergeConfusions(confusion, own);
          images.push({ file, ...figuresOf(own) });
          return label;
        },
        finish: () => evaluationOf({ confusion, images }, dataset.classes),
      };
    },
  });
}

/** An image's own figures; its mIoU is over the classes in its label map or the prediction. */
export interface ImageFigures {
  readonly file: string;
  /** 0 … 1, null where every pixel is ignored. */
  readonly mIoU: number | null;
  readonly aAcc: number | null;
}

function figuresOf(confusion: ConfusionMatrix): Omit<ImageFigures, "file"> {
  const { mIoU, aAcc } = segmentationFigures(confusion);
  return { mIoU: defined(mIoU), aAcc: defined(aAcc) };
}

function evaluationOf(
  { confusion, images }: { readonly confusion: ConfusionMatrix; readonly images: readonly ImageFigures[] },
  classes: readonly string[],
): Evaluation {
  const { mIoU, mAcc, aAcc, perClass } = segmentationFigures(confusion);
  const rows: ClassMetrics[] = classes.map((name, k) => ({
    name,
    metrics: { IoU: defined(perClass.iou[k]), Acc: defined(perClass.acc[k]) },
  }));
  const files = {
    "confusion.json": { classes, counts: [...confusion.counts], ignored: confusion.ignored },
    "images.json": images,
  };
  return { metrics: { mIoU, mAcc, aAcc }, perClass: rows, files };
}
