import { UserError } from "../errors.js";
import type { MaskTable } from "../masks/table.js";
import type { ObjectColumns } from "./columns.js";
import type { Judged } from "./frame.js";
import { joinUnknown } from "./remarks.js";
import type { DetectionTable, GroundTruthTable, MaskOverlaps } from "./tables.js";

type Column = Float64Array | Int32Array | Uint32Array | Uint8Array;

const ROWS = { image: Int32Array, category: Int32Array, boxes: Float64Array, areas: Float64Array, ids: Float64Array };

/**
 * The pieces of a file's annotations as one table, in memory that threads can share.
 *
 * @throws UserError where an id comes twice
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
  new (memory: SharedArrayBuffer): C;
};

/** The columns named, each that of the first piece, the second, … one after the other. */
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
  const joined = new type(new SharedArrayBuffer(total * type.BYTES_PER_ELEMENT));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Lists of starts that each begin with 0, one after the other as one such list. */
function joinStarts<C extends Int32Array | Uint32Array>(lists: readonly C[], type: ColumnType<C>): C {
  const entries = lists.reduce((sum, { length }) => sum + length - 1, 0);
  const joined = new type(new SharedArrayBuffer((entries + 1) * type.BYTES_PER_ELEMENT));
  let at = 0;
  let offset = 0;
  for (const starts of lists) {
    for (let i = 1; i < starts.length; i++) joined[++at] = offset + starts[i]!;
    offset = joined[at]!;
  }
  return joined;
}
