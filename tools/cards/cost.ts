import { type Cost, totalCost } from "../../lib/graph/cost.js";
import { rearrange } from "../../lib/graph/passes/optimise.js";
import type { Size } from "../../lib/pixels/image.js";
import { findModel } from "../../lib/profile/model.js";
import { openNetwork, record } from "../../lib/profile/network.js";

/** Parameters and multiply-adds of a model as `densekit profile` takes it, for one image, with branches folded into one. */
export async function costOf(model: string, size: Size): Promise<Pick<Cost, "parameters" | "macs">> {
  const network = await openNetwork(findModel(model, []));
  const { outputs } = record(network, 1, size);
  const learnt = new Set(network.task.parameters.filter(({ role }) => role !== "buffer").map(({ name }) => name));
  const isParameter = (name: string) => learnt.has(name);
  const { macs } = totalCost(rearrange(outputs), { isParameter });
  const { parameters } = totalCost(outputs, { isParameter });
  return { parameters, macs };
}
