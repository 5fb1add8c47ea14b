import { nearestName, UserError } from "../errors.js";
import type { CocoSegmentation } from "../masks/coco.js";
import { checkBox, checkSegmentation, type Fields, fieldsOf, numberField } from "./cocoChecks.js";
import type { CocoFile } from "./cocoFile.js";
import type { DetectionReport, PictureInfo, SampleSource } from "./types.js";

/** A picture with its objects. */
export type CocoRecord = PictureInfo & NonNullable<SampleSource["instances"]>;

export interface CocoContent {
  readonly records: readonly CocoRecord[];
  readonly classes: readonly string[];
  readonly categoryIds: readonly number[];
  readonly counts: Pick<DetectionReport, "clippedBoxes" | "degenerateBoxes" | "otherClasses">;
}

interface Annotation {
  readonly id: number;
  readonly label: number;
  readonly crowd: boolean;
  readonly area: number;
  /** x1 y1 x2 y2 within the picture. */
  readonly box: readonly [number, number, number, number];
  readonly shape: CocoSegmentation | undefined;
}

/** Checks a whole file and sorts its annotations by picture, in the order of the images list. */
export function readRecords(file: CocoFile, path: string, chosen: readonly string[] | undefined): CocoContent {
  const { classes, categoryIds, labelOf } = readCategories(file.categories, path, chosen);
  const pictures = readPictures(file.images, path);
  const byPicture = new Map<number, Annotation[]>(Array.from(pictures.keys(), (id) => [id, []]));
  const seen = new Set<number>();
  const counts = { clippedBoxes: 0, degenerateBoxes: 0, otherClasses: 0 };
  for (const [i, entry] of file.annotations.entries()) {
    const fields = fieldsOf(entry, `${path}: annotation number ${i + 1}`);
    const id = numberField(fields, "id", `${path}: annotation number ${i + 1}`);
    const where = `${path}: annotation ${id}`;
    if (seen.has(id)) throw new UserError(`${where}: this id occurs twice; annotation ids must be unique`);
    seen.add(id);
    const pictureId = numberField(fields, "image_id", where);
    const picture = pictures.get(pictureId);
    if (picture === undefined) throw new UserError(`${where}: image_id ${pictureId} is not in the list of images`);
    const label = labelOf(numberField(fields, "category_id", where), where);
    const shape = checkSegmentation(fields.segmentation, picture, where);
    const { box, clipped } = checkBox(fields.bbox, shape, picture, where);
    if (label < 0) {
      counts.otherClasses++;
      continue;
    }
    if (box[2] - box[0] < 1 || box[3] - box[1] < 1) {
      counts.degenerateBoxes++;
      continue;
    }
    if (clipped) counts.clippedBoxes++;
    const area = fields.area === undefined ? (box[2] - box[0]) * (box[3] - box[1]) : numberField(fields, "area", where);
    const crowd = fields.iscrowd === 1 || fields.iscrowd === true;
    byPicture.get(pictureId)!.push({ id, label, crowd, area, box, shape });
  }
  const records = Array.from(pictures.values(), (picture) => ({
    ...picture,
    ...columnsOf(byPicture.get(picture.id)!),
  }));
  return { records, classes, categoryIds, counts };
}

function readCategories(categories: readonly unknown[], path: string, chosen: readonly string[] | undefined) {
  const named = new Map<string, number>();
  const ids = new Set<number>();
  for (const [i, entry] of categories.entries()) {
    const where = `${path}: category number ${i + 1}`;
    const fields = fieldsOf(entry, where);
    const id = numberField(fields, "id", where);
    const { name } = fields;
    if (typeof name !== "string" || name === "") throw new UserError(`${where}: a category needs a name`);
    if (ids.has(id)) throw new UserError(`${path}: category id ${id} occurs twice`);
    if (named.has(name)) throw new UserError(`${path}: two categories are named "${name}"; merge or rename them`);
    ids.add(id);
    named.set(name, id);
  }
  if (named.size === 0) throw new UserError(`${path}: the list of categories is empty`);
  const byId = Array.from(named).sort((a, b) => a[1] - b[1]);
  const classes = chosen ?? byId.map(([name]) => name);
  const categoryIds = classes.map((name) => {
    const id = named.get(name);
    if (id !== undefined) return id;
    const near = nearestName(name, Array.from(named.keys()));
    const advice =
      near === undefined ? `it has ${Array.from(named.keys()).slice(0, 10).join(", ")}` : `did you mean "${near}"?`;
    throw new UserError(`${path}: there is no category "${name}" in this file; ${advice}`);
  });
  const labels = new Map(categoryIds.map((id, label) => [id, label]));
  if (labels.size < classes.length) throw new UserError(`the class list names a class twice: ${classes.join(", ")}`);
  const labelOf = (id: number, where: string): number => {
    if (!ids.has(id)) throw new UserError(`${where}: category_id ${id} is not in the list of categories`);
    return labels.get(id) ?? -1;
  };
  return { classes, categoryIds, labelOf };
}

function readPictures(images: readonly unknown[], path: string): Map<number, PictureInfo> {
  const pictures = new Map<number, PictureInfo>();
  for (const [i, entry] of images.entries()) {
    const fields: Fields = fieldsOf(entry, `${path}: image number ${i + 1}`);
    const id = numberField(fields, "id", `${path}: image number ${i + 1}`);
    const where = `${path}: image ${id}`;
    if (pictures.has(id)) throw new UserError(`${where}: this id occurs twice; image ids must be unique`);
    const { file_name: file } = fields;
    if (typeof file !== "string" || file === "") throw new UserError(`${where}: file_name is missing`);
    const width = numberField(fields, "width", where);
    const height = numberField(fields, "height", where);
    if (!(width >= 1 && height >= 1 && Number.isInteger(width) && Number.isInteger(height))) {
      throw new UserError(`${where}: width and height must be whole numbers from 1, not ${width} and ${height}`);
    }
    pictures.set(id, { id, file, width, height });
  }
  return pictures;
}

function columnsOf(annotations: readonly Annotation[]): NonNullable<SampleSource["instances"]> {
  return {
    boxes: Float32Array.from(annotations.flatMap(({ box }) => box)),
    labels: Int32Array.from(annotations, ({ label }) => label),
    crowd: Uint8Array.from(annotations, ({ crowd }) => Number(crowd)),
    areas: Float32Array.from(annotations, ({ area }) => area),
    ids: Float64Array.from(annotations, ({ id }) => id),
    shapes: annotations.map(({ shape }) => shape),
  };
}
