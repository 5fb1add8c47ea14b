import type { DetectionConfig } from "../../config/schema.js";
import { UserError } from "../../errors.js";
import { drawInstances } from "../../images/draw/instances.js";
import { classPalette } from "../../images/draw/palette.js";
import type { Detections } from "../../models/predictions.js";
import type { Image } from "../../pixels/image.js";
import { counted, pick } from "../../words.js";
import {
  overlayWriter,
  type PredictedImage,
  type PredictionSummary,
  type PredictionsKind,
  type PredictionWriter,
  type WriterOptions,
} from "../predictions.js";
import { type AnnotatedIds, annotatedIds } from "./annotatedIds.js";
import { cocoResults } from "./cocoResults.js";

/** Objects with at least this score are drawn by default. */
const DRAWN_FROM = 0.3;

/**
 * Overlays, and `results.json` with all objects in COCO's format; `images.json` names the image of each image id: the
 * annotations' id, or 1, 2, … in the order of the inputs.
 */
export const detectionPredictions: PredictionsKind<DetectionConfig, Detections> = {
  outputs: ["results.json", "images.json"],
  choose: ({ model }, { drawThreshold = DRAWN_FROM, ...choices }) => ({
    ...choices,
    drawThreshold: Math.max(drawThreshold, model.head.test.scoreThreshold),
  }),
  writer,
};

async function writer(options: WriterOptions): Promise<PredictionWriter<Detections>> {
  const { description, output, inputs, annotations, drawThreshold = DRAWN_FROM } = options;
  const { classes, palette, categoryIds } = description;
  const ids = annotations === undefined ? undefined : await annotatedIds(annotations, classes, inputs);
  const style = { classes, palette: palette ?? classPalette(classes.length), scoreThreshold: drawThreshold };
  const categories = ids?.categoryIds ?? categoryIds ?? classes.map((_, k) => k + 1);
  const overlays = overlayWriter(output, inputs);
  const predicted: PredictedImage[] = [];
  const images: object[] = [];
  const results: object[] = [];
  return {
    async write(input, image, found) {
      const imageId = ids === undefined ? images.length + 1 : annotatedId(ids, input, image);
      const { width, height } = image;
      const overlay = await overlays.write(input, drawInstances(image, found, style));
      predicted.push({ input, overlay, instances: found.labels.length });
      if (imageId === undefined) return;
      images.push({ id: imageId, file_name: input, width, height });
      for (const result of cocoResults(imageId, found, categories)) results.push(result);
    },
    async finish(say) {
      const named = classes.map((name, k) => ({ id: categories[k], name }));
      await output.write("results.json", `${JSON.stringify(results)}\n`);
      await output.write("images.json", `${JSON.stringify({ images, categories: named })}\n`);
      const summary = { images: predicted, drawThreshold };
      if (ids === undefined) return { ...summary, imageIds: "counted" };
      return { ...summary, imageIds: "annotated", ...compareWith(ids, predicted, say) };
    },
  };
}

/** @throws UserError when the image does not have the annotated size, so that it must be another */
function annotatedId({ file, imageOf }: AnnotatedIds, input: string, image: Image): number | undefined {
  const annotated = imageOf(input);
  if (annotated === undefined) return undefined;
  const { id, width, height } = annotated;
  if (width === image.width && height === image.height) return id;
  throw new UserError(
    `${input}: it has ${image.width} × ${image.height} pixels, but image ${id} of ${file} has ${width} × ${height}`,
  );
}

/** Images that only the predictions or only the annotations have; they are also reported. */
function compareWith(
  { file, images, imageOf }: AnnotatedIds,
  predicted: readonly PredictedImage[],
  say: (text: string) => void,
): Required<Pick<PredictionSummary, "notAnnotated" | "notPredicted">> {
  const inputs = predicted.map(({ input }) => input);
  const notAnnotated = inputs.filter((input) => imageOf(input) === undefined);
  const done = new Set(inputs.map((input) => imageOf(input)?.id));
  const notPredicted = images.filter(({ id }) => !done.has(id)).map((image) => image.file);
  const some = (part: readonly string[], all: readonly unknown[], told: string): void => {
    if (part.length === 0) return;
    const names = `${part.slice(0, NAMED).join(", ")}${part.length > NAMED ? ", …" : ""}`;
    say(`${part.length} of ${counted(all.length, "image")} ${told} (${names})`);
  };
  const are = pick(notAnnotated.length, "is", "are");
  some(notAnnotated, inputs, `${are} not in ${file} and so not in results.json, only drawn`);
  some(
    notPredicted,
    images,
    `in ${file} ${pick(notPredicted.length, "was", "were")} not predicted: evaluate counts all objects there as missed`,
  );
  return { notAnnotated, notPredicted };
}

/** How many images a message names. */
const NAMED = 5;
