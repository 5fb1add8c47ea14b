import { stat } from "node:fs/promises";
import { extname } from "node:path";
import type { Config } from "../../config/schema.js";
import type { Dataset } from "../../datasets/types.js";
import { setWork } from "../../datasets/work.js";
import { UserError } from "../../errors.js";
import { refuseExisting, writeFileAtomic } from "../../files.js";
import { drawSheet } from "../../images/draw/sheet.js";
import { encodeJpeg, encodePng } from "../../images/encode.js";
import { figures, imageFigure, renderPage } from "../../pages/index.js";
import type { ProgressEvent } from "../../progress.js";
import { Random } from "../../random.js";
import { type DataSource, openSource, originOf } from "../../tasks/sources.js";
import { counted } from "../../words.js";
import { augmentedSamples } from "./augmented.js";
import { type DrawnSample, drawSample } from "./draw.js";

/** The data set that `showData` draws, and how. */
export interface ShowOptions {
  readonly source: DataSource;
  /** The file to write: .jpg or .png for a sheet, .html for a page. */
  readonly output: string;
  /** Images; default 12. */
  readonly count?: number;
  /** Columns of the sheet; default 4. */
  readonly columns?: number;
  /**
   * Pixels of each image's height on the sheet; default 320. Smaller images are not enlarged beyond twice their size.
   */
  readonly height?: number;
  /** Decides which images are chosen; default 0. */
  readonly seed?: number;
  /** Only images with an object, or a pixel, of this class; images of this class. */
  readonly className?: string;
  /**
   * Draw images as the network sees them: the batches of this config's training loader, with its transforms, in its
   * order.
   */
  readonly augmented?: Config;
  readonly force?: boolean;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: ProgressEvent) => void;
}

/** What `showData` drew. */
export interface ShowResult {
  readonly output: string;
  /** The images drawn, in order. */
  readonly images: readonly Omit<DrawnSample, "image" | "caption">[];
}

/** Of an image on a sheet, in pixels. */
const MOST_HEIGHT = 4096;

/**
 * Draws a contact sheet of a data set with its annotations.
 *
 * @throws UserError for an invalid file extension, class or output, and like the readers
 */
export async function showData(options: ShowOptions): Promise<ShowResult> {
  const { source, output, count = 12, seed = 0, height = 320 } = options;
  const ending = extname(output).toLowerCase();
  if (![".jpg", ".jpeg", ".png", ".html"].includes(ending)) {
    throw new UserError(`${output}: the extension must be .jpg or .png for a sheet, or .html for a page`, 2);
  }
  if (height > MOST_HEIGHT) {
    throw new UserError(`an image on the sheet may be up to ${MOST_HEIGHT} pixels high, not ${height}`, 2);
  }
  refuseExisting([output], options.force);
  const dataset = await openSource(source);
  const samples =
    options.augmented === undefined
      ? storedSamples(dataset, await chooseIndices(dataset, { count, seed, className: options.className }))
      : augmentedSamples(dataset, options.augmented, { count, seed });
  const work = setWork();
  if (source.kind === "coco") work.addFile((await stat(source.annotations)).size);
  const drawn: DrawnSample[] = [];
  for await (const sample of samples) {
    options.signal?.throwIfAborted();
    drawn.push(drawSample(sample, dataset, height, work));
    options.onEvent?.({
      type: "progress",
      what: "drawing",
      done: drawn.length,
      total: Math.min(count, dataset.length),
    });
  }
  await (ending === ".html" ? writePage(drawn, options) : writeSheet(drawn, options, ending));
  return { output, images: drawn.map(({ image: _, caption: __, ...told }) => told) };
}

async function* storedSamples(dataset: Dataset, indices: readonly number[]) {
  for (const index of indices) yield await dataset.load(index);
}

/** In the data set's order. */
async function chooseIndices(
  dataset: Dataset,
  choice: { readonly count: number; readonly seed: number; readonly className: string | undefined },
): Promise<number[]> {
  const { count, seed, className } = choice;
  const all = Array.from(Random.of(seed, "show").choose(dataset.length, dataset.length));
  if (className === undefined) return (await spreadOverClasses(dataset, all, count)).sort((a, b) => a - b);
  const label = dataset.classes.indexOf(className);
  if (label < 0) throw new UserError(`there is no class "${className}"; the classes are ${dataset.classes.join(", ")}`);
  const found: number[] = [];
  for (const index of all) {
    if (found.length === count) break;
    if ((await classesIn(dataset, index)).has(label)) found.push(index);
  }
  if (found.length === 0) throw new UserError(`no image has ${WHAT[dataset.kind]} "${className}"`);
  return found.sort((a, b) => a - b);
}

/** Where classes cannot be told without decoding, so many images are looked into for each that is drawn. */
const LOOKED_INTO = 10;

/**
 * Images in turn of each class, the rarest first, then any: were they drawn at random, the commonest class alone might be seen.
 *
 * @param all the images in the order in which they are preferred
 */
async function spreadOverClasses(dataset: Dataset, all: readonly number[], count: number): Promise<number[]> {
  const looked = dataset.kind === "segmentation" ? all.slice(0, LOOKED_INTO * count) : all;
  const classes = new Map<number, Set<number>>();
  const frequency = new Map<number, number>();
  for (const index of looked) {
    const own = await classesIn(dataset, index);
    classes.set(index, own);
    for (const label of own) frequency.set(label, (frequency.get(label) ?? 0) + 1);
  }
  const rarestFirst = [...frequency].sort(([a, few], [b, many]) => few - many || a - b).map(([label]) => label);
  const chosen = new Set<number>();
  const shown = new Map<number, number>();
  while (chosen.size < count) {
    // The class that was shown least; among equals the rarest.
    const wanted = rarestFirst
      .toSorted((a, b) => (shown.get(a) ?? 0) - (shown.get(b) ?? 0))
      .find((label) => looked.some((index) => !chosen.has(index) && classes.get(index)!.has(label)));
    const next = all.find((index) => !chosen.has(index) && (wanted === undefined || classes.get(index)?.has(wanted)));
    if (next === undefined) break;
    chosen.add(next);
    for (const label of classes.get(next) ?? []) shown.set(label, (shown.get(label) ?? 0) + 1);
  }
  return [...chosen];
}

/** The classes that an image has, for each kind of set. */
const CLASSES_IN: {
  readonly [K in Dataset["kind"]]: (
    dataset: Extract<Dataset, { kind: K }>,
    index: number,
  ) => Iterable<number> | Promise<Iterable<number>>;
} = {
  detection: (dataset, index) => dataset.source(index).instances?.labels ?? [],
  segmentation: async (dataset, index) => new Set((await dataset.loadLabelMap(index)).data),
  classification: (dataset, index) => [dataset.labels[index]!],
};

async function classesIn<D extends Dataset>(dataset: D, index: number): Promise<Set<number>> {
  // Each looks into its own kind; that tie is lost in this look-up.
  const look = CLASSES_IN[dataset.kind] as unknown as (dataset: D, index: number) => Promise<Iterable<number>>;
  const labels = new Set(await look(dataset, index));
  for (const label of labels) if (label >= dataset.classes.length) labels.delete(label); // no class
  return labels;
}

/** What an image has of a class. */
const WHAT = {
  detection: "an object of the class",
  segmentation: "a pixel of the class",
  classification: "the class",
} as const satisfies Record<Dataset["kind"], string>;

async function writeSheet(drawn: readonly DrawnSample[], options: ShowOptions, ending: string): Promise<void> {
  const columns = Math.min(options.columns ?? 4, drawn.length);
  const rows = Array.from({ length: Math.ceil(drawn.length / columns) }, (_, r) => {
    const row = drawn.slice(r * columns, (r + 1) * columns);
    return { images: row.map(({ image }) => image), captions: row.map(({ caption }) => caption) };
  });
  const sheet = drawSheet(rows, { rowHeight: options.height ?? 320 });
  await writeFileAtomic(options.output, ending === ".png" ? await encodePng(sheet) : await encodeJpeg(sheet));
}

async function writePage(drawn: readonly DrawnSample[], { source, output, seed = 0, augmented }: ShowOptions) {
  const list = await Promise.all(drawn.map(({ image, caption }) => imageFigure(image, { caption, quality: 88 })));
  const how = augmented === undefined ? "as annotated" : "as the network sees them in training";
  const page = renderPage({
    title: `${source.name}: ${counted(drawn.length, "image")} ${how}`,
    subtitle: `${originOf(source)} · seed ${seed}`,
    sections: [{ title: "Images", content: [figures(list)] }],
  });
  await writeFileAtomic(output, page);
}
