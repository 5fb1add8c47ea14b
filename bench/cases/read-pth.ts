import { statSync } from "node:fs";
import { open } from "node:fs/promises";
import { ParameterValues } from "../../lib/nn/parameters.js";
import { openTensorFile } from "../../lib/tensorfiles/open.js";
import { fillFrom } from "../../lib/weights/load.js";
import { planLoad } from "../../lib/weights/plan.js";
import { requireAll } from "../../lib/weights/report.js";
import type { CaseOptions, Prepare, PreparedCase } from "../protocol.js";
import { benchFileParameters } from "../weightsFile.js";

/** Opens the file and loads a whole model from it; or, as a baseline, only reads the file's bytes. */
export const prepare: Prepare = async (options) =>
  options.variant === "bytes" ? readBytes(options) : loadModel(options);

function loadModel({ path }: CaseOptions): PreparedCase {
  const values = new ParameterValues(benchFileParameters());
  return {
    async run() {
      const file = await openTensorFile(path);
      const plan = planLoad({ file, wanted: values.parameters });
      requireAll(plan);
      await fillFrom(file, plan, values);
      await file.close();
    },
    check: () => values.parameters.reduce((sum, { name }) => sum + values.view(name)[0]!, 0),
    note: () =>
      `${(statSync(path).size / 1e6).toFixed(0)} MB from the page cache; ${values.parameters.length} tensors into the model's arrays, checked for NaN`,
    dispose: async () => undefined,
  };
}

function readBytes({ path }: CaseOptions): PreparedCase {
  const target = Buffer.alloc(statSync(path).size);
  return {
    async run() {
      const file = await open(path);
      const { bytesRead } = await file.read(target, 0, target.length, 0);
      if (bytesRead !== target.length) throw new Error(`${bytesRead} bytes of ${target.length}`);
      await file.close();
    },
    dispose: async () => undefined,
  };
}
