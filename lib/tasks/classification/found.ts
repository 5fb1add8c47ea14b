import type { CaptionLine } from "../../images/draw/caption.js";
import type { Colour } from "../../images/draw/palette.js";
import type { ClassScores } from "../../models/classifier/predictor.js";

/** A class of a whole image. */
export interface FoundClass {
  /** The class's name, and its index. */
  readonly label: string;
  readonly classIndex: number;
  /** Its probability, 0 … 1; those of all classes sum to 1. */
  readonly score: number;
}

/** All classes, the likeliest first; among equal ones the lower index first. */
export function foundClasses(scores: ClassScores, classes: readonly string[]): FoundClass[] {
  const found = Array.from(scores, (score, classIndex) => ({
    label: classes[classIndex] ?? String(classIndex),
    classIndex,
    score,
  }));
  return found.sort((a, b) => b.score - a.score || a.classIndex - b.classIndex);
}

/** How many of the likeliest classes are drawn. */
const DRAWN = 3;

/** The likeliest classes as lines to draw. */
export const captionOf = (found: readonly FoundClass[], palette: readonly Colour[]): CaptionLine[] =>
  found.slice(0, DRAWN).map(({ label, classIndex, score }) => ({
    text: `${label} ${score.toFixed(2)}`,
    colour: palette[classIndex]!,
  }));
