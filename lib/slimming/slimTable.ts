import { existsSync } from "node:fs";
import { type EfficientFormerSize, titleOfSize } from "../backbones/efficientformerSizes.js";
import type { Config } from "../config/schema.js";
import { openEngine } from "../engines/index.js";
import { UserError } from "../errors.js";
import { refuseExisting } from "../files.js";
import type { ClockName } from "../profile/measure.js";
import type { ProgressEvent } from "../progress.js";
import { type Architecture, architectureOf } from "./architecture.js";
import { openBench } from "./bench.js";
import { costOf } from "./costs.js";
import type { PartSetting } from "./partGraph.js";
import { partsOf } from "./parts.js";
import { searchSpace } from "./space.js";
import { partSettingOf, type SettingOptions, startOf, tableSettingOf } from "./subject.js";
import { buildTable, MOST_AT_ONCE } from "./table.js";
import { checkSetting, type LatencyTable, readTable } from "./tableFile.js";
import { countedCosts } from "./work.js";

/** What `slimTable` measures, and how exactly. */
export interface SlimTableOptions extends SettingOptions {
  /** Of the supernet, or of the largest network. */
  readonly config: Config;
  /** The file to write. */
  readonly out: string;
  /** Minimum number of rounds; default 8. Up to four times as many are made where the interval needs them. */
  readonly rounds?: number;
  /** How many seconds each program runs per round; default 0.02. */
  readonly seconds?: number;
  /** Maximum half-width of an interval, as a share; default 0.1. */
  readonly within?: number;
  /** Default "wall"; "processor" needs an engine with one thread. */
  readonly clock?: ClockName;
  /** Number of whole networks to compare the sums with; default 20. */
  readonly networks?: number;
  /** Continue the existing table, or start one. */
  readonly resume?: boolean;
  /** Overwrite an existing file. */
  readonly force?: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: ProgressEvent) => void) | undefined;
}

/** What `slimTable` measured. */
export interface SlimTableResult {
  readonly out: string;
  readonly table: LatencyTable;
}

/** Minimum number of networks for an error estimate. */
export const FEWEST_NETWORKS = 20;

/**
 * Measures the latency on this machine of each part of the networks that a config's largest one can be slimmed to, and
 * writes it to a file.
 *
 * @throws UserError where the config cannot be slimmed, the file exists, or the machine is too noisy; the signal's reason
 *   when aborted: finished measurements are in the file
 */
export async function slimTable(options: SlimTableOptions): Promise<SlimTableResult> {
  const { config, out, rounds = 8, seconds = 0.02, within = 0.1, networks = FEWEST_NETWORKS } = options;
  const { clock = "wall", resume = false, force, signal, onEvent } = options;
  if (!out.endsWith(".json")) throw new UserError(`${out}: the table's extension must be .json`, 2);
  if (networks !== 0 && networks < FEWEST_NETWORKS) {
    throw new UserError(
      `${networks} networks are too few for an error estimate; use at least ${FEWEST_NETWORKS}, or 0 for none`,
      2,
    );
  }
  if (!resume) refuseExisting([out], force);
  const { start } = searchSpace(startOf(config));
  const setting = await partSettingOf(config, options);
  const engine = await openEngine(config.engine);
  const tableSetting = tableSettingOf(engine, config, setting, clock);
  const begun = resume && existsSync(out) ? await readTable(out) : undefined;
  if (begun !== undefined) checkBegun(out, begun, { setting: tableSetting, start });
  const bench = await openBench({ engine, setting, start, rounds, seconds, clock, signal });
  try {
    const method = { rounds, seconds, within };
    const table = await buildTable({
      ...{ out, setting: tableSetting, start, method, bench, networks, signal, onEvent },
      networksAtOnce: fittingInMemory(architectureOf(start), setting),
      ...(begun !== undefined && { begun: { ...begun, method } }),
    });
    return { out, table };
  } finally {
    await bench.dispose();
  }
}

/** Networks that are timed in turn are in memory at once: as many as fit into 1 GB, but at least 5. */
function fittingInMemory(start: Architecture, setting: PartSetting): number {
  const parameters = costOf(start, countedCosts("parameters", partsOf(start), setting));
  return Math.min(MOST_AT_ONCE, Math.max(5, Math.floor(1e9 / (4 * parameters))));
}

/** @throws UserError where the table to be continued was measured for something else */
export function checkBegun(
  out: string,
  begun: LatencyTable,
  { setting, start }: Pick<LatencyTable, "setting"> & { readonly start: EfficientFormerSize },
): void {
  const advice = "choose another file, or overwrite it with --force instead of --resume";
  checkSetting(out, begun.setting, setting, { force: false, advice });
  if (titleOfSize(begun.start) === titleOfSize(start)) return;
  throw new UserError(
    `${out}: the table is for networks within ${titleOfSize(begun.start)}, not ${titleOfSize(start)}; ${advice}`,
  );
}
