import { type Command, InvalidArgumentError, Option } from "commander";
import { ENGINES } from "../engines/index.js";
import { nearestName } from "../errors.js";
import type { ClockName } from "../profile/measure.js";
import { parseWhole } from "./options.js";

/** What a command that measures runs on, where it is not the config's. */
export interface EngineFlags {
  readonly engine?: string;
  readonly provider?: readonly string[];
  readonly threads?: number;
}

/** Adds --engine, --provider and --threads. */
export function withEngine(command: Command): Command {
  return command
    .addOption(new Option("--engine <name>", "what runs the model; default the config's").argParser(parseEngine))
    .option(
      "--provider <name,...>",
      "what the engine runs on: providers of onnxruntime, backends of tfjs",
      list(String),
    )
    .option("--threads <n>", "CPU threads; default the config's, or one per core", parseWhole);
}

/** How long and how precisely a command measures, where it is not as by default. */
export interface MeasuringFlags {
  readonly rounds?: number;
  readonly seconds?: number;
  /** Per cent. */
  readonly within?: number;
  readonly clock?: ClockName;
}

/** What those flags ask for. */
export const measuringOptions = ({ rounds, seconds, within, clock }: MeasuringFlags) => ({
  ...(rounds !== undefined && { rounds }),
  ...(seconds !== undefined && { seconds }),
  ...(within !== undefined && { within: within / 100 }),
  ...(clock !== undefined && { clock }),
});

/** Flags are overrides of the config's keys. */
export function engineOverrides({
  engine,
  provider,
  threads,
}: Pick<EngineFlags, "engine" | "provider" | "threads">): string[] {
  const key = engine === "tfjs" ? "backends" : "providers";
  return [
    ...(engine === undefined ? [] : [`engine.type=${engine}`]),
    ...(provider === undefined ? [] : [`engine.${key}=[${provider.join(",")}]`]),
    ...(threads === undefined ? [] : [`engine.threads=${threads}`]),
  ];
}

function parseEngine(name: string): string {
  const names = ENGINES.map((engine) => engine.name as string);
  if (names.includes(name)) return name;
  const near = nearestName(name, names);
  throw new InvalidArgumentError(
    `there is no engine "${name}"; ${near === undefined ? `there are ${names.join(", ")}` : `did you mean ${near}?`}`,
  );
}

/** For options that take several values, with commas between them. */
export function list<T>(parse: (text: string) => T): (text: string) => readonly T[] {
  return (text) => text.split(",").map((part) => parse(part.trim()));
}
