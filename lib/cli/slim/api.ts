import type { SlimTableOptions, SlimTableResult } from "../../slimming/slimTable.js";

/** What the slim commands call; loaded when a command needs it. */
export interface SlimApi {
  table(options: SlimTableOptions): Promise<SlimTableResult>;
}

export const slimApi: SlimApi = {
  async table(options) {
    const { slimTable } = await import("../../slimming/slimTable.js");
    return slimTable(options);
  },
};
