import { splitPlace } from "../../config/paths.js";
import type { DetectionConfig } from "../../config/schema.js";
import { describeReport } from "../../datasets/coco.js";
import type { DetectionBatch } from "../../datasets/loader/batch.js";
import type { DetectionDataset } from "../../datasets/types.js";
import { UserError } from "../../errors.js";
import { mul, reshape } from "../../graph/index.js";
import { detectionGraph } from "../../models/maskRcnn/detectionGraph.js";
import { detector, readDetections } from "../../models/maskRcnn/detector.js";
import { maskRcnn } from "../../models/maskRcnn/model.js";
import { pastedMasks } from "../../models/maskRcnn/pastedMasks.js";
import { maskRcnnTrainer } from "../../models/maskRcnn/trainer.js";
import type { Detections, Detector } from "../../models/predictions.js";
import { counted, pick } from "../../words.js";
import { checkWeights, weightsOf } from "../classWeights.js";
import { checkPadding, checkUndone, trainingLoaders, validationLoader } from "../data.js";
import { BEST_KEY, keyDecidedBy } from "../decidedBy.js";
import { assumedClasses, type ModelDescription } from "../description.js";
import { namedMaps } from "../graphs.js";
import type { ModelKind } from "../modelKind.js";
import { classIndices } from "../predictions.js";
import { checkPresent, cocoSource, openSource, type Split } from "../sources.js";
import { openSplits } from "../splits.js";
import type { GraphInputs, Outputs, Task, Validation } from "../task.js";
import { validationOf } from "../validation.js";
import { cocoJudge, type ImageDetections } from "./cocoJudge.js";
import { detectionComparison } from "./comparison.js";
import { countObjects, describeDraws, imageDraws } from "./draws.js";
import { detectionPredictions, selected } from "./predictions.js";
import { DetectionResult } from "./result.js";

/** COCO's. */
const PUBLISHED_CLASSES = 80;

/** Boxes of objects, and masks: Mask R-CNN on COCO files. */
export const detectionKind: ModelKind<DetectionConfig, DetectionBatch, Detections> = {
  task: "detection",
  title: "Mask R-CNN",
  source: cocoSource,
  open: openDetection,
  assume({ model, data }, count = data.classes?.length ?? PUBLISHED_CLASSES) {
    const classes = assumedClasses(data.classes, count);
    return { task: "detection", classes, categoryIds: classes.map((_, i) => i + 1), masks: model.head.mask !== false };
  },
  found(answer, seen) {
    const { score, classes } = seen.choices;
    const wanted = classes && classIndices(classes, seen.description.classes);
    return new DetectionResult(selected(answer, { score, wanted }), seen);
  },
  predictions: detectionPredictions,
  evaluationFiles: (metrics) => ["results.bbox.json", ...("maskAP" in metrics ? ["results.segm.json"] : [])],
};

async function openDetection(
  config: DetectionConfig,
  given?: ModelDescription,
  teller: Split = "train",
): Promise<Task<DetectionBatch, Detections>> {
  const splits = await openSplits({
    given,
    teller,
    open: (split, known) => open(config, split, known),
    describe: (dataset) => describe(config, dataset),
  });
  const { description } = splits;
  const masks = description.masks === true;
  const model = maskRcnn(config.model, description.classes.length, masks);
  checkPadding(config, model.backbone);
  const { scoreThreshold, maskThreshold } = config.model.head.test;
  const { classWeights } = config.model.head.roi;
  return {
    description,
    parameters: model.parameters,
    backbone: model.backbone,
    graphs: {
      backbone: namedMaps("c", model.backbone.strides, model.backbone.forward),
      neck: namedMaps("p", model.strides, model.features),
      model: (inputs, context) => ({ ...detectionGraph(model, context, inputs) }),
      postprocess: (outputs, inputs) => pasted(outputs, inputs, maskThreshold),
    },
    trainer(options) {
      checkWeights("model.head.roi.classWeights", classWeights, description.classes, "the model");
      const weights = weightsOf(classWeights, splits.trained && countObjects(splits.trained));
      return maskRcnnTrainer({
        ...options,
        model,
        classWeights: weights,
        imageMultiple: config.data.padding.multipleOf,
      });
    },
    predictor(options) {
      checkUndone(config);
      return detector({ ...options, model });
    },
    read: (outputs, batch) => readDetections(outputs, batch, maskThreshold),
    comparison: (tolerance) => detectionComparison({ tolerance, scoreThreshold, maskThreshold }),
    async trainingData() {
      const dataset = await splits.of("train");
      const annotations = splitPlace(config, "train");
      const remarks = [
        describeConversion(config, dataset),
        describeReport(dataset.report),
        ...describeMasks(config, dataset, masks),
        describeDraws(dataset, imageDraws(dataset, config.data).draws),
      ];
      const lines = remarks.flatMap((remark) => (remark === undefined ? [] : [`${annotations}: ${remark}`]));
      return {
        ...trainingLoaders(dataset, config, (part) => ({ masks, ...imageDraws(part, config.data) })),
        remarks: lines,
      };
    },
    async validation(predictor) {
      const dataset = await splits.of("val");
      const key = keyDecidedBy("maskAP", config.training);
      if (masks && !dataset.hasMasks && key !== undefined) {
        const purpose = key === BEST_KEY ? "choose the best weights by" : "stop by";
        throw new UserError(
          `${splitPlace(config, "val")}: no object has a mask, so there is no maskAP to ${purpose}; set ${key} to boxAP or loss`,
        );
      }
      return judged(config, dataset, predictor, masks);
    },
  };
}

/** Masks pasted into images of the network's input size. */
function pasted({ masks, ...found }: Outputs, { images, scales }: GraphInputs, maskThreshold: number): Outputs {
  if (masks === undefined) return found;
  const [batch] = images.shape as [number];
  const boxes = mul(found.boxes!, reshape(scales, [batch, 1, 4]));
  return { ...found, masks: pastedMasks(masks, boxes, images, maskThreshold) };
}

function describe(config: DetectionConfig, dataset: DetectionDataset): ModelDescription {
  const { model, training } = config;
  const wanted = model.head.mask;
  if (wanted === true && !dataset.hasMasks) {
    throw new UserError(
      `${splitPlace(config, "train")}: none of its ${counted(singlesOf(dataset), "object")} has a mask, so a mask head cannot be trained; ` +
        "set model.head.mask to false or auto",
    );
  }
  const { classes, categoryIds } = dataset;
  const masks = wanted === "auto" ? dataset.hasMasks : wanted;
  const key = keyDecidedBy("maskAP", training);
  if (!masks && key !== undefined) {
    throw new UserError(`${key}: the model has no masks, so there is no maskAP; use boxAP or loss`);
  }
  return { task: "detection", classes, categoryIds, masks };
}

/** Objects that are not crowds. */
const singlesOf = ({ report }: DetectionDataset): number => report.objects - report.crowds;

/** Where the annotations are that are trained on, if they are not the config's own. */
function describeConversion({ data }: DetectionConfig, { annotations }: DetectionDataset): string | undefined {
  return data.type === "coco" ? undefined : `read as ${data.type}; the same as a COCO file: ${annotations}`;
}

/** How training treats objects with and without masks, where a user might expect something else. */
function describeMasks({ model }: DetectionConfig, dataset: DetectionDataset, masks: boolean): string[] {
  const singles = singlesOf(dataset);
  const { singlesWithoutMask: without } = dataset.report;
  const objects = `${without} of ${counted(singles, "object")} ${pick(without, "has", "have")}`;
  if (singles === 0) return ["no object is annotated; the model learns to find nothing"];
  if (masks && without > 0) {
    return [`${objects} no mask; their boxes are trained, and the mask loss leaves them out`];
  }
  return !masks && model.head.mask === "auto" ? ["no object has a mask, so the model finds boxes only"] : [];
}

function describeJudgedMasks(config: DetectionConfig, dataset: DetectionDataset): string[] {
  const singles = singlesOf(dataset);
  const { singlesWithoutMask: without } = dataset.report;
  if (without === 0) return [];
  const objects = `${without} of ${counted(singles, "object")} ${pick(without, "has", "have")}`;
  const said = dataset.hasMasks
    ? `${objects} no mask; their boxes are evaluated, and mask metrics ignore detections in them`
    : `none of ${counted(singles, "object")} has a mask; only boxes are evaluated`;
  return [`${splitPlace(config, "val")}: ${said}`];
}

async function open(config: DetectionConfig, split: Split, known?: ModelDescription): Promise<DetectionDataset> {
  checkPresent(config, split);
  return openSource(await cocoSource(config, split, known?.classes));
}

async function judged(
  config: DetectionConfig,
  dataset: DetectionDataset,
  predictor: Detector,
  masks: boolean,
): Promise<Validation<DetectionBatch>> {
  const { judge, remarks } = await cocoJudge(dataset.annotations, dataset, masks && dataset.hasMasks);
  return validationOf({
    task: "detection",
    classes: dataset.classes,
    loader: validationLoader(dataset, config, { masks }),
    predictor,
    images: dataset.length,
    remarks: [...remarks, ...(masks ? describeJudgedMasks(config, dataset) : [])],
    judge() {
      const found: ImageDetections[] = [];
      return {
        add(detections, { meta, instances }, i) {
          const { id, scaleFactor } = meta[i]!;
          found.push({ imageId: id, ...detections });
          const { boxes, labels, crowd } = instances[i]!;
          return { boxes: boxes.map((value, at) => value / scaleFactor[at % 2]!), labels, crowd };
        },
        finish: () => judge(found),
      };
    },
  });
}
