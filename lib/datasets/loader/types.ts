import type { CodecName } from "../../images/decode.js";
import type { Normalisation } from "../../pixels/normalise.js";
import type { TransformInput } from "../transforms/index.js";
import type { Dataset } from "../types.js";
import type { Draws } from "./draws.js";
import type { PaddingRule } from "./padding.js";

/** A function in a module, called with each batch in the thread that makes it. */
export interface CollateHook {
  /** The module's URL, e.g. new URL("./targets.js", import.meta.url).href. */
  readonly module: string;
  /** The name of the exported function: (batch: Batch, options: unknown) => unknown, plain data or a promise of it. */
  readonly name: string;
  /** Plain data for it. */
  readonly options?: unknown;
}

export interface LoaderOptions<D extends Dataset = Dataset> {
  readonly dataset: D;
  readonly transforms: readonly TransformInput[];
  readonly batchSize: number;
  readonly seed: number;
  /** A new order every epoch; default false. */
  readonly shuffle?: boolean;
  /** "aspect": portrait and landscape images come in separate batches, so that there is less padding. Default "none". */
  readonly grouping?: "none" | "aspect";
  /**
   * A group's last batch: filled up with images of the group, short, or left out. Default "fill" when shuffling,
   * otherwise "short".
   */
  readonly lastBatch?: "fill" | "short" | "drop";
  /**
   * When shuffling: the number of differently distorted copies of each chosen image, with that many times fewer images;
   * default 1.
   */
  readonly repeats?: number;
  /**
   * When shuffling, [length] class of each image: they are drawn so that all classes are equally frequent. Default
   * none.
   */
  readonly classOf?: ArrayLike<number>;
  /** When shuffling, how often each image comes in an epoch; default once. */
  readonly draws?: Draws;
  readonly padding?: PaddingRule;
  /** Default ImageNet's. */
  readonly normalisation?: Normalisation;
  /** Number of threads that decode; 0 uses the calling thread. Default 0. */
  readonly workers?: number;
  /** Batches made ahead; default 2 per worker. */
  readonly prefetch?: number;
  /**
   * Requesting the next batch releases the last one's images: their memory goes back to the threads, and `images` is
   * then empty. Saves allocating 25 MB per batch. Default false.
   */
  readonly reuse?: boolean;
  readonly codec?: CodecName | "auto";
  /**
   * "reduced": a JPEG that the first transform shrinks to half or less is decoded at a smaller scale: faster, and as if
   * smoothed before resizing, so the pixels differ from the reference's. Default "full".
   */
  readonly decode?: "full" | "reduced";
  /** Draw the objects' masks; default true. */
  readonly masks?: boolean;
  /**
   * "original": only the image is transformed, for evaluation against the original annotation. Default "transformed".
   */
  readonly annotations?: "transformed" | "original";
  readonly hook?: CollateHook;
}
