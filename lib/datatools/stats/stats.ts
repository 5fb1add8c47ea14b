import { writeFileAtomic } from "../../files.js";
import { checkCharts } from "../../images/draw/vega.js";
import { checkPageFile } from "../../pages/index.js";
import { type DataSource, type DatasetOf, openSource, originOf, withClasses } from "../../tasks/sources.js";
import { anchorStats, hasAnchors } from "./anchors.js";
import { imageLabelStats } from "./images.js";
import { objectStats } from "./objects.js";
import { type MeasuredSet, statsPage } from "./page.js";
import { pixelStats } from "./pixels.js";
import type { StatsOptions, StatsResult } from "./types.js";

/** How a set of each kind is measured. */
const MEASURES: {
  readonly [K in DataSource["kind"]]: (
    dataset: DatasetOf<Extract<DataSource, { kind: K }>>,
    source: Extract<DataSource, { kind: K }>,
    options: StatsOptions,
  ) => Promise<MeasuredSet>;
} = {
  coco: async (dataset, { name }) => objectStats(dataset, name),
  labelMaps: (dataset, { name }, options) => pixelStats(dataset, name, options),
  imageLabels: imageLabelStats,
};

function measure<S extends DataSource>(dataset: DatasetOf<S>, source: S, options: StatsOptions): Promise<MeasuredSet> {
  // Each measures its own kind; that tie is lost in this look-up.
  const own = MEASURES[source.kind] as unknown as (
    dataset: DatasetOf<S>,
    source: S,
    options: StatsOptions,
  ) => Promise<MeasuredSet>;
  return own(dataset, source, options);
}

/**
 * Counts what data sets contain: classes, sizes, shapes, objects or pixels per image; with a config for detection, also
 * how well its anchors cover the boxes after the training transforms.
 *
 * @throws UserError like the readers, and when the output exists
 */
export async function dataStats(options: StatsOptions): Promise<StatsResult> {
  const { sources, config, output } = options;
  if (output !== undefined) {
    checkPageFile(output, options.force);
    await checkCharts();
  }
  const sets: MeasuredSet[] = [];
  let anchors: Awaited<ReturnType<typeof anchorStats>> | undefined;
  let classes: readonly string[] | undefined;
  for (const source of sources) {
    options.signal?.throwIfAborted();
    const dataset = await openSource(classes === undefined ? source : await withClasses(source, classes));
    classes = dataset.classes;
    sets.push(await measure(dataset, source, options));
    if (dataset.kind === "detection" && config !== undefined && hasAnchors(config)) {
      anchors ??= await anchorStats(dataset, config, options);
    }
  }
  if (output !== undefined) {
    const subtitle = sources.map((s) => `${s.name}: ${originOf(s)}`).join(" · ");
    const page = { title: "Data statistics", subtitle, sets, ...(anchors !== undefined && { anchors }) };
    await writeFileAtomic(output, await statsPage(page));
  }
  return {
    sets: sets.map(({ stats }) => stats),
    ...(anchors !== undefined && { anchors: anchors.stats }),
    ...(output !== undefined && { output }),
  };
}
