/**
 * What drawing the masks of annotation files may cost. A few bytes can ask for a mask of any picture's size, so work is
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

/** Where nothing is counted: masks that are no file's, or those of one picture at a time. */
export const UNCOUNTED: Work = { spend: () => undefined };
