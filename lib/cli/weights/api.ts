import type { CompareWeightsOptions, WeightsComparison } from "../../inference/compareWeights.js";
import type { ConvertWeightsOptions, ConvertWeightsResult } from "../../weights/convert.js";
import type { ShowWeightsOptions, WeightsContents } from "../../weights/show.js";

/** What the weights commands call; loaded when a command needs it. */
export interface WeightsApi {
  show(options: ShowWeightsOptions): Promise<WeightsContents>;
  compare(options: CompareWeightsOptions): Promise<WeightsComparison>;
  convert(options: ConvertWeightsOptions): Promise<ConvertWeightsResult>;
}

export const weightsApi: WeightsApi = {
  async show(options) {
    const { showWeights } = await import("../../weights/show.js");
    return showWeights(options);
  },
  async compare(options) {
    const { compareWeights } = await import("../../inference/compareWeights.js");
    return compareWeights(options);
  },
  async convert(options) {
    const { convertWeights } = await import("../../weights/convert.js");
    return convertWeights(options);
  },
};
