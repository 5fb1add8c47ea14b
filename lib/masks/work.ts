import { UserError } from "../errors.js";

/**
 * The cost allowed for drawing the masks of annotation files. A few bytes can describe a mask as large as any image, so
 * work is counted before it is done. A unit is about ten nanoseconds; it is counted, not timed, so that every machine
 * accepts or refuses the same files.
 */
export interface Work {
  /** @param where names what causes the work @throws UserError when it exceeds the allowed work */
  spend(units: number, where: string): void;
}

/** The cost of operations, in units. */
export const COST = {
  /** A column of pixels that an outline crosses. */
  crossing: 6,
  /** A point of an outline. */
  point: 8,
  /** An outline, however small, drawn and merged with its object's others. */
  outline: 550,
  /** A point that is computed and written but not in the file, such as one of an ellipse. */
  madePoint: 80,
  /** A column of pixels that is read. */
  column: 1,
  /** A column that a mask is cut or scaled to. */
  madeColumn: 10,
  /** A step along the border of a mask. */
  step: 20,
  /** Two corners whose distance is computed. */
  compared: 0.5,
  /** A pixel of a mask that is kept as pixels for a while. */
  pixel: 1.5,
  /** A box that is drawn, and a pixel along its lines; a pixel of the box about a mask that is drawn. */
  drawnBox: 4000,
  drawnLine: 15,
  drawnPixel: 1,
  /** An object that is written to a tile; until the end it is kept in memory. */
  keptObject: 500,
  /** A class that is examined, to find the rarest. */
  label: 4,
  /** A run of a mask that is written as text. */
  writtenRun: 12,
} as const;

/** For masks that are not from a file, or of one image at a time: nothing is counted. */
export const UNCOUNTED: Work = { spend: () => undefined };

/**
 * The work allowed for a data set: a second or two for its file, and for its images a fraction of the time to decode
 * them. By its bytes alone, COCO's training set is allowed about four times the work it needs; a file of 5 MB is read
 * or refused within 5 seconds and 600 MB of memory.
 */
const UNITS = 8e7;
const UNITS_A_BYTE = 16;
/** For an image that exists. */
const UNITS_OF_IMAGE = 4e6;
/** For one that is decoded or drawn. */
const UNITS_A_PIXEL = 2;
/** Replaces all of these bounds by a number of units. */
export const WORK_VARIABLE = "DENSEKIT_MAX_WORK";

/** The work allowed for files, which grows with what is read from them. */
export interface SetWork extends Work {
  /** Whether work was refused once: then all later work is refused. */
  readonly isSpent: boolean;
  /** An annotation file with this many bytes is read. */
  addFile(bytes: number): void;
  /** An image is on the disk; its size is given if it was read from the image itself. */
  addImage(size?: { readonly width: number; readonly height: number }): void;
}

/**
 * @param variable value of the environment variable @param images how many images are on the disk, called when a file's
 *   own bytes do not suffice @throws UserError when the variable is not a number
 */
export function boundedWork(variable: string | undefined, images: () => number = () => 0): SetWork {
  const own = ownLimit(variable);
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
    addImage: ({ width, height } = { width: 0, height: 0 }) => add(UNITS_OF_IMAGE + UNITS_A_PIXEL * width * height),
    spend(units, where) {
      spent += units;
      if (spent <= limit) return;
      if (!asked) add(UNITS_OF_IMAGE * images());
      asked = true;
      if (spent <= limit) return;
      throw new UserError(
        `${where}: up to here there is more work than allowed for a file of this size and its images ` +
          `(${millions(spent)} of ${millions(limit)} million units): its objects are very large, or very many; split the file, ` +
          `or, if this is intended, set the environment variable ${WORK_VARIABLE}=${1e6 * Math.ceil((10 * spent) / 1e6)}`,
      );
    },
  };
}

const millions = (units: number): string => String(Math.ceil(units / 1e6));

function ownLimit(own: string | undefined): number | undefined {
  if (own === undefined || own === "") return undefined;
  const limit = Number(own);
  if (limit >= 1) return limit;
  throw new UserError(
    `the environment variable ${WORK_VARIABLE} must be a number of units, not ${JSON.stringify(own)}`,
  );
}
