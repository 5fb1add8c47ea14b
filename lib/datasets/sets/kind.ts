import { z } from "zod";
import type { CocoSegmentation } from "../../masks/coco.js";
import type { Image, LabelMap } from "../../pixels/image.js";
import { limit, splits } from "./keys.js";

/** The path of an image's file, or its pixels. */
export type ItemImage = string | Image;

/** An object of an image. */
export interface ItemObject {
  /** The name of its class. */
  readonly label: string;
  /** x y width height in pixels. Not needed where there is a mask. */
  readonly box?: readonly [x: number, y: number, width: number, height: number];
  /** Polygons or run lengths as in COCO files, or a map of the image's size: what is not 0 belongs to the object. */
  readonly mask?: CocoSegmentation | LabelMap;
  /** It stands for several objects: it is neither trained on nor judged. Default false. */
  readonly crowd?: boolean;
}

/** An image with what is annotated, by task. */
export interface DataItems {
  readonly detection: { readonly image: ItemImage; readonly objects: readonly ItemObject[] };
  /** A class index for each pixel, 255 where there is none; or the path of a PNG of these. */
  readonly segmentation: { readonly image: ItemImage; readonly labelMap: string | LabelMap };
  /** `label` is the name of the class. */
  readonly classification: { readonly image: ItemImage; readonly label: string };
}

/** The task of a data set. */
export type DataTask = keyof DataItems;

/** A data set, opened. */
export interface OpenedSet<Item> {
  /** Names, in order of their index. */
  readonly classes: readonly string[];
  /** The number of images. */
  readonly length: number;
  /** @param index from 0 */
  item(index: number): Item | Promise<Item>;
}

type SplitSchema<Split extends z.ZodRawShape> = z.ZodObject<Split & { limit: typeof limit }, z.core.$strict>;

/** The schema of a data set. */
export type DataSetSchema<
  Type extends string = string,
  Split extends z.ZodRawShape = z.ZodRawShape,
  Keys extends z.ZodRawShape = z.ZodRawShape,
> = z.ZodObject<
  { type: z.ZodLiteral<Type>; train: SplitSchema<Split>; val: SplitSchema<Split> } & Keys,
  z.core.$strict
>;

/** The least that is known of any data set's schema. */
export type AnyDataSetSchema = z.ZodObject<{ type: z.ZodLiteral<string>; train: z.ZodObject; val: z.ZodObject }>;

/**
 * The config schema of a data set.
 *
 * @param split the keys of `data.train` and of `data.val`, besides `limit`; paths are made by `filePath`
 * @param keys those of `data`, besides the ones that all data sets of the task have
 */
export function dataSetSchema<
  const Type extends string,
  Split extends z.ZodRawShape,
  // biome-ignore lint/complexity/noBannedTypes: no keys
  Keys extends z.ZodRawShape = {},
>(type: Type, split: Split, keys?: Keys): DataSetSchema<Type, Split, Keys> {
  const schema = z.strictObject({
    type: z.literal(type),
    ...splits(z.strictObject({ ...split, limit })),
    ...keys,
  });
  return schema as unknown as DataSetSchema<Type, Split, Keys>;
}

/** A data set that configs may name. */
export interface DataSetKind<Task extends DataTask = DataTask, Schema extends z.ZodType = AnyDataSetSchema> {
  readonly task: Task;
  /** Made by `dataSetSchema`. */
  readonly schema: Schema;
  /** @param config the config's `data` @param split whose keys to read, those of `config[split]` */
  open(
    config: z.output<Schema>,
    split: "train" | "val",
  ): OpenedSet<DataItems[Task]> | Promise<OpenedSet<DataItems[Task]>>;
}

/** Describes a data set; the types follow from the task and the schema. */
export const dataSetKind = <Task extends DataTask, Schema extends z.ZodType>(
  kind: DataSetKind<Task, Schema>,
): DataSetKind<Task, Schema> => kind;
