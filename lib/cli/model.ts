import { type ResolvedModel, resolveModel } from "../use/resolveModel.js";
import { type ConfigOptions, type Context, loadOptionsOf } from "./context.js";
import { showing } from "./progress.js";

export interface ModelOptions extends ConfigOptions {
  readonly weights?: string;
}

/** The config and weights of the model a command line names; what there is to tell of it goes to stderr. */
export async function modelOf(
  named: string,
  { weights, ...flags }: ModelOptions,
  context: Pick<Context, "stderr" | "signal">,
): Promise<Pick<ResolvedModel, "config" | "weights">> {
  const { remarks, ...model } = await showing(context, (watch) =>
    resolveModel(named, { ...loadOptionsOf(flags), ...(weights !== undefined && { weights }), ...watch }),
  );
  for (const remark of remarks) context.stderr.write(`${remark}\n`);
  return model;
}
