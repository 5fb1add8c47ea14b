import { UserError } from "../../errors.js";
import type { MaskTable } from "../../masks/table.js";

/** What is compared: boxes or masks. */
export type EvaluationType = "bbox" | "segm";

/** The objects of a data set in columns, n of them. */
export interface GroundTruthTable {
  /** [I] image ids in ascending order. */
  readonly imageIds: Float64Array;
  /** [K] category ids in ascending order. */
  readonly categoryIds: Float64Array;
  /** [K] */
  readonly categoryNames: readonly string[];
  /** [n] index into `imageIds`. */
  readonly image: Int32Array;
  /** [n] index into `categoryIds`. */
  readonly category: Int32Array;
  /** [n, 4] x y width height. */
  readonly boxes: Float64Array;
  /** [n] the area that decides the size class. */
  readonly areas: Float64Array;
  /** [n] 1 for a crowd. */
  readonly crowd: Uint8Array;
  /** [n] annotation ids. */
  readonly ids: Float64Array;
  /** n, only where masks are compared. */
  readonly masks?: MaskTable;
}

/** What is judged, in the order of the tables. */
export type Judged = Pick<GroundTruthTable, "imageIds" | "categoryIds" | "categoryNames">;

/** Columns of some of a file's annotations. */
export interface ObjectColumns extends Omit<GroundTruthTable, keyof Judged> {
  /** Ids of all annotations read, including those that are not judged. */
  readonly allIds: Float64Array;
}

/** Which objects of an image a detection's mask is compared with: those of its own category, or all. */
export type ComparedWith = "category" | "image";

/**
 * Which objects each of n detections' masks overlaps, and by how much: that is all that judging needs to know about the
 * masks. A detection shares pixels with a few objects at most, so this is far smaller than the masks.
 */
export interface MaskOverlaps {
  /** [n + 1] detection d's entries are starts[d] … starts[d + 1] − 1. */
  readonly starts: Int32Array;
  /** Rows of the ground truth's table. */
  readonly objects: Int32Array;
  /** Intersection over union, over the detection's own area for a crowd; above 0. */
  readonly ious: Float64Array;
  readonly comparedWith: ComparedWith;
}

/** Results of categories that the ground truth lacks. */
export interface UnknownCategories {
  /** The number of all results. */
  readonly of: number;
  /** Number of results by category id. */
  readonly counts: ReadonlyMap<number, number>;
}

/** Detections in columns, n of them, in the order in which equal scores are ranked. */
export interface DetectionTable {
  /** [n] index into the ground truth's `imageIds`. */
  readonly image: Int32Array;
  /** [n] index into the ground truth's `categoryIds`. */
  readonly category: Int32Array;
  /** [n, 4] x y width height. */
  readonly boxes: Float64Array;
  /** [n] */
  readonly areas: Float64Array;
  /** [n] */
  readonly scores: Float64Array;
  /** [n] 1 + position in the list of results. */
  readonly ids: Float64Array;
  /** How the n masks overlap the ground truth's, only if masks are compared; the masks themselves are not kept. */
  readonly overlaps?: MaskOverlaps;
  /** What was left out while reading a file. */
  readonly unknown?: UnknownCategories;
}

type Column = Float64Array | Int32Array | Uint32Array | Uint8Array;

const ROWS = { image: Int32Array, category: Int32Array, boxes: Float64Array, areas: Float64Array, ids: Float64Array };

/** Memory that threads can share, or ordinary memory where there is none, as in web pages that are not isolated. */
const memory = (bytes: number): ArrayBufferLike =>
  typeof SharedArrayBuffer === "undefined" ? new ArrayBuffer(bytes) : new SharedArrayBuffer(bytes);

/**
 * The pieces of a file's annotations as one table, in memory that threads can share.
 *
 * @throws UserError when an id is repeated
 */
export function joinObjects(pieces: readonly ObjectColumns[], judged: Judged): GroundTruthTable {
  checkDistinct(pieces);
  const masks = pieces.flatMap(({ masks }) => masks ?? []);
  return {
    ...judged,
    ...joinAll(pieces, { ...ROWS, crowd: Uint8Array }),
    ...(masks.length > 0 && { masks: joinMasks(masks) }),
  };
}

/** The pieces of a file's results as one table, in memory that threads can share. */
export function joinDetections(pieces: readonly DetectionTable[]): DetectionTable {
  const overlaps = pieces.flatMap(({ overlaps }) => overlaps ?? []);
  return {
    ...joinAll(pieces, { ...ROWS, scores: Float64Array }),
    unknown: joinUnknown(pieces.flatMap(({ unknown }) => unknown ?? [])),
    ...(overlaps.length > 0 && { overlaps: joinOverlaps(overlaps) }),
  };
}

function joinUnknown(parts: readonly UnknownCategories[]): UnknownCategories {
  const counts = new Map<number, number>();
  for (const part of parts) {
    for (const [id, count] of part.counts) counts.set(id, (counts.get(id) ?? 0) + count);
  }
  return { of: parts.reduce((sum, { of }) => sum + of, 0), counts };
}

function checkDistinct(pieces: readonly ObjectColumns[]): void {
  const ids = joinAll(pieces, { allIds: Float64Array }).allIds.sort();
  const twice = ids.find((id, i) => id === ids[i + 1]);
  if (twice === undefined) return;
  throw new UserError(`annotation ${twice}: the id occurs twice; give every annotation its own`);
}

function joinMasks(tables: readonly MaskTable[]): MaskTable {
  const starts = joinStarts(
    tables.map(({ starts }) => starts),
    Uint32Array,
  );
  return {
    ...joinAll(tables, { sizes: Int32Array, ends: Uint32Array, areas: Float64Array, boxes: Int32Array }),
    starts,
  };
}

function joinOverlaps(parts: readonly MaskOverlaps[]): MaskOverlaps {
  const starts = joinStarts(
    parts.map(({ starts }) => starts),
    Int32Array,
  );
  return {
    ...joinAll(parts, { objects: Int32Array, ious: Float64Array }),
    starts,
    comparedWith: parts[0]!.comparedWith,
  };
}

type ColumnType<C extends Column> = {
  readonly BYTES_PER_ELEMENT: number;
  new (memory: ArrayBufferLike): C;
};

/** The named columns, each joined from all pieces in order. */
function joinAll<T extends Readonly<Record<string, ColumnType<Column>>>>(
  pieces: readonly { readonly [name in keyof T]: Column }[],
  types: T,
): { [name in keyof T]: InstanceType<T[name]> } {
  const joined = Object.entries(types).map(([name, type]) => [
    name,
    join(
      pieces.map((piece) => piece[name]!),
      type,
    ),
  ]);
  return Object.fromEntries(joined);
}

function join<C extends Column>(parts: readonly Column[], type: ColumnType<C>): C {
  const total = parts.reduce((sum, { length }) => sum + length, 0);
  const joined = new type(memory(total * type.BYTES_PER_ELEMENT));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Lists of starts, each beginning with 0, joined into one such list. */
function joinStarts<C extends Int32Array | Uint32Array>(lists: readonly C[], type: ColumnType<C>): C {
  const entries = lists.reduce((sum, { length }) => sum + length - 1, 0);
  const joined = new type(memory((entries + 1) * type.BYTES_PER_ELEMENT));
  let at = 0;
  let offset = 0;
  for (const starts of lists) {
    for (let i = 1; i < starts.length; i++) joined[++at] = offset + starts[i]!;
    offset = joined[at]!;
  }
  return joined;
}
