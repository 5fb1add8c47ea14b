import { type Command, Option } from "commander";
import { UserError } from "../../errors.js";
import { BASELINES, type Baseline, parseBaseline } from "../../slimming/baselines.js";
import { CRITERIA, type Criterion } from "../../slimming/search.js";
import { COUNTED, type Counted } from "../../slimming/work.js";
import { type Context, printResult } from "../context.js";
import { type EngineFlags, engineOverrides, list, withEngine } from "../engineOptions.js";
import { type ModelOptions, modelOf } from "../model.js";
import { createCommand, parseCount, parseWhole, withModel } from "../options.js";
import { showing, type Watch } from "../progress.js";
import { describeSearch } from "./searchText.js";

interface SearchFlags extends ModelOptions, EngineFlags {
  readonly target: readonly string[];
  readonly table?: string;
  readonly cost?: Counted;
  readonly out: string;
  readonly baseline?: readonly Baseline[];
  readonly samples?: number;
  readonly by?: Criterion;
  readonly seed?: number;
  readonly images?: number;
  readonly calibration?: number;
  readonly measure: boolean;
  readonly resume?: true;
  readonly restart?: true;
  readonly force?: true;
}

export function searchCommand(context: Context): Command {
  const examples = [
    "slim search runs/my --table table.json --target 12ms --out slimmed",
    "slim search runs/my --table table.json --target 0.8x,0.6x,0.4x --baseline uniform,random --out slimmed",
    "slim search runs/my --cost macs --target 300M --out slimmed",
    "slim search runs/my --table table.json --target 0.8x --out slimmed --resume",
  ];
  const command = createCommand("search", "Search a trained supernet for networks that meet targets", examples);
  return withEngine(withModel(command))
    .requiredOption(
      "--target <cost,...>",
      "maximum costs of networks, such as 12ms, or 0.8x of the largest network's",
      list(String),
    )
    .requiredOption("--out <folder>", "where logs, configs, weights and the page go")
    .option("--table <file>", "latencies: a .json of slim table, or a .csv measured elsewhere")
    .addOption(new Option("--cost <what>", "count this instead of using a table").choices(COUNTED))
    .option(
      "--baseline <name,...>",
      `other search methods to compare with: ${BASELINES.join(", ")}`,
      list(parseBaseline),
    )
    .option("--samples <n>", "networks that a baseline evaluates per target; default 50", parseWhole)
    .addOption(
      new Option("--by <figure>", "the criterion that networks are compared by; default accuracy").choices(CRITERIA),
    )
    .option("--seed <n>", "seed of the baselines; default 0", parseCount)
    .option("--images <n>", "use only so many validation images; default all", parseWhole)
    .option("--calibration <n>", "training batches for each network's batch norms, 0 for none; default 4", parseCount)
    .option("--no-measure", "do not time the networks found")
    .addOption(new Option("--resume", "continue the search in the folder, or start one").conflicts("restart"))
    .option("--restart", "start over where there is a search")
    .option("--force", "accept a table that was measured for something else")
    .action(async (named: string, flags: SearchFlags) => {
      const { target, out, baseline, samples, by, seed, images, calibration } = flags;
      const costs = costsOf(flags);
      const model = await modelOf(named, { ...flags, set: [...flags.set, ...engineOverrides(flags)] }, context);
      const work = ({ signal, onEvent }: Watch) =>
        context.api.slim.search({
          ...model,
          ...{ costs, targets: target, out, signal, onEvent, measure: flags.measure },
          methods: ["slimming", ...(baseline ?? [])],
          ...(samples !== undefined && { samples }),
          ...(by !== undefined && { by }),
          ...(seed !== undefined && { seed }),
          ...(images !== undefined && { images }),
          ...(calibration !== undefined && { calibration }),
          resume: flags.resume === true,
          restart: flags.restart === true,
          force: flags.force === true,
        });
      const result = await showing(context, work);
      printResult(context, flags, result, () => describeSearch(result));
      const [first] = result.unreached;
      if (first !== undefined) throw new UserError(`${first.method} did not reach ${first.target}: ${first.reason}`);
    });
}

function costsOf({ table, cost }: SearchFlags): { readonly table: string } | { readonly counted: Counted } {
  if (table !== undefined && cost === undefined) return { table };
  if (cost !== undefined && table === undefined) return { counted: cost };
  throw new UserError(`give either --table, or --cost with one of ${COUNTED.join(", ")}`, 2);
}
