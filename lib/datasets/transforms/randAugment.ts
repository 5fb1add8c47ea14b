import { z } from "zod";
import { UserError } from "../../errors.js";
import {
  adjustBrightness,
  adjustContrast,
  adjustSaturation,
  adjustSharpness,
  autoContrast,
  equalise,
  posterise,
  solarise,
} from "../../pixels/adjust.js";
import { rotateImage, shearImage, translateImage } from "../../pixels/affine.js";
import type { Image } from "../../pixels/image.js";
import type { Random } from "../../random.js";
import { count, flag } from "../../schemas/fields.js";
import type { Sample } from "../types.js";
import { transform } from "./transform.js";

const schema = z.strictObject({
  type: z.literal("randAugment"),
  operations: count("How many per image").default(2),
  magnitude: count("Strength, from 0 to bins − 1", 0).default(9),
  bins: count("Steps of the strength", 2).default(31),
  geometric: z
    .literal(false)
    .default(false)
    .describe("Colour changes only: operations that move pixels would leave boxes, masks and labels behind"),
});

/** Pixels may only be moved in images without located annotations, so only configs of classifiers offer that. */
type Spec = Omit<z.output<typeof schema>, "type" | "geometric"> & { readonly geometric: boolean };

interface Operation {
  /** Its strength at a share 0–1 of the largest magnitude. */
  readonly amount?: (share: number, image: Image) => number;
  /** The amount's sign is random. */
  readonly signed?: true;
  /** Pixels move: not for images whose boxes or label maps would stay behind. */
  readonly geometric?: true;
  readonly apply: (image: Image, amount: number) => Image;
}

const factor = (apply: (image: Image, factor: number) => Image): Operation => ({
  amount: (share) => 0.9 * share,
  signed: true,
  apply: (image, amount) => apply(image, 1 + amount),
});

const move = (amount: Operation["amount"] & {}, apply: Operation["apply"]): Operation => ({
  amount,
  signed: true,
  geometric: true,
  apply,
});

/** The fourteen operations of RandAugment (Cubuk et al., 2020) with torchvision's names, signs and magnitudes. */
export const OPERATIONS = {
  Identity: { apply: (image) => image },
  ShearX: move(
    (share) => 0.3 * share,
    (image, amount) => shearImage(image, amount, 0),
  ),
  ShearY: move(
    (share) => 0.3 * share,
    (image, amount) => shearImage(image, 0, amount),
  ),
  TranslateX: move(
    (share, { width }) => (150 / 331) * width * share,
    (image, amount) => translateImage(image, Math.trunc(amount), 0),
  ),
  TranslateY: move(
    (share, { height }) => (150 / 331) * height * share,
    (image, amount) => translateImage(image, 0, Math.trunc(amount)),
  ),
  Rotate: move((share) => 30 * share, rotateImage),
  Brightness: factor(adjustBrightness),
  Color: factor(adjustSaturation),
  Contrast: factor(adjustContrast),
  Sharpness: factor(adjustSharpness),
  Posterize: { amount: (share) => 8 - roundHalfEven(4 * share), apply: posterise },
  Solarize: { amount: (share) => 255 * (1 - share), apply: solarise },
  AutoContrast: { apply: autoContrast },
  Equalize: { apply: equalise },
} as const satisfies Readonly<Record<string, Operation>>;

export type OperationName = keyof typeof OPERATIONS;

export interface DrawnOperation {
  readonly name: OperationName;
  readonly negative: boolean;
}

/**
 * RandAugment: `operations` times one of the fourteen, each as likely, all at one magnitude.
 *
 * @throws UserError for an image with boxes, masks or a label map, unless `geometric` is false
 */
export const randAugment = transform({ schema, apply: augment });

const GEOMETRIC = "Also operations that move pixels: shears, shifts and rotations; without them, colour changes only";

/** The same for images with one label, which moves with them. */
export const imageRandAugment = transform({
  schema: schema.extend({ geometric: flag(GEOMETRIC).default(false) }),
  apply: augment,
});

export function augment(sample: Sample, spec: Spec, random: Random): Sample {
  if (spec.geometric && (sample.instances !== undefined || sample.labelMap !== undefined)) {
    throw new UserError(
      `${sample.meta.file}: randAugment moves pixels, but not the boxes, masks or labels on them; ` +
        "set geometric: false for colour changes only",
    );
  }
  const share = spec.magnitude / (spec.bins - 1);
  let { image } = sample;
  for (const operation of drawOperations(spec, random)) image = applyOperation(image, operation, share);
  return { ...sample, image };
}

export function drawOperations(spec: Pick<Spec, "operations" | "geometric">, random: Random): DrawnOperation[] {
  const names = (Object.keys(OPERATIONS) as OperationName[]).filter((name) => {
    const operation: Operation = OPERATIONS[name];
    return spec.geometric || operation.geometric !== true;
  });
  return Array.from({ length: spec.operations }, () => {
    const name = names[random.integer(names.length)]!;
    return { name, negative: random.next() < 0.5 };
  });
}

/** @param share of the largest magnitude, 0–1 */
export function applyOperation(image: Image, { name, negative }: DrawnOperation, share: number): Image {
  const operation: Operation = OPERATIONS[name];
  const amount = operation.amount?.(share, image) ?? 0;
  return operation.apply(image, operation.signed === true && negative ? -amount : amount);
}

function roundHalfEven(value: number): number {
  const low = Math.floor(value);
  if (value - low !== 0.5) return Math.round(value);
  return low % 2 === 0 ? low : low + 1;
}
