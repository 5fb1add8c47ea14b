import { resolve } from "node:path";
import { UserError } from "../../errors.js";
import { annotationsOf, type BySource, bySource, type DataSource, originOf, withClasses } from "../../tasks/sources.js";
import { type CheckedSource, checkCocoSet } from "./cocoSet.js";
import { type Collector, createCollector } from "./collector.js";
import { findDuplicates, findLeakage } from "./copies.js";
import { checkImageLabelSet } from "./imageLabelSet.js";
import { checkLabelMapSet } from "./labelMapSet.js";
import { inOrder } from "./order.js";
import type { CheckOptions, CheckResult } from "./types.js";

/**
 * Looks for every problem in data sets in one run: what would stop training, what would be corrected or left out
 * silently, and images that training and validation share.
 *
 * Images are compared by their decoded pixels, so that a copy with another name, other metadata or in another lossless
 * format is found too; recompressed copies are found by their thumbnails, and only give warnings.
 *
 * @throws the signal's reason when aborted; problems in the data are in the result, not thrown
 */
export async function checkData(options: CheckOptions): Promise<CheckResult> {
  if (options.sources.length === 0) throw new UserError("there is no data set to check");
  const checked: { source: DataSource; result: CheckedSource; collector: Collector }[] = [];
  let classes: readonly string[] | undefined;
  for (const given of options.sources) {
    options.signal?.throwIfAborted();
    const source = await withFirstClasses(given, classes);
    const collector = createCollector(source.name);
    const result = await bySource(CHECKS, source, collector, options);
    classes ??= result.classes;
    findDuplicates(result.fingerprints, collector);
    compareWithEarlier(checked, source, result, collector);
    checked.push({ source, result, collector });
  }
  const problems = checked.flatMap(({ collector }) => collector.problems);
  const count = (severity: "errors" | "warnings"): number =>
    checked.reduce((sum, { collector }) => sum + collector[severity], 0);
  return {
    sets: checked.map(({ result }) => result.set),
    errors: count("errors"),
    warnings: count("warnings"),
    problems: inOrder(problems),
  };
}

/** How a set of each kind is checked. */
const CHECKS: BySource<[collector: Collector, options: CheckOptions], Promise<CheckedSource>> = {
  coco: checkCocoSet,
  labelMaps: checkLabelMapSet,
  imageLabels: checkImageLabelSet,
};

/** A set without its own class list is read with the first one's, as in training. */
async function withFirstClasses(source: DataSource, classes: readonly string[] | undefined): Promise<DataSource> {
  if (classes === undefined || source.classes !== undefined) return source;
  return source.kind === "labelMaps" && source.objectInfo !== undefined ? source : withClasses(source, classes);
}

/** Not where a data set from outside was read: its splits may be named by the same folder. */
const namesItself = (source: DataSource): boolean => !("pairs" in source) && !("listed" in source);

function compareWithEarlier(
  checked: readonly { readonly source: DataSource; readonly result: CheckedSource }[],
  source: DataSource,
  { fingerprints }: CheckedSource,
  collector: Collector,
): void {
  for (const earlier of checked) {
    const { name } = earlier.source;
    if (namesItself(source) && resolve(annotationsOf(earlier.source)) === resolve(annotationsOf(source))) {
      const message = `${source.name} is the same data set as ${name}; metrics on it measure memorisation`;
      collector.add("warning", "leakage", { file: resolve(originOf(source)) }, message);
    } else findLeakage({ name, images: earlier.result.fingerprints }, fingerprints, collector);
  }
}
