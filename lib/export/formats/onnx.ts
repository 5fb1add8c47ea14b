import { UserError } from "../../errors.js";
import { readBytes } from "../../files.js";
import { GraphError } from "../../graph/index.js";
import { ownVersion } from "../../version.js";
import type { ExportFormat } from "./format.js";

/** A single file that onnxruntime and many other programs run. */
export const onnx: ExportFormat = {
  options: ["opset"],
  threads: true,
  async write(exported, { opset }) {
    const { writePortableOnnx } = await import("../../compilers/onnx/portable.js");
    try {
      const options = { ...exported, version: ownVersion(), ...(opset !== undefined && { opset }) };
      return new Map([["", writePortableOnnx(options)]]);
    } catch (error) {
      if (!(error instanceof GraphError) || exported.builds.length === 1) throw error;
      // The model has a different graph at each size, as with windowed attention.
      throw new UserError(
        `this model cannot be exported with free sizes (${error.message}); give --size HxW instead of --dynamic`,
        2,
      );
    }
  },
  open: async (path, options) => (await import("../../engines/onnxruntime/onnxFile.js")).openOnnxFile(path, options),
  async metadata(path) {
    const { readOnnx } = await import("../../compilers/onnx/read.js");
    return readOnnx(await readBytes(path), path).metadata;
  },
  matches: (path) => path.endsWith(".onnx"),
};
