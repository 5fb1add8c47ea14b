import { Command } from "commander";
import type { Context } from "../context.js";
import { checkCommand } from "./check.js";
import { convertCommand } from "./convert.js";
import { showCommand } from "./show.js";
import { splitCommand } from "./split.js";
import { statsCommand } from "./stats.js";
import { tileCommand } from "./tile.js";

/** `densekit data …`: the commands that look at data sets and rewrite them. */
export function dataCommand(context: Context): Command {
  const command = new Command("data").description("Check, inspect and convert data sets");
  for (const create of [checkCommand, statsCommand, showCommand, convertCommand, splitCommand, tileCommand])
    command.addCommand(create(context));
  const examples = command.commands.map((sub) => `  $ densekit data ${sub.name()} --help`).join("\n");
  return command.addHelpText("after", `\nEach has --json. Examples:\n${examples}`);
}
