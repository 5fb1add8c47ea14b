import type { ClassificationBatch } from "../../datasets/loader/types.js";
import { probabilitiesOf } from "./predictor.js";

/** A model that is learnt from. */
export interface Teacher {
  /** @returns [B, classes] */
  logits(batch: ClassificationBatch): Promise<Float32Array>;
  dispose(): Promise<void>;
}

export interface DistillationOptions {
  readonly teacher: Teacher;
  /** hard: the teacher's best class is a label; soft: its probabilities are. */
  readonly type: "hard" | "soft";
  /** Share of the loss. */
  readonly weight: number;
  /** Of soft distillation: logits of both are divided by it. */
  readonly temperature: number;
}

/**
 * What the teacher says of a batch as [B, classes] weights of the student's log probabilities (DeiT, Touvron et al. 2021):
 * hard, the mean over the batch; soft, the Kullback–Leibler divergence times the squared temperature, the mean over batch and
 * classes.
 *
 * @returns also what is to be taken off the cross-entropy for it to be the divergence
 */
export async function distillationTargets(
  batch: ClassificationBatch,
  classes: number,
  { teacher, type, weight, temperature }: DistillationOptions,
): Promise<{ readonly teacher: Float32Array; readonly entropy: number }> {
  const logits = await teacher.logits(batch);
  const targets = new Float32Array(logits.length);
  const images = logits.length / classes;
  let entropy = 0;
  for (let i = 0; i < images; i++) {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    if (type === "hard") {
      targets[i * classes + row.indexOf(row.reduce((a, b) => Math.max(a, b)))] = weight / images;
      continue;
    }
    const scale = (weight * temperature ** 2) / (images * classes);
    for (const [k, p] of probabilitiesOf(row, temperature).entries()) {
      targets[i * classes + k] = scale * p;
      if (p > 0) entropy -= scale * p * Math.log(p);
    }
  }
  return { teacher: targets, entropy };
}
