import { join } from "node:path";
import type { ClassificationConfig } from "../config/schema.js";
import { loadSample } from "../datasets/sample.js";
import { figures, type Html, imageFigure, type Section, tableOf } from "../pages/index.js";
import type { ImageResult } from "../tasks/classification/kind.js";
import { imageLabelsSource, openSource } from "../tasks/sources.js";
import { classChart } from "./classChart.js";
import { confusionContent } from "./confusionPage.js";
import { percent } from "./format.js";
import { fitted } from "./images.js";
import { confusionRows, imageSection, type PartMaker } from "./part.js";
import type { StoredEvaluation } from "./run.js";
import { readStored, storedClassified, storedConfusion } from "./storedFiles.js";
import type { ReportOptions } from "./types.js";

interface Analysis {
  readonly classes: readonly string[];
  readonly counts: Float64Array;
  /** Wrongly classified images, the most confident mistakes first. */
  readonly worst: readonly ImageResult[];
}

export const classificationPart: PartMaker<ClassificationConfig> = {
  options: [],
  async make(evaluation, _, options) {
    const analysis = await analyse(evaluation, options);
    const drawn = await worstImages(analysis, evaluation, options);
    const { classes, counts, worst } = analysis;
    const measure = "probability of the true class, among misclassified images";
    return {
      sections: [...(await sections(analysis, evaluation)), ...imageSection(drawn, measure)],
      result: {
        confusion: confusionRows(classes, counts),
        worst: worst.map(({ file, labelScore }) => ({ file, value: labelScore })),
      },
    };
  },
};

/** @throws UserError when stored counts cannot be read */
async function analyse({ folder, perClass }: StoredEvaluation, { worst: most = 8 }: ReportOptions): Promise<Analysis> {
  const names = perClass.map(({ name }) => name);
  const { classes, counts } = await readStored(join(folder, "confusion.json"), storedConfusion(names));
  const images: readonly ImageResult[] = await readStored(
    join(folder, "images.json"),
    storedClassified(classes.length),
  );
  const wrong = images.filter(({ label, found }) => label !== found);
  return {
    classes,
    counts,
    worst: wrong.sort((a, b) => a.labelScore - b.labelScore || b.foundScore - a.foundScore).slice(0, most),
  };
}

async function sections({ classes, counts }: Analysis, { perClass, metrics }: StoredEvaluation): Promise<Section[]> {
  const n = classes.length;
  const images = classes.map((_, k) => counts.subarray(k * n, (k + 1) * n).reduce((a, b) => a + b, 0));
  const order = classes.map((_, k) => k).sort((a, b) => images[b]! - images[a]!);
  const figure = (k: number, name: string) => perClass[k]?.metrics[name] ?? null;
  const names = ["precision", "recall", "f1"] as const;
  const rows = order.map((k) => [classes[k]!, String(images[k]), ...names.map((name) => percent(figure(k, name)))]);
  const means = ["mean", "", ...names.map((name) => percent(metrics[name] ?? null))];
  const chart = await classChart("F1", classes, order, (k) => figure(k, "f1"));
  return [
    {
      title: "Classes",
      text: "In per cent. Recall is the share of a class's images that were found, precision the share of the found images that are right.",
      content: [figures([chart, tableOf(["class", "images", "precision", "recall", "F1"], [...rows, means])])],
    },
    {
      title: "Confusion",
      text: "Rows are annotated classes, columns predicted ones: numbers of images.",
      content: await confusionContent({ names: classes, counts, unit: "images" }),
    },
  ];
}

async function worstImages(
  { classes, worst }: Analysis,
  { config }: StoredEvaluation & { readonly config: ClassificationConfig },
  { signal }: ReportOptions,
): Promise<Html[]> {
  const dataset = await openSource(await imageLabelsSource(config, "val", classes));
  const shown: Html[] = [];
  for (const { file, label, found, labelScore, foundScore } of worst) {
    signal?.throwIfAborted();
    const index = dataset.images.findIndex((image) => image.file === file);
    if (index < 0) continue;
    const sample = await loadSample(dataset.source(index));
    const caption =
      `${file}: ${classes[label]} ${labelScore.toFixed(2)}, ` + `taken for ${classes[found]} ${foundScore.toFixed(2)}`;
    shown.push(await imageFigure(fitted(sample).image, { quality: 80, caption, description: caption }));
  }
  return shown;
}
