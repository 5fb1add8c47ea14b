import { z } from "zod";
import type { EfficientFormerSize } from "../backbones/efficientformerSizes.js";
import { UserError } from "../errors.js";
import { readTextFile, writeFileAtomic } from "../files.js";
import { parseJson } from "../json.js";
import { median } from "../profile/statistics.js";
import { NO_CORRECTION } from "./correction.js";
import type { PartCosts } from "./costs.js";
import { type Part, partName } from "./parts.js";

const whole = z.int().min(0);
const time = z.number().positive();

/** A latency with its interval, and the start's latency in the same rounds, because machines change their speed. */
const measured = {
  ms: time,
  low: z.number().min(0),
  high: time,
  confidence: z.number(),
  /** Interquartile range over the median. */
  spread: z.number().min(0),
  rounds: whole,
  referenceMs: time,
};

const stage = z.int().min(1).max(4);

const entry = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("stem"), width: whole, ...measured }),
  z.strictObject({ kind: z.literal("head"), width: whole, ...measured }),
  z.strictObject({ kind: z.literal("MB4D"), stage, width: whole, ...measured }),
  z.strictObject({ kind: z.literal("MB3D"), stage, width: whole, ...measured }),
  z.strictObject({ kind: z.literal("switch"), stage, width: whole, ...measured }),
  z.strictObject({ kind: z.literal("embedding"), stage, from: whole, width: whole, ...measured }),
]);

const four = z.tuple([whole, whole, whole, whole]);
const size = z.strictObject({ widths: four, depths: four, attentionBlocks: whole });

const error = z.strictObject({ mean: z.number(), worst: z.number() });

const fit = z.strictObject({
  form: z.string(),
  correction: z.strictObject({ scale: time, perPart: z.number(), constant: z.number() }),
  additive: error,
  leftOut: error,
});

const setting = z.strictObject({
  machine: z.strictObject({
    processor: z.string(),
    cores: whole,
    memoryBytes: whole,
    platform: z.string(),
    node: z.string(),
    densekit: z.string(),
  }),
  engine: z.string(),
  engineVersion: z.string().exactOptional(),
  threads: whole,
  /** densekit measures "float32"; tables made otherwise may have others. */
  precision: z.string(),
  /** Processor time is not a latency, but steady while other programs compete. */
  clock: z.enum(["wall", "processor"]),
  batch: z.int().min(1),
  height: z.int().min(1),
  width: z.int().min(1),
  classes: z.int().min(1),
});

const FORMAT = "densekit latency table 1";

const schema = z.strictObject({
  format: z.literal(FORMAT),
  setting,
  /** The largest network. */
  start: size,
  method: z.strictObject({ rounds: whole, seconds: time, within: time }),
  entries: z.array(entry),
  /** Whole networks to compare the sums with. */
  networks: z.array(z.strictObject({ size, ...measured })),
  fit: fit.exactOptional(),
});

/** The contents of a file of `slimTable`: what each part of a supernet costs, in milliseconds. */
export type LatencyTable = z.output<typeof schema>;
export type TableSetting = LatencyTable["setting"];
export type TableEntry = LatencyTable["entries"][number];
export type Measured = Pick<TableEntry, keyof typeof measured>;

export const emptyTable = (
  given: Pick<LatencyTable, "setting" | "method"> & { readonly start: EfficientFormerSize },
): LatencyTable => ({
  format: FORMAT,
  ...given,
  start: schema.shape.start.parse(given.start),
  entries: [],
  networks: [],
});

export const writeTable = (path: string, table: LatencyTable): Promise<void> => writeFileAtomic(path, tableText(table));

/** One entry per line, for readability. */
function tableText({ entries, networks, ...rest }: LatencyTable): string {
  const list = (items: readonly object[]) =>
    items.length === 0 ? "[]" : `[\n${items.map((item) => `    ${JSON.stringify(item)}`).join(",\n")}\n  ]`;
  const head = Object.entries(rest).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  return `{\n${[...head, `  "entries": ${list(entries)}`, `  "networks": ${list(networks)}`].join(",\n")}\n}\n`;
}

/** @throws UserError where there is no valid table, naming the first fault */
export async function readTable(path: string): Promise<LatencyTable> {
  const text = await readTextFile(path);
  let json: unknown;
  try {
    json = parseJson(text);
  } catch {
    throw new UserError(`${path}: not JSON; expected a table written by densekit slim table, or a .csv`);
  }
  const found = schema.safeParse(json);
  if (found.success) return found.data;
  const [issue] = found.error.issues;
  const where = issue!.path.length === 0 ? "" : ` ${issue!.path.join(".")}:`;
  throw new UserError(`${path}:${where} ${issue!.message}; expected a table written by densekit slim table`);
}

export const partOf = (entry: TableEntry): Part => {
  if (entry.kind === "embedding") {
    const { kind, stage, from, width } = entry;
    return { kind, stage, from, width };
  }
  if (entry.kind === "stem" || entry.kind === "head") return { kind: entry.kind, width: entry.width };
  return { kind: entry.kind, stage: entry.stage, width: entry.width };
};

/** The start's latency in milliseconds: the median over all groups, each of which counts once. */
export const referenceMs = ({ entries, networks }: Pick<LatencyTable, "entries" | "networks">): number =>
  median([...new Set([...entries, ...networks].map((one) => one.referenceMs))]);

/** A time scaled to the machine's speed at which the start takes `now` milliseconds. */
export const atSpeed = ({ ms, referenceMs: then }: Pick<Measured, "ms" | "referenceMs">, now: number): number =>
  (ms / then) * now;

/** The table's latencies, all scaled to one machine speed. @param source the table's file */
export function latencyCosts(table: LatencyTable, source: string): PartCosts {
  const now = referenceMs(table);
  const { correction = NO_CORRECTION } = table.fit ?? {};
  const costs = new Map(table.entries.map((one) => [partName(partOf(one)), atSpeed(one, now)]));
  return { kind: "latency", source, costs, correction };
}

/** The differences between two settings, as parts of a message. */
function differences(table: TableSetting, wanted: TableSetting): string[] {
  const sizeOf = ({ height, width }: TableSetting) => `${height}x${width}`;
  const machineOf = ({ machine: { processor, cores, platform } }: TableSetting) =>
    `${processor}, ${cores} cores, ${platform}`;
  const engineOf = ({ engine, engineVersion = "" }: TableSetting) => `${engine} ${engineVersion}`.trim();
  const figures: readonly (readonly [string, (one: TableSetting) => string | number])[] = [
    ["machine", machineOf],
    ["engine", engineOf],
    ["threads", ({ threads }) => threads],
    ["precision", ({ precision }) => precision],
    ["clock", ({ clock }) => clock],
    ["batch", ({ batch }) => batch],
    ["image size", sizeOf],
    ["classes", ({ classes }) => classes],
  ];
  return figures.flatMap(([name, of]) =>
    of(table) === of(wanted) ? [] : [`${name}: ${of(table)} in the table, ${of(wanted)} here`],
  );
}

/** Whether a table was measured for a setting. */
export const isOfSetting = (table: TableSetting, wanted: TableSetting): boolean =>
  differences(table, wanted).length === 0;

/** @throws UserError where a table was measured for something else, naming every difference, unless `force` */
export function checkSetting(
  path: string,
  table: TableSetting,
  wanted: TableSetting,
  { force, advice }: { readonly force: boolean; readonly advice: string },
): void {
  const found = differences(table, wanted);
  if (force || found.length === 0) return;
  throw new UserError(`${path}: the table was measured for something else: ${found.join("; ")}; ${advice}`);
}
