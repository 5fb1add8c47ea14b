import { z } from "zod";
import { classNames } from "../../datasets/sets/keys.js";
import type { DataItems, DataSetKind, DataTask, ItemImage, OpenedSet } from "../../datasets/sets/kind.js";
import { UserError } from "../../errors.js";
import type { CocoSegmentation } from "../../masks/coco.js";
import type { LabelMap } from "../../pixels/image.js";
import { runPart } from "../../schemas/origins.js";

/** A split of a data set that was added from outside. */
export interface RegisteredSet {
  readonly kind: DataSetKind;
  /** The config's `data`, of the kind's schema. */
  readonly data: object;
  readonly split: "train" | "val";
  /** Its name in messages: the file or folder that the config names. */
  readonly input: string;
}

export interface OpenSet<Task extends DataTask> {
  readonly classes: readonly string[];
  /** Runs `use` on each item, checked, one after the other. What it or the set throws names the data set and the item. */
  each<R>(use: (item: DataItems[Task]) => Promise<R>): Promise<R[]>;
}

/** @param where in the item @throws UserError where the set has no class of that name */
export function checkClass(label: string, classes: readonly string[], where?: string): void {
  if (classes.includes(label)) return;
  const place = where === undefined ? "" : `${where}: `;
  throw new UserError(`${place}the class "${label}" is none of the set's: ${classes.slice(0, 10).join(", ")}`);
}

/** @throws UserError that names the data set, when it cannot be opened or is none */
export async function openRegistered<Task extends DataTask>(
  { kind, data, split }: RegisteredSet,
  task: Task,
): Promise<OpenSet<Task>> {
  const place = `data.${split}`;
  const set = await runPart(
    "data set",
    kind,
    async () => checked(openedSchema, await kind.open(data as never, split)) as unknown as OpenedSet<DataItems[Task]>,
    place,
  );
  return {
    classes: set.classes,
    async each<R>(use: (item: DataItems[Task]) => Promise<R>): Promise<R[]> {
      const results: R[] = [];
      for (let index = 0; index < set.length; index++) {
        const item = async () => use(checked(ITEMS[task], await set.item(index)) as DataItems[Task]);
        results.push(await runPart("data set", kind, item, `${place}, item ${index}`));
      }
      return results;
    },
  };
}

function checked<T>(schema: z.ZodType<T>, value: unknown): unknown {
  const { error } = schema.safeParse(value);
  if (error === undefined) return value; // as it is, so that a method has its object
  const { path, message } = error.issues[0]!;
  throw new UserError([...(path.length > 0 ? [path.map(String).join(".")] : []), message].join(": "));
}

const openedSchema = z.looseObject(
  {
    classes: classNames,
    length: z.int().min(1),
    item: z.custom<unknown>((value) => typeof value === "function", "must be a function of an image's index"),
  },
  "open must return { classes, length, item }",
);

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

/** Whether it has so many values for each pixel. */
export function isBitmap(value: unknown, channels: number): value is LabelMap {
  if (!isObject(value) || !("data" in value && "width" in value && "height" in value)) return false;
  const { width, height, data } = value;
  const sides = [width, height].every((side) => Number.isInteger(side) && (side as number) > 0);
  const isRight = data instanceof Uint8Array || data instanceof Uint8ClampedArray;
  return sides && isRight && data.length === channels * (width as number) * (height as number);
}

const isPath = (value: unknown): value is string => typeof value === "string" && value !== "";

const image = z.custom<ItemImage>(
  (value) => isPath(value) || isBitmap(value, 3),
  "must be the path of an image, or { width, height, data } with three bytes for each pixel",
);

const object = z.strictObject({
  label: z.string().min(1),
  box: z.tuple([z.number(), z.number(), z.number(), z.number()]).optional(),
  mask: z
    .custom<CocoSegmentation | LabelMap>(
      (value) => isObject(value) && (Array.isArray(value) || "counts" in value || isBitmap(value, 1)),
      "must be polygons, run lengths, or { width, height, data } with a byte for each pixel",
    )
    .optional(),
  crowd: z.boolean().optional(),
});

const ITEMS: { readonly [T in DataTask]: z.ZodType } = {
  detection: z.strictObject({ image, objects: z.array(object) }),
  segmentation: z.strictObject({
    image,
    labelMap: z.custom<string | LabelMap>(
      (value) => isPath(value) || isBitmap(value, 1),
      "must be the path of a PNG, or { width, height, data } with a byte for each pixel",
    ),
  }),
  classification: z.strictObject({ image, label: z.string().min(1) }),
};
