import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { UserError } from "../errors.js";
import type { PredictedImage } from "../tasks/predictions.js";
import { MOST_IMAGE_BYTES, type NamedImage } from "../use/imageInputs.js";
import type { PredictResult } from "../use/predict.js";
import { counted } from "../words.js";
import { type Context, printResult } from "./context.js";
import { type EngineFlags, engineOverrides, list, withEngine } from "./engineOptions.js";
import { type ModelOptions, modelOf } from "./model.js";
import { createCommand, MODEL, parseShare, REPLACE, withModel } from "./options.js";
import { showing } from "./progress.js";
import { table } from "./table.js";

interface PredictFlags extends ModelOptions, EngineFlags {
  readonly out?: string;
  readonly annotations?: string;
  readonly score?: number;
  readonly classes?: readonly string[];
  readonly drawThreshold?: number;
  readonly saveCrops?: true;
  readonly recursive?: true;
  readonly force?: true;
}

export function predictCommand(context: Context): Command {
  const examples = [
    "predict runs/my photo.jpg",
    "predict runs/my photos --recursive --score 0.5 --json",
    'predict runs/my "photos/**/*.jpg" --out predictions --save-crops',
    "predict my.onnx - < photo.jpg",
    "predict my.yaml images --weights runs/my --out predictions --annotations instances_val2017.json",
  ];
  const description = "Run a model on images: tell what it finds, or write overlays and the results as data";
  const command = createCommand("predict", description, examples);
  return withEngine(withModel(command, `${MODEL}; or a file that export wrote`))
    .argument("<images...>", "files, folders, glob patterns or addresses (https://...); - is one image from stdin")
    .option(
      "--out <folder>",
      "write overlays, results JSON and label maps, and index.json, which names the files of each image; without it " +
        "what is found is printed, and nothing is written",
    )
    .option("--recursive", "take the images of folders in folders too")
    .addOption(
      new Option(
        "--score <score>",
        "leave out objects below it; default none with --out, otherwise that of --draw-threshold",
      ).argParser(parseShare),
    )
    .option("--classes <names>", "leave out objects of other classes than these, comma-separated", list(String))
    .option(
      "--annotations <file>",
      "COCO file that image and category ids in results.json are taken from, for evaluate --annotations --results; " +
        "without it images are numbered 1, 2, ... in their order (images.json names them)",
    )
    .addOption(
      new Option(
        "--draw-threshold <score>",
        "objects below it are not drawn; default --score, or 0.3, or the model's score threshold if higher",
      ).argParser(parseShare),
    )
    .option("--save-crops", "write an image for each box that is drawn, named by image and class")
    .option(...REPLACE)
    .action(async (named: string, inputs: readonly string[], flags: PredictFlags) => {
      const { annotations, drawThreshold, out, score, classes } = flags;
      const model = await modelOf(named, { ...flags, set: [...flags.set, ...engineOverrides(flags)] }, context);
      const images = await withStdin(inputs, context);
      const result = await showing(context, (watch) =>
        context.api.predictFiles({
          ...{ ...model, inputs: images },
          ...(out !== undefined && { outDir: resolve(out) }),
          ...(annotations !== undefined && { annotations }),
          ...(score !== undefined && { score }),
          ...(classes !== undefined && { classes }),
          ...(drawThreshold !== undefined && { drawThreshold }),
          ...(flags.saveCrops && { saveCrops: true }),
          ...(flags.recursive && { recursive: true }),
          ...(flags.force && { force: true }),
          ...watch,
        }),
      );
      printResult(context, flags, result, () =>
        result.outDir === undefined ? result.images.map(foundText).join("\n\n") : summaryOf(result),
      );
      if (result.listThreshold !== undefined && flags.json === undefined) {
        context.stderr.write(
          `objects that score at least ${result.listThreshold} are listed (--score); --out FOLDER draws and writes them\n`,
        );
      }
      const { images: done, unreadable } = result;
      if (unreadable.length > 0) {
        throw new UserError(
          `${unreadable.length} of ${counted(done.length + unreadable.length, "image")} could not be read ` +
            `(${unreadable.map(({ input }) => input).join(", ")})${done.length > 0 ? "; the results are those of the others" : ""}`,
        );
      }
    });
}

/** What the image from stdin is called. */
const STDIN = "stdin";

/** The inputs, with what comes from stdin in the place of -. */
async function withStdin(
  inputs: readonly string[],
  { stdin }: Pick<Context, "stdin">,
): Promise<(string | NamedImage)[]> {
  const asked = inputs.filter((input) => input === "-").length;
  if (asked === 0) return [...inputs];
  if (asked > 1) throw new UserError("-: stdin is one image; give - once", 2);
  if (stdin === undefined || stdin.isTTY === true) {
    throw new UserError(
      "-: stdin is a terminal, not an image; pipe a file into it, as in: predict MODEL - < photo.jpg",
      2,
    );
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stdin) {
    length += chunk.length;
    if (length > MOST_IMAGE_BYTES) {
      throw new UserError(`-: stdin has more than ${MOST_IMAGE_BYTES / 1e6} MB, which is no image; give its path`);
    }
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  return inputs.map((input) => (input === "-" ? { name: STDIN, bytes } : input));
}

/** What was found in an image, as a table under its name. */
function foundText({ input, objects, classes, shares }: PredictedImage): string {
  const rows =
    objects !== undefined
      ? objects.map(({ label, score, box }) => [
          label,
          score.toFixed(2),
          ...[box.x1, box.y1, box.x2, box.y2].map((value) => value.toFixed(0)),
        ])
      : (classes?.map(({ label, score }) => [label, score.toFixed(2)]) ??
        shares?.map(({ label, share }) => [label, `${(100 * share).toFixed(1)} %`]) ??
        []);
  if (rows.length === 0) return `${input}\nnothing found`;
  const head = objects !== undefined ? BOX_COLUMNS : ["class", classes === undefined ? "pixels" : "score"];
  return `${input}\n${table([head, ...rows])}`;
}

const BOX_COLUMNS = ["class", "score", "x1", "y1", "x2", "y2"];

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
