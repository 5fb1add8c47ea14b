import { type Command, Option } from "commander";
import { UserError } from "../errors.js";
import { FORMAT_NAMES, type FormatName } from "../export/formats/index.js";
import { type ExportSettings, type Extent, PARTS, type Part } from "../export/settings.js";
import { type Context, printResult } from "./context.js";
import { type ModelOptions, modelOf } from "./model.js";
import { createCommand, parseSize, parseWhole, withModel } from "./options.js";

interface ExportFlags extends ModelOptions {
  readonly format: FormatName;
  readonly out: string;
  readonly part: Part;
  readonly size?: Exclude<ExportSettings["size"], "free">;
  readonly dynamic?: true;
  readonly batch?: Extent;
  readonly preprocess?: true;
  readonly postprocess?: true;
  readonly fp16?: true;
  readonly uint8?: true;
  readonly opset?: number;
  readonly force?: true;
}

export function exportCommand(context: Context): Command {
  const examples = [
    "export runs/my --format onnx --out my.onnx",
    "export runs/my --format onnx --out my.onnx --dynamic --preprocess",
    "export my.yaml --weights runs/my --format onnx --out backbone.onnx --part backbone --size 512x512 --fp16",
    "export my.yaml --weights runs/my --format tfjs --out web/model --size 512x512 --preprocess --uint8",
  ];
  return withModel(createCommand("export", "Export a trained model to a format that other programs run", examples))
    .addOption(new Option("--format <name>", "format of the file").choices(FORMAT_NAMES).default(FORMAT_NAMES[0]))
    .requiredOption("--out <path>", "the file to write; a folder for formats of several files")
    .addOption(new Option("--part <part>", "what to export").choices(PARTS).default("model"))
    .option(
      "--size <side or HxW>",
      "height and width of the input, multiples of 32; default the config's test size",
      parseSize,
    )
    .option("--dynamic", "free height and width (multiples of 32), and a free batch unless --batch is given")
    .option("--batch <n>", 'images per batch, or "dynamic"; default 1', parseBatch)
    .option("--preprocess", "take uint8 RGB images [B, H, W, 3] and normalise them inside")
    .option(
      "--postprocess",
      "paste masks into the image, or output the most likely class of each pixel, or the classes' probabilities",
    )
    .option("--fp16", "weights and products in float16 (tfjs: only stored so); inputs and outputs stay float32")
    .option("--uint8", "tfjs: kernels stored as bytes, a quarter of the download")
    .option("--opset <n>", "ONNX operator set; default 17", parseWhole)
    .option("--force", "overwrite what is there")
    .action(async (named: string, flags: ExportFlags) => {
      if (flags.dynamic && flags.size !== undefined) {
        throw new UserError("--size and --dynamic contradict each other; give one of them", 2);
      }
      if (flags.uint8 && flags.fp16)
        throw new UserError("--uint8 and --fp16 contradict each other; give one of them", 2);
      const model = await modelOf(named, flags, context);
      const batch = flags.batch ?? (flags.dynamic ? "free" : 1);
      const size = flags.dynamic ? ("free" as const) : flags.size;
      const result = await context.api.exportModel({
        ...model,
        format: flags.format,
        out: flags.out,
        part: flags.part,
        batch,
        ...(size !== undefined && { size }),
        preprocess: flags.preprocess === true,
        postprocess: flags.postprocess === true,
        half: flags.fp16 === true,
        ...(flags.opset !== undefined && { opset: flags.opset }),
        ...(flags.uint8 && { uint8: true }),
        force: flags.force === true,
        signal: context.signal,
      });
      printResult(context, flags, result, () => `wrote ${result.out} (${(result.bytes / 1e6).toFixed(1)} MB)`);
    });
}

function parseBatch(text: string): Extent {
  return text === "dynamic" ? "free" : parseWhole(text);
}
