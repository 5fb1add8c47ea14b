import { join } from "node:path";
import type { DetectionConfig } from "../../config/schema.js";
import { UserError } from "../../errors.js";
import { writeFileAtomic } from "../../files.js";
import { drawInstances } from "../../images/draw/instances.js";
import { classPalette } from "../../images/draw/palette.js";
import type { Picture } from "../../images/picture.js";
import type { Detections } from "../../models/predictions.js";
import { counted, pick } from "../../words.js";
import {
  overlayWriter,
  type PredictedPicture,
  type PredictionSummary,
  type PredictionsKind,
  type PredictionWriter,
  type WriterOptions,
} from "../predictions.js";
import { type AnnotatedIds, annotatedIds } from "./annotatedIds.js";
import { cocoResults } from "./cocoResults.js";

/** From this score on objects are drawn, unless told otherwise. */
const DRAWN_FROM = 0.3;

/**
 * Overlays, and `results.json` of all objects in COCO's form; `pictures.json` says which picture each image id is: that
 * of the annotations, or 1, 2, … in the order they come.
 */
export const detectionPredictions: PredictionsKind<DetectionConfig, Detections> = {
  outputs: ["results.json", "pictures.json"],
  choose: ({ model }, { drawThreshold = DRAWN_FROM, ...choices }) => ({
    ...choices,
    drawThreshold: Math.max(drawThreshold, model.head.test.scoreThreshold),
  }),
  writer,
};

async function writer(options: WriterOptions): Promise<PredictionWriter<Detections>> {
  const { description, outDir, inputs, annotations, drawThreshold = DRAWN_FROM } = options;
  const { classes, palette, categoryIds } = description;
  const ids = annotations === undefined ? undefined : await annotatedIds(annotations, classes, inputs);
  const style = { classes, palette: palette ?? classPalette(classes.length), scoreThreshold: drawThreshold };
  const categories = ids?.categoryIds ?? categoryIds ?? classes.map((_, k) => k + 1);
  const overlays = overlayWriter(outDir, inputs);
  const predicted: PredictedPicture[] = [];
  const images: object[] = [];
  const results: object[] = [];
  return {
    async write(input, picture, found) {
      const imageId = ids === undefined ? images.length + 1 : annotatedId(ids, input, picture);
      const { width, height } = picture;
      const overlay = await overlays.write(input, drawInstances(picture, found, style));
      predicted.push({ input, overlay, instances: found.labels.length });
      if (imageId === undefined) return;
      images.push({ id: imageId, file_name: input, width, height });
      for (const result of cocoResults(imageId, found, categories)) results.push(result);
    },
    async finish(say) {
      const named = classes.map((name, k) => ({ id: categories[k], name }));
      await writeFileAtomic(join(outDir, "results.json"), `${JSON.stringify(results)}\n`);
      await writeFileAtomic(join(outDir, "pictures.json"), `${JSON.stringify({ images, categories: named })}\n`);
      const summary = { pictures: predicted, drawThreshold };
      if (ids === undefined) return { ...summary, imageIds: "counted" };
      return { ...summary, imageIds: "annotated", ...compareWith(ids, predicted, say) };
    },
  };
}

/** @throws UserError where the picture is not of the annotated size, so that it is another */
function annotatedId({ file, pictureOf }: AnnotatedIds, input: string, picture: Picture): number | undefined {
  const annotated = pictureOf(input);
  if (annotated === undefined) return undefined;
  const { id, width, height } = annotated;
  if (width === picture.width && height === picture.height) return id;
  throw new UserError(
    `${input}: it has ${picture.width} × ${picture.height} pixels, but image ${id} of ${file} has ${width} × ${height}`,
  );
}

/** What the predictions and the annotations have not in common; it is told too. */
function compareWith(
  { file, pictures, pictureOf }: AnnotatedIds,
  predicted: readonly PredictedPicture[],
  say: (text: string) => void,
): Required<Pick<PredictionSummary, "notAnnotated" | "notPredicted">> {
  const inputs = predicted.map(({ input }) => input);
  const notAnnotated = inputs.filter((input) => pictureOf(input) === undefined);
  const done = new Set(inputs.map((input) => pictureOf(input)?.id));
  const notPredicted = pictures.filter(({ id }) => !done.has(id)).map((picture) => picture.file);
  const some = (part: readonly string[], all: readonly unknown[], told: string): void => {
    if (part.length === 0) return;
    const names = `${part.slice(0, NAMED).join(", ")}${part.length > NAMED ? ", …" : ""}`;
    say(`${part.length} of ${counted(all.length, "picture")} ${told} (${names})`);
  };
  const are = pick(notAnnotated.length, "is", "are");
  some(notAnnotated, inputs, `${are} not in ${file} and so not in results.json, only drawn`);
  some(
    notPredicted,
    pictures,
    `in ${file} ${pick(notPredicted.length, "was", "were")} not predicted: evaluate counts all objects there as missed`,
  );
  return { notAnnotated, notPredicted };
}

/** So many pictures are named in a message. */
const NAMED = 5;
