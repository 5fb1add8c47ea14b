import { type Command, InvalidArgumentError, Option } from "commander";
import type { Config } from "../../config/schema.js";
import { readObjectInfo } from "../../datasets/objectInfo.js";
import { UserError } from "../../errors.js";
import { sourcesOf } from "../../tasks/kinds.js";
import { type DataSource, refuseNoDataSet, type Split } from "../../tasks/sources.js";
import { loadNamedConfig } from "../../use/namedConfig.js";
import { type ConfigOptions, loadOptionsOf, type SharedOptions } from "../context.js";
import { type Modes, refuseOthers } from "../modes.js";
import { collect, withPlugins } from "../options.js";

/** The options that say where a data set is, if there is no config. */
export interface PathFlags extends SharedOptions {
  readonly annotations?: string;
  readonly labelMaps?: string;
  readonly labels?: string;
  readonly images?: string;
  readonly classes?: string;
  readonly objectInfo?: string;
  readonly labelSuffix?: string;
  readonly reduceZeroLabel?: true;
  readonly ignoreLabel?: number;
}

export type SourceFlags = PathFlags & ConfigOptions;

/** Adds [config] and the options to use instead of one. */
export function withSource(command: Command): Command {
  return withPaths(
    withPlugins(
      command
        .argument("[config]", "config file (YAML), or the name of one shipped with densekit; or give the paths below")
        .addOption(
          new Option("--set <path=value>", "override a value of the config; repeatable")
            .argParser(collect)
            .default([], "none"),
        ),
    ),
  );
}

/** Adds the options that say where a data set is. */
export function withPaths(command: Command): Command {
  return command
    .option("--annotations <file>", "COCO instances JSON")
    .option("--label-maps <folder>", "label maps: PNGs named like the images, one class index per pixel")
    .option("--labels <file>", "list of the images and their classes (.csv, .txt, .json)")
    .option("--images <folder>", "the images; given alone, a folder of images for each class")
    .option("--classes <names>", "class names in order, comma-separated; default those of the file or table")
    .option("--object-info <file>", "instead of --classes: table of class names like ADE20K's")
    .option("--label-suffix <text>", "what follows an image's name in its label map's; default .png")
    .option("--reduce-zero-label", "label 0 is no class and is ignored")
    .option("--ignore-label <number>", "the label of pixels without a class; default 255", toLabel);
}

export interface GivenData {
  /** The config, if one was given. */
  readonly config?: Config;
  readonly sources: readonly DataSource[];
}

/** How a data set is given, and which options go with it. */
export const SOURCE_MODES: Modes<"config" | GivenKind> = {
  names: {
    config: "a config",
    annotations: "COCO files (--annotations)",
    labelMaps: "label maps (--label-maps)",
    labels: "images with a class each (--images alone, or with --labels)",
  },
  options: {
    "--set": ["config"],
    "--allow-plugins": ["config"],
    "--split": ["config"],
    "--anchor-images": ["config"],
    "--classes": ["annotations", "labelMaps", "labels"],
    "--object-info": ["annotations", "labelMaps", "labels"],
    "--label-suffix": ["labelMaps"],
    "--reduce-zero-label": ["labelMaps"],
    "--ignore-label": ["labelMaps"],
  },
};

/**
 * @param command whose options `flags` are
 * @throws UserError with exit code 2 where neither or both of config and paths are given, or an option goes with another form
 */
export async function readSource(
  config: string | undefined,
  flags: SourceFlags,
  splits: readonly Split[],
  command: Command,
): Promise<GivenData> {
  const paths = pathsOf(flags);
  if (config !== undefined) {
    if (isAnyGiven(paths)) throw new UserError("give a config or the paths of a data set, not both", 2);
    refuseOthers(command, SOURCE_MODES, "config");
    const loaded = (await loadNamedConfig(config, loadOptionsOf(flags))).config;
    for (const split of splits) refuseNoDataSet(loaded, split);
    return { config: loaded, sources: await sourcesOf(loaded, splits) };
  }
  return { sources: [await sourceOfPaths({ name: "data", ...paths }, flags, command)] };
}

/** Where a set is: at most one of the first three, which decides its kind; without any, it is class folders. */
export interface Paths {
  readonly annotations: string | undefined;
  readonly labelMaps: string | undefined;
  readonly labels: string | undefined;
  readonly images: string | undefined;
}

export const pathsOf = ({ annotations, labelMaps, labels, images }: PathFlags): Paths => ({
  annotations,
  labelMaps,
  labels,
  images,
});

export const isAnyGiven = (paths: Paths): boolean => Object.values(paths).some((path) => path !== undefined);

export interface GivenPaths extends Paths {
  readonly name: string;
}

type GivenKind = Exclude<keyof Paths, "images">;

/** A set of each kind, by the flag that gives its annotations. */
const SOURCES: {
  readonly [K in GivenKind]: (base: SourceBase, path: string | undefined, flags: PathFlags) => Promise<DataSource>;
} = {
  async annotations(base, path, flags) {
    return { kind: "coco", ...base, ...(await namesGiven(flags)), annotations: path! };
  },
  async labelMaps(base, path, flags) {
    const { objectInfo, labelSuffix, reduceZeroLabel, ignoreLabel } = flags;
    const classes = listedNames(flags);
    refuseBoth({ classes, objectInfo });
    return {
      kind: "labelMaps",
      ...base,
      ...(classes !== undefined && { classes }),
      labelMaps: path!,
      ...(objectInfo !== undefined && { objectInfo }),
      ...(labelSuffix !== undefined && { labelSuffix }),
      ...(reduceZeroLabel !== undefined && { reduceZeroLabel }),
      ...(ignoreLabel !== undefined && { ignoreLabel }),
    };
  },
  async labels(base, path, flags) {
    return { kind: "imageLabels", ...base, ...(await namesGiven(flags)), ...(path !== undefined && { labels: path }) };
  },
};

interface SourceBase {
  readonly name: string;
  readonly images: string;
}

const listedNames = ({ classes }: PathFlags) => classes?.split(",").map((text) => text.trim());

async function namesGiven(flags: PathFlags): Promise<{ readonly classes?: readonly string[] }> {
  const classes = await classNames({ classes: listedNames(flags), objectInfo: flags.objectInfo });
  return classes === undefined ? {} : { classes };
}

/**
 * @param command whose options `flags` are
 * @throws UserError with exit code 2 where paths are missing, there are too many, or an option goes with another form
 */
export async function sourceOfPaths(
  { name, images, ...paths }: GivenPaths,
  flags: PathFlags,
  command: Command,
): Promise<DataSource> {
  const [kind = "labels", second] = (Object.keys(SOURCES) as GivenKind[]).filter((key) => paths[key] !== undefined);
  if (images !== undefined && second === undefined) {
    refuseOthers(command, SOURCE_MODES, kind);
    return SOURCES[kind]({ name, images }, paths[kind], flags);
  }
  throw new UserError(
    "which data set? Give a config; or --images with --annotations (COCO JSON), with --label-maps (a folder), " +
      "with --labels (a list of classes), or alone (a folder for each class)",
    2,
  );
}

export function toLabel(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isInteger(value) && value >= 0 && value <= 255) return value;
  throw new InvalidArgumentError("It must be a whole number from 0 to 255.");
}

interface Names {
  /** From --classes. */
  readonly classes: readonly string[] | undefined;
  /** The file of --object-info. */
  readonly objectInfo: string | undefined;
}

/** The class names of --classes, or of the table that --object-info names. @throws UserError when both are given */
export async function classNames(names: Names): Promise<readonly string[] | undefined> {
  refuseBoth(names);
  return names.objectInfo === undefined ? names.classes : readObjectInfo(names.objectInfo);
}

/** @throws UserError with exit code 2 when class names come from two places */
export function refuseBoth({ classes, objectInfo }: Names): void {
  if (classes === undefined || objectInfo === undefined) return;
  throw new UserError("--classes and --object-info both give the class names; leave one out", 2);
}
