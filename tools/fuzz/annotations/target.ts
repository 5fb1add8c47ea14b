import { existsSync } from "node:fs";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type ConvertSource, type ConvertTarget, convertData } from "../../../lib/datatools/convert/convert.js";
import { encodePng } from "../../../lib/images/encode.js";
import type { Random } from "../../../lib/random.js";
import type { FuzzTarget } from "../target.js";
import { IMAGE, SIZE } from "./values.js";

/** COCO JSON, YOLO's boxes or polygons, or class folders. */
type Target = "coco" | "boxes" | "polygons" | "crops";

export interface AnnotationFormat {
  readonly about: string;
  /** Where an input is written, below the folder. */
  readonly file: string;
  readonly make: (random: Random) => Uint8Array;
  /** @param folder with the input, and the image in its folder `images` */
  readonly sources: (folder: string, images: string, input: string) => readonly ConvertSource[];
  readonly targets?: readonly Target[];
  /** Writes the other files that the format needs. */
  readonly prepare?: (folder: string) => Promise<void>;
}

/** Converts each input as `data convert` does; all output must be in the output folder. */
export function annotationTarget(format: AnnotationFormat): FuzzTarget {
  return {
    about: format.about,
    async open(folder) {
      const [inner, out] = [join(folder, "in", "set"), join(folder, "in", "out")];
      const [images, input] = [join(inner, "images"), join(inner, format.file)];
      await mkdir(images, { recursive: true });
      await mkdir(dirname(input), { recursive: true });
      const data = Uint8Array.from({ length: SIZE.width * SIZE.height * 3 }, (_, i) => (i * 37) % 256);
      await writeFile(join(images, IMAGE), await encodePng({ ...SIZE, data }));
      await format.prepare?.(inner);
      const before = await entries(folder);
      return {
        make: format.make,
        async attempt(bytes) {
          await writeFile(input, bytes);
          let refusal: unknown;
          for (const from of format.sources(inner, images, input)) {
            for (const target of format.targets ?? (["coco"] as const)) {
              try {
                await convertData({ from, to: targetOf(target, out) });
              } catch (error) {
                refusal = error;
              }
              const written = (await entries(folder)).filter((path) => !path.startsWith(out) && path !== input);
              const stray = written.find((path) => !before.includes(path));
              if (stray !== undefined) throw new Error(`written outside the output folder: ${stray}`);
              if (existsSync(out)) await rm(out, { recursive: true });
              if (refusal !== undefined) throw refusal;
            }
          }
        },
      };
    },
  };
}

function targetOf(target: Target, out: string): ConvertTarget {
  if (target === "coco") return { format: "coco", output: join(out, "out.json") };
  if (target === "crops") return { format: "classes", output: out };
  return { format: "yolo", output: out, shapes: target };
}

async function entries(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}
