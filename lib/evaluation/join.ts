import { UserError } from "../errors.js";
import type { MaskTable } from "../masks/table.js";
import type { DetectionColumns, ObjectColumns } from "./columns.js";
import type { Judged } from "./frame.js";
import type { MaskOverlaps } from "./maskOverlaps.js";
import type { DetectionTable, GroundTruthTable } from "./tables.js";

type Column = Float64Array | Int32Array | Uint32Array | Uint8Array;

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
    image: join(
      pieces.map(({ image }) => image),
      Int32Array,
    ),
    category: join(
      pieces.map(({ category }) => category),
      Int32Array,
    ),
    boxes: join(
      pieces.map(({ boxes }) => boxes),
      Float64Array,
    ),
    areas: join(
      pieces.map(({ areas }) => areas),
      Float64Array,
    ),
    crowd: join(
      pieces.map(({ crowd }) => crowd),
      Uint8Array,
    ),
    ids: join(
      pieces.map(({ ids }) => ids),
      Float64Array,
    ),
    ...(masks.length > 0 && { masks: joinMasks(masks) }),
  };
}

/** The pieces of a file's results as one table, in memory that threads can share. */
export function joinDetections(pieces: readonly DetectionColumns[]): DetectionTable {
  const overlaps = pieces.flatMap(({ overlaps }) => overlaps ?? []);
  return {
    image: join(
      pieces.map(({ image }) => image),
      Int32Array,
    ),
    category: join(
      pieces.map(({ category }) => category),
      Int32Array,
    ),
    boxes: join(
      pieces.map(({ boxes }) => boxes),
      Float64Array,
    ),
    areas: join(
      pieces.map(({ areas }) => areas),
      Float64Array,
    ),
    scores: join(
      pieces.map(({ scores }) => scores),
      Float64Array,
    ),
    ids: join(
      pieces.map(({ ids }) => ids),
      Float64Array,
    ),
    ...(overlaps.length > 0 && { overlaps: joinOverlaps(overlaps) }),
  };
}

function checkDistinct(pieces: readonly ObjectColumns[]): void {
  const ids = join(
    pieces.map(({ allIds }) => allIds),
    Float64Array,
  ).sort();
  const twice = ids.find((id, i) => id === ids[i + 1]);
  if (twice === undefined) return;
  throw new UserError(`annotation ${twice}: the id occurs twice; give every annotation its own`);
}

function joinMasks(tables: readonly MaskTable[]): MaskTable {
  return {
    sizes: join(
      tables.map(({ sizes }) => sizes),
      Int32Array,
    ),
    starts: joinStarts(
      tables.map(({ starts }) => starts),
      Uint32Array,
    ),
    ends: join(
      tables.map(({ ends }) => ends),
      Uint32Array,
    ),
    areas: join(
      tables.map(({ areas }) => areas),
      Float64Array,
    ),
    boxes: join(
      tables.map(({ boxes }) => boxes),
      Int32Array,
    ),
  };
}

function joinOverlaps(parts: readonly MaskOverlaps[]): MaskOverlaps {
  return {
    starts: joinStarts(
      parts.map(({ starts }) => starts),
      Int32Array,
    ),
    objects: join(
      parts.map(({ objects }) => objects),
      Int32Array,
    ),
    ious: join(
      parts.map(({ ious }) => ious),
      Float64Array,
    ),
    comparedWith: parts[0]!.comparedWith,
  };
}

type ColumnType<C extends Column> = {
  readonly BYTES_PER_ELEMENT: number;
  new (memory: SharedArrayBuffer): C;
};

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
