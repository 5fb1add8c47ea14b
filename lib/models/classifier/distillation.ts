import type { ClassificationBatch } from "../../datasets/loader/batch.js";
import { probabilitiesOf } from "./predictor.js";

/** A model that another one is trained to imitate. */
export interface Teacher {
  /** Its logits are those of images that are not mixed: what it says is mixed as the images were. Default false. */
  readonly unmixed?: boolean;
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
  /** For soft distillation: the logits of both models are divided by it. */
  readonly temperature: number;
}

/**
 * The teacher's output for a batch as [B, classes] weights of the student's log probabilities (DeiT, Touvron et al.
 * 2021): hard, the mean over the batch; soft, the Kullback–Leibler divergence times the squared temperature, the mean
 * over batch and classes.
 *
 * @param own how much of an image is its own; the rest is that of the one at the same place from the end
 * @returns also what to subtract from the cross-entropy to get the divergence
 */
export async function distillationTargets(
  batch: ClassificationBatch,
  classes: number,
  { teacher, type, weight, temperature }: DistillationOptions,
  own = 1,
): Promise<{ readonly teacher: Float32Array; readonly entropy: number }> {
  const logits = await teacher.logits(batch);
  const images = logits.length / classes;
  const said = (i: number): Float32Array => {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    return type === "hard" ? bestAlone(row) : probabilitiesOf(row, temperature);
  };
  const share = teacher.unmixed === true ? own : 1;
  const scale = type === "hard" ? weight / images : (weight * temperature ** 2) / (images * classes);
  const targets = new Float32Array(logits.length);
  let entropy = 0;
  for (let i = 0; i < images; i++) {
    const [mine, partners] = [said(i), share === 1 ? undefined : said(images - 1 - i)];
    for (const [k, one] of mine.entries()) {
      const p = partners === undefined ? one : share * one + (1 - share) * partners[k]!;
      targets[i * classes + k] = scale * p;
      if (type === "soft" && p > 0) entropy -= scale * p * Math.log(p);
    }
  }
  return { teacher: targets, entropy };
}

/** 1 at the largest logit, the first of equals; else 0. */
function bestAlone(row: Float32Array): Float32Array {
  const label = new Float32Array(row.length);
  label[row.indexOf(row.reduce((a, b) => Math.max(a, b)))] = 1;
  return label;
}
