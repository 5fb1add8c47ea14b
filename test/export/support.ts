import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { resolveConfig } from "../../lib/config/load.js";
import type { Config } from "../../lib/config/schema.js";
import { compileForInference } from "../../lib/engines/inference.js";
import type { SizedTensors } from "../../lib/engines/modelFile.js";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import { exportGraph, type GraphSize } from "../../lib/export/graph.js";
import type { Network } from "../../lib/export/network.js";
import type { Part } from "../../lib/export/settings.js";
import { decodeImage } from "../../lib/images/decode.js";
import type { InferenceBatch } from "../../lib/models/predictions.js";
import { withShapes } from "../../lib/models/programPredictor.js";
import { Context } from "../../lib/nn/context.js";
import { writeNormalised } from "../../lib/pixels/normalise.js";
import { trainQuietly } from "../support/runs.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";

export interface Trained {
  readonly data: ShapesData;
  readonly config: Config;
  /** The config as a file. */
  readonly configPath: string;
  readonly run: string;
}

/** A small model that has started to find shapes. */
export async function trainedShapes(task: Config["task"], steps: number): Promise<Trained> {
  const data = await makeShapes(3);
  const run = join(data.folder, "run");
  const input = shapesConfig(task, data, run);
  const configPath = join(data.folder, "config.yaml");
  writeFileSync(configPath, JSON.stringify(input)); // JSON is YAML
  await trainQuietly(input, [`training.steps=${steps}`]);
  return { data, config: resolveConfig(input).config, configPath, run };
}

/** A batch of any size from repeated images of shapes, each a little smaller than the last. */
export async function tiledBatch(
  { data, config }: Trained,
  { batch, height, width }: GraphSize,
): Promise<InferenceBatch> {
  const images = new Float32Array(batch * 3 * height * width);
  const meta: InferenceBatch["meta"][number][] = [];
  for (let b = 0; b < batch; b++) {
    const tile = await decodeImage(join(data.images, `${b % 3}.png`));
    const own = { height: height - 5 * b, width: width - 7 * b };
    const pixels = new Uint8Array(3 * own.height * own.width);
    for (let i = 0; i < pixels.length; i++) {
      const [y, x, c] = [Math.floor(i / 3 / own.width), Math.floor(i / 3) % own.width, i % 3];
      pixels[i] = tile.data[3 * ((y % tile.height) * tile.width + (x % tile.width)) + c]!;
    }
    const options = { ...config.data.normalisation, paddedHeight: height, paddedWidth: width };
    writeNormalised({ ...own, data: pixels }, images, b * 3 * height * width, options);
    const scaleFactor = [0.5, 0.5] as const;
    meta.push({
      id: b,
      file: "",
      ...own,
      originalHeight: 2 * own.height,
      originalWidth: 2 * own.width,
      scaleFactor,
      flipped: false,
    });
  }
  return { images, height, width, meta };
}

/** The outputs of densekit's own engine, with the graph built for this size. */
export async function nativeAnswers(
  network: Network,
  part: Part,
  size: GraphSize,
  inputs: SizedTensors,
  { normalisation }: Config["data"],
): Promise<SizedTensors> {
  const plain = { part, preprocess: false, postprocess: false };
  const graph = exportGraph(network, Context.inference(network.values), plain, { ...size, normalisation });
  const program = await compileForInference(onnxRuntimeEngine(), graph);
  const given = Object.keys(program.inputs).map((name) => [name, inputs[name]!.data] as const);
  const outputs = await program.run(Object.fromEntries(given));
  await program.dispose();
  return withShapes(program, outputs);
}
