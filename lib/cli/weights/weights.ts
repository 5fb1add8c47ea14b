import { Command } from "commander";
import type { Context } from "../context.js";
import { convertCommand } from "./convert.js";
import { showCommand } from "./show.js";

export function weightsCommand(context: Context): Command {
  const command = new Command("weights").description("Look into files of weights, and convert them");
  for (const create of [showCommand, convertCommand]) command.addCommand(create(context));
  return command;
}
