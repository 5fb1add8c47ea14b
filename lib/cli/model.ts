import { type ResolvedModel, resolveModel } from "../inference/resolveModel.js";
import type { ConfigOptions, Context } from "./context.js";

export interface ModelOptions extends ConfigOptions {
  readonly weights?: string;
}

/** The config and weights of the model a command line names; what there is to tell of it goes to stderr. */
export async function modelOf(
  named: string,
  { weights, set }: ModelOptions,
  { stderr }: Pick<Context, "stderr">,
): Promise<Pick<ResolvedModel, "config" | "weights">> {
  const { remarks, ...model } = await resolveModel(named, {
    overrides: set,
    ...(weights !== undefined && { weights }),
  });
  for (const remark of remarks) stderr.write(`${remark}\n`);
  return model;
}
