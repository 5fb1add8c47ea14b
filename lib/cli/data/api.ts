import type { CheckOptions, CheckResult } from "../../datatools/check/types.js";
import type { ConvertOptions, ConvertResult } from "../../datatools/convert/convert.js";
import type { ShowOptions, ShowResult } from "../../datatools/show/show.js";
import type { StatsOptions, StatsResult } from "../../datatools/stats/types.js";

/** What the data commands call; loaded when a command needs it. */
export interface DataApi {
  check(options: CheckOptions): Promise<CheckResult>;
  convert(options: ConvertOptions): Promise<ConvertResult>;
  show(options: ShowOptions): Promise<ShowResult>;
  stats(options: StatsOptions): Promise<StatsResult>;
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
  async show(options) {
    const { showData } = await import("../../datatools/show/show.js");
    return showData(options);
  },
  async stats(options) {
    const { dataStats } = await import("../../datatools/stats/stats.js");
    return dataStats(options);
  },
};
