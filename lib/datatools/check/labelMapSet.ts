import { existsSync } from "node:fs";
import { join, parse } from "node:path";
import { listImages, listNames } from "../../datasets/folders.js";
import { chooseClasses, type LabelMapPair, labelRule } from "../../datasets/labelMaps.js";
import { checkSize, labelTable, strayLabels } from "../../datasets/sample.js";
import { decodeLabelMap } from "../../images/decode.js";
import { IGNORED_LABEL } from "../../pixels/image.js";
import type { LabelMapsSource } from "../../tasks/sources.js";
import { counted, pick } from "../../words.js";
import type { CheckedSource } from "./cocoSet.js";
import type { Collector } from "./collector.js";
import { decodeAll } from "./images.js";
import type { CheckOptions } from "./types.js";

/** Every problem of a folder of images with its label maps. */
export async function checkLabelMapSet(
  source: LabelMapsSource,
  collector: Collector,
  options: Omit<CheckOptions, "sources">,
): Promise<CheckedSource> {
  const classes = await collector.attemptAsync(() => chooseClasses(source));
  const { images, pairs } = source.pairs === undefined ? await listed(source, collector) : given(source, source.pairs);
  const set = { name: source.name, images };
  if (pairs.length === 0) return { set, classes, fingerprints: [] };
  for (const { path, labels } of pairs.filter(({ there }) => !there)) {
    collector.add("error", "label map", { file: path }, `its label map ${labels} is missing`);
  }
  if (options.pixels === false) return { set, classes, fingerprints: [] };
  const counts = new Float64Array(256); // number of pixels of each class
  const fingerprints = await decodeAll(
    pairs,
    async (image, { path, labels, there }) => {
      if (!there) return;
      const map = await collector.attemptAsync(() => decodeLabelMap(labels));
      if (map === undefined) return;
      collector.attempt(() => checkSize(path, image, map, `its label map ${labels}`));
      if (classes === undefined) return;
      const rule = { path: labels, ...labelRule(source, classes.length) };
      for (const { fault, pixels } of strayLabels(map, rule)) {
        collector.add("error", fault.kind, fault.place, `${fault.reason} (${counted(pixels, "pixel")})`);
      }
      const table = labelTable(rule);
      let labelled = 0;
      for (const value of map.data) {
        const label = table[value]!;
        if (label < 0 || label === IGNORED_LABEL) continue;
        counts[label]!++;
        labelled++;
      }
      if (labelled === 0) collector.add("warning", "label", { file: labels }, "no pixel is labelled");
    },
    { collector, name: source.name, ...options },
  );
  const unused = (classes ?? []).filter((_, label) => counts[label] === 0);
  if (unused.length > 0) {
    const some = `${unused.slice(0, 10).join("; ")}${unused.length > 10 ? "; …" : ""}`;
    const message = `${unused.length} of ${counted(classes?.length ?? 0, "class", "classes")} ${pick(unused.length, "has", "have")} no pixel: ${some}`;
    collector.add("warning", "unused", { file: source.labelMaps }, message);
  }
  return { set, classes, fingerprints };
}

interface Pair {
  readonly path: string;
  readonly labels: string;
  /** Whether the label map exists. */
  readonly there: boolean;
}

interface Pairs {
  /** The number of images. */
  readonly images: number;
  /** None where they cannot be listed. */
  readonly pairs: readonly Pair[];
}

/** The images of a folder with the label maps of another. */
async function listed(source: LabelMapsSource, collector: Collector): Promise<Pairs> {
  const files = await collector.attemptAsync(() => listImages(source.images));
  const names = await collector.attemptAsync(() => listNames(source.labelMaps));
  if (files === undefined || files.length === 0 || names === undefined) {
    if (files?.length === 0) collector.add("error", "file", { file: source.images }, "there are no images here");
    return { images: files?.length ?? 0, pairs: [] };
  }
  const present = new Set(names);
  const suffix = source.labelSuffix ?? ".png";
  const pairs = files.map((file) => {
    const name = parse(file).name + suffix;
    return { path: join(source.images, file), labels: join(source.labelMaps, name), there: present.has(name) };
  });
  findOrphans(source.labelMaps, names, new Set(pairs.map(({ labels }) => labels)), suffix, collector);
  return { images: files.length, pairs };
}

const given = ({ images }: LabelMapsSource, pairs: readonly LabelMapPair[]): Pairs => ({
  images: pairs.length,
  pairs: pairs.map(({ file, labelMap }) => ({
    path: join(images, file),
    labels: labelMap,
    there: existsSync(labelMap),
  })),
});

function findOrphans(
  folder: string,
  names: readonly string[],
  wanted: ReadonlySet<string>,
  suffix: string,
  collector: Collector,
): void {
  const orphans = names.filter((name) => name.endsWith(suffix) && !wanted.has(join(folder, name)));
  if (orphans.length === 0) return;
  const message = `${counted(orphans.length, "label map has", "label maps have")} no image, such as ${orphans.sort()[0]}`;
  collector.add("warning", "unused", { file: folder }, message);
}
