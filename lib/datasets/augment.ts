import type { CodecName } from "../images/decode.js";
import { Random } from "../random.js";
import { type LoadSampleOptions, loadSample } from "./sample.js";
import {
  applyTransforms,
  completeTransforms,
  firstSize,
  type TransformInput,
  type TransformSpec,
  transformOf,
} from "./transforms/index.js";
import type { Dataset, Sample, SampleSource } from "./types.js";

/**
 * How to make a sample, as plain data: it includes everything that depends on the data set, so that a worker thread can
 * use it.
 */
export interface SamplePlan {
  readonly source: SampleSource;
  /** The name of its stream of random numbers. */
  readonly stream: readonly (number | string)[];
  /** By index of the mixing step, the samples mixed in there; each has gone through the steps before it. */
  readonly partners: ReadonlyMap<number, readonly SamplePlan[]>;
}

/**
 * Chooses whether and what to mix into an image: a function of the stream's name alone, wherever and in whatever order
 * samples are then made. Images that are not needed are not decoded.
 */
export function planSample(
  dataset: Pick<Dataset, "length" | "source">,
  index: number,
  transforms: readonly TransformSpec[],
  stream: SamplePlan["stream"],
): SamplePlan {
  const partners = new Map<number, readonly SamplePlan[]>();
  for (const [step, spec] of transforms.entries()) {
    const mixes = transformOf(spec).mixes?.(spec);
    if (mixes === undefined) continue;
    const random = Random.of(...stream, "partners", step);
    if (random.next() >= mixes.probability) continue;
    const before = transforms.slice(0, step);
    const plans = Array.from({ length: mixes.images }, (_, i) =>
      planSample(dataset, random.integer(dataset.length), before, [...stream, step, i]),
    );
    partners.set(step, plans);
  }
  return { source: dataset.source(index), stream, partners };
}

export interface MakeSampleOptions {
  readonly transforms: readonly TransformSpec[];
  readonly codec?: CodecName | "auto";
  /** Draw the objects' masks; default true. */
  readonly masks?: boolean;
  /** Whether a large image may be decoded at a smaller scale, see `LoaderOptions`; default "full". */
  readonly decode?: "full" | "reduced";
}

/** Decodes a sample and the images mixed into it, and applies the transforms. A function of the plan alone. */
export async function makeSample(plan: SamplePlan, options: MakeSampleOptions): Promise<Sample> {
  // Objects are cut out by their masks, even if the network is not trained on masks.
  const masks = options.masks !== false || options.transforms.some((spec) => transformOf(spec).needsMasks);
  const [sample, partners] = await Promise.all([
    loadSample(plan.source, { ...options, masks, ...neededOf(plan, options) }),
    makePartners(plan, { ...options, masks }),
  ]);
  return applyTransforms(sample, options.transforms, Random.of(...plan.stream), partners);
}

/**
 * The size after the first step, from the random draws it will make: an image to be shrunk need not be decoded at full
 * size.
 */
function neededOf(plan: SamplePlan, { transforms, decode }: MakeSampleOptions): Pick<LoadSampleOptions, "atLeast"> {
  const [first] = transforms;
  if (decode !== "reduced" || first === undefined) return {};
  return { atLeast: (full) => firstSize(first, full, Random.of(...plan.stream)) ?? full };
}

async function makePartners(plan: SamplePlan, options: MakeSampleOptions): Promise<Map<number, readonly Sample[]>> {
  const made = new Map<number, readonly Sample[]>();
  for (const [step, plans] of plan.partners) {
    const before = { ...options, transforms: options.transforms.slice(0, step) };
    made.set(step, await Promise.all(plans.map((partner) => makeSample(partner, before))));
  }
  return made;
}

/** The random stream of the image at a position in an epoch. */
export function sampleStream(seed: number, epoch: number, position: number): SamplePlan["stream"] {
  return [seed, "sample", epoch, position];
}

/** What `augmentedSample` needs: the transforms, and what random choices follow from. */
export interface AugmentedSampleOptions extends Omit<MakeSampleOptions, "transforms"> {
  readonly transforms: readonly TransformInput[];
  readonly seed: number;
  /** Default 0. */
  readonly epoch?: number;
  /** The position of the image in the epoch, default its index. */
  readonly position?: number;
}

/**
 * An image of a data set with its annotation as the network would see them, before normalising and padding: what the
 * loader makes of it with this seed at this position of this epoch.
 *
 * @param options.transforms a config's `data.transforms.train`
 * @throws UserError naming the file that cannot be decoded
 */
export async function augmentedSample(
  dataset: Dataset,
  index: number,
  options: AugmentedSampleOptions,
): Promise<Sample> {
  const stream = sampleStream(options.seed, options.epoch ?? 0, options.position ?? index);
  const transforms = completeTransforms(options.transforms);
  return makeSample(planSample(dataset, index, transforms, stream), { ...options, transforms });
}
