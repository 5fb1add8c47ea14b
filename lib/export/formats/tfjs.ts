import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { MODEL_FILE } from "../../compilers/tensorflow/files.js";
import { UserError } from "../../errors.js";
import { readBytes } from "../../files.js";
import { ownVersion } from "../../version.js";
import type { ExportFormat } from "./format.js";

/** A folder with a graph model for TF.js, in Node and the browser. */
export const tfjs: ExportFormat = {
  options: ["uint8"],
  threads: false,
  async write({ builds, half, metadata }, { uint8 = false }) {
    const [{ outputs, sizes }] = builds;
    if (Object.keys(sizes).length > 0) {
      throw new UserError("a TF.js model has fixed sizes; give --size and --batch, and export one for each size", 2);
    }
    const { graphModelFiles } = await import("../../compilers/tensorflow/files.js");
    const { graphModel } = await import("../../compilers/tensorflow/graphModel.js");
    const { tensorFlowGraph } = await import("../../compilers/tensorflow/write.js");
    const precision = uint8 ? "uint8" : half ? "float16" : "float32";
    return graphModelFiles(graphModel(tensorFlowGraph(outputs, "tfjs"), precision), metadata, ownVersion());
  },
  open: async (path) => (await import("../../engines/tfjs/tfjsFile.js")).openTfjsFile(path),
  async metadata(path) {
    const { parseModelFile } = await import("../../compilers/tensorflow/files.js");
    const file = basename(path) === MODEL_FILE ? path : join(path, MODEL_FILE);
    return parseModelFile((await readBytes(file)).toString("utf8"), file).metadata;
  },
  matches: (path) => basename(path) === MODEL_FILE || existsSync(join(path, MODEL_FILE)),
};
