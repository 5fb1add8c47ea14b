import { z } from "zod";
import { UserError } from "../../errors.js";
import { pathFields } from "../../schemas/fields.js";
import { addTo } from "../../schemas/kinds.js";
import { checkImageSteps, type ImageLabelData, imageLabelKeys, imageLabels } from "./imageLabels.js";
import { objects } from "./keys.js";
import type { AnyDataSetSchema, DataSetKind, DataTask } from "./kind.js";
import { checkLabelMapSteps, type LabelMapData, labelMapKeys, labelMaps } from "./labelMaps.js";
import {
  type CocoData,
  type CvatData,
  formats,
  type LabelmeData,
  type MasksData,
  type VocData,
  type YoloData,
} from "./objects.js";

/** Those from outside. */
const added: DataSetKind[] = [];

/** The one of a config's `data`; undefined if it is ours. */
export const addedDataSet = ({ type }: { readonly type: string }): DataSetKind | undefined =>
  added.find(({ schema }) => schema.shape.type.value === type);

const addedTo = (task: DataTask): AnyDataSetSchema[] =>
  added.filter((kind) => kind.task === task).map(({ schema }) => schema);

// Named, because types without a name are written out wherever a config has them. They include only ours.
export interface ObjectSetSchema
  extends z.ZodDiscriminatedUnion<[CocoData, YoloData, VocData, LabelmeData, CvatData, MasksData], "type"> {}
export interface LabelMapSetSchema extends z.ZodDiscriminatedUnion<[LabelMapData], "type"> {}
export interface ImageLabelSetSchema extends z.ZodDiscriminatedUnion<[ImageLabelData], "type"> {}

/** The schema of a detection config's `data`. */
export function objectSetConfig(): ObjectSetSchema {
  const own = objects(); // the same for all, so that the JSON Schema has it once
  const others = addedTo("detection").map((schema) => schema.extend(own));
  return z.discriminatedUnion("type", [...formats(own), ...others] as unknown as ReturnType<typeof formats>);
}

/** The schema of a segmentation config's `data`. */
export function labelMapSetConfig(): LabelMapSetSchema {
  const others = addedTo("segmentation").map((schema) => schema.extend(labelMapKeys()).superRefine(checkLabelMapSteps));
  return z.discriminatedUnion("type", [labelMaps(), ...others] as unknown as [LabelMapData]);
}

/** The schema of a classification config's `data`. */
export function imageLabelSetConfig(): ImageLabelSetSchema {
  const others = addedTo("classification").map((schema) =>
    schema.extend(imageLabelKeys()).superRefine(checkImageSteps),
  );
  return z.discriminatedUnion("type", [imageLabels(), ...others] as unknown as [ImageLabelData]);
}

const KEYS: Readonly<Record<DataTask, () => object>> = {
  detection: objects,
  segmentation: labelMapKeys,
  classification: imageLabelKeys,
};

/**
 * Adds a data set, which configs of its task may then name.
 *
 * @returns a function that removes it again @throws UserError when its type or one of its keys is taken
 */
export function registerDataSet<Task extends DataTask, Schema extends AnyDataSetSchema>(
  kind: DataSetKind<Task, Schema>,
): () => void {
  const type = kind.schema.shape.type.value;
  const known: readonly { readonly shape: { readonly type: z.ZodLiteral<string> } }[] = [
    ...objectSetConfig().options,
    ...labelMapSetConfig().options,
    ...imageLabelSetConfig().options,
  ];
  if (known.some(({ shape }) => shape.type.value === type)) {
    throw new UserError(`there is a data set of the type "${type}" already; choose another name`);
  }
  const own = KEYS[kind.task]?.();
  if (own === undefined) {
    throw new UserError(`the data set "${type}": its task must be one of ${Object.keys(KEYS).join(", ")}`);
  }
  const taken = Object.keys(kind.schema.shape).find((key) => Object.hasOwn(own, key));
  if (taken !== undefined) {
    throw new UserError(`the data set "${type}": all data sets have a key "${taken}" already; choose another name`);
  }
  const path = Object.entries(kind.schema.shape).find(([, field]) => pathFields.has(field));
  if (path !== undefined) {
    throw new UserError(
      `the data set "${type}": the path "${path[0]}" must be a key of data.train and data.val, or optional: models in files of their own name none`,
    );
  }
  return addTo(added, kind as unknown as DataSetKind);
}
