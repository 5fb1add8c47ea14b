import type { SlimTableOptions, SlimTableResult } from "../../slimming/slimTable.js";
import type { SlimSearchOptions, SlimSearchResult } from "../../slimming/types.js";

/** The functions behind the slim commands; loaded when a command needs them. */
export interface SlimApi {
  table(options: SlimTableOptions): Promise<SlimTableResult>;
  search(options: SlimSearchOptions): Promise<SlimSearchResult>;
}

export const slimApi: SlimApi = {
  async table(options) {
    const { slimTable } = await import("../../slimming/slimTable.js");
    return slimTable(options);
  },
  async search(options) {
    const { slimSearch } = await import("../../slimming/slimSearch.js");
    return slimSearch(options);
  },
};
