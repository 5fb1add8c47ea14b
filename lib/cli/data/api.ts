import type { CheckOptions, CheckResult } from "../../datatools/check/types.js";
import type { ConvertOptions, ConvertResult } from "../../datatools/convert/convert.js";

/** What the data commands call; loaded when a command needs it. */
export interface DataApi {
  check(options: CheckOptions): Promise<CheckResult>;
  convert(options: ConvertOptions): Promise<ConvertResult>;
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
};
