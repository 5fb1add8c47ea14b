import { join } from "node:path";
import { evaluateCocoFiles } from "../../lib/evaluation/cocoFiles.js";
import type { EvaluationType } from "../../lib/metrics/coco/tables.js";
import type { Prepare } from "../protocol.js";

/** From files in COCO's format to the 12 metrics. */
export const prepare: Prepare = async ({ variant, path, threads }) => {
  const type: EvaluationType = variant === "segm" ? "segm" : "bbox";
  let stats: readonly number[] = [];
  let load = 0;
  let judge = 0;
  return {
    async run() {
      const start = performance.now();
      const files = { annotations: join(path, "annotations.json"), results: join(path, `${type}.json`) };
      const onProgress = () => {
        load = performance.now() - start; // the last chunk is read
      };
      ({ stats } = await evaluateCocoFiles({ ...files, type, threads, onProgress }));
      judge = performance.now() - start - load;
    },
    dispose: async () => undefined,
    check: () => stats.reduce((a, b) => a + b, 0),
    note: () => `AP ${stats[0]}; load ${seconds(load)}, evaluate and accumulate ${seconds(judge)}`,
  };
};

const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
