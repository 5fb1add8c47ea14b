import { existsSync } from "node:fs";
import { type EfficientFormerSize, titleOfSize } from "../backbones/efficientformerSizes.js";
import type { Config } from "../config/schema.js";
import { openEngine } from "../engines/index.js";
import { UserError } from "../errors.js";
import { refuseExisting } from "../files.js";
import type { ClockName } from "../profile/measure.js";
import type { ProgressEvent } from "../progress.js";
import { openBench } from "./bench.js";
import { searchSpace } from "./space.js";
import { partSettingOf, type SettingOptions, startOf, tableSettingOf } from "./subject.js";
import { buildTable } from "./table.js";
import { checkSetting, type LatencyTable, readTable } from "./tableFile.js";

export interface SlimTableOptions extends SettingOptions {
  /** Of the supernet, or of the largest network. */
  readonly config: Config;
  /** The file to write. */
  readonly out: string;
  /** Rounds made in any case; default 8. Up to four times as many where the interval needs them. */
  readonly rounds?: number;
  /** The time each program runs in a round; default 0.02. */
  readonly seconds?: number;
  /** Half an interval's width at most, as a share; default 0.1. */
  readonly within?: number;
  /** Default the wall's; the processor's needs an engine of one thread. */
  readonly clock?: ClockName;
  /** Whole networks that the sums are held against; default 20. */
  readonly networks?: number;
  /** Go on with the table that is there, or begin one. */
  readonly resume?: boolean;
  /** Overwrite the file that is there. */
  readonly force?: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: ProgressEvent) => void) | undefined;
}

export interface SlimTableResult {
  readonly out: string;
  readonly table: LatencyTable;
}

/** Networks that the error is told of, at the least. */
export const FEWEST_NETWORKS = 20;

/**
 * Measures what each part of the networks that a config's largest one can be slimmed to takes on this machine, and writes
 * it to a file.
 *
 * @throws UserError where the config cannot be slimmed, the file is there, or the machine is too noisy; the signal's reason
 *   when aborted: what was timed is in the file
 */
export async function slimTable(options: SlimTableOptions): Promise<SlimTableResult> {
  const { config, out, rounds = 8, seconds = 0.02, within = 0.1, networks = FEWEST_NETWORKS } = options;
  const { clock = "wall", resume = false, force, signal, onEvent } = options;
  if (!out.endsWith(".json")) throw new UserError(`${out}: the table's extension must be .json`, 2);
  if (networks !== 0 && networks < FEWEST_NETWORKS) {
    throw new UserError(`${networks} networks tell too little; say ${FEWEST_NETWORKS} or more, or 0 for none`, 2);
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
      ...(begun !== undefined && { begun: { ...begun, method } }),
    });
    return { out, table };
  } finally {
    await bench.dispose();
  }
}

/** @throws UserError where a table that is to be gone on with is one of something else */
export function checkBegun(
  out: string,
  begun: LatencyTable,
  { setting, start }: Pick<LatencyTable, "setting"> & { readonly start: EfficientFormerSize },
): void {
  const advice = "choose another file, or overwrite it with --force instead of --resume";
  checkSetting(out, begun.setting, setting, { force: false, advice });
  if (titleOfSize(begun.start) === titleOfSize(start)) return;
  throw new UserError(
    `${out}: the table is of networks within ${titleOfSize(begun.start)}, not ${titleOfSize(start)}; ${advice}`,
  );
}
