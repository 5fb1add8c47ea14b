import { UserError } from "../errors.js";

// Checks of a COCO file's annotations and results. Each throws a UserError that begins with `where`, the entry's name.

export function checkObject(value: unknown, where: string): void {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return;
  throw new UserError(`${where}: must be an object, not ${JSON.stringify(value)?.slice(0, 40)}`);
}

/** The ids that an annotation needs and files of other kinds do not have. */
export function checkAnnotationId(annotation: object, name: "id" | "image_id" | "category_id", where: string): void {
  const value: unknown = Reflect.get(annotation, name);
  const fault = idFault(name, value);
  if (fault === undefined) return;
  throw new UserError(`${where}: ${fault}${value === undefined ? otherKind(annotation) : ""}`);
}

function otherKind(annotation: object): string {
  const kind = otherKindOf(annotation);
  return kind === undefined ? "" : `; this is a ${kind}, but one of instances is needed`;
}

export function checkResultId(value: unknown, name: "image_id" | "category_id", where: string): void {
  const fault = idFault(name, value, "the ground truth's");
  if (fault !== undefined) throw new UserError(`${where}: ${fault}`);
}

export function checkBox(box: readonly number[] | undefined, where: string): readonly number[] {
  if (Array.isArray(box) && box.length === 4 && box.every(Number.isFinite)) return box;
  throw new UserError(`${where}: "bbox" must be 4 numbers x, y, width, height, not ${JSON.stringify(box)}`);
}

export function checkArea(area: number | undefined, where: string): number | undefined {
  if (area === undefined || Number.isFinite(area)) return area;
  throw new UserError(`${where}: "area" must be a number, not ${JSON.stringify(area)}`);
}

/** As in the reference, any number except 0 is a crowd; there the text "0" would be one too. */
export function checkCrowd(crowd: unknown, where: string): boolean {
  if (crowd === undefined || crowd === null || typeof crowd === "boolean") return crowd === true;
  if (typeof crowd === "number" && Number.isFinite(crowd)) return crowd !== 0;
  throw new UserError(`${where}: "iscrowd" must be 0 or 1, not ${JSON.stringify(crowd)?.slice(0, 60)}`);
}

/**
 * What is wrong with an id in a COCO file, to follow the name of its entry; undefined if nothing is.
 *
 * JSON.parse rounds what a float64 does not hold: 2^53 + 1 becomes 2^53, so that an id of 2^53 may be another's. Below it
 * whole numbers are what the file says.
 *
 * @param whose owner of the ids in the message "… ids are numbers"
 */
export function idFault(name: string, value: unknown, whose = "COCO's"): string | undefined {
  if (Number.isSafeInteger(value)) return undefined;
  if (value === undefined) return `"${name}" is missing`;
  if (typeof value === "string") {
    return `"${name}" is the text ${JSON.stringify(value).slice(0, 60)}, but ${whose} ids are numbers; write it without quotes`;
  }
  if (typeof value !== "number") return `"${name}" must be a number, not ${JSON.stringify(value).slice(0, 60)}`;
  if (!Number.isFinite(value)) return `"${name}" must be a number, not ${value}`;
  if (!Number.isInteger(value)) return `"${name}" is ${value}, but ids must be whole numbers`;
  return `"${name}" is about ${value}, but ids of 2^53 (${2 ** 53}) and above cannot be told apart; use smaller ones`;
}

/** Which of COCO's other kinds of file an annotation is from; undefined if it may be from an instances file. */
export function otherKindOf(annotation: object): "panoptic file" | "file of captions" | undefined {
  if ("category_id" in annotation && "bbox" in annotation) return undefined;
  if ("segments_info" in annotation) return "panoptic file";
  return "caption" in annotation ? "file of captions" : undefined;
}
