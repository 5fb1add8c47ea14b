import type { CocoResult } from "../coco/entries.js";
import { resizeSample } from "../datasets/geometry.js";
import type { Sample } from "../datasets/types.js";
import { drawInstances } from "../images/draw/instances.js";
import { hexOf } from "../images/draw/palette.js";
import { drawLabelMap } from "../images/draw/semantic.js";
import { openPredictor, type Predictor } from "../inference/predictor.js";
import { outlineJson, readJsonPiece } from "../jsonfiles/lists.js";
import { segmentationToRle } from "../masks/coco.js";
import type { Rle } from "../masks/types.js";
import { colourKeys, compared, type Html, imageFigure } from "../pages/index.js";
import type { Image, LabelMap } from "../pixels/image.js";
import { type DetectionAnalysis, resultsFile } from "./detections.js";
import type { LabelMapAnalysis } from "./labelMaps.js";
import type { StoredEvaluation } from "./run.js";
import type { ReportOptions } from "./types.js";

/** Pixels of an image's longer side; larger ones are reduced. */
const LONGEST = 640;
/** The largest factor by which small ones are enlarged, so that labels do not cover them. */
const LARGEST_FACTOR = 3;
const JPEG_QUALITY = 80;

/** Each of the worst images, annotations beside the objects found with at least the score threshold. */
export async function worstDetections(
  analysis: DetectionAnalysis,
  stored: StoredEvaluation,
  { signal }: ReportOptions,
): Promise<Html[]> {
  const { dataset, main, worst, chosen } = analysis;
  const ids = worst.map(({ image }) => main.groundTruth.imageIds[image]!);
  const boxes = await resultsOf(resultsFile(stored.folder, "bbox"), ids);
  const masks = analysis.types.length > 1 ? await resultsOf(resultsFile(stored.folder, "segm"), ids) : undefined;
  const classOf = new Map(dataset.categoryIds.map((id, k) => [id, k]));
  const shown: Html[] = [];
  for (const [i, id] of ids.entries()) {
    signal?.throwIfAborted();
    const { right, wrong, missed, f1 } = worst[i]!;
    const truth = await dataset.load(dataset.images.findIndex((image) => image.id === id));
    const found = foundSample(truth, boxes.get(id) ?? [], masks?.get(id), classOf, chosen.score);
    const style = { classes: dataset.classes };
    const drawn = [truth, found.sample].map((sample) => fitted(sample));
    const images = [
      drawInstances(drawn[0]!.image, drawn[0]!.instances!, style),
      drawInstances(
        drawn[1]!.image,
        { ...drawn[1]!.instances!, scores: found.scores },
        { ...style, scoreThreshold: 0 },
      ),
    ];
    const title = `${truth.meta.file}: F1 ${f1.toFixed(2)}, ${right} right, ${wrong} wrong, ${missed} missed`;
    shown.push(await besides(title, images));
  }
  return shown;
}

/** The results of each image, in the file's order. */
async function resultsOf(path: string, ids: readonly number[]): Promise<Map<number, CocoResult[]>> {
  const found = new Map(ids.map((id) => [id, [] as CocoResult[]]));
  const { lists } = await outlineJson(path);
  for (const piece of lists.get("") ?? []) {
    for (const result of (await readJsonPiece(path, piece)) as CocoResult[]) found.get(result.image_id)?.push(result);
  }
  return found;
}

/** A sample with the objects found in its image as its objects. */
function foundSample(
  truth: Sample,
  boxes: readonly CocoResult[],
  masks: readonly CocoResult[] | undefined,
  classOf: ReadonlyMap<number, number>,
  scoreThreshold: number,
): { readonly sample: Sample; readonly scores: Float32Array } {
  const { width, height } = truth.image;
  const kept = [...boxes.keys()].filter(
    (i) => boxes[i]!.score >= scoreThreshold && classOf.has(boxes[i]!.category_id) && boxes[i]!.bbox !== undefined,
  );
  const instances = {
    boxes: Float32Array.from(
      kept.flatMap((i) => {
        const [x, y, w, h] = boxes[i]!.bbox as [number, number, number, number];
        return [x, y, x + w, y + h];
      }),
    ),
    labels: Int32Array.from(kept, (i) => classOf.get(boxes[i]!.category_id)!),
    crowd: new Uint8Array(kept.length),
    masks: kept.map((i): Rle | undefined => {
      const segmentation = masks?.[i]?.segmentation; // the two files list the same detections
      return segmentation && segmentationToRle(segmentation, height, width, `result ${i} of ${truth.meta.file}`);
    }),
    areas: new Float32Array(kept.length),
    ids: new Float64Array(kept.length),
  };
  return { sample: { ...truth, instances }, scores: Float32Array.from(kept, (i) => boxes[i]!.score) };
}

/** Each of the worst images, its label map beside the model's, which is predicted again. */
export async function worstLabelMaps(
  { dataset, worst }: LabelMapAnalysis,
  { config }: StoredEvaluation,
  weights: string,
  { signal }: ReportOptions,
): Promise<Html[]> {
  const style = { classes: dataset.classes, palette: dataset.palette, legend: false };
  const predictor = (await openPredictor(config, weights)) as Predictor<LabelMap>; // a config of segmentation
  const keys = dataset.classes.map((name, k) => [name, hexOf(dataset.palette[k] ?? [0, 0, 0])] as const);
  const shown: Html[] = worst.length === 0 ? [] : [colourKeys(keys)];
  try {
    for (const { file, mIoU, aAcc } of worst) {
      signal?.throwIfAborted();
      const index = dataset.images.findIndex((image) => image.file === file);
      if (index < 0) continue;
      const truth = await dataset.load(index);
      const labelMap = await predictor.predict(truth.image, file);
      const images = [truth, { ...truth, labelMap }].map((sample) => {
        const drawn = fitted(sample);
        return drawLabelMap(drawn.image, drawn.labelMap as LabelMap, style);
      });
      shown.push(await besides(`${file}: mIoU ${fixed(mIoU)}, pixel accuracy ${fixed(aAcc)}`, images));
    }
  } finally {
    await predictor.dispose();
  }
  return shown;
}

const fixed = (value: number | null): string => (value === null ? "–" : value.toFixed(2));

/** The sample at the size in which it is shown, so that lines and words stay legible. */
export function fitted(sample: Sample): Sample {
  const { width, height } = sample.image;
  const factor = Math.min(LONGEST / Math.max(width, height), LARGEST_FACTOR);
  const size = { width: Math.max(1, Math.round(width * factor)), height: Math.max(1, Math.round(height * factor)) };
  return resizeSample(sample, size, { interpolation: "bilinear-antialias" });
}

async function besides(title: string, images: readonly Image[]): Promise<Html> {
  const captions = ["Annotated", "Found"];
  const drawn = images.map((image, i) =>
    imageFigure(image, { quality: JPEG_QUALITY, caption: captions[i]!, description: `${captions[i]}: ${title}` }),
  );
  return compared(title, await Promise.all(drawn));
}
