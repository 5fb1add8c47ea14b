import type { CodecName } from "../../images/decode.js";
import { padLabelMap } from "../../pixels/geometry.js";
import { type Normalisation, writeNormalised } from "../../pixels/normalise.js";
import { Random } from "../../random.js";
import { makeSample, type SamplePlan } from "../augment.js";
import { loadSample } from "../sample.js";
import { applyTransforms, type TransformSpec } from "../transforms/index.js";
import type { Dataset, Sample } from "../types.js";
import type { Batch } from "./batch.js";
import { type PaddingRule, paddedSize } from "./padding.js";
import type { CollateHook } from "./types.js";

/** Everything needed to make a batch, as plain data. */
export interface BatchTask {
  readonly kind: Dataset["kind"];
  readonly plans: readonly SamplePlan[];
  readonly indices: Int32Array;
  /** Memory of a finished batch, for this one's images if it is large enough. */
  readonly buffer?: ArrayBuffer;
  readonly settings: BatchSettings;
}

export interface BatchSettings {
  readonly transforms: readonly TransformSpec[];
  readonly padding: PaddingRule;
  readonly normalisation: Normalisation;
  readonly codec: CodecName | "auto";
  readonly masks: boolean;
  readonly decode: "full" | "reduced";
  readonly annotations: "transformed" | "original";
  readonly hook?: CollateHook;
  /** URLs of modules that add transforms. */
  readonly modules: readonly string[];
}

/** Decodes, transforms and collates one batch. A function of the task alone, wherever it runs. */
export async function makeBatch(task: BatchTask): Promise<Batch> {
  for (const module of task.settings.modules) await import(module);
  const samples = await Promise.all(task.plans.map((plan) => sampleOf(plan, task.settings)));
  const batch = collate(samples, task);
  const { hook } = task.settings;
  return hook === undefined ? batch : { ...batch, extra: await runHook(hook, batch) };
}

async function sampleOf(plan: SamplePlan, settings: BatchSettings): Promise<Sample> {
  if (settings.annotations === "transformed") return makeSample(plan, settings);
  const sample = await loadSample(plan.source, settings);
  const bare = { image: sample.image, meta: sample.meta };
  const { image, meta } = applyTransforms(bare, settings.transforms, Random.of(...plan.stream));
  return { ...sample, image, meta };
}

function collate(samples: readonly Sample[], task: BatchTask): Batch {
  const { padding, normalisation, annotations } = task.settings;
  const unpadded = samples.map(({ image }) => image);
  const size = paddedSize(unpadded, padding);
  const { height, width } = size;
  const plane = height * width;
  const images = roomFor(samples.length * 3 * plane, task.buffer); // [B, 3, H, W]
  for (const [i, image] of unpadded.entries()) {
    writeNormalised(image, images, i * 3 * plane, { ...normalisation, paddedHeight: height, paddedWidth: width });
  }
  const base = { images, height, width, indices: task.indices, meta: samples.map(({ meta }) => meta) };
  switch (task.kind) {
    case "detection":
      return { kind: "detection", ...base, instances: samples.map((sample) => given(sample.instances, sample)) };
    case "classification":
      return {
        kind: "classification",
        ...base,
        labels: Int32Array.from(samples, (sample) => given(sample.label, sample)),
      };
    case "segmentation": {
      const maps = samples.map((sample) => given(sample.labelMap, sample));
      if (annotations === "original") {
        return { kind: "segmentation", ...base, labels: new Uint8Array(0), labelMaps: maps };
      }
      const labels = new Uint8Array(samples.length * plane); // [B, H, W]
      for (const [i, map] of maps.entries()) labels.set(padLabelMap(map, size).data, i * plane);
      return { kind: "segmentation", ...base, labels, labelMaps: [] };
    }
  }
}

/** Floats in the given memory, or in fresh memory, which the system provides page by page, which takes time. */
function roomFor(length: number, buffer: ArrayBuffer | undefined): Float32Array {
  const isEnough = buffer !== undefined && buffer.byteLength >= 4 * length;
  return isEnough ? new Float32Array(buffer, 0, length) : new Float32Array(length);
}

function given<T>(annotation: T | undefined, { meta }: Sample): T {
  if (annotation === undefined) throw new Error(`${meta.file} lacks the annotation of its kind of data set`);
  return annotation;
}

async function runHook(hook: CollateHook, batch: Batch): Promise<unknown> {
  const module: Record<string, unknown> = await import(hook.module);
  const run = module[hook.name];
  if (typeof run !== "function") throw new Error(`${hook.module} exports no function ${hook.name}`);
  return run(batch, hook.options);
}
