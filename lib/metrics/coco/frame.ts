import { idFault } from "../../coco/checks.js";
import { nearestName, UserError } from "../../errors.js";
import { indexOfSorted } from "./rows.js";
import type { Judged } from "./tables.js";

/** The images and categories of a file, and which of them are judged: needed to read annotations and results. */
export interface CocoFrame {
  /** [I] every image's id in ascending order. */
  readonly imageIds: Float64Array;
  /** [I, 2] height, width; 0 where the file does not say. */
  readonly imageSizes: Int32Array;
  /** [I] index among the judged images, or −1. */
  readonly judgedImages: Int32Array;
  /** [K] every category's id in ascending order. */
  readonly categoryIds: Float64Array;
  /** [K] index among the judged categories, or −1. */
  readonly judgedCategories: Int32Array;
  readonly withoutMask: NonNullable<JudgedSubset["withoutMask"]>;
}

export interface JudgedSubset {
  /** Judge only these images. */
  readonly imageIds?: readonly number[];
  /** Judge only these categories. */
  readonly categoryIds?: readonly number[];
  /** The same by name, or by id as text. */
  readonly categories?: readonly string[];
  /**
   * How an object without a mask is treated where masks are judged. refuse, the default: as an error, as in
   * pycocotools; ignore: its box counts as a crowd's mask, so that it is not missed and a detection in it is not wrong.
   */
  readonly withoutMask?: "refuse" | "ignore";
}

interface CocoLists {
  readonly images: readonly { readonly id: number; readonly width: number; readonly height: number }[];
  readonly categories: readonly { readonly id: number; readonly name: string }[];
}

/** @throws UserError where an image or category has no numeric id, or a chosen one is not in the file */
export function readFrame({ images, categories }: CocoLists, subset: JudgedSubset): [CocoFrame, Judged] {
  checkIds(images, "images", "file_name");
  checkIds(categories, "categories", "name");
  const byId = new Map(images.map((image) => [image.id, image]));
  const names = new Map(categories.map((category, i) => [category.id, nameOf(category, i)]));
  const imageIds = ascending(byId.keys());
  const allCategoryIds = ascending(names.keys());
  const judgedIds = chosen(subset.imageIds, imageIds, "image");
  const wanted = subset.categoryIds ?? subset.categories?.map((name) => categoryNamed(name, categories));
  const categoryIds = chosen(wanted, allCategoryIds, "category");
  const frame = {
    imageIds,
    imageSizes: Int32Array.from(
      [...imageIds].flatMap((id) => [byId.get(id)!.height, byId.get(id)!.width]),
      (side) => (side > 0 ? Math.min(side, 2 ** 31 - 1) : 0),
    ),
    judgedImages: Int32Array.from(imageIds, (id) => indexOfSorted(judgedIds, id)),
    categoryIds: allCategoryIds,
    judgedCategories: Int32Array.from(allCategoryIds, (id) => indexOfSorted(categoryIds, id)),
    withoutMask: subset.withoutMask ?? "refuse",
  };
  return [frame, { imageIds: judgedIds, categoryIds, categoryNames: Array.from(categoryIds, (id) => names.get(id)!) }];
}

/** A name is only for people to read: a number is accepted, and the id stands in for a missing one. */
function nameOf({ id, name }: { readonly id: number; readonly name?: unknown }, index: number): string {
  if (name === undefined || name === null) return String(id);
  if (typeof name === "string" || typeof name === "number") return String(name);
  throw new UserError(`categories[${index}]: "name" must be a text, not ${JSON.stringify(name).slice(0, 60)}`);
}

function categoryNamed(name: string, categories: CocoLists["categories"]): number {
  const named =
    categories.find((category) => String(category.name) === name) ?? categories.find(({ id }) => String(id) === name);
  if (named !== undefined) return named.id;
  const near = nearestName(
    name,
    categories.map((category) => String(category.name)),
  );
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  throw new UserError(`the ground truth has no category "${name}"${hint}`);
}

/**
 * An entry may be repeated, but two different ones with the same id would be judged as one.
 *
 * @param called what an entry is called by
 */
function checkIds(list: readonly { readonly id: number }[], name: string, called: "file_name" | "name"): void {
  const names = new Map<number, unknown>();
  list.forEach((entry, i) => {
    const fault = idFault("id", entry?.id);
    if (fault !== undefined) throw new UserError(`${name}[${i}]: ${fault}`);
    const own: unknown = Reflect.get(entry, called);
    const known = names.get(entry.id);
    if (known !== undefined && own !== undefined && known !== own) {
      throw new UserError(
        `${name}[${i}]: the id ${entry.id} occurs twice, of ${shown(known)} and ${shown(own)}; give each its own`,
      );
    }
    names.set(entry.id, own);
  });
}

const shown = (name: unknown): string => JSON.stringify(name).slice(0, 60);

function chosen(ids: readonly number[] | undefined, known: Float64Array, what: string): Float64Array {
  if (ids === undefined) return known;
  const unknown = ids.find((id) => indexOfSorted(known, id) < 0);
  if (unknown !== undefined) throw new UserError(`the ground truth has no ${what} ${unknown}, which is to be judged`);
  return ascending(ids);
}

function ascending(ids: Iterable<number>): Float64Array {
  return Float64Array.from(new Set(ids)).sort();
}
