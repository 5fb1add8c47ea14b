import { type Command, InvalidArgumentError, Option } from "commander";
import type { TileResult } from "../../datatools/tile/tile.js";
import { counted } from "../../words.js";
import { type Context, printResult } from "../context.js";
import { createCommand, parseWhole, REPLACE } from "../options.js";
import { showing } from "../progress.js";
import { toSeed } from "./show.js";
import { type PathFlags, pathsOf, sourceOfPaths, withPaths } from "./source.js";

interface TileFlags extends PathFlags {
  readonly out: string;
  readonly size: { readonly width: number; readonly height: number };
  readonly overlap?: number;
  readonly minVisible: number;
  readonly dropEmpty?: true;
  readonly quality: number;
  readonly force?: true;
}

export function tileCommand(context: Context): Command {
  const examples = [
    "data tile --annotations instances.json --images images --size 1024 --overlap 128 --out tiles",
    "data tile --label-maps annotations --images images --classes road,tree --size 1024x512 --drop-empty --out tiles",
  ];
  const description = "Cut large images into overlapping tiles with their annotations";
  return withPaths(createCommand("tile", description, examples))
    .requiredOption("--out <folder>", "where images/ and instances.json go; for label maps, images/ and annotations/")
    .addOption(
      new Option("--size <pixels>", "tile size, such as 1024 or 1024x768")
        .argParser(toSize)
        .default({ width: 1024, height: 1024 }, "1024"),
    )
    .option("--overlap <pixels>", "minimum overlap of neighbours; default an eighth of the shorter side", toSeed)
    .option("--min-visible <share>", "leave out objects of which a tile holds less; crowds stay", Number, 0.3)
    .option("--drop-empty", "leave out tiles without annotations")
    .option("--quality <number>", "quality of JPEG tiles", parseWhole, 95)
    .option(...REPLACE)
    .action(async (flags: TileFlags, command: Command) => {
      const source = await sourceOfPaths({ name: "data", ...pathsOf(flags) }, flags, command);
      const { out: output, size, overlap, minVisible, quality } = flags;
      const result = await showing(context, (watch) =>
        context.api.data.tile({
          source,
          output,
          ...size,
          ...(overlap !== undefined && { overlap }),
          minVisible,
          quality,
          ...(flags.dropEmpty && { dropEmpty: true }),
          ...(flags.force && { force: true }),
          ...watch,
        }),
      );
      printResult(context, flags, result, () => summary(result));
    });
}

function toSize(text: string): { width: number; height: number } {
  const [, width, height = width] = /^(\d+)(?:x(\d+))?$/.exec(text) ?? [];
  if (!(Number(width) >= 1 && Number(height) >= 1))
    throw new InvalidArgumentError("Expected a size such as 1024 or 1024x768.");
  return { width: Number(width), height: Number(height) };
}

function summary({ output, images, tiles, emptyLeftOut, objects, partsLeftOut }: TileResult): string {
  const found = objects === undefined ? "" : `, ${counted(objects, "object")}`;
  const lines = [`${output}: ${counted(tiles, "tile")} of ${counted(images, "image")}${found}`];
  if (emptyLeftOut > 0) lines.push(`note: ${counted(emptyLeftOut, "empty tile")} left out`);
  if (partsLeftOut !== undefined && partsLeftOut > 0) {
    lines.push(
      `note: ${counted(partsLeftOut, "part", "parts")} of objects left out: too little is visible (--min-visible)`,
    );
  }
  return lines.join("\n");
}
