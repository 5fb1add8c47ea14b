import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { loadConfig } from "../../lib/config/load.js";
import type { DetectionConfig } from "../../lib/config/schema.js";
import type { DetectionBatch } from "../../lib/datasets/loader/batch.js";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import { UserError } from "../../lib/errors.js";
import { openWeights } from "../../lib/inference/weights.js";
import { isFrozen, normModeOf } from "../../lib/models/backbone.js";
import { maskRcnn } from "../../lib/models/maskRcnn/model.js";
import { maskRcnnTrainer } from "../../lib/models/maskRcnn/trainer.js";
import { ParameterValues } from "../../lib/nn/parameters.js";
import { createOptimizer } from "../../lib/optimizers/index.js";
import { Random } from "../../lib/random.js";
import type { RoiTargets } from "../../lib/regions/roiTargets.js";
import type { RpnTargets } from "../../lib/regions/rpnTargets.js";
import { learningRateAt } from "../../lib/schedules/index.js";
import { detectionKind } from "../../lib/tasks/detection/kind.js";
import { writeSafetensors } from "../../lib/tensorfiles/safetensors.js";
import type { Tensor } from "../../lib/tensors/tensor.js";
import { runLength } from "../../lib/training/length.js";
import { createSegments } from "../../lib/training/segments.js";
import { createStepper } from "../../lib/training/stepper.js";
import { modelTensors } from "../../lib/weights/modelTensors.js";

/*
 * Records a training run of boxes for bench/peers/detection.py, which repeats it in PyTorch: the initial weights, every batch,
 * and with --train each step's samples, losses and gradient norm and the final weights.
 */

const program = new Command("record")
  .argument("<config>", "a Mask R-CNN without masks")
  .requiredOption("--out <folder>", "where the record goes; about 2 MB per step at 320 × 256")
  .option("--steps <n>", "steps to record", Number, 50)
  .option("--set <key=value...>", "changes to the config", [])
  .option("--train", "take the steps, and record what they do")
  .option("--weights <file>", "start from these weights, for instance of a finished run")
  .option(
    "--sampler-seed <n>",
    "seed of the sampled anchors and RoIs only; weights and batches keep training.seed",
    Number,
  );
program.parse();
const [name] = program.args as [string];
const { out, steps, set, train, weights, samplerSeed } = program.opts<{
  out: string;
  steps: number;
  set: string[];
  train?: true;
  weights?: string;
  samplerSeed?: number;
}>();

const config = detectorConfig();
const task = await detectionKind.open(config);
if (task.description.masks) throw new UserError("use --set model.head.mask=false: only boxes are supported");

await mkdir(out, { recursive: true });
const values = new ParameterValues(task.parameters);
values.initialise((parameter) => Random.of(config.training.seed, parameter));
if (weights !== undefined) await fillFrom(weights);
await writeSafetensors(join(out, "initial.safetensors"), modelTensors(values));

const { loader } = await task.trainingData();
const length = runLength(config.training, loader.batchesPerEpoch);
const rates = Array.from({ length: steps }, (_, step) =>
  learningRateAt(config.training.schedule, { lr: config.training.optimizer.lr, ...length }, step),
);
const { model, training } = config;
const classes = task.description.classes.length;
/** For every step, the files of its images, to read them again. */
const files: string[][] = [];

function detectorConfig(): DetectionConfig {
  const { config: loaded } = loadConfig(name, { overrides: set });
  if (loaded.task !== "detection") throw new UserError(`${name}: not a config of Mask R-CNN`);
  return loaded;
}

async function fillFrom(path: string): Promise<void> {
  const opened = await openWeights(path);
  try {
    const { flat, flatBuffers } = await opened.read(values.parameters);
    values.flat.set(flat);
    values.flatBuffers.set(flatBuffers);
  } finally {
    await opened.close();
  }
}

async function copyBatches(): Promise<void> {
  let step = 0;
  for await (const batch of batches) {
    files.push(batch.meta.map(({ file }) => file));
    await writeSafetensors(file(++step), Object.entries(batchTensors(batch)));
  }
}

async function takeSteps(): Promise<void> {
  const engine = onnxRuntimeEngine(config.engine);
  const built = maskRcnn(config.model, classes, false);
  const frozen = isFrozen(built.backbone, model.backbone);
  const sampled: {
    rois: readonly RoiTargets[];
    anchors: readonly RpnTargets[];
    proposals: readonly Float32Array[];
  }[] = [];
  const trainer = maskRcnnTrainer({
    model: built,
    engine,
    values,
    frozen,
    normMode: normModeOf(model.backbone, frozen),
    onSampled: (rois, anchors, proposals) => sampled.push({ rois, anchors, proposals }),
  });
  const optimizer = createOptimizer(training.optimizer, values.flat.length);
  const segments = createSegments(values.trainable, { optimizer: training.optimizer, isFrozen: frozen });
  const stepper = createStepper({
    // The loader has its seed already: this one is for the sampling within a step.
    config: { ...config, training: { ...training, seed: samplerSeed ?? training.seed } },
    trainer,
    values,
    optimizer,
    segments,
    signal: undefined,
  });
  const lines: string[] = [];
  for (let step = 1; step <= steps; step++) {
    let seen: DetectionBatch | undefined;
    const { losses, gradientNorm } = await stepper.backward(
      watch(batches, (batch) => {
        seen = { ...batch, images: batch.images.slice() };
      }),
      step,
    );
    stepper.update(step, rates[step - 1]!, gradientNorm);
    files.push(seen!.meta.map(({ file }) => file));
    const { rois, anchors, proposals } = sampled.pop()!;
    const samples = Object.fromEntries([
      ...rois.flatMap((target, i) => roiTensors(target, i)),
      ...anchors.flatMap((target, i) => anchorTensors(target, i)),
      ...proposals.map((boxes, i) => [`proposals/${i}`, float(boxes, [boxes.length / 4, 4])] as const),
    ]);
    await writeSafetensors(file(step), Object.entries({ ...batchTensors(seen!), ...samples }));
    lines.push(JSON.stringify({ step, losses, gradientNorm }));
    console.error(`step ${step}/${steps}`);
  }
  await writeFile(join(out, "steps.jsonl"), `${lines.join("\n")}\n`);
  await writeSafetensors(join(out, "final.safetensors"), modelTensors(values));
  await trainer.dispose();
}

const file = (step: number): string => join(out, `step-${String(step).padStart(5, "0")}.safetensors`);

async function* watch<T>(source: AsyncGenerator<T, void, undefined>, tell: (item: T) => void) {
  const { value } = await source.next();
  if (value === undefined) return;
  tell(value);
  yield value;
}

const float = (data: Float32Array, shape: readonly number[]): Tensor => ({ dtype: "F32", shape, data });
const int = (data: Int32Array): Tensor => ({ dtype: "I32", shape: [data.length], data });

function batchTensors({ images, height, width, instances, meta }: DetectionBatch): Record<string, Tensor> {
  const parts = instances.flatMap(({ boxes, labels }, i) => [
    [`boxes/${i}`, float(boxes, [labels.length, 4])] as const,
    [`labels/${i}`, int(labels)] as const,
    // The image without padding, and whether it was flipped, to read the file again.
    [`size/${i}`, int(Int32Array.of(meta[i]!.height, meta[i]!.width, Number(meta[i]!.flipped)))] as const,
  ]);
  return { images: float(images, [meta.length, 3, height, width]), ...Object.fromEntries(parts) };
}

const roiTensors = ({ rois, labels, positives, matched }: RoiTargets, i: number) =>
  [
    [`rois/${i}`, float(rois, [labels.length, 4])],
    [`roiLabels/${i}`, int(labels)],
    [`roiMatched/${i}`, int(Int32Array.from({ length: positives }, (_, k) => matched[k]!))],
  ] as const;

const anchorTensors = ({ indices, positives }: RpnTargets, i: number) =>
  [
    [`anchors/${i}`, int(indices)],
    [`anchorPositives/${i}`, int(Int32Array.of(positives))],
  ] as const;

const batches = loader.batches({ startAt: 0, stopAt: steps });
if (train) await takeSteps();
else await copyBatches();
await loader.dispose();
const source = config.data.type === "coco" ? config.data.train : undefined;
await writeFile(join(out, "run.json"), JSON.stringify({ model, training, classes, rates, steps, files, source }));
