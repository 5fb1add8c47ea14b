import { type Command, Option } from "commander";
import { describeReport } from "../../datasets/coco.js";
import type {
  AnchorStats,
  ImageStats,
  ObjectStats,
  PixelStats,
  SetStats,
  StatsResult,
} from "../../datatools/stats/types.js";
import type { Split } from "../../tasks/sources.js";
import { counted } from "../../words.js";
import { type Context, printResult } from "../context.js";
import { type Modes, refuseOthers } from "../modes.js";
import { createCommand, parseWhole } from "../options.js";
import { showing } from "../progress.js";
import { table } from "../table.js";
import { readSource, type SourceFlags, withSource } from "./source.js";

interface StatsFlags extends SourceFlags {
  readonly out?: string;
  readonly split?: Split;
  readonly anchorImages: number;
  readonly force?: true;
}

const ANCHOR_MODES: Modes<"objects" | "others"> = {
  names: { objects: "configs of detection", others: "this data set, which has no boxes" },
  options: { "--anchor-images": ["objects"] },
};

export function statsCommand(context: Context): Command {
  const examples = [
    "data stats my.yaml --out stats.html",
    "data stats my.yaml --split train --json",
    "data stats my.yaml --set model.head.rpn.anchorScale=4 --out smaller.html",
    "data stats --annotations train.json --images train --out stats.html",
    "data stats --images class-folders --out stats.html",
  ];
  const description = "Count classes, sizes and shapes, and how well the anchors cover the boxes; as a page with plots";
  return withSource(createCommand("stats", description, examples))
    .option("--out <file>", "write an HTML page with plots")
    .addOption(new Option("--split <name>", "one set of the config; default both").choices(["train", "val"]))
    .option("--anchor-images <number>", "training images to try the anchors on", parseWhole, 300)
    .option("--force", "overwrite what is there")
    .action(async (path: string | undefined, flags: StatsFlags, command: Command) => {
      const splits: Split[] = flags.split === undefined ? ["train", "val"] : [flags.split];
      const { config, sources } = await readSource(path, flags, splits, command);
      if (sources[0]?.kind !== "coco") refuseOthers(command, ANCHOR_MODES, "others");
      const result = await showing(context, (watch) =>
        context.api.data.stats({
          sources,
          ...(config !== undefined && { config }),
          anchorImages: flags.anchorImages,
          ...(flags.out !== undefined && { output: flags.out }),
          ...(flags.force && { force: true }),
          ...watch,
        }),
      );
      printResult(context, flags, result, () => summary(result));
    });
}

function summary({ sets, anchors, output }: StatsResult): string {
  const parts = sets.map(setTable);
  if (anchors !== undefined) parts.push(anchorTable(anchors));
  if (output !== undefined) parts.push(`the page is in ${output}`);
  return parts.join("\n\n");
}

/** How the statistics of each kind of set are printed. */
const TABLES: { readonly [K in SetStats["kind"]]: (set: Extract<SetStats, { kind: K }>) => string } = {
  objects: objectTable,
  pixels: pixelTable,
  images: imageTable,
};

// Each prints its own kind; that tie is lost in this look-up.
const setTable = (set: SetStats): string => (TABLES[set.kind] as (set: SetStats) => string)(set);

function pixelTable(set: PixelStats): string {
  const head = `${set.name}: ${counted(set.images, "image")}, ${percent(set.ignored)} of the pixels ignored`;
  const rows = set.classes.map(({ name, share, images }) => [name, percent(share), String(images)]);
  return `${head}\n${table([["class", "pixels", "images"], ...rows])}`;
}

function imageTable({ name: set, images, classes, imbalance, empty, sizes }: ImageStats): string {
  const [commonest] = sizes;
  const size = commonest === undefined ? "" : `; most common size ${commonest.width} × ${commonest.height}`;
  const head =
    `${set}: ${counted(images, "image")}, ${counted(classes.length, "class", "classes")}; ` +
    `the largest has ${Number(imbalance.toPrecision(3))} times as many images as the smallest${size}`;
  const rows = classes.map(({ name, images, share }) => [name, String(images), percent(share)]);
  const notes = empty.length === 0 ? [] : [`note: no images of ${empty.join(", ")}`];
  return [head, table([["class", "images", "share"], ...rows]), ...notes].join("\n");
}

function objectTable(set: ObjectStats): string {
  const { report, areas } = set;
  const objects = report.objects - report.crowds;
  const sizes = `small ${percent(areas.small)}, medium ${percent(areas.medium)}, large ${percent(areas.large)}`;
  const rows = set.classes.map(({ name, objects: n, share, images, medianSide }) => [
    name,
    String(n),
    percent(share),
    String(images),
    medianSide === null ? "–" : medianSide.toFixed(0),
  ]);
  const head = `${set.name}: ${counted(set.images, "image")}, ${counted(objects, "object")}, ${counted(report.crowds, "crowd")}; ${sizes}`;
  const left = describeReport(report);
  const note = left === undefined ? "" : `\nnote: ${left}`;
  return `${head}\n${table([["class", "objects", "share", "images", "√ area"], ...rows])}${note}`;
}

function anchorTable({ all, byArea, positiveIou, minPositiveIou, images }: AnchorStats): string {
  const rows = [all, ...byArea].map(({ name, boxes, medianIou, positive, reached }) => [
    name,
    String(boxes),
    medianIou?.toFixed(2) ?? "–",
    percent(positive),
    percent(reached),
  ]);
  const head = ["best anchor", "boxes", "median IoU", `IoU ≥ ${positiveIou}`, `IoU ≥ ${minPositiveIou}`];
  return `anchors on ${images} training images\n${table([head, ...rows])}`;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
