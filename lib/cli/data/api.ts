import type { CheckOptions, CheckResult } from "../../datatools/check/types.js";
import type { ConvertOptions, ConvertResult } from "../../datatools/convert/convert.js";
import type { InitOptions, InitResult } from "../../datatools/init/init.js";
import type { ShowOptions, ShowResult } from "../../datatools/show/show.js";
import type { SplitOptions, SplitResult } from "../../datatools/split/split.js";
import type { StatsOptions, StatsResult } from "../../datatools/stats/types.js";
import type { TileOptions, TileResult } from "../../datatools/tile/tile.js";

/** What the data commands call; loaded when a command needs it. */
export interface DataApi {
  check(options: CheckOptions): Promise<CheckResult>;
  convert(options: ConvertOptions): Promise<ConvertResult>;
  init(options: InitOptions): Promise<InitResult>;
  show(options: ShowOptions): Promise<ShowResult>;
  stats(options: StatsOptions): Promise<StatsResult>;
  split(options: SplitOptions): Promise<SplitResult>;
  tile(options: TileOptions): Promise<TileResult>;
}

export const dataApi: DataApi = {
  async check(options) {
    const { checkData } = await import("../../datatools/check/check.js");
    return checkData(options);
  },
  async convert(options) {
    const { convertData } = await import("../../datatools/convert/convert.js");
    return convertData(options);
  },
  async init(options) {
    const { initConfig } = await import("../../datatools/init/init.js");
    return initConfig(options);
  },
  async show(options) {
    const { showData } = await import("../../datatools/show/show.js");
    return showData(options);
  },
  async stats(options) {
    const { dataStats } = await import("../../datatools/stats/stats.js");
    return dataStats(options);
  },
  async split(options) {
    const { splitData } = await import("../../datatools/split/split.js");
    return splitData(options);
  },
  async tile(options) {
    const { tileData } = await import("../../datatools/tile/tile.js");
    return tileData(options);
  },
};
