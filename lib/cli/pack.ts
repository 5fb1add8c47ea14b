import type { Command } from "commander";
import { counted } from "../words.js";
import { type Context, printResult } from "./context.js";
import { type ModelOptions, modelOf } from "./model.js";
import { createCommand, withModel } from "./options.js";

interface PackFlags extends ModelOptions {
  readonly force?: true;
}

export function packCommand(context: Context): Command {
  const examples = [
    "pack runs/my my.densekit",
    "pack my.yaml --weights checkpoint.pth my.densekit --force",
    "predict my.densekit photo.jpg --out predictions",
  ];
  const description = "Put config, classes and weights of a model into one file, a model to pass around";
  return withModel(createCommand("pack", description, examples))
    .argument("<out>", "the file to write, in the safetensors format; usually .densekit or .safetensors")
    .option("--force", "overwrite what is there")
    .action(async (named: string, out: string, flags: PackFlags) => {
      const model = await modelOf(named, flags, context);
      const result = await context.api.packModel({ ...model, out, force: flags.force === true });
      const { tensors, bytes, classes } = result;
      printResult(
        context,
        flags,
        result,
        () =>
          `wrote ${result.out}: ${counted(tensors, "tensor")}, ${counted(classes.length, "class", "classes")}, ${(bytes / 1e6).toFixed(1)} MB`,
      );
    });
}
