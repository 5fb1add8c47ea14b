import { existsSync } from "node:fs";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { checkData } from "../../../lib/datatools/check/check.js";
import { showData } from "../../../lib/datatools/show/show.js";
import { splitData } from "../../../lib/datatools/split/split.js";
import { dataStats } from "../../../lib/datatools/stats/stats.js";
import { tileData } from "../../../lib/datatools/tile/tile.js";
import { UserError } from "../../../lib/errors.js";
import { encodePng } from "../../../lib/images/encode.js";
import { damaged, IMAGE, SIZE } from "../annotations/values.js";
import type { FuzzTarget } from "../target.js";
import { fileText } from "./coco.js";

/** Paths that are neither files of the data set nor a command's output. */
const OWN = ["in.json", "out", "images"];

export const target: FuzzTarget = {
  about: "the same COCO JSON by data check, stats, split, show and tile",
  async open(folder) {
    const [annotations, images, out] = [join(folder, "in.json"), join(folder, "images"), join(folder, "out")];
    await mkdir(images);
    const data = Uint8Array.from({ length: SIZE.width * SIZE.height * 3 }, (_, i) => (i * 37) % 256);
    await writeFile(join(images, IMAGE), await encodePng({ ...SIZE, data }));
    const source = { kind: "coco", name: "data", annotations, images } as const;
    const commands = [
      () => dataStats({ sources: [source], output: join(out, "stats.html") }),
      () => showData({ source, output: join(out, "sheet.png"), height: 16 }),
      () => tileData({ source, output: join(out, "tiles"), width: 8, height: 8, overlap: 2 }),
    ];
    return {
      make: (random) => damaged(fileText(random), random),
      async attempt(bytes) {
        await writeFile(annotations, bytes);
        await checkData({ sources: [source] }); // which reports faults without throwing
        await trySplit(() => splitData({ source, output: join(out, "split"), shares: { train: 0.5, val: 0.5 } }));
        let refusal: unknown;
        for (const command of commands) {
          try {
            await command();
          } catch (error) {
            refusal ??= error;
          }
        }
        const stray = (await readdir(folder)).find((name) => !OWN.includes(name));
        if (stray !== undefined) throw new Error(`written outside the output folder: ${stray}`);
        if (existsSync(out)) await rm(out, { recursive: true });
        if (refusal !== undefined) throw refusal;
      },
    };
  },
};

/** There is only one image, so that it is refused for that at the latest. */
async function trySplit(split: () => Promise<unknown>): Promise<void> {
  try {
    await split();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
}
