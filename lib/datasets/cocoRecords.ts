import { otherKindOf } from "../coco/checks.js";
import { nearestName, UserError } from "../errors.js";
import type { CocoSegmentation } from "../masks/coco.js";
import {
  type Corners,
  checkBox,
  checkSegmentation,
  clipBox,
  crowdField,
  type Fields,
  fieldsOf,
  idField,
  numberField,
  textField,
} from "./cocoChecks.js";
import type { CocoFile } from "./cocoFile.js";
import { type Attempt, DataFault, type Place, strictly } from "./fault.js";
import { checkSides } from "./imageSize.js";
import type { DetectionReport, ImageInfo, SampleSource } from "./types.js";

/** An image with its objects. */
export type CocoRecord = ImageInfo & NonNullable<SampleSource["instances"]>;

export interface CocoContent {
  readonly records: readonly CocoRecord[];
  readonly classes: readonly string[];
  readonly categoryIds: readonly number[];
  readonly counts: Pick<DetectionReport, "clippedBoxes" | "degenerateBoxes" | "otherClasses">;
}

/** An annotation checked field by field; its box may still extend outside its image. */
export interface CocoAnnotation {
  readonly id: number;
  readonly image: ImageInfo;
  /** Class index; −1 if the class list leaves out its category. */
  readonly label: number;
  readonly crowd: boolean;
  /** Undefined if the file has none. */
  readonly area: number | undefined;
  readonly corners: Corners;
  readonly shape: CocoSegmentation | undefined;
  readonly place: Place;
}

/** What annotations refer to. */
export interface CocoTables {
  readonly file: string;
  readonly images: ReadonlyMap<number, ImageInfo>;
  /** Ids of images whose entries are faulty. */
  readonly faulty?: ReadonlySet<number>;
  labelOf(categoryId: number, where: Place): number;
  /** Ids met so far. */
  readonly seen: Set<number>;
}

/** Checks a whole file and sorts its annotations by image, in the order of the images list. */
export function readRecords(file: CocoFile, path: string, chosen: readonly string[] | undefined): CocoContent {
  const { classes, categoryIds, labelOf } = readCategories(file.categories, path, chosen, strictly);
  const images = readImages(file.images, path, strictly);
  const byImage = new Map<number, KeptAnnotation[]>(Array.from(images.keys(), (id) => [id, []]));
  const tables = { file: path, images, labelOf, seen: new Set<number>() };
  const counts = { clippedBoxes: 0, degenerateBoxes: 0, otherClasses: 0 };
  for (const [i, entry] of file.annotations.entries()) {
    const annotation = readAnnotation(entry, i, tables, strictly);
    if (annotation === undefined) continue;
    const { box, clipped } = clipBox(annotation.corners, annotation.image);
    if (annotation.label < 0) counts.otherClasses++;
    else if (box[2] - box[0] < 1 || box[3] - box[1] < 1) counts.degenerateBoxes++;
    else {
      if (clipped) counts.clippedBoxes++;
      byImage.get(annotation.image.id)!.push({ ...annotation, box });
    }
  }
  const records = Array.from(images.values(), (image) => ({
    ...image,
    ...columnsOf(byImage.get(image.id)!),
  }));
  return { records, classes, categoryIds, counts };
}

type KeptAnnotation = CocoAnnotation & { readonly box: Corners };

/** @returns undefined when a check that was not strict failed and the annotation cannot be used */
export function readAnnotation(
  entry: unknown,
  index: number,
  { file, images, faulty, labelOf, seen }: CocoTables,
  attempt: Attempt,
): CocoAnnotation | undefined {
  const unnamed = { file, entry: `annotation number ${index + 1}` };
  const fields = attempt(() => fieldsOf(entry, unnamed));
  if (fields === undefined) return undefined;
  const isObject = attempt(() => refuseOtherKinds(fields, file)) !== undefined;
  if (!isObject) return undefined;
  const id = attempt(() => idField(fields, "id", unnamed, "id"));
  const place = id === undefined ? unnamed : { file, entry: `annotation ${id}` };
  attempt(() => {
    if (id !== undefined && seen.has(id)) {
      throw new DataFault("id", place, "this id occurs twice; annotation ids must be unique");
    }
  });
  if (id !== undefined) seen.add(id);
  const image = attempt(() => {
    const imageId = idField(fields, "image_id", place, "image");
    const found = images.get(imageId);
    if (found !== undefined) return found;
    if (faulty?.has(imageId) === true) return undefined; // which is reported already
    throw new DataFault("image", place, `image_id ${imageId} is not in the list of images`);
  });
  const label = attempt(() => labelOf(idField(fields, "category_id", place, "category"), place));
  if (image === undefined) return undefined;
  const shape = attempt(() => checkSegmentation(fields.segmentation, image, place));
  const corners = attempt(() => checkBox(fields.bbox, shape, place));
  const area = attempt(() => (fields.area === undefined ? undefined : numberField(fields, "area", place)));
  const crowd = attempt(() => crowdField(fields, place));
  if (corners === undefined) return undefined;
  return { id: id ?? Number.NaN, image, label: label ?? -1, crowd: crowd ?? false, area, corners, shape, place };
}

/**
 * @throws UserError for an entry of COCO's other kinds of file: then the whole file is of another kind, whatever its
 *   entries lack
 */
function refuseOtherKinds(fields: Fields, file: string): true {
  const kind = otherKindOf(fields);
  if (kind === undefined) return true;
  throw new DataFault("file", { file }, `this is a ${kind}, but one of instances is needed, with boxes or masks`);
}

/** @throws UserError when the class list cannot be made from the categories, even if `attempt` tolerates faults */
export function readCategories(
  categories: readonly unknown[],
  path: string,
  chosen: readonly string[] | undefined,
  attempt: Attempt,
) {
  const named = new Map<string, number>();
  const ids = new Set<number>();
  for (const [i, entry] of categories.entries()) {
    attempt(() => {
      const where = { file: path, entry: `category number ${i + 1}` };
      const fields = fieldsOf(entry, where);
      const id = idField(fields, "id", where, "id");
      const known = ids.has(id);
      ids.add(id);
      const name = textField(fields, "name", where, "category");
      if (known) throw new DataFault("id", { file: path }, `category id ${id} occurs twice`);
      if (named.has(name)) {
        throw new DataFault("category", { file: path }, `two categories are named "${name}"; merge or rename them`);
      }
      named.set(name, id);
    });
  }
  if (named.size === 0) {
    const what = categories.length === 0 ? "is empty" : "has none that can be read";
    throw new DataFault("category", { file: path }, `the list of categories ${what}`);
  }
  const byId = Array.from(named).sort((a, b) => a[1] - b[1]);
  const classes = chosen ?? byId.map(([name]) => name);
  const categoryIds = classes.map((name) => {
    const id = named.get(name);
    if (id !== undefined) return id;
    const near = nearestName(name, Array.from(named.keys()));
    const advice =
      near === undefined ? `it has ${Array.from(named.keys()).slice(0, 10).join(", ")}` : `did you mean "${near}"?`;
    throw new DataFault("category", { file: path }, `there is no category "${name}" in this file; ${advice}`);
  });
  const labels = new Map(categoryIds.map((id, label) => [id, label]));
  if (labels.size < classes.length) throw new UserError(`the class list names a class twice: ${classes.join(", ")}`);
  const labelOf = (id: number, where: Place): number => {
    if (!ids.has(id)) throw new DataFault("category", where, `category_id ${id} is not in the list of categories`);
    return labels.get(id) ?? -1;
  };
  return { classes, categoryIds, labelOf };
}

/** @param faulty gets the ids of faulty entries that `attempt` tolerated */
export function readImages(
  entries: readonly unknown[],
  path: string,
  attempt: Attempt,
  faulty?: Set<number>,
): Map<number, ImageInfo> {
  const images = new Map<number, ImageInfo>();
  for (const [i, entry] of entries.entries()) {
    const image = attempt(() => readImage(entry, i, path, images));
    if (image !== undefined) images.set(image.id, image);
    else if (typeof entry === "object" && entry !== null && "id" in entry && typeof entry.id === "number") {
      faulty?.add(entry.id);
    }
  }
  return images;
}

function readImage(entry: unknown, index: number, path: string, known: ReadonlyMap<number, ImageInfo>): ImageInfo {
  const unnamed = { file: path, entry: `image number ${index + 1}` };
  const fields = fieldsOf(entry, unnamed);
  const id = idField(fields, "id", unnamed, "id");
  const where = { file: path, entry: `image ${id}` };
  if (known.has(id)) throw new DataFault("id", where, "this id occurs twice; image ids must be unique");
  const file = textField(fields, "file_name", where, "image");
  if (file.includes("\0")) throw new DataFault("image", where, "file_name holds a zero byte");
  const width = numberField(fields, "width", where, "size");
  const height = numberField(fields, "height", where, "size");
  checkSides(width, height, where);
  return { id, file, width, height };
}

function columnsOf(annotations: readonly KeptAnnotation[]): NonNullable<SampleSource["instances"]> {
  return {
    boxes: Float32Array.from(annotations.flatMap(({ box }) => box)),
    labels: Int32Array.from(annotations, ({ label }) => label),
    crowd: Uint8Array.from(annotations, ({ crowd }) => Number(crowd)),
    areas: Float32Array.from(annotations, ({ area, box }) => area ?? (box[2] - box[0]) * (box[3] - box[1])),
    ids: Float64Array.from(annotations, ({ id }) => id),
    shapes: annotations.map(({ shape }) => shape),
  };
}
