import type { SegmentationConfig } from "../config/schema.js";
import type { SegmentationBatch } from "../datasets/loader/types.js";
import type { SegmentationDataset } from "../datasets/types.js";
import { type ConfusionMatrix, emptyConfusion, mergeConfusions } from "../evaluation/confusion.js";
import { confusionOf } from "../evaluation/confusionCounter.js";
import { segmentationFigures } from "../evaluation/segmentation.js";
import { semanticFpn } from "../models/semanticFpn/model.js";
import { segmenter } from "../models/semanticFpn/segmenter.js";
import { semanticTrainer } from "../models/semanticFpn/trainer.js";
import { trainingLoader, validationLoader } from "./data.js";
import type { ModelDescription } from "./description.js";
import { lossMean } from "./losses.js";
import { checkPresent, labelMapsSource, openSource, type Split } from "./sources.js";
import type { ClassMetrics, Evaluation, Task, Validation, ValidationOptions } from "./task.js";

/**
 * @param given of a model there is already; without it, the config and a data set tell
 * @param teller which data set, if the config alone does not say it
 */
export async function semanticTask(
  config: SegmentationConfig,
  given?: ModelDescription,
  teller: "train" | "val" = "train",
): Promise<Task<SegmentationBatch>> {
  const told = given === undefined ? await open(config, teller) : undefined;
  const description = given ?? describe(told!);
  const model = semanticFpn(config.model, description.classes.length);
  const { averageOverAllPixels } = config.model.head;
  return {
    description,
    parameters: model.parameters,
    backbone: model.backbone,
    trainer: (options) => semanticTrainer({ ...options, model, averageOverAllPixels }),
    async trainingData() {
      const dataset = told !== undefined && teller === "train" ? told : await open(config, "train", description);
      return { loader: trainingLoader(dataset, config, false), remarks: [] };
    },
    validation: async (options) => validationOf(config, await open(config, "val", description), { ...options, model }),
  };
}

function describe({ classes, palette }: SegmentationDataset): ModelDescription {
  return { task: "segmentation", classes, palette };
}

async function open(config: SegmentationConfig, split: Split, known?: ModelDescription): Promise<SegmentationDataset> {
  checkPresent(config, split);
  const source = labelMapsSource(config, split, known?.classes);
  return openSource(known?.palette === undefined ? source : { ...source, palette: known.palette });
}

function validationOf(
  config: SegmentationConfig,
  dataset: SegmentationDataset,
  options: ValidationOptions & Pick<Parameters<typeof segmenter>[0], "model">,
): Validation<SegmentationBatch> {
  const loader = validationLoader(dataset, config, false);
  const predictor = segmenter(options);
  return {
    remarks: [],
    async evaluate({ losses, signal, onProgress }) {
      const mean = lossMean();
      const classes = dataset.classes.length;
      let confusion = emptyConfusion(classes);
      const pictures: PictureFigures[] = [];
      for await (const batch of loader.epoch()) {
        signal?.throwIfAborted();
        if (losses !== undefined) mean.add(await losses(batch, pictures.length), batch.meta.length);
        const maps = await predictor.segment(batch);
        for (const [i, prediction] of maps.entries()) {
          const label = await dataset.loadLabelMap(batch.indices[i]!);
          const { file } = batch.meta[i]!;
          const own = confusionOf({ prediction, label, classes, where: file });
          confusion = mergeConfusions(confusion, own);
          pictures.push({ file, ...figuresOf(own) });
          onProgress?.(pictures.length, dataset.length);
        }
      }
      return evaluationOf({ confusion, pictures }, dataset.classes, mean.metrics());
    },
    async dispose() {
      await loader.dispose();
      await predictor.dispose();
    },
  };
}

/** A picture's own figures; its mIoU is over the classes that its label map or the prediction holds. */
export interface PictureFigures {
  readonly file: string;
  /** 0 … 1, null where every pixel is ignored. */
  readonly mIoU: number | null;
  readonly aAcc: number | null;
}

function figuresOf(confusion: ConfusionMatrix): Omit<PictureFigures, "file"> {
  const { mIoU, aAcc } = segmentationFigures(confusion);
  return { mIoU: defined(mIoU), aAcc: defined(aAcc) };
}

function evaluationOf(
  { confusion, pictures }: { readonly confusion: ConfusionMatrix; readonly pictures: readonly PictureFigures[] },
  classes: readonly string[],
  losses: Readonly<Record<string, number>>,
): Evaluation {
  const { mIoU, mAcc, aAcc, perClass } = segmentationFigures(confusion);
  const rows: ClassMetrics[] = classes.map((name, k) => ({
    name,
    metrics: { IoU: defined(perClass.iou[k]), Acc: defined(perClass.acc[k]) },
  }));
  const files = {
    "confusion.json": { classes, counts: [...confusion.counts], ignored: confusion.ignored },
    "pictures.json": pictures,
  };
  return { metrics: { mIoU, mAcc, aAcc, ...losses }, perClass: rows, files };
}

const defined = (value: number | undefined): number | null => (Number.isFinite(value) ? value! : null);
