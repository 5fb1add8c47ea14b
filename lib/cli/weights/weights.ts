import { Command } from "commander";
import type { Context } from "../context.js";
import { convertCommand } from "./convert.js";
import { showCommand } from "./show.js";

/** `densekit weights …`: the commands that inspect and rewrite files of weights. */
export function weightsCommand(context: Context): Command {
  const command = new Command("weights").description("Inspect and convert weights files");
  for (const create of [showCommand, convertCommand]) command.addCommand(create(context));
  const examples = command.commands.map((sub) => `  $ densekit weights ${sub.name()} --help`).join("\n");
  return command.addHelpText("after", `\nEach has --json. Examples:\n${examples}`);
}
