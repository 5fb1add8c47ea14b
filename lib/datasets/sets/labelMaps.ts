import { z } from "zod";
import { filePath, flag } from "../../schemas/fields.js";
import { counted } from "../../words.js";
import {
  channel,
  checkSteps,
  classNames,
  limit,
  notForLabelMaps,
  type SetSchema,
  type Shared,
  setSchema,
  shared,
} from "./keys.js";

const labelMapSplit = z.strictObject({
  images: filePath("Folder of images"),
  labelMaps: filePath("Folder of label maps: PNGs named like the images, one class index per pixel"),
  limit,
});

const palette = () =>
  z
    .array(z.tuple([channel, channel, channel]))
    .exactOptional()
    .describe("A colour [red, green, blue] for each class; without it, ADE20K's for its classes, else generated");

/** What all sets of label maps have. */
export type LabelMapKeys = { readonly palette: ReturnType<typeof palette> } & Shared;
export const labelMapKeys = (): LabelMapKeys => ({ palette: palette(), ...shared() });

/** For a schema's `superRefine`. */
export const checkLabelMapSteps = checkSteps(notForLabelMaps);

const ownKeys = {
  type: z.literal("labelMaps"),
  train: labelMapSplit.describe("The training set"),
  val: labelMapSplit.describe("The validation set"),
  labelSuffix: z
    .string()
    .min(1)
    .default(".png")
    .describe("What follows an image's name (without extension) in its label map's"),
  classes: classNames.exactOptional().describe("Class names in order of their index"),
  objectInfo: filePath(
    "Table of class names like ADE20K's; without it and classes, the one beside the images",
  ).exactOptional(),
  reduceZeroLabel: flag("Label 0 means no class and is ignored; 1 becomes class 0, and so on").default(false),
  ignoreLabel: channel
    .default(255)
    .describe("Label, as stored, of pixels that belong to no class: they are left out of training and metrics"),
};

export interface LabelMapData extends SetSchema<typeof ownKeys, LabelMapKeys> {}

export const labelMaps = (): LabelMapData =>
  setSchema(ownKeys, labelMapKeys())
    .superRefine(checkLabelMapSteps)
    .superRefine(({ classes, objectInfo, palette }, context) => {
      if (classes !== undefined && objectInfo !== undefined) {
        const message = "classes and objectInfo are both set; delete one by setting it to null";
        context.addIssue({ code: "custom", path: ["objectInfo"], message });
      }
      if (palette !== undefined && classes !== undefined && palette.length !== classes.length) {
        const message = `has ${counted(palette.length, "colour")} for ${counted(classes.length, "class", "classes")}`;
        context.addIssue({ code: "custom", path: ["palette"], message });
      }
    });
