import { UserError } from "../errors.js";
import { type Curves, emptyCurves, type GrowingCurves, reserve } from "../metrics/coco/accumulate.js";
import { type CocoEvaluation, comparisonFor, evaluateTables, finishEvaluation } from "../metrics/coco/evaluate.js";
import { type CocoOptions, type ResolvedCocoOptions, resolveOptions } from "../metrics/coco/options.js";
import { type ClassRows, rowsByClass } from "../metrics/coco/rows.js";
import type { EvaluationType } from "../metrics/coco/tables.js";
import { defaultThreads, shared } from "../threads.js";
import { type CocoReading, type CocoTables, outlineCocoFiles, readCocoFiles } from "./cocoReading.js";
import { startWorkers, type Workers } from "./cocoWorkers.js";

/** The files that `evaluateCocoFiles` compares, and how. */
export interface EvaluateCocoFilesOptions extends CocoOptions, Omit<CocoReading, "comparedWith"> {
  /** Default: as many as the processor can run at once; one if the files are small. */
  readonly threads?: number;
}

/** Starting threads takes about as long as parsing this much. */
const WORTH_THREADS = 16 << 20;
const PARTS_PER_THREAD = 4;

/**
 * Judges a COCO results file against a COCO instances file, of any size: both are read piece by piece.
 *
 * @throws UserError naming file and place where something is malformed or unknown; the signal's reason when aborted
 */
export async function evaluateCocoFiles(options: EvaluateCocoFilesOptions): Promise<CocoEvaluation> {
  const resolved = resolveOptions(options);
  const reading: CocoReading = { ...options, comparedWith: comparisonFor(resolved) };
  const outlines = await outlineCocoFiles(reading);
  const bytes = outlines.annotations.bytes + outlines.results.bytes;
  const workers = startWorkers(options.threads ?? (bytes < WORTH_THREADS ? 1 : defaultThreads()), options.signal);
  try {
    const tables = await readCocoFiles(outlines, reading, workers);
    if (workers.threads === 1 || resolved.keepMatches || !resolved.useCategories) {
      return evaluateTables({ ...resolved, ...tables, type: options.type });
    }
    const curves = await judgeInThreads(tables, options.type, resolved, workers);
    return finishEvaluation({ ...tables, curves, type: options.type, options: resolved, matches: [] });
  } catch (error) {
    if (error instanceof RangeError && /allocation|invalid .*length/i.test(error.message)) {
      throw new UserError(
        `${options.results}: there is not enough memory for these results; judge them in parts, with fewer images each`,
      );
    }
    throw error;
  } finally {
    await workers.close();
  }
}

async function judgeInThreads(
  { groundTruth, detections }: CocoTables,
  type: EvaluationType,
  options: ResolvedCocoOptions,
  workers: Workers,
): Promise<Curves> {
  const classes = rowsByClass(groundTruth, detections, true).map((rows) => ({
    ...rows,
    objects: shared(rows.objects),
    detections: shared(rows.detections),
    ranked: shared(rows.ranked),
  }));
  const input = { type, groundTruth, detections, options };
  const curves = emptyCurves(options, classes.length);
  const parts = evenParts(classes, workers.threads * PARTS_PER_THREAD);
  await Promise.all(
    parts.map(async ({ first, rows }) => place(await workers.judge({ input, classes: rows }), first, curves)),
  );
  return curves;
}

/** Consecutive classes in about `count` parts of equal work. */
function evenParts(classes: readonly ClassRows[], count: number): { first: number; rows: ClassRows[] }[] {
  const work = ({ detections, objects }: ClassRows) => detections.length + objects.length;
  const share = classes.reduce((sum, rows) => sum + work(rows), 0) / count;
  const parts: { first: number; rows: ClassRows[] }[] = [];
  let open = Number.POSITIVE_INFINITY;
  classes.forEach((rows, k) => {
    if (open >= share) {
      parts.push({ first: k, rows: [] });
      open = 0;
    }
    parts.at(-1)!.rows.push(rows);
    open += work(rows);
  });
  return parts;
}

/** Copies the curves of some categories to their places, from category `first` on. */
function place(part: Curves, first: number, into: GrowingCurves): void {
  const [T, , K, A, M] = into.shape;
  const steps = part.ends.length;
  const before = into.steps;
  reserve(into, steps);
  into.ends.set(part.ends, before);
  into.precision.set(part.precision, before);
  into.scores.set(part.scores, before);
  into.steps += steps;
  const length = part.shape[2] * A * M;
  for (let t = 0; t < T; t++) {
    const to = (t * K + first) * A * M;
    into.recall.set(part.recall.subarray(t * length, (t + 1) * length), to);
    for (let i = 0; i < length; i++) {
      const step = part.first[t * length + i]!;
      into.first[to + i] = step < 0 ? step : before + step;
    }
  }
}
