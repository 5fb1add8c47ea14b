import { join } from "node:path";
import { requireOptions } from "../../arguments.js";
import type { Config } from "../../config/schema.js";
import { listImagesBelow } from "../../datasets/folders.js";
import { Cache } from "../../engines/cache.js";
import type { Program } from "../../engines/engine.js";
import { openEngine } from "../../engines/index.js";
import { compileForInference } from "../../engines/inference.js";
import type { ModelFile, SizedTensors } from "../../engines/modelFile.js";
import { UserError } from "../../errors.js";
import { decodeImage } from "../../images/decode.js";
import { findImages } from "../../inference/findImages.js";
import type { BatchPredictor, InferenceBatch } from "../../models/predictions.js";
import { withShapes } from "../../models/programPredictor.js";
import { Context } from "../../nn/context.js";
import type { ProgressEvent } from "../../progress.js";
import { outputsComparison } from "../../tasks/comparison.js";
import { kindOf, sourceOf } from "../../tasks/kinds.js";
import { refuseNoDataSet } from "../../tasks/sources.js";
import { counted } from "../../words.js";
import { formatOf } from "../formats/index.js";
import { exportGraph } from "../graph.js";
import { type ExportMetadata, fromMetadata } from "../metadata.js";
import { type Network, openNetwork } from "../network.js";
import type { ExportSettings } from "../settings.js";
import { filePredictor } from "./filePredictor.js";
import { configFor, preparedFor } from "./images.js";
import { judged, type VerifyResult } from "./result.js";
import { inputsFor, runFile } from "./run.js";

/** The exported file that `verifyModel` compares with its model, and on what. */
export interface VerifyOptions {
  /** The exported file. */
  readonly model: string;
  readonly config: Config;
  /** What it was exported from: a weights file, a checkpoint's folder, or a run's folder (its best weights). */
  readonly weights: string;
  /** Files, folders or glob patterns; without them, the first images of the validation set. */
  readonly images?: readonly string[];
  /** Whether both are also evaluated on the validation set. */
  readonly data?: boolean;
  /** The largest relative difference allowed. Default 0.001; for a float16 file 0.05. */
  readonly tolerance?: number;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: ProgressEvent) => void;
}

/** The number of images to compare if none are named. */
const IMAGES = 4;
/** Shapes whose programs are kept. */
const PROGRAMS_KEPT = 4;

/**
 * Runs images through an exported file and through the model it was exported from, and reports how much their outputs
 * differ.
 *
 * @throws UserError when file, weights or images cannot be read or do not match; the signal's reason when aborted
 */
export async function verifyModel(options: VerifyOptions): Promise<VerifyResult> {
  requireOptions("verifyModel", options, { model: "path", config: "config" });
  const { model, config, signal, onEvent } = options;
  const file = await formatOf(model).open(model);
  try {
    const metadata = fromMetadata(file.metadata);
    if (metadata === undefined)
      throw new UserError(`${model}: not written by densekit export, or its metadata was lost`);
    checkFits(model, metadata, config);
    const { settings } = metadata;
    const { task, network, weights } = await openNetwork(config, options.weights);
    const tolerance = options.tolerance ?? (settings.half ? 0.05 : 1e-3);
    const comparison = settings.part === "model" ? task.comparison(tolerance) : outputsComparison();
    const native = await nativeRunner(network, settings, config);
    const names = options.images === undefined ? await someOf(config) : await findImages(options.images);
    let side = 0;
    try {
      for (const [i, name] of names.entries()) {
        signal?.throwIfAborted();
        const image = await decodeImage(name, { codec: config.data.codec });
        const batch = preparedFor(settings, image, name, config.data);
        side = Math.max(side, batch.height, batch.width);
        const given = inputsFor(batch, settings, config.data.normalisation);
        comparison.add(batch, await native.run(batch), await runFile(file, given));
        onEvent?.({ type: "progress", what: "comparing", done: i + 1, total: names.length });
      }
    } finally {
      await native.dispose();
    }
    const metrics = options.data === true ? await measured(file, network, settings, options) : undefined;
    const result = { model, weights, tolerance, images: names.length, ...comparison.result() };
    return judged({ ...result, ...(metrics && { metrics }) }, side);
  } finally {
    await file.dispose();
  }
}

function checkFits(model: string, { task, classes }: ExportMetadata, config: Config): void {
  if (task === config.task) return;
  throw new UserError(
    `${model}: a model of the task ${task} (${counted(classes.length, "class", "classes")}), but the config's task is ${config.task}`,
  );
}

/** The network's own outputs, neither pre- nor post-processed, on the config's engine. */
async function nativeRunner(network: Network, settings: ExportSettings, config: Config) {
  const engine = await openEngine(config.engine);
  const programs = new Cache<Program>(PROGRAMS_KEPT);
  const { normalisation } = config.data;
  const plain = { part: settings.part, preprocess: false, postprocess: false };
  return {
    async run(batch: InferenceBatch): Promise<SizedTensors> {
      const { height, width } = batch;
      const size = { batch: batch.meta.length, height, width };
      const compile = () =>
        compileForInference(
          engine,
          exportGraph(network, Context.inference(network.values), plain, { ...size, normalisation }),
        );
      return programs.use(`${size.batch}x${height}x${width}`, compile, async (program) => {
        const given = inputsFor(batch, plain, normalisation);
        const feeds = Object.fromEntries(Object.keys(program.inputs).map((name) => [name, given[name]!.data]));
        const outputs = await program.run(feeds);
        return withShapes(program, outputs);
      });
    },
    dispose: () => programs.dispose(),
  };
}

/** Paths of the first images of the validation set. */
async function someOf(config: Config): Promise<readonly string[]> {
  refuseNoDataSet(config, "val");
  const { images } = await sourceOf(config, "val");
  const first = (await listImagesBelow(images)).slice(0, IMAGES);
  if (first.length === 0) throw new UserError(`${images}: there are no images here`);
  return first.map((file) => join(images, file));
}

async function measured(
  file: ModelFile,
  network: Network,
  settings: ExportSettings,
  { config, signal, onEvent }: VerifyOptions,
): Promise<NonNullable<VerifyResult["metrics"]>> {
  if (settings.part !== "model") throw new UserError("feature maps have no metrics on a data set; omit --data", 2);
  if (settings.postprocess) {
    throw new UserError(
      "the output of --postprocess is for display, and metrics cannot be computed from it; verify a file exported without it, or omit " +
        "--data out",
      2,
    );
  }
  const own = configFor(settings, config);
  const task = await kindOf(own).open(own, network.description, "val");
  const measure = async (what: string, predictor: BatchPredictor<unknown>) => {
    const run = await task.validation(predictor);
    const onProgress = (done: number, total: number) => onEvent?.({ type: "progress", what, done, total });
    try {
      return (await run.evaluate({ signal, onProgress })).metrics;
    } finally {
      await run.dispose();
    }
  };
  const { values } = network;
  const engine = await openEngine(config.engine);
  return {
    model: await measure("evaluating the model", task.predictor({ values, engine, folded: true })),
    file: await measure("evaluating the file", filePredictor(file, settings, config.data.normalisation, task)),
  };
}
