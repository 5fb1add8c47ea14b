import { type Command, Option } from "commander";
import { counted } from "../../words.js";
import { type Context, printResult, type SharedOptions } from "../context.js";
import { createCommand } from "../options.js";
import { showing } from "../progress.js";
import { megabytes } from "./show.js";

interface ConvertFlags extends SharedOptions {
  readonly part?: string;
  readonly names: "keep" | "authors";
  readonly force?: true;
}

export function convertCommand(context: Context): Command {
  const examples = [
    "weights convert efficientformer_l1_300d.pth efficientformer_l1.safetensors",
    "weights convert runs/my/best.safetensors my.pth",
    "weights convert checkpoint.pth averaged.safetensors --part model_ema",
    "weights convert timm.safetensors authors.pth --names authors",
  ];
  const names = new Option("--names <whose>", "keep the names, or use those of the models' authors");
  return createCommand("convert", "Convert a model's tensors to another file format, bit for bit", examples)
    .argument(
      "<from>",
      "weights file: .pth, .pt, .npz, .safetensors, an index of shards; or its address, hf://OWNER/NAME",
    )
    .argument("<to>", "file to write: .safetensors, .pth, .pt or .npz")
    .option("--part <name>", "the part of the file to convert, e.g. model_ema; default the model")
    .addOption(names.choices(["keep", "authors"]).default("keep"))
    .option("--force", "overwrite an existing file")
    .action(async (from: string, to: string, { part, names: whose, force, ...flags }: ConvertFlags) => {
      const result = await showing(context, (watch) =>
        context.api.weights.convert({
          from,
          to,
          names: whose,
          force: force === true,
          ...watch,
          ...(part !== undefined && { part }),
        }),
      );
      printResult(context, flags, result, () => {
        const whole = result.part === "" ? "" : ` of the part ${result.part}`;
        const left = result.left === 0 ? "" : `; ${result.left} other tensors left out`;
        return `${result.path}: ${counted(result.tensors, "tensor")}${whole}, ${megabytes(result.bytes)}${left}`;
      });
    });
}
