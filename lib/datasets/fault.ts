import { UserError } from "../errors.js";

/** What is wrong with a data set, by kind. */
export type FaultKind =
  | "file"
  | "entry"
  | "id"
  | "category"
  | "image"
  | "size"
  | "box"
  | "mask"
  | "label map"
  | "label";

/** Where a fault lies: a file, and an entry of it such as "annotation 7". */
export interface Place {
  readonly file: string;
  readonly entry?: string;
}

/** A fault in a data set. The strict readers let it through: it stops them. `data check` collects it and goes on. */
export class DataFault extends UserError {
  constructor(
    readonly kind: FaultKind,
    readonly place: Place,
    readonly reason: string,
  ) {
    super(`${placeName(place)}: ${reason}`);
  }
}

export function placeName({ file, entry }: Place): string {
  return entry === undefined ? file : `${file}: ${entry}`;
}

/** How a reader makes its checks: `strictly`, or so that a fault is noted and undefined comes back. */
export type Attempt = <T>(check: () => T) => T | undefined;

/** The first fault ends the reading. */
export const strictly: Attempt = (check) => check();
