import type { Build } from "../compilers/onnx/portable.js";
import { SIZE_MULTIPLE } from "../datasets/loader/padding.js";
import type { TensorData } from "../graph/index.js";
import type { Evaluate } from "../graph/passes/foldConstants.js";
import { optimiseForInference } from "../graph/passes/optimise.js";
import { Context } from "../nn/context.js";
import type { Normalisation } from "../pixels/normalise.js";
import { exportGraph, type GraphSize } from "./graph.js";
import type { Network } from "./network.js";
import type { ExportSettings } from "./settings.js";

/**
 * Sizes that tell free sizes apart: batch, and height and width in multiples of what the backbone needs. One is the
 * smallest possible size, at which every limit in a graph (such as a top k) has an effect if it ever does; odd and even
 * sides reveal rounding.
 */
const TRIED = [
  { batch: 3, height: 5, width: 7 },
  { batch: 2, height: 1, width: 1 },
  { batch: 5, height: 2, width: 11 },
  { batch: 7, height: 13, width: 3 },
  { batch: 11, height: 4, width: 17 },
] as const;

/** The model's graph with weights folded in; for free sizes, recorded at several sizes, with the same nodes. */
export async function recordBuilds(
  network: Network,
  settings: ExportSettings,
  normalisation: Normalisation,
  evaluate: Evaluate,
): Promise<readonly [Build, ...Build[]]> {
  const once = evaluatedOnce(evaluate);
  const builds: Build[] = [];
  for (const size of sizesOf(settings, network.multiple)) {
    const graph = exportGraph(network, Context.inference(network.values), settings, { ...size, normalisation });
    const free = settings.size === "free";
    const { batch, height, width } = size;
    const sizes = { ...(settings.batch === "free" && { batch }), ...(free && { height, width }) };
    builds.push({ outputs: await optimiseForInference(graph, once(), { freeSizes: free }), sizes });
  }
  return builds as [Build, ...Build[]];
}

function sizesOf({ batch, size }: ExportSettings, multiple = SIZE_MULTIPLE): readonly GraphSize[] {
  if (batch !== "free" && size !== "free") return [{ batch, ...size }];
  return TRIED.map((tried) => ({
    batch: batch === "free" ? tried.batch : batch,
    height: size === "free" ? tried.height * multiple : size.height,
    width: size === "free" ? tried.width * multiple : size.width,
  }));
}

/**
 * Folded values do not depend on sizes: they are computed in the first build and reused in the others, part by part.
 *
 * @returns an evaluation function for each build
 */
function evaluatedOnce(evaluate: Evaluate): () => Evaluate {
  const parts: Readonly<Record<string, TensorData>>[] = [];
  return () => {
    let next = 0;
    return async (outputs) => {
      const part = next++;
      parts[part] ??= await evaluate(outputs);
      return parts[part];
    };
  };
}
