import { existsSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../errors.js";
import type { Work } from "../masks/work.js";

/**
 * What a data set may ask for: a second or two for its file, and a fraction of what it takes to decode them for its
 * pictures. COCO's training set asks for a twentieth of it, a set of large outlines on large pictures for a tenth; a file of
 * 5 MB alone is told within 5 seconds and 600 MB of memory.
 */
const UNITS = 8e7;
const UNITS_A_BYTE = 16;
/** Of a picture that is there. */
const UNITS_A_PICTURE = 4e6;
/** Of one that is decoded, or drawn. */
const UNITS_A_PIXEL = 2;
/** Replaces all of these bounds by a number of units. */
const VARIABLE = "DENSEKIT_MAX_WORK";

/** The work of a data set, which grows with what is read of it. */
export interface SetWork extends Work {
  /** Whether it was refused once: then all that follows is. */
  readonly isSpent: boolean;
  /** An annotation file of so many bytes is read. */
  addFile(bytes: number): void;
  /** A picture is on the disk; of this size where that is known from itself. */
  addPicture(size?: { readonly width: number; readonly height: number }): void;
}

/**
 * @param pictures how many there are on the disk, asked for when a file's own bytes do not suffice
 * @throws UserError when the variable is no number
 */
export function setWork(pictures: () => number = () => 0): SetWork {
  const own = ownLimit();
  let limit = own ?? UNITS;
  let spent = 0;
  let asked = false;
  const add = (units: number): void => {
    if (own === undefined) limit += units;
  };
  return {
    get isSpent() {
      return spent > limit;
    },
    addFile: (bytes) => add(UNITS_A_BYTE * bytes),
    addPicture: ({ width, height } = { width: 0, height: 0 }) => add(UNITS_A_PICTURE + UNITS_A_PIXEL * width * height),
    spend(units, where) {
      spent += units;
      if (spent <= limit) return;
      if (!asked) add(UNITS_A_PICTURE * pictures());
      asked = true;
      if (spent <= limit) return;
      throw new UserError(
        `${where}: up to here there is more work than a file of this size and its pictures may ask for ` +
          `(${millions(spent)} of ${millions(limit)} million units): its objects are very large, or very many; split the file, ` +
          `or, if it is meant so, set the environment variable ${VARIABLE}=${1e6 * Math.ceil((10 * spent) / 1e6)}`,
      );
    },
  };
}

const millions = (units: number): string => String(Math.ceil(units / 1e6));

function ownLimit(): number | undefined {
  const own = process.env[VARIABLE];
  if (own === undefined || own === "") return undefined;
  const limit = Number(own);
  if (limit >= 1) return limit;
  throw new UserError(`the environment variable ${VARIABLE} must be a number of units, not ${JSON.stringify(own)}`);
}

/** How many of the files, each counted once, are in the folder. */
export function countPresent(folder: string, files: Iterable<string>): number {
  let count = 0;
  for (const file of new Set(files)) if (!file.includes("\0") && existsSync(join(folder, file))) count++;
  return count;
}
