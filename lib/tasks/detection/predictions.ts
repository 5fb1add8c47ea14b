import type { DetectionConfig } from "../../config/schema.js";
import { UserError } from "../../errors.js";
import { drawInstances } from "../../images/draw/instances.js";
import { classPalette } from "../../images/draw/palette.js";
import { compressRle } from "../../masks/strings.js";
import type { Detections } from "../../models/predictions.js";
import { cropImage, windowOfBox } from "../../pixels/geometry.js";
import type { Image } from "../../pixels/image.js";
import { counted, pick } from "../../words.js";
import {
  classIndices,
  OPTION_NAMES,
  overlayWriter,
  type PredictedImage,
  type PredictionSummary,
  type PredictionsKind,
  type PredictionWriter,
  type WriterOptions,
} from "../predictions.js";
import { type AnnotatedIds, annotatedIds } from "./annotatedIds.js";
import { cocoResults } from "./cocoResults.js";
import { foundInstances } from "./found.js";

/** Objects with at least this score are drawn by default. */
const DRAWN_FROM = 0.3;

/**
 * Overlays, crops if they are wanted, and `results.json` with all objects in COCO's format; `images.json` names the image of each image id: the
 * annotations' id, or 1, 2, … in the order of the inputs.
 */
export const detectionPredictions: PredictionsKind<DetectionConfig, Detections> = {
  outputs: ["results.json", "images.json", "crops/"],
  choose({ model }, { drawThreshold, score, ...choices }) {
    const { scoreThreshold } = model.head.test;
    if (score !== undefined && score < scoreThreshold) {
      throw new UserError(
        `${OPTION_NAMES.score}: the model finds nothing that scores less than ${scoreThreshold}; ` +
          `--set model.head.test.scoreThreshold=${score} (an override in the API) lets it`,
        2,
      );
    }
    const least = Math.max(drawThreshold ?? score ?? DRAWN_FROM, score ?? scoreThreshold);
    return { ...choices, ...(score !== undefined && { score }), drawThreshold: least };
  },
  writer,
};

async function writer(options: WriterOptions): Promise<PredictionWriter<Detections>> {
  const { description, output, inputs, annotations, drawThreshold = DRAWN_FROM, saveCrops } = options;
  const { classes, palette, categoryIds } = description;
  const ids = annotations === undefined ? undefined : await annotatedIds(annotations, classes, inputs);
  const wanted = options.classes === undefined ? undefined : classIndices(options.classes, classes);
  if (output === undefined) return lister(classes, { score: options.score ?? drawThreshold, wanted });
  const style = { classes, palette: palette ?? classPalette(classes.length), scoreThreshold: drawThreshold };
  const categories = ids?.categoryIds ?? categoryIds ?? classes.map((_, k) => k + 1);
  const overlays = overlayWriter(output, inputs);
  const predicted: PredictedImage[] = [];
  const images: object[] = [];
  const results: object[] = [];
  return {
    async write(input, image, answer) {
      const found = selected(answer, { score: options.score, wanted });
      const imageId = ids === undefined ? images.length + 1 : annotatedId(ids, input, image);
      const { width, height } = image;
      const overlay = await overlays.write(input, drawInstances(image, found, style));
      const written = { input, width, height, overlay, instances: found.labels.length };
      const crops: string[] = [];
      for (const [i, { label, box, score }] of saveCrops ? foundInstances(found, classes).entries() : []) {
        if (score < drawThreshold) continue;
        const window = windowOfBox([box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1], image);
        crops.push(await overlays.writeCrop(input, cropImage(image, window), label, i + 1));
      }
      predicted.push({
        ...written,
        ...(imageId !== undefined && { id: imageId }),
        ...(saveCrops && { crops }),
      });
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

interface Selection {
  readonly score: number | undefined;
  /** Indices of classes. */
  readonly wanted: ReadonlySet<number> | undefined;
}

/** The objects that are asked for. */
export function selected(found: Detections, { score, wanted }: Selection): Detections {
  if (score === undefined && wanted === undefined) return found;
  const { boxes, scores, labels, masks } = found;
  const kept = [...labels.keys()].filter(
    (i) => (score === undefined || scores[i]! >= score) && (wanted?.has(labels[i]!) ?? true),
  );
  return {
    boxes: Float32Array.from(kept.flatMap((i) => [...boxes.subarray(4 * i, 4 * i + 4)])),
    scores: Float32Array.from(kept, (i) => scores[i]!),
    labels: Int32Array.from(kept, (i) => labels[i]!),
    ...(masks !== undefined && { masks: kept.map((i) => masks[i]!) }),
  };
}

/** Writes nothing: tells what was found. */
function lister(classes: readonly string[], selection: Selection): PredictionWriter<Detections> {
  const images: PredictedImage[] = [];
  return {
    async write(input, { width, height }, answer) {
      const objects = foundInstances(selected(answer, selection), classes).map(({ mask, ...found }) => ({
        ...found,
        ...(mask !== undefined && { segmentation: { size: [mask.height, mask.width], counts: compressRle(mask) } }),
      }));
      images.push({ input, width, height, id: images.length + 1, instances: objects.length, objects });
    },
    finish: async () => ({ images, listThreshold: selection.score! }),
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
