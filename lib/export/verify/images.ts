import type { Config } from "../../config/schema.js";
import { scaledSize } from "../../datasets/geometry.js";
import { prepare } from "../../inference/prepare.js";
import type { InferenceBatch } from "../../models/predictions.js";
import type { Image } from "../../pixels/image.js";
import type { ExportSettings } from "../settings.js";

/**
 * An image as the exported model takes it: as the config's test transforms make it, if that fits; otherwise scaled down
 * into the model's fixed size. With a fixed batch size all images of a batch are the same.
 */
export function preparedFor(
  settings: ExportSettings,
  image: Image,
  name: string,
  data: Config["data"],
): InferenceBatch {
  const { size, batch } = settings;
  const one = size === "free" ? prepare(image, name, data) : fitted(size, image, name, data);
  const count = batch === "free" ? 1 : batch;
  const images = new Float32Array(count * one.images.length);
  for (let i = 0; i < count; i++) images.set(one.images, i * one.images.length);
  return { ...one, images, meta: Array.from({ length: count }, () => one.meta[0]!) };
}

type FixedSize = Exclude<ExportSettings["size"], "free">;

function fitted(size: FixedSize, image: Image, name: string, data: Config["data"]): InferenceBatch {
  const padding = { ...data.padding, sizes: [size] };
  const asConfigured = prepare(image, name, { ...data, padding } as Config["data"]);
  if (asConfigured.width === size.width && asConfigured.height === size.height) return asConfigured;
  const long = [size.width, size.height] as const;
  const wide = image.width >= image.height;
  const inside = scaledSize(image, wide === size.width >= size.height ? long : squareOf(size));
  const scale: [number, number] = [Math.min(inside.width, size.width), Math.min(inside.height, size.height)];
  const resize = { type: "resize", scale, keepRatio: false, multipleOf: 1, interpolation: "bilinear" } as const;
  return prepare(image, name, {
    ...data,
    padding,
    transforms: { ...data.transforms, test: [resize] },
  } as Config["data"]);
}

const squareOf = ({ height, width }: FixedSize): readonly [number, number] => {
  const side = Math.min(height, width);
  return [side, side];
};

/** The config with every validation image stretched to the fixed size; unchanged if sizes are free. */
export function configFor<C extends Config>(settings: ExportSettings, config: C): C {
  const { size, batch } = settings;
  const testBatchSize = batch === "free" ? config.data.testBatchSize : batch;
  if (size === "free") return { ...config, data: { ...config.data, testBatchSize } };
  const scale: [number, number] = [size.width, size.height];
  const resize = { type: "resize", scale, keepRatio: false, multipleOf: 1, interpolation: "bilinear" } as const;
  const transforms = { ...config.data.transforms, test: [resize] };
  return { ...config, data: { ...config.data, testBatchSize, transforms } };
}
