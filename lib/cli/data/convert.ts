import { type Command, InvalidArgumentError, Option } from "commander";
import type { ConvertResult, ConvertSource, ConvertTarget } from "../../datatools/convert/convert.js";
import { UserError } from "../../errors.js";
import { counted } from "../../words.js";
import { type Context, printResult, type SharedOptions } from "../context.js";
import { type Modes, refuseOthers } from "../modes.js";
import { createCommand, parseWhole } from "../options.js";
import { showing } from "../progress.js";
import { table } from "../table.js";
import { classNames, refuseBoth, toLabel } from "./source.js";

interface ConvertFlags extends SharedOptions {
  readonly from: ConvertSource["format"];
  readonly to?: "coco" | "yolo" | "yolo-polygons" | "classes";
  readonly crops?: true;
  readonly margin?: number;
  readonly minSide?: number;
  readonly quality?: number;
  readonly out: string;
  readonly images?: string;
  readonly classes?: readonly string[];
  readonly objectInfo?: string;
  readonly reduceZeroLabel?: true;
  readonly ignoreLabel?: number;
  readonly force?: true;
  readonly split?: string;
  readonly clip?: true;
  readonly list?: string;
  readonly corners?: "pixels" | "edges";
  readonly difficult?: "keep" | "crowd" | "drop";
  readonly layout?: "instances" | "objects" | "classes";
  readonly classMaps?: string;
  readonly classDivisor?: number;
  readonly suffix?: string;
  readonly pattern?: string;
  readonly minArea?: number;
  readonly boxMasks?: true;
  readonly copy: boolean;
}

export function convertCommand(context: Context): Command {
  const examples = [
    "data convert VOC2012 --from voc --list VOC2012/ImageSets/Main/train.txt --out train.json",
    "data convert data.yaml --from yolo --split val --out val.json",
    "data convert annotations --from labelme --out instances.json --classes cell,nucleus",
    "data convert annotations.xml --from cvat --images images --out instances.json",
    "data convert masks --from masks --layout instances --images images --classes cell --out cells.json",
    "data convert labels --from masks --layout classes --images images --classes background,cell --out cells.json",
    "data convert train.json --from coco --images train --to yolo-polygons --out yolo",
    "data convert train.json --from coco --images train --crops --margin 0.1 --out classes",
  ];
  const choice = (flags: string, text: string, names: readonly string[]) => new Option(flags, text).choices(names);
  return createCommand("convert", "Convert annotations of other formats to COCO, YOLO or class folders", examples)
    .argument("<input>", "file or folder of the annotations")
    .addOption(
      choice("--from <format>", "format of the input", [
        "voc",
        "yolo",
        "labelme",
        "cvat",
        "masks",
        "coco",
      ]).makeOptionMandatory(),
    )
    .addOption(
      choice("--to <format>", "format to write; default coco; classes: a folder per class, an image per box", [
        "coco",
        "yolo",
        "yolo-polygons",
        "classes",
      ]),
    )
    .option("--crops", "the same as --to classes")
    .requiredOption("--out <path>", "the JSON file; for YOLO and class folders the folder")
    .option("--images <folder>", "the images; default where the format says")
    .option(
      "--classes <names>",
      "class names in order, comma-separated; where pixels are classes the first is that of 0",
      namesOf,
    )
    .option("--object-info <file>", "instead of --classes: table of class names like ADE20K's")
    .option("--reduce-zero-label", "masks: 0 has no name, the first class is label 1")
    .option("--ignore-label <number>", "8-bit masks: pixels of this value belong to no object; default 255", toLabel)
    .option("--split <name>", "yolo: which split to read, and to write; default train")
    .option("--clip", "yolo: clip to the image; without it, more than 0.001 of a side outside is an error")
    .option("--list <file>", "voc: names to convert, one per line, as in ImageSets/Main/train.txt")
    .addOption(
      choice("--corners <kind>", "voc: first and last pixel from 1 (default), or edges from 0", ["pixels", "edges"]),
    )
    .addOption(
      choice("--difficult <what>", "voc: what to do with difficult objects; default keep", ["keep", "crowd", "drop"]),
    )
    .addOption(
      choice("--layout <kind>", "masks: pixels are object numbers, one PNG per object, or pixels are classes", [
        "instances",
        "objects",
        "classes",
      ]),
    )
    .option("--class-maps <folder>", "instance masks: PNGs with the class of each pixel")
    .addOption(
      new Option("--class-divisor <number>", "instance masks: the class is the pixel value divided by this")
        .argParser(parseWhole)
        .conflicts("classMaps"),
    )
    .option("--suffix <text>", "masks: what follows an image's name in its PNG's; default .png")
    .option("--pattern <expression>", 'one mask per object: regular expression with groups "image" and "class"')
    .option("--min-area <pixels>", "masks: smaller objects are left out", parseWhole)
    .option("--box-masks", "objects that only have a box get it as their mask")
    .option("--no-copy", "to yolo: do not copy the images")
    .option("--margin <share>", "crops: margin around a box, as a share of its side; default 0", toShare)
    .option("--min-side <pixels>", "crops: boxes with a shorter side are left out; default 1", parseWhole)
    .option("--quality <number>", "crops of JPEGs: 1 to 100; default 95", parseWhole)
    .option(
      "--force",
      "overwrite the JSON file; in a folder, replace the split or the crops that this command wrote there before",
    )
    .action(async (input: string, flags: ConvertFlags, command: Command) => {
      refuseOthers(command, MODES, sourceMode(flags), TARGET_MODES[targetFormat(flags)]);
      const options = { from: await sourceOf(input, flags), to: targetOf(flags) };
      const result = await showing(context, (watch) => context.api.data.convert({ ...options, ...watch }));
      printResult(context, flags, result, () => summary(result));
    });
}

type Layout = NonNullable<ConvertFlags["layout"]>;
type SourceMode = Exclude<ConvertFlags["from"], "masks"> | Layout;
type TargetMode = "toCoco" | "toYolo" | "toClasses";

const TARGET_MODES = {
  coco: "toCoco",
  yolo: "toYolo",
  "yolo-polygons": "toYolo",
  classes: "toClasses",
} as const satisfies Record<string, TargetMode>;

/** How masks are laid out decides as much as the format. */
const sourceMode = ({ from, layout }: ConvertFlags): SourceMode =>
  from === "masks" ? needed(layout, "--layout") : from;

/** What is converted into what, and which options go with it. */
const MODES: Modes<SourceMode | TargetMode> = {
  names: {
    voc: "--from voc",
    yolo: "--from yolo",
    labelme: "--from labelme",
    cvat: "--from cvat",
    coco: "--from coco",
    instances: "--from masks --layout instances",
    objects: "--from masks --layout objects",
    classes: "--from masks --layout classes",
    toCoco: "--to coco",
    toYolo: "--to yolo or yolo-polygons",
    toClasses: "--to classes",
  },
  options: {
    "--images": ["voc", "labelme", "cvat", "coco", "instances", "objects", "classes"],
    "--reduce-zero-label": ["instances", "classes"],
    "--ignore-label": ["instances", "classes"],
    "--split": ["yolo", "toYolo"],
    "--clip": ["yolo"],
    "--list": ["voc"],
    "--corners": ["voc"],
    "--difficult": ["voc"],
    "--layout": ["instances", "objects", "classes"],
    "--class-maps": ["instances"],
    "--class-divisor": ["instances"],
    "--suffix": ["instances", "classes"],
    "--pattern": ["objects"],
    "--min-area": ["instances", "objects", "classes"],
    "--box-masks": ["toCoco"],
    "--no-copy": ["toYolo"],
    "--margin": ["toClasses"],
    "--min-side": ["toClasses"],
    "--quality": ["toClasses"],
  },
};

async function sourceOf(input: string, flags: ConvertFlags): Promise<ConvertSource> {
  const { from, images, objectInfo, split, list, corners, difficult } = flags;
  refuseBoth({ classes: flags.classes, objectInfo });
  const classes = from === "masks" ? flags.classes : await classNames({ classes: flags.classes, objectInfo });
  const shared = { input, ...(images !== undefined && { images }), ...(classes !== undefined && { classes }) };
  switch (flags.from) {
    case "voc":
      return {
        format: "voc",
        ...shared,
        ...(list !== undefined && { list }),
        ...(corners !== undefined && { corners }),
        ...(difficult !== undefined && { difficult }),
      };
    case "yolo":
      if (classes !== undefined)
        throw new UserError("--classes, --object-info: a YOLO data set names its classes in data.yaml", 2);
      return { format: "yolo", input, ...(split !== undefined && { split }), ...(flags.clip && { clip: true }) };
    case "labelme":
      return { format: "labelme", ...shared };
    case "cvat":
      return { format: "cvat", ...shared };
    case "masks":
      return {
        format: "masks",
        ...shared,
        images: needed(images, "--images"),
        ...(objectInfo !== undefined && { objectInfo }),
        ...(flags.reduceZeroLabel && { reduceZeroLabel: true }),
        ...(flags.ignoreLabel !== undefined && { ignoreLabel: flags.ignoreLabel }),
        ...masksOptions(flags),
      };
    case "coco":
      return { format: "coco", ...shared, images: needed(images, "--images") };
  }
}

function masksOptions({ layout, classMaps, classDivisor, suffix, pattern, minArea }: ConvertFlags) {
  return {
    layout: needed(layout, "--layout"),
    ...(classMaps !== undefined && { classMaps }),
    ...(classDivisor !== undefined && { classDivisor }),
    ...(suffix !== undefined && { suffix }),
    ...(pattern !== undefined && { pattern }),
    ...(minArea !== undefined && { minArea }),
  };
}

function targetOf(flags: ConvertFlags): ConvertTarget {
  const { from, out, force, boxMasks, split, copy, margin, minSide, quality } = flags;
  const to = targetFormat(flags);
  const shared = { output: out, ...(force === true && { force }) };
  if (to === "classes") return { format: "classes", ...shared, ...given({ margin, minSide, quality }) };
  if (to === "coco") {
    if (from === "coco") {
      throw new UserError("--to: the input is COCO already; choose yolo, yolo-polygons or classes", 2);
    }
    return { format: "coco", ...shared, ...(boxMasks === true && { boxMasks }) };
  }
  const written = split !== undefined && { split };
  return { format: "yolo", ...shared, shapes: to === "yolo" ? "boxes" : "polygons", copyImages: copy, ...written };
}

function targetFormat({ to, crops }: ConvertFlags): NonNullable<ConvertFlags["to"]> {
  if (crops !== true) return to ?? "coco";
  if (to === undefined || to === "classes") return "classes";
  throw new UserError(`--crops means --to classes; omit it or --to ${to}`, 2);
}

/** Those of the options that were given. */
function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
}

function needed<T>(value: T | undefined, flag: string): T {
  if (value !== undefined) return value;
  throw new UserError(`${flag} is needed for this format; see --help`, 2);
}

export function namesOf(text: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.some((name) => name === "")) throw new InvalidArgumentError("A name is empty.");
  if (new Set(names).size < names.length) throw new InvalidArgumentError("A name occurs twice.");
  return names;
}

function toShare(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && Number.isFinite(value)))
    throw new InvalidArgumentError("It must be a number from 0, such as 0.1.");
  return value;
}

function summary(result: ConvertResult): string {
  const { output, images, imageCount, objects, classes, withoutMask, remarks, crops } = result;
  const notes = remarks.map((remark) => `note: ${remark}`);
  if (crops !== undefined) {
    const rows = Object.entries(crops.classes).map(([name, count]) => [name, String(count)]);
    const head = `${output}: ${counted(crops.written, "image")} of ${counted(imageCount, "image")}`;
    return [head, table([["class", "images"], ...rows]), ...notes].join("\n");
  }
  const masks =
    withoutMask === 0 ? "all with masks" : withoutMask === objects ? "boxes only" : `${withoutMask} without a mask`;
  return [
    `${output}: ${counted(imageCount, "image")}, ${counted(objects, "object")} (${masks}), ${counted(classes.length, "class", "classes")}: ${shortList(classes)}`,
    `images: ${images}`,
    ...notes,
  ].join("\n");
}

const MOST_NAMED = 100;

function shortList(names: readonly string[]): string {
  return names.length > MOST_NAMED ? `${names.slice(0, MOST_NAMED).join(", ")}, …` : names.join(", ");
}
