import { Command, InvalidArgumentError, Option } from "commander";
import { UserError } from "../errors.js";
import type { Size } from "../pixels/image.js";

/**
 * A command with the options that all have.
 *
 * @param examples may contain the placeholders of `NEEDS` for the user's own files
 */
export function createCommand(name: string, description: string, examples: readonly string[]): Command {
  return new Command(name)
    .description(description)
    .option("--json", "print the result as one JSON object on stdout")
    .addHelpText("after", `\n${exampleText(examples)}`);
}

/** Examples, followed by what they need that does not come with densekit. */
export function exampleText(examples: readonly string[]): string {
  const lines = examples.map((example) => `  $ densekit ${example}`);
  const words = examples.flatMap((example) =>
    example.split(" ").filter((_, i, all) => i > 0 && all[i - 1] !== "--out"),
  );
  const needs = NEEDS.filter(([pattern]) => words.some((word) => pattern.test(word))).map(([, need]) => need);
  const needed = needs.length === 0 ? [] : [`Needed: ${needs.join("; ")}.`];
  return ["Examples:", ...lines, ...needed].join("\n");
}

export const OWN_FILES = "your own files and folders";

/** What placeholders in examples stand for. */
export const NEEDS: readonly (readonly [word: RegExp, need: string])[] = [
  [/^my\.yaml$/, "my.yaml, your config"],
  [/^(runs\/my|output=runs\/my)\b/, "runs/my, the folder of its run"],
  [/^my\.onnx$/, "my.onnx, written by export"],
  [/^my\.densekit$/, "my.densekit, written by pack"],
  [
    /^(mask-rcnn|semantic-fpn)_.*_bccd$/,
    "the data set bccd in DENSEKIT_DATA, or your own: --set data.train.annotations=... and so on",
  ],
  [
    /^(?!runs\/|output=|my\.)"?[\w@./*-]+(\.(json|jpg|png|pth|safetensors|txt|xml)|\/)"?$|^(annotations|images|masks|train|val|VOC2012|data\.yaml|photos)$/,
    OWN_FILES,
  ],
];

/** Adds the CONFIG argument and --set. */
export function withConfig(command: Command): Command {
  return withPlugins(
    withOverrides(command.argument("<config>", "config file (YAML), or the name of one shipped with densekit")),
  );
}

/** What a model may be named by. */
export const MODEL =
  "a run's folder, a packed model (its path or hf://OWNER/NAME), or a config file (YAML) with --weights";

/** Adds the MODEL argument, --weights and --set. */
export function withModel(command: Command, what = MODEL): Command {
  return withPlugins(withWeights(withOverrides(command.argument("<model>", what))));
}

/** Adds --weights. */
export function withWeights(command: Command): Command {
  return command.option(
    "--weights <path>",
    "weights file or its address (hf://OWNER/NAME, https://...), checkpoint or run folder; default the model's own",
  );
}

/** Adds --set. */
export function withOverrides(command: Command): Command {
  return command.addOption(
    new Option("--set <path=value>", "override a value, e.g. training.seed=1; null deletes it; repeatable")
      .argParser(collect)
      .default([], "none"),
  );
}

/** Adds --allow-plugins. */
export function withPlugins(command: Command): Command {
  return command.option(
    "--allow-plugins",
    "load the plugins that the config in a model's file or from an address names: code that runs on this machine",
  );
}

/** The option --force of commands that fill a folder (lib/outputFolder.ts). */
export const REPLACE = [
  "--force",
  "replace what this command wrote there before; anything else there is refused",
] as const;

/** For options that may be given several times. */
export function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

/** What 32 bits hold: exact in every file it may be written to. */
const LARGEST_WHOLE = 2 ** 31 - 1;

/** For options that take a whole number from 1 on. */
export function parseWhole(text: string): number {
  const value = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (value >= 1 && value <= LARGEST_WHOLE) return value;
  throw new InvalidArgumentError(
    value > LARGEST_WHOLE ? `it may be up to ${LARGEST_WHOLE}` : "expected a whole number above 0",
  );
}

/** For options that take a whole number from 0 on. */
export function parseCount(text: string): number {
  return text.trim() === "0" ? 0 : parseWhole(text);
}

/** For options that take the size of an image: a side, or height and width. */
export function parseSize(text: string): Size {
  const [, height, width = height] = /^(\d+)(?:x(\d+))?$/.exec(text.trim()) ?? [];
  if (height === undefined || width === undefined) {
    throw new InvalidArgumentError("expected a side or HEIGHTxWIDTH in pixels, such as 224 or 800x1344");
  }
  return { height: parseWhole(height), width: parseWhole(width) };
}

/** For options that take a number above 0. */
export function parsePositive(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError("expected a number above 0");
}

/** For options that take a number from 0 to 1. */
export function parseShare(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError("expected a number from 0 to 1");
}

/**
 * Makes a command refuse options and arguments that are empty: they come of variables of the shell that are not set, and an
 * empty path would be the current folder. Only `<text>` may be empty, such as what follows a file's name.
 */
export function refuseEmpty(command: Command): void {
  for (const option of command.options) {
    if (option.flags.endsWith(" <text>")) continue;
    command.on(`option:${option.name()}`, (value: unknown) => {
      if (value === "") throw emptyValue(`--${option.name()}`);
    });
  }
  command.hook("preAction", (_, { args, registeredArguments }) => {
    const empty = args.indexOf("");
    if (empty < 0) return;
    const argument = registeredArguments[Math.min(empty, registeredArguments.length - 1)];
    throw emptyValue(`<${argument?.name() ?? "argument"}>`);
  });
}

const emptyValue = (name: string): UserError =>
  new UserError(`${name}: the value is empty; if it comes from a variable of the shell, that is not set`, 2);
