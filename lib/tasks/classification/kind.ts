import { splitPlace } from "../../config/paths.js";
import type { ClassificationConfig } from "../../config/schema.js";
import type { ClassificationBatch } from "../../datasets/loader/batch.js";
import type { ClassificationDataset } from "../../datasets/types.js";
import type { Engine } from "../../engines/engine.js";
import { UserError } from "../../errors.js";
import { softmax } from "../../graph/index.js";
import { chosenLoss } from "../../heads/losses/keys.js";
import { bestOf, classificationCounter } from "../../metrics/classes/figures.js";
import { classifierModel } from "../../models/classifier/model.js";
import { type ClassScores, imageClassifier, readClassScores } from "../../models/classifier/predictor.js";
import { classifierTrainer } from "../../models/classifier/trainer.js";
import type { BatchPredictor } from "../../models/predictions.js";
import { counted } from "../../words.js";
import { checkWeights, weightsOf } from "../classWeights.js";
import { checkPadding, trainingLoaders, validationLoader } from "../data.js";
import { keyDecidedBy } from "../decidedBy.js";
import { assumedClasses, type ModelDescription } from "../description.js";
import type { ModelKind } from "../modelKind.js";
import { checkPresent, imageLabelsSource, openSource, type Split } from "../sources.js";
import { openSplits } from "../splits.js";
import type { ClassMetrics, Evaluation, Task, Validation } from "../task.js";
import { defined, validationOf } from "../validation.js";
import { classificationComparison } from "./comparison.js";
import { classificationPredictions } from "./predictions.js";
import { ClassificationResult } from "./result.js";
import { openTeacher } from "./teacher.js";
import { cachedTeacher } from "./teacherCache.js";

/** ImageNet's. */
const PUBLISHED_CLASSES = 1000;

/** One class for the whole image: a backbone with its published head, on class folders or lists of labels. */
export const classificationKind: ModelKind<ClassificationConfig, ClassificationBatch, ClassScores> = {
  task: "classification",
  title: "Classifier",
  source: imageLabelsSource,
  open: openClassification,
  assume: ({ data }, count = data.classes?.length ?? PUBLISHED_CLASSES) => ({
    task: "classification",
    classes: assumedClasses(data.classes, count),
  }),
  found: (scores, seen) => new ClassificationResult(scores, seen),
  predictions: classificationPredictions,
  evaluationFiles: () => ["confusion.json", "images.json"],
};

async function openClassification(
  config: ClassificationConfig,
  given?: ModelDescription,
  teller: Split = "train",
): Promise<Task<ClassificationBatch, ClassScores>> {
  const splits = await openSplits({
    given,
    teller,
    open: (split, known) => open(config, split, known),
    describe: (dataset) => describe(config, dataset, teller),
  });
  const { description, trained } = splits;
  const { classes } = description;
  const { labelSmoothing, classWeights, distillation } = config.model.head;
  const model = classifierModel(config.model.backbone, classes.length);
  checkPadding(config, model);
  const teacher =
    trained === undefined || distillation === undefined ? undefined : await teacherOf(config, distillation, trained);
  return {
    description,
    parameters: model.parameters,
    backbone: model,
    graphs: {
      model: ({ images }, context) => ({ logits: model.forward(images, context) }),
      postprocess: ({ logits }) => ({ probabilities: softmax(logits!, 1) }),
    },
    trainer(options) {
      checkWeights("model.head.classWeights", classWeights, classes, "the model");
      if (teacher === undefined && distillation !== undefined) {
        throw new RangeError(
          "model.head.distillation: a teacher is opened together with the training set, and none was opened",
        );
      }
      return classifierTrainer({
        ...options,
        model,
        labelSmoothing,
        classWeights: weightsOf(classWeights, trained && countsOf(trained.labels, classes.length)),
        classLoss: chosenLoss(config.model.head),
        mixing: config.data.mixing,
        distillation: teacher && distillation && { ...distillation, teacher: teacher(options.engine) },
      });
    },
    predictor: (options) => imageClassifier({ ...options, model }),
    read: readClassScores,
    comparison: classificationComparison,
    async trainingData() {
      const dataset = await splits.of("train");
      const { repeats, sampling } = config.data;
      const extrasOf = ({ labels }: ClassificationDataset) => ({
        repeats,
        ...(sampling === "balanced" && { classOf: labels }),
      });
      return {
        ...trainingLoaders(dataset, config, extrasOf),
        remarks: remarksOn(dataset, splitPlace(config, "train")),
      };
    },
    validation: async (predictor) => judged(config, await splits.of("val"), predictor),
  };
}

function describe(
  config: ClassificationConfig,
  { classes, labels }: ClassificationDataset,
  split: Split,
): ModelDescription {
  const { model, data, training } = config;
  const { classWeights } = model.head;
  const where = splitPlace(config, split);
  const counts = countsOf(labels, classes.length);
  const present = classes.filter((_, k) => counts[k]! > 0);
  if (classes.length < 2 || (split === "train" && present.length < 2)) {
    throw new UserError(
      `${where}: all images are of one class, "${present[0]}"; a classifier needs at least two` +
        (data.type === "imageLabels" && data[split].labels === undefined ? "; expected a folder for each class" : ""),
    );
  }
  checkWeights("model.head.classWeights", classWeights, classes, where);
  const key = keyDecidedBy("top5", training);
  if (key !== undefined && !hasTop5(classes)) {
    throw new UserError(
      `${key}: among the ${classes.length} classes of ${where} the right one is always one of the first five, ` +
        "so there is no top5; use top1, f1 or loss",
    );
  }
  return { task: "classification", classes };
}

/** With five classes or fewer, the right one is always among the first five. */
const hasTop5 = (classes: readonly string[]): boolean => classes.length > 5;

type Distillation = NonNullable<ClassificationConfig["model"]["head"]["distillation"]>;

/** @returns what makes the teacher run on an engine */
async function teacherOf(config: ClassificationConfig, distillation: Distillation, trained: ClassificationDataset) {
  const teacher = await openTeacher(distillation, trained.classes);
  return (engine: Engine) => (distillation.cache ? cachedTeacher(teacher(engine), trained, config) : teacher(engine));
}

function countsOf(labels: Int32Array, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label]!++;
  return counts;
}

function remarksOn({ labels, classes }: ClassificationDataset, where: string): string[] {
  const counts = countsOf(labels, classes.length);
  const empty = classes.filter((_, k) => counts[k] === 0);
  if (empty.length === 0) return [];
  return [
    `${where}: no image of ${counted(empty.length, "class", "classes")}, which cannot be learnt: ${empty.join(", ")}`,
  ];
}

async function open(
  config: ClassificationConfig,
  split: Split,
  known?: ModelDescription,
): Promise<ClassificationDataset> {
  checkPresent(config, split);
  return openSource(await imageLabelsSource(config, split, known?.classes));
}

/** An image's own result, for the worst images of a report. */
export interface ImageResult {
  readonly file: string;
  /** Class indices. */
  readonly label: number;
  readonly found: number;
  /** Probabilities of the two, 0 … 1. */
  readonly labelScore: number;
  readonly foundScore: number;
}

function judged(
  config: ClassificationConfig,
  dataset: ClassificationDataset,
  predictor: BatchPredictor<ClassScores>,
): Validation<ClassificationBatch> {
  return validationOf({
    task: "classification",
    classes: dataset.classes,
    loader: validationLoader(dataset, config),
    predictor,
    images: dataset.length,
    remarks: remarksOn(dataset, splitPlace(config, "val")),
    judge() {
      const counter = classificationCounter(dataset.classes.length);
      const images: ImageResult[] = [];
      return {
        add(scores, { labels, meta }, i) {
          const label = labels[i]!;
          counter.add(scores, label);
          const found = bestOf(scores);
          const { file } = meta[i]!;
          images.push({ file, label, found, labelScore: scores[label]!, foundScore: scores[found]! });
          return label;
        },
        finish: () => evaluationOf(counter.figures(), dataset.classes, images),
      };
    },
  });
}

function evaluationOf(
  { perClass, confusion, top5, ...figures }: ReturnType<ReturnType<typeof classificationCounter>["figures"]>,
  classes: readonly string[],
  images: readonly ImageResult[],
): Evaluation {
  const rows: ClassMetrics[] = classes.map((name, k) => {
    const { precision, recall, f1 } = perClass[k]!;
    return { name, metrics: { precision: defined(precision), recall: defined(recall), f1: defined(f1) } };
  });
  const { top1, ...means } = figures;
  return {
    metrics: { top1, ...(hasTop5(classes) && { top5 }), ...means },
    perClass: rows,
    files: { "confusion.json": { classes, counts: [...confusion] }, "images.json": images },
  };
}
