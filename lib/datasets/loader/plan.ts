import { Random } from "../../random.js";
import { type Draws, drawEpoch } from "./draws.js";

export interface PlanOptions {
  /** [n] group of each image; a batch holds images of one group. */
  readonly groups: Uint8Array;
  readonly batchSize: number;
  readonly shuffle: boolean;
  readonly lastBatch: "fill" | "short" | "drop";
  readonly seed: number;
  /** Copies of each image chosen, when shuffling; default 1. */
  readonly repeats?: number;
  /** [n] class of each image, to make classes equally frequent when shuffling; default: frequencies are unchanged. */
  readonly classOf?: ArrayLike<number>;
  /** How often each image comes when shuffling; default once. */
  readonly draws?: Draws;
}

/**
 * The batches of an epoch as data set indices: a function of (seed, epoch) alone, with the same number of batches every
 * epoch.
 */
export function planEpoch(options: PlanOptions, epoch: number): Int32Array[] {
  const { groups, batchSize, shuffle, lastBatch, seed, draws } = options;
  const random = Random.of(seed, "order", epoch);
  const batches: Int32Array[] = [];
  const all = Array.from({ length: groups.reduce((a, b) => Math.max(a, b), 0) + 1 }, (_, group) =>
    Int32Array.from(groups.keys()).filter((i) => groups[i] === group),
  );
  const drawn = shuffle && draws !== undefined;
  for (const members of drawn ? drawEpoch(all, draws, random) : all) {
    if (shuffle && !drawn) choose(members, options, random);
    for (let start = 0; start < members.length; start += batchSize) {
      const batch = members.slice(start, start + batchSize);
      if (batch.length === batchSize || lastBatch === "short") batches.push(batch);
      else if (lastBatch === "fill") batches.push(fill(batch, members, batchSize));
    }
  }
  return shuffle ? random.shuffle(batches) : batches;
}

/** Replaces a group's members by its images of an epoch: in random order, possibly balanced, possibly repeated. */
function choose(members: Int32Array, { repeats = 1, classOf }: PlanOptions, random: Random): void {
  if (classOf === undefined) random.shuffle(members);
  else balance(members, classOf, random);
  if (repeats === 1) return;
  // As in DeiT's sampler: copies side by side, of the first 1 / repeats of the images in this order.
  const chosen = members.slice(0, Math.ceil(members.length / repeats));
  for (let i = 0; i < members.length; i++) members[i] = chosen[Math.floor(i / repeats)]!;
}

/** Draws the same number of images with replacement: first a class, all equally likely, then one of its images. */
function balance(members: Int32Array, classOf: ArrayLike<number>, random: Random): void {
  const byClass = new Map<number, number[]>();
  for (const i of members) {
    const known = byClass.get(classOf[i]!);
    if (known === undefined) byClass.set(classOf[i]!, [i]);
    else known.push(i);
  }
  const classes = [...byClass.keys()].sort((a, b) => a - b).map((k) => byClass.get(k)!);
  for (let i = 0; i < members.length; i++) {
    const own = classes[random.integer(classes.length)]!;
    members[i] = own[random.integer(own.length)]!;
  }
}

/** Continues with the group's first images, repeatedly if the group is smaller than a batch. */
function fill(batch: Int32Array, members: Int32Array, batchSize: number): Int32Array {
  return Int32Array.from({ length: batchSize }, (_, i) => batch[i] ?? members[(i - batch.length) % members.length]!);
}
