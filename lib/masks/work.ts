import { UserError } from "../errors.js";

/**
 * What drawing the masks of annotation files may cost. A few bytes can ask for a mask of any image's size, so work is
 * counted as it is asked for, before it is done. A unit is about ten nanoseconds; it is counted, not timed, so that a file
 * is taken or refused alike on every machine.
 */
export interface Work {
  /** @param where names what asks for it @throws UserError where more was asked for than there is */
  spend(units: number, where: string): void;
}

/** What things cost, in units. */
export const COST = {
  /** A column of pixels that an outline crosses. */
  crossing: 6,
  /** A point of an outline. */
  point: 8,
  /** An outline, however small. */
  outline: 150,
  /** A point that is not in the file but computed, and written: of an ellipse. */
  madePoint: 80,
  /** A column of pixels that is looked at. */
  column: 1,
  /** A column that a mask is cut or scaled to. */
  madeColumn: 10,
  /** A step along the border of a mask. */
  step: 20,
  /** Two corners whose distance is looked at. */
  compared: 0.5,
  /** A pixel of a mask that is kept as pixels for a while. */
  pixel: 1.5,
  /** A box that is drawn, and a pixel along its lines; a pixel of the box about a mask that is drawn. */
  drawnBox: 4000,
  drawnLine: 15,
  drawnPixel: 1,
  /** A class that is looked at, to find the rarest. */
  label: 4,
  /** A run of a mask that is written as text. */
  writtenRun: 12,
} as const;

/** Where nothing is counted: masks that are no file's, or those of one image at a time. */
export const UNCOUNTED: Work = { spend: () => undefined };

/**
 * What a data set may ask for: a second or two for its file, and for its images a fraction of what it takes to
 * decode them. By its bytes alone COCO's training set may ask for about four times what it does; a file of 5 MB is read or
 * refused within 5 seconds and 600 MB of memory.
 */
const UNITS = 8e7;
const UNITS_A_BYTE = 16;
/** Of an image that is there. */
const UNITS_OF_IMAGE = 4e6;
/** Of one that is decoded, or drawn. */
const UNITS_A_PIXEL = 2;
/** Replaces all of these bounds by a number of units. */
export const WORK_VARIABLE = "DENSEKIT_MAX_WORK";

/** The work of files, which grows with what is read of it. */
export interface SetWork extends Work {
  /** Whether it was refused once: then all that follows is. */
  readonly isSpent: boolean;
  /** An annotation file of so many bytes is read. */
  addFile(bytes: number): void;
  /** An image is on the disk; of this size where that is known from itself. */
  addImage(size?: { readonly width: number; readonly height: number }): void;
}

/**
 * @param variable what the environment says
 * @param images how many there are on the disk, asked for when a file's own bytes do not suffice
 * @throws UserError when the variable is no number
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
