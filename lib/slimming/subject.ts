import { sizeOf } from "../backbones/efficientformer.js";
import type { EfficientFormerSize } from "../backbones/efficientformerSizes.js";
import type { Config } from "../config/schema.js";
import type { Engine } from "../engines/engine.js";
import { UserError } from "../errors.js";
import { describeMachine } from "../profile/machine.js";
import type { ClockName } from "../profile/measure.js";
import { usualSize } from "../profile/network.js";
import { checkClock } from "../profile/setting.js";
import { kindOf } from "../tasks/kinds.js";
import type { PartSetting } from "./partGraph.js";
import type { TableSetting } from "./tableFile.js";

export interface SettingOptions {
  /** Default 1. */
  readonly batch?: number | undefined;
  /** Of the images; default the config's test size. */
  readonly size?: PartSetting["size"] | undefined;
  /** Default those of the config, else those of its training data. */
  readonly classes?: number | undefined;
}

/** The largest network of a config. @throws UserError for another backbone, or a model that is not a classifier */
export function startOf({ task, model }: Config): EfficientFormerSize {
  const { backbone } = model;
  if ("neck" in model) {
    throw new UserError(`task: ${task}; a backbone is slimmed as a classifier, and then put under other heads`);
  }
  if (backbone.type === "efficientformerSupernet") return backbone.size;
  if (backbone.type === "efficientformer") return sizeOf(backbone);
  throw new UserError(
    `model.backbone.type: ${backbone.type}; what is slimmed is efficientformerSupernet, or efficientformer as its largest network`,
  );
}

/** The conditions that networks of a config run under. */
export async function partSettingOf(config: Config, options: SettingOptions): Promise<PartSetting> {
  const { batch = 1, size = usualSize({ config }), classes = await classesOf(config) } = options;
  return { batch, size, classes };
}

async function classesOf(config: Config): Promise<number> {
  if (config.data.classes !== undefined) return config.data.classes.length;
  return (await kindOf(config).open(config)).description.classes.length;
}

/** Where and how latency is measured. @throws UserError where the clock does not count the engine's threads */
export function tableSettingOf(
  engine: Pick<Engine, "name" | "version">,
  { engine: running }: Pick<Config, "engine">,
  { batch, size, classes }: PartSetting,
  clock: ClockName = "wall",
): TableSetting {
  checkClock(clock, running);
  const { name, version } = engine;
  return {
    machine: describeMachine(),
    engine: name,
    ...(version !== undefined && { engineVersion: version }),
    threads: running.threads,
    precision: "float32",
    clock,
    batch,
    height: size.height,
    width: size.width,
    classes,
  };
}
