import type { Config } from "../config/schema.js";
import type { Engine } from "../engines/engine.js";
import { UserError } from "../errors.js";
import type { PartCosts } from "./costs.js";
import { readCsvTable } from "./csvTable.js";
import type { PartSetting } from "./partGraph.js";
import { partsOfSpace } from "./parts.js";
import type { SearchSpace } from "./space.js";
import { partSettingOf, tableSettingOf } from "./subject.js";
import { checkSetting, isOfSetting, type LatencyTable, latencyCosts, readTable } from "./tableFile.js";
import { type Counted, countedCosts } from "./work.js";

/** Where costs come from: a file made by `slimTable` or by hand, or a count. */
export type CostSource = { readonly table: string } | { readonly counted: Counted };

export interface Prices {
  readonly costs: PartCosts;
  /** The conditions that networks run under. */
  readonly setting: PartSetting;
  /** A table that can be compared with measurements on this machine. */
  readonly table?: LatencyTable;
}

/** The costs of parts. @throws UserError where a table was measured for something else, unless `force` */
export async function pricesOf(
  source: CostSource,
  given: {
    readonly config: Config;
    readonly space: SearchSpace;
    readonly engine: Pick<Engine, "name" | "version">;
    readonly classes: number;
    readonly force: boolean;
  },
): Promise<Prices> {
  const { config, space, engine, classes, force } = given;
  const setting = await partSettingOf(config, { classes });
  if ("counted" in source) return { setting, costs: countedCosts(source.counted, partsOfSpace(space), setting) };
  const { table: path } = source;
  if (/\.csv$/i.test(path)) return { setting, costs: await readCsvTable(path) };
  if (!/\.json$/i.test(path)) throw new UserError(`${path}: a table is a .json of densekit slim table, or a .csv`, 2);
  const table = await readTable(path);
  const { batch, height, width, clock } = table.setting;
  const wanted = { ...tableSettingOf(engine, config, setting), batch, clock };
  const advice = "measure one for this (densekit slim table), or take it all the same with --force";
  checkSetting(path, table.setting, wanted, { force, advice });
  const costs = latencyCosts(table, path);
  const isOwn = isOfSetting(table.setting, wanted); // a table taken by force does not compare with this machine
  return { costs, setting: { batch, size: { height, width }, classes }, ...(isOwn && { table }) };
}
