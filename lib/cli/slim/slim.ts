import { Command } from "commander";
import type { Context } from "../context.js";
import { searchCommand } from "./search.js";
import { tableCommand } from "./table.js";

/** `densekit slim …`: a backbone that is as fast as wanted on this machine. */
export function slimCommand(context: Context): Command {
  const command = new Command("slim").description(
    "Search for the backbone that is as fast as you need on your machine",
  );
  for (const create of [tableCommand, searchCommand]) command.addCommand(create(context));
  const examples = command.commands.map((sub) => `  $ densekit slim ${sub.name()} --help`).join("\n");
  return command.addHelpText("after", `\nEach has --json. Examples:\n${examples}`);
}
