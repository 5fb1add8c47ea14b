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

/** Where a fault is: a file, and an entry in it such as "annotation 7". */
export interface Place {
  readonly file: string;
  readonly entry?: string;
}

/** A fault in a data set. It stops the strict readers; `data check` collects it and continues. */
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

/** How a reader makes its checks: `strictly`, or noting a fault and returning undefined. */
export type Attempt = <T>(check: () => T) => T | undefined;

/** The first fault ends reading. */
export const strictly: Attempt = (check) => check();
