import { entryOf } from "../tensorfiles/pytorch/open.js";
import { isList, type PickleValue } from "../tensors/pickle/values.js";
import type { TensorFile } from "../tensors/tensorFile.js";
import { translate } from "./names.js";
import { modelPart } from "./parts.js";
import { COCO_IDS } from "./rules.js";

/** What the names and the `meta` of a whole model say about it. */
export interface FoundDescription {
  readonly task: "detection" | "segmentation";
  readonly classes: readonly string[];
  readonly categoryIds?: readonly number[];
  readonly masks?: boolean;
}

/** What MMDetection's and MMSegmentation's checkpoints say about their model; undefined for other files. */
export function describedByMeta(file: TensorFile): FoundDescription | undefined {
  const classes = classNames(entryOf(file.root, "meta"));
  if (classes === undefined) return undefined;
  const names = [...translate([...modelPart(file).tensors.keys()]).ours.values()];
  const has = (prefix: string): boolean => names.some((name) => name.startsWith(prefix));
  if (has("decode_head.")) return { task: "segmentation", classes };
  if (!has("roi_head.")) return undefined;
  const masks = has("roi_head.mask_head.");
  return { task: "detection", classes, masks, ...(isCoco(classes) && { categoryIds: COCO_IDS }) };
}

/** `meta.CLASSES`, of versions 2.x; `meta.dataset_meta.classes` (or CLASSES) of 3.x. */
function classNames(meta: PickleValue | undefined): readonly string[] | undefined {
  const dataset = entryOf(meta, "dataset_meta");
  const candidates = [entryOf(meta, "CLASSES"), entryOf(dataset, "classes"), entryOf(dataset, "CLASSES")];
  for (const found of candidates) {
    if (isList(found) && found.items.length > 0 && found.items.every((name) => typeof name === "string")) {
      return found.items as string[];
    }
  }
  return undefined;
}

function isCoco(classes: readonly string[]): boolean {
  return classes.length === COCO_IDS.length && classes[0] === "person" && classes.at(-1) === "toothbrush";
}
