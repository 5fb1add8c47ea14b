import type { CheckOptions, CheckResult } from "../../datatools/check/types.js";

/** What the data commands call; loaded when a command needs it. */
export interface DataApi {
  check(options: CheckOptions): Promise<CheckResult>;
}

export const dataApi: DataApi = {
  async check(options) {
    const { checkData } = await import("../../datatools/check/check.js");
    return checkData(options);
  },
};
