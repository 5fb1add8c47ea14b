import { Command, InvalidArgumentError } from "commander";

/** A command with the options they all have. */
export function createCommand(name: string, description: string, examples: readonly string[]): Command {
  const lines = examples.map((example) => `  $ densekit ${example}`);
  return new Command(name)
    .description(description)
    .option("--json", "print the result as one JSON object on stdout")
    .addHelpText("after", `\nExamples:\n${lines.join("\n")}`);
}

/** Adds the CONFIG argument and --set. */
export function withConfig(command: Command): Command {
  return command
    .argument("<config>", "config file (YAML), or the name of one that comes with densekit")
    .option("--set <path=value>", "override a value, e.g. training.seed=1; null deletes it; repeatable", collect, []);
}

/** For options that may be given several times. */
export function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

/** For options that take a whole number from 1 on. */
export function parseWhole(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isInteger(value) && value >= 1) return value;
  throw new InvalidArgumentError("expected a whole number above 0");
}

/** For options that take a number above 0. */
export function parsePositive(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError("expected a number above 0");
}
