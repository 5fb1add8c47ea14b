import { betaOf, type Random } from "../../random.js";

export interface MixingOptions {
  /** α of the beta distribution of MixUp, and of CutMix; 0 turns it off. */
  readonly mixup: number;
  readonly cutmix: number;
  /** Share of the batches that are mixed. */
  readonly probability: number;
  /** If both are on, the share of the mixed batches that get CutMix. */
  readonly switchProbability: number;
}

interface Images {
  /** [B, 3, height, width]; changed in place. */
  readonly images: Float32Array;
  readonly height: number;
  readonly width: number;
}

/**
 * Mixes each image of a batch with the one at the same place from the end: by weight (MixUp) or with a rectangle of it
 * (CutMix), one draw for the whole batch, as in timm's batch mode.
 *
 * @returns how much of an image is its own; the rest is its partner's
 */
export function mixBatch({ images, height, width }: Images, options: MixingOptions, random: Random): number {
  const { mixup, cutmix, probability, switchProbability } = options;
  if ((mixup === 0 && cutmix === 0) || random.next() >= probability) return 1;
  const cuts = cutmix > 0 && (mixup === 0 || random.next() < switchProbability);
  const own = betaOf(cuts ? cutmix : mixup, random);
  const size = 3 * height * width;
  const batch = images.length / size;
  if (!cuts) {
    for (let i = 0; i < batch >> 1; i++) {
      const [a, b] = [i * size, (batch - 1 - i) * size];
      for (let j = 0; j < size; j++) {
        const [x, y] = [images[a + j]!, images[b + j]!];
        images[a + j] = own * x + (1 - own) * y;
        images[b + j] = own * y + (1 - own) * x;
      }
    }
    return own;
  }
  const { top, bottom, left, right } = rectangle(height, width, own, random);
  for (let i = 0; i < batch >> 1; i++) {
    for (let c = 0; c < 3; c++) {
      for (let y = top; y < bottom; y++) {
        const a = i * size + (c * height + y) * width;
        const b = (batch - 1 - i) * size + (c * height + y) * width;
        for (let x = left; x < right; x++) {
          const kept = images[a + x]!;
          images[a + x] = images[b + x]!;
          images[b + x] = kept;
        }
      }
    }
  }
  return 1 - ((bottom - top) * (right - left)) / (height * width); // by the part inside the image
}

/** A rectangle of (1 − own) of the area around a random centre, clipped to the image. */
function rectangle(height: number, width: number, own: number, random: Random) {
  const share = Math.sqrt(1 - own);
  const [tall, across] = [Math.floor(height * share), Math.floor(width * share)];
  const [y, x] = [random.integer(height), random.integer(width)];
  const within = (value: number, most: number) => Math.min(Math.max(value, 0), most);
  return {
    top: within(y - (tall >> 1), height),
    bottom: within(y + (tall >> 1), height),
    left: within(x - (across >> 1), width),
    right: within(x + (across >> 1), width),
  };
}
