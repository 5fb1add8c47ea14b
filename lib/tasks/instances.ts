import type { InstancesConfig } from "../config/schema.js";
import { describeReport } from "../datasets/coco.js";
import type { DetectionBatch } from "../datasets/loader/types.js";
import type { DetectionDataset } from "../datasets/types.js";
import { UserError } from "../errors.js";
import { detector } from "../models/maskRcnn/detector.js";
import { maskRcnn } from "../models/maskRcnn/model.js";
import { maskRcnnTrainer } from "../models/maskRcnn/trainer.js";
import type { Detector } from "../models/predictions.js";
import { cocoJudge, type PictureDetections } from "./cocoJudge.js";
import { trainingLoader, validationLoader } from "./data.js";
import type { ModelDescription } from "./description.js";
import { lossMean } from "./losses.js";
import { cocoSource, openSource, type Split } from "./sources.js";
import type { Task, Validation } from "./task.js";

/**
 * @param given of a model there is already; without it, the config and a data set tell
 * @param teller which data set, if the config alone does not say it
 */
export async function instancesTask(
  config: InstancesConfig,
  given?: ModelDescription,
  teller: "train" | "val" = "train",
): Promise<Task<DetectionBatch>> {
  const told = given === undefined ? await open(config, teller) : undefined;
  const description = given ?? describe(config, told!);
  const masks = description.masks === true;
  const model = maskRcnn(config.model, description.classes.length, masks);
  return {
    description,
    parameters: model.parameters,
    backbone: model.backbone,
    trainer: (options) => maskRcnnTrainer({ ...options, model }),
    async trainingData() {
      const dataset = told !== undefined && teller === "train" ? told : await open(config, "train", description);
      const remark = describeReport(dataset.report);
      const remarks = remark === undefined ? [] : [`${config.data.train.annotations}: ${remark}`];
      return { loader: trainingLoader(dataset, config, masks), remarks };
    },
    async validation(options) {
      const dataset = await open(config, "val", description);
      const predictor = detector({ ...options, model });
      return validationOf(config, dataset, predictor, masks && dataset.hasMasks);
    },
  };
}

function describe({ model, data, training }: InstancesConfig, dataset: DetectionDataset): ModelDescription {
  const wanted = model.head.mask;
  if (wanted === true && !dataset.hasMasks) {
    const { withoutMask } = dataset.report;
    throw new UserError(
      `${data.train.annotations}: ${withoutMask} objects have no mask, so a mask head cannot be trained; ` +
        "set model.head.mask to false or auto",
    );
  }
  const { classes, categoryIds } = dataset;
  const masks = wanted === "auto" ? dataset.hasMasks : wanted;
  if (!masks && training.checkpoint.best === "maskAP") {
    throw new UserError("training.checkpoint.best: the model has no masks, so there is no maskAP; use boxAP or loss");
  }
  return { task: "instances", classes, categoryIds, masks };
}

function open(config: InstancesConfig, split: Split, known?: ModelDescription): Promise<DetectionDataset> {
  return openSource(cocoSource(config, split, known?.classes));
}

async function validationOf(
  config: InstancesConfig,
  dataset: DetectionDataset,
  predictor: Detector,
  masks: boolean,
): Promise<Validation<DetectionBatch>> {
  const judge = await cocoJudge(config.data.val.annotations, dataset, masks);
  const loader = validationLoader(dataset, config, masks);
  return {
    async evaluate({ losses, signal, onProgress }) {
      const mean = lossMean();
      const found: PictureDetections[] = [];
      for await (const batch of loader.epoch()) {
        signal?.throwIfAborted();
        if (losses !== undefined) mean.add(await losses(batch, found.length), batch.meta.length);
        const detections = await predictor.detect(batch);
        for (const [i, picture] of detections.entries()) {
          found.push({ imageId: batch.meta[i]!.id, ...picture });
          onProgress?.(found.length, dataset.length);
        }
      }
      const { metrics, ...rest } = judge(found);
      return { ...rest, metrics: { ...metrics, ...mean.metrics() } };
    },
    async dispose() {
      await loader.dispose();
      await predictor.dispose();
    },
  };
}
