import { UserError } from "../errors.js";
import { type CvatOptions, cvatInputs, readCvat } from "./cvat.js";
import { type LabelmeOptions, labelmeInputs, readLabelme } from "./labelme.js";
import { type MasksOptions, masksInputs, readMasks } from "./masks.js";
import { type ReadCocoOptions, readCoco } from "./readCoco.js";
import type { RegisteredSet } from "./registered/items.js";
import { readRegistered } from "./registered/objects.js";
import type { ConvertedSet, Inputs } from "./types.js";
import { readVoc, type VocOptions, vocInputs } from "./voc.js";
import { readYolo, type YoloOptions, yoloInputs } from "./yolo.js";

/** Where annotations are, in which format, and how to read them. */
export type AnnotationSource =
  | ({ readonly format: "voc" } & VocOptions)
  | ({ readonly format: "yolo" } & YoloOptions)
  | ({ readonly format: "labelme" } & LabelmeOptions)
  | ({ readonly format: "cvat" } & CvatOptions)
  | ({ readonly format: "masks" } & MasksOptions)
  | ({ readonly format: "coco" } & ReadCocoOptions);

/** Annotations of another format than COCO's. */
export type OtherFormat = Exclude<AnnotationSource, { readonly format: "coco" }>;

/** Annotations that are not COCO's already. */
export type ForeignSource = OtherFormat | ({ readonly format: "registered" } & RegisteredSet);

type AnySource = AnnotationSource | ForeignSource;

interface Format<S extends AnySource> {
  readonly read: (from: S) => Promise<ConvertedSet>;
  /** The files whose change may change what is read; absent where that is not known, so that it is read each time. */
  readonly inputs?: (from: S) => Promise<Inputs>;
}

const FORMATS: { readonly [F in AnySource["format"]]: Format<Extract<AnySource, { format: F }>> } = {
  voc: { read: readVoc, inputs: vocInputs },
  yolo: { read: readYolo, inputs: yoloInputs },
  labelme: { read: readLabelme, inputs: labelmeInputs },
  cvat: { read: readCvat, inputs: cvatInputs },
  masks: { read: readMasks, inputs: masksInputs },
  coco: { read: readCoco, inputs: async ({ input }) => ({ files: [input], folders: [] }) },
  registered: { read: readRegistered },
};

// Each reads its own source; that tie is lost in this look-up.
const formatOf = ({ format }: AnySource): Format<AnySource> => FORMATS[format] as Format<AnySource>;

/** @throws UserError for anything missing or malformed, and where there is nothing to find */
export async function readAnnotations(from: AnySource): Promise<ConvertedSet> {
  const set = await formatOf(from).read(from);
  if (set.images.length === 0) throw new UserError(`${from.input}: there are no images`);
  if (set.classes.length === 0) throw new UserError(`${from.input}: there are no objects`);
  return set;
}

/** Undefined where they are not known. @throws UserError where the description of a data set cannot be read */
export const inputsOf = async (from: AnySource): Promise<Inputs | undefined> => formatOf(from).inputs?.(from);
