import { Command, CommanderError } from "commander";
import { commandOfSameMeaning, nameOfSameMeaning, UserError } from "../errors.js";
import { onPlugin } from "../plugins/load.js";
import { ownVersion } from "../version.js";
import { configCommand } from "./config.js";
import type { Context } from "./context.js";
import { dataCommand } from "./data/data.js";
import { doctorCommand } from "./doctor.js";
import { engineCommand } from "./engine.js";
import { evaluateCommand } from "./evaluation/evaluate.js";
import { exportCommand } from "./export.js";
import { initCommand } from "./init.js";
import { modelRepositoryCommand } from "./modelRepository.js";
import { OWN_FILES, refuseEmpty } from "./options.js";
import { packCommand } from "./pack.js";
import { predictCommand } from "./predict.js";
import { profileCommand } from "./profile/profile.js";
import { reportCommand } from "./report.js";
import { exitCodeOf } from "./signals.js";
import { slimCommand } from "./slim/slim.js";
import { trainCommand } from "./train.js";
import { verifyCommand } from "./verify.js";
import { weightsCommand } from "./weights/weights.js";

/**
 * Runs one command line.
 *
 * @param args without the names of Node and of the program
 * @returns the exit code: 0; 1 for what is wrong with input or run; 2 for the command line; 130 after Ctrl-C, 143 after SIGTERM
 */
export async function runCli(args: readonly string[], context: Context): Promise<number> {
  onPlugin((name) => context.stderr.write(`loads the plugin ${name}\n`));
  try {
    const program = createProgram(context);
    await program.parseAsync(withoutVainHelp(args, program), { from: "user" });
    return context.signal.aborted ? exitCodeOf(context.signal) : 0;
  } catch (error) {
    return explain(error, context);
  }
}

const START = `
Start with what this machine has, and your own images and annotations, in a folder:
  $ densekit doctor
  $ densekit init images --out my.yaml
  $ densekit train my.yaml
  $ densekit predict runs/my photo.jpg
Needed: ${OWN_FILES}.`;

function createProgram(context: Context): Command {
  const program = new Command("densekit")
    .description("Train, evaluate, run and export detection, segmentation and classification models")
    .version(ownVersion())
    .addHelpText("after", START);
  const commands = [
    initCommand,
    trainCommand,
    evaluateCommand,
    reportCommand,
    predictCommand,
    packCommand,
    profileCommand,
    slimCommand,
    exportCommand,
    verifyCommand,
    modelRepositoryCommand,
    configCommand,
    dataCommand,
    weightsCommand,
    engineCommand,
    doctorCommand,
  ];
  for (const create of commands) program.addCommand(create(context));
  for (const command of withSubcommands(program)) {
    refuseEmpty(command);
    command
      .exitOverride()
      .showHelpAfterError("(see --help)")
      .configureOutput({
        writeOut: (text) => context.stdout(text),
        writeErr: (text) => context.stderr.write(text),
        outputError: (text, write) => write(withMeaning(text, command)),
      });
  }
  return program;
}

/** Commander suggests options and commands by their letters; where there is one of the same meaning, that is it. */
function withMeaning(error: string, command: Command): string {
  const [, start, what, name] = /^(error: unknown (option|command) '(?:--)?([\w-]+).*')/.exec(error) ?? [];
  if (name === undefined) return error;
  const options = command.options.flatMap(({ long }) => long?.slice(2) ?? []);
  const commands = command.commands.map((sub) => sub.name());
  const meant = what === "option" ? nameOfSameMeaning(name, options) : commandOfSameMeaning(name, commands);
  return meant === undefined ? error : `${start}\n(Did you mean ${what === "option" ? "--" : ""}${meant}?)\n`;
}

/** Help for a command that does not exist is an error: Commander would show the help of the command above it. */
function withoutVainHelp(args: readonly string[], program: Command): readonly string[] {
  const [first, ...others] = args;
  const asked = first === "help" && others.length > 0 ? [...others, "--help"] : args;
  let command = program;
  for (const arg of asked) {
    if (arg.startsWith("-") || command.commands.length === 0) return asked;
    const next = command.commands.find((sub) => sub.name() === arg);
    if (next === undefined) return asked.filter((other) => other !== "--help" && other !== "-h");
    command = next;
  }
  return asked;
}

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}

function explain(error: unknown, { signal, stderr }: Context): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // Commander has printed it
  if (signal.aborted) {
    stderr.write("interrupted\n");
    return exitCodeOf(signal);
  }
  if (error instanceof UserError) {
    stderr.write(`${error.message}\n`);
    return error.exitCode;
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  if (process.env.DENSEKIT_DEBUG === "1") stderr.write(`${stack}\n`);
  else stderr.write(`unexpected error: ${message}\nSet DENSEKIT_DEBUG=1 to see where it comes from.\n`);
  return 1;
}
