import { type Command, Option } from "commander";
import { UserError } from "../../errors.js";
import type { Size } from "../../pixels/image.js";
import { OBSERVATIONS } from "../../profile/observations/index.js";
import { counted } from "../../words.js";
import { type ConfigOptions, type Context, printResult } from "../context.js";
import {
  type EngineFlags,
  engineOverrides,
  list,
  type MeasuringFlags,
  measuringOptions,
  withEngine,
} from "../engineOptions.js";
import { createCommand, parsePositive, parseSize, parseWhole, withOverrides, withPlugins } from "../options.js";
import { showing, type Watch } from "../progress.js";
import { describeObservations } from "./observations.js";
import { describeResult } from "./text.js";

interface ProfileFlags extends ConfigOptions, EngineFlags, MeasuringFlags {
  readonly batch?: readonly number[];
  readonly size?: readonly Size[];
  readonly classes?: number;
  readonly compare?: true;
  readonly total?: true;
  /** Names; true for all. */
  readonly observations?: readonly string[] | true;
  readonly out?: string;
  readonly force?: boolean;
}

export function profileCommand(context: Context): Command {
  const examples = [
    "profile efficientformer-l1 --out latency.html",
    "profile efficientformer-l1 --batch 1,4 --size 224,512 --total",
    "profile semantic-fpn_efficientformer-l1_fpn_40k_ade20k --size 512 --threads 2 --json",
    "profile --compare efficientformer-l1 resnet-50 mobilenetv2-x1.4",
    "profile --observations --out observations.html",
  ];
  const command = createCommand("profile", "Measure where a model's time goes on this machine", examples);
  return withEngine(withPlugins(withOverrides(command)))
    .argument(
      "[models...]",
      "config files, or names of configs or backbones that come with densekit, such as resnet-50",
    )
    .option("--compare", "time the whole models in turn in one run, and give ratios to the first")
    .option("--total", "time only whole models, not their stages and blocks")
    .addOption(
      new Option(
        "--observations [name,...]",
        `the EfficientFormer paper's observations as experiments on this machine: ${OBSERVATIONS.map(({ name }) => name).join(", ")}; default all`,
      )
        .argParser(list(String))
        .conflicts(["compare", "total", "batch", "size", "classes", "allowPlugins"]),
    )
    .option("--batch <n,...>", "images per batch; default 1", list(parseWhole))
    .option("--size <side or HxW,...>", "sizes of the images; default the config's test size", list(parseSize))
    .option(
      "--classes <n>",
      "classes of the model; default the config's, or those of COCO, ADE20K or ImageNet",
      parseWhole,
    )
    .option("--rounds <n>", "minimum number of rounds, each of which runs every program; default 10", parseWhole)
    .option("--seconds <s>", "how long a program runs in a round; default 0.05", parsePositive)
    .option("--within <percent>", "how precisely a model's latency must be known; default ± 10 %", parsePositive)
    .addOption(
      new Option(
        "--clock <name>",
        "wall (default), or processor: time in which other programs had the processor does not count (not a latency; one thread)",
      ).choices(["wall", "processor"]),
    )
    .option("--out <file>", "write an HTML page with plots")
    .option("--force", "overwrite what is there")
    .action(async (models: readonly string[], flags: ProfileFlags) => {
      if (flags.observations === undefined) await profileModels(context, models, flags);
      else await observe(context, models, flags);
    });
}

async function profileModels(context: Context, models: readonly string[], flags: ProfileFlags): Promise<void> {
  if (models.length === 0) throw new UserError("no model is given; name one or several, or say --observations", 2);
  if (models.length > 1 && !flags.compare) {
    throw new UserError(`${models.length} models are given; --compare times them in turn`, 2);
  }
  const { batch, size, classes, allowPlugins = false } = flags;
  const work = (watch: Watch) =>
    context.api.profile({
      models,
      ...shared(flags),
      ...(batch !== undefined && { batches: batch }),
      ...(size !== undefined && { sizes: size }),
      ...(classes !== undefined && { classes }),
      compare: flags.compare === true,
      allowPlugins,
      totalOnly: flags.total === true,
      ...watch,
    });
  const result = await showing(context, work);
  printResult(context, flags, result, () => describeResult(result));
}

async function observe(context: Context, models: readonly string[], flags: ProfileFlags): Promise<void> {
  if (models.length > 0) {
    throw new UserError(
      `--observations are experiments of their own, without a model; leave out ${models.join(", ")}`,
      2,
    );
  }
  const { observations } = flags;
  const only = observations === undefined || observations === true ? [] : observations;
  const result = await showing(context, (watch) => context.api.observe({ only, ...shared(flags), ...watch }));
  printResult(context, flags, result, () => describeObservations(result));
  const { tooNoisy } = result;
  if (tooNoisy === undefined) return;
  const { ratios, of, advice } = tooNoisy;
  throw new UserError(`the machine is too noisy for ${ratios} of ${counted(of, "ratio")}${advice}`);
}

/** The options that every measurement takes. */
function shared({ out, force, ...flags }: ProfileFlags) {
  return {
    overrides: [...flags.set, ...engineOverrides(flags)],
    ...measuringOptions(flags),
    ...(out !== undefined && { out }),
    ...(force !== undefined && { force }),
  };
}
