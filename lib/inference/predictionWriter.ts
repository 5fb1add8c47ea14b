import { join, parse } from "node:path";
import { UserError } from "../errors.js";
import { writeFileAtomic } from "../files.js";
import { drawInstances } from "../images/draw/instances.js";
import { classPalette } from "../images/draw/palette.js";
import { drawLabelMap } from "../images/draw/semantic.js";
import { encodeIndexedPng, encodeJpeg } from "../images/encode.js";
import type { Picture } from "../images/picture.js";
import { cocoResults } from "../tasks/cocoResults.js";
import type { AnnotatedIds } from "./annotatedIds.js";
import type { Predictor } from "./predictor.js";

export interface PredictedPicture {
  readonly input: string;
  /** The picture with what was found drawn over it. */
  readonly overlay: string;
  /** The class of each pixel as an indexed PNG. */
  readonly labelMap?: string;
  /** How many objects were found. */
  readonly instances?: number;
}

export interface PredictionWriter {
  /** Predicts a picture and writes what is its own. */
  write(input: string, picture: Picture): Promise<void>;
  /** Writes what belongs to all pictures together. */
  finish(): Promise<readonly PredictedPicture[]>;
}

export interface PredictionWriterOptions {
  readonly outDir: string;
  /** All that are to come. */
  readonly inputs: readonly string[];
  /** Whose ids the results have; default counted. */
  readonly ids?: AnnotatedIds | undefined;
  /** Objects below this score are not drawn. */
  readonly drawThreshold: number;
}

/** What predictions may be written to, whatever the task. */
export function predictionPaths(outDir: string): readonly string[] {
  return ["overlays", "labelMaps", "results.json", "pictures.json"].map((name) => join(outDir, name));
}

export function predictionWriter(
  predictor: Predictor,
  { outDir, inputs, ids, drawThreshold }: PredictionWriterOptions,
): PredictionWriter {
  const { classes, palette, categoryIds } = predictor.description;
  const style = { classes, palette: palette ?? classPalette(classes.length), scoreThreshold: drawThreshold };
  const categories = ids?.categoryIds ?? categoryIds ?? classes.map((_, k) => k + 1);
  const names = outputNames(inputs);
  const done: PredictedPicture[] = [];
  const images: object[] = [];
  const results: object[] = [];
  const writeOverlay = async (input: string, drawn: Picture): Promise<string> => {
    const path = join(outDir, "overlays", `${names.get(input)}.jpg`);
    await writeFileAtomic(path, await encodeJpeg(drawn));
    return path;
  };
  return {
    async write(input, picture) {
      if (predictor.task === "segmentation") {
        const map = await predictor.predict(picture, input);
        const labelMap = join(outDir, "labelMaps", `${names.get(input)}.png`);
        await writeFileAtomic(labelMap, encodeIndexedPng(map, style.palette));
        done.push({ input, overlay: await writeOverlay(input, drawLabelMap(picture, map, style)), labelMap });
        return;
      }
      const imageId = ids === undefined ? images.length + 1 : annotatedId(ids, input, picture);
      const found = await predictor.predict(picture, input);
      const { width, height } = picture;
      const overlay = await writeOverlay(input, drawInstances(picture, found, style));
      done.push({ input, overlay, instances: found.labels.length });
      if (imageId === undefined) return;
      images.push({ id: imageId, file_name: input, width, height });
      for (const result of cocoResults(imageId, found, categories)) results.push(result);
    },
    async finish() {
      if (predictor.task === "detection") {
        const named = classes.map((name, k) => ({ id: categories[k], name }));
        await writeFileAtomic(join(outDir, "results.json"), `${JSON.stringify(results)}\n`);
        await writeFileAtomic(join(outDir, "pictures.json"), `${JSON.stringify({ images, categories: named })}\n`);
      }
      return done;
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

/** A name without ending for each picture's files, made unique where pictures of several folders share one. */
function outputNames(inputs: readonly string[]): ReadonlyMap<string, string> {
  const taken = new Set<string>();
  const names = new Map<string, string>();
  for (const input of inputs) {
    const { name } = parse(input);
    let unique = name;
    for (let i = 2; taken.has(unique.toLowerCase()); i++) unique = `${name}-${i}`;
    taken.add(unique.toLowerCase());
    names.set(input, unique);
  }
  return names;
}
