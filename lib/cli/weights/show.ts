import type { Command } from "commander";
import type { WeightsComparison } from "../../inference/compareWeights.js";
import { loadNamedConfig } from "../../use/namedConfig.js";
import type { WeightsContents } from "../../weights/show.js";
import { counted, pick } from "../../words.js";
import { type Context, loadOptionsOf, printResult, type SharedOptions } from "../context.js";
import { createCommand, withPlugins } from "../options.js";
import { showing } from "../progress.js";
import { table } from "../table.js";

interface ShowFlags extends SharedOptions {
  readonly against?: string;
  readonly allowPlugins?: true;
}

export function showCommand(context: Context): Command {
  const examples = [
    "weights show efficientformer_l1_300d.pth",
    "weights show checkpoint.pth --json",
    "weights show efficientformer_l1_300d.pth --against mask-rcnn_efficientformer-l1_fpn_1x_coco",
  ];
  return withPlugins(createCommand("show", "List the tensors and other contents of a weights file", examples))
    .argument(
      "<file>",
      "weights file: .pth, .pt, .npz, .safetensors, an index of shards; or its address, hf://OWNER/NAME",
    )
    .option("--against <config>", "say which tensors of the file fit the model of a config or a run's folder, by name")
    .action(async (path: string, { against, ...flags }: ShowFlags) => {
      if (against !== undefined) {
        const { config } = await loadNamedConfig(against, loadOptionsOf({ ...flags, set: [] }));
        const result = await showing(context, (watch) =>
          context.api.weights.compare({ config, weights: path, ...watch }),
        );
        printResult(context, flags, result, () => comparison(result));
        return;
      }
      const result = await showing(context, (watch) => context.api.weights.show({ path, ...watch }));
      printResult(context, flags, result, () => contents(result));
    });
}

/** One table per container, then what is not a tensor. */
function contents({ path, format, naming, tensors, others, elements, bytes }: WeightsContents): string {
  const groups = new Map<string, (typeof tensors)[number][]>();
  for (const tensor of tensors) {
    const name = tensor.group.join(".");
    const members = groups.get(name);
    if (members === undefined) groups.set(name, [tensor]);
    else members.push(tensor);
  }
  const tables = [...groups].flatMap(([name, members]) => {
    const rows = members.map(({ name, dtype, shape, bytes }) => [
      name,
      dtype,
      `[${shape.join(", ")}]`,
      kilobytes(bytes),
    ]);
    return [...(name === "" ? [] : [`${name}:`]), table(rows, { left: true }), ""];
  });
  const rest = others.map(({ group, name, what }) => [[...group, name].join("."), what]);
  return [
    ...tables,
    ...(rest.length > 0 ? ["besides:", table(rest, { left: true }), ""] : []),
    `${path}: ${format}, ${counted(tensors.length, "tensor")}, ${elements.toLocaleString("en")} ${pick(elements, "number", "numbers")}, ${megabytes(bytes)}` +
      (naming === null ? "" : `; the names are those of ${naming}`),
  ].join("\n");
}

function comparison({ backbone, model }: WeightsComparison): string {
  return [
    ...describe("the whole model (evaluate, predict)", model),
    "",
    ...describe("its backbone (training)", backbone),
  ].join("\n");
}

function describe(what: string, plan: WeightsComparison["model"]): string[] {
  const { loaded, missing, unexpected, differentlyShaped, unreadable, notNeeded } = plan;
  const shapes = differentlyShaped.map(
    ({ name, found, wanted }) => `${name} is [${found.join(", ")}], not [${wanted.join(", ")}]`,
  );
  const list = (title: string, names: readonly string[]): string[] =>
    names.length === 0 ? [] : [`  ${names.length} ${title}:`, ...names.map((name) => `    ${name}`)];
  return [
    `${what}: ${loaded.length} of ${loaded.length + missing.length + shapes.length + unreadable.length} tensors fit`,
    ...list("missing", missing),
    ...list("of another shape", shapes),
    ...list(
      "of an element type that cannot be read",
      unreadable.map(({ name, type }) => `${name}: ${type}`),
    ),
    ...list("not in it", unexpected),
    ...(notNeeded.length > 0 ? [`  ${notNeeded.length} not needed (counters, index tables)`] : []),
  ];
}

export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
const kilobytes = (bytes: number): string => `${(bytes / 1e3).toFixed(1)} kB`;
