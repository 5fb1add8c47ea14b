import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { UserError } from "../errors.js";
import type { PredictResult } from "../use/predict.js";
import { counted } from "../words.js";
import { type Context, printResult } from "./context.js";
import { type ModelOptions, modelOf } from "./model.js";
import { createCommand, MODEL, parseShare, REPLACE, withModel } from "./options.js";
import { showing } from "./progress.js";

interface PredictFlags extends ModelOptions {
  readonly out: string;
  readonly annotations?: string;
  readonly drawThreshold?: number;
  readonly force?: true;
}

export function predictCommand(context: Context): Command {
  const examples = [
    "predict runs/my photo.jpg --out predictions",
    'predict runs/my "photos/**/*.jpg" --out predictions --set model.head.test.scoreThreshold=0.5',
    "predict my.onnx photo.jpg --out predictions",
    "predict my.yaml images --weights runs/my --out predictions --annotations instances_val2017.json",
  ];
  const command = createCommand("predict", "Run a model on images: overlays, and the results as data", examples);
  return withModel(command, `${MODEL}; or a file that export wrote`)
    .argument("<images...>", "files, folders or glob patterns")
    .requiredOption("--out <folder>", "where overlays, results JSON and label maps go")
    .option(
      "--annotations <file>",
      "COCO file that image and category ids in results.json are taken from, for evaluate --annotations --results; " +
        "without it images are numbered 1, 2, ... in their order (images.json names them)",
    )
    .addOption(
      new Option(
        "--draw-threshold <score>",
        "objects below it are not drawn; default 0.3, or the model's score threshold if higher",
      ).argParser(parseShare),
    )
    .option(...REPLACE)
    .action(async (named: string, inputs: readonly string[], flags: PredictFlags) => {
      const { annotations, drawThreshold } = flags;
      const model = await modelOf(named, flags, context);
      const outDir = resolve(flags.out);
      const result = await showing(context, (watch) =>
        context.api.predictFiles({
          ...{ ...model, inputs, outDir },
          ...(annotations !== undefined && { annotations }),
          ...(drawThreshold !== undefined && { drawThreshold }),
          ...(flags.force && { force: true }),
          ...watch,
        }),
      );
      printResult(context, flags, result, () => summaryOf(result));
      const { images, unreadable } = result;
      if (unreadable.length > 0) {
        throw new UserError(
          `${unreadable.length} of ${counted(images.length + unreadable.length, "image")} could not be read ` +
            `(${unreadable.map(({ input }) => input).join(", ")})${images.length > 0 ? "; the results are those of the others" : ""}`,
        );
      }
    });
}

function summaryOf({ outDir, imageIds, drawThreshold }: PredictResult): string {
  const lines = [`the results are in ${outDir}`];
  if (drawThreshold !== undefined)
    lines.push(`overlays show objects that score at least ${drawThreshold}; results.json has all`);
  if (imageIds === "counted") {
    lines.push(
      "image_id in results.json numbers the images 1, 2, ... in their order, named in images.json; " +
        "with --annotations FILE it is that file's",
    );
  }
  return lines.join("\n");
}
