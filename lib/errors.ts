/**
 * An error that the user caused and can fix. The command line prints its message alone, without a stack trace, and
 * exits with `exitCode`.
 *
 * A message says what is wrong, where (file, line, id or path in the config) and what to do about it.
 */
export class UserError extends Error {
  override readonly name = "UserError";

  constructor(
    message: string,
    /** 1: the input or the run is wrong; 2: the command line is. */
    readonly exitCode: 1 | 2 = 1,
    options: { readonly cause?: unknown } = {},
  ) {
    super(shortened(message), options);
  }
}

/** The first line of an error that code from outside threw, with its line in that code's file where it is known. */
export function reasonIn(error: unknown, file: string | undefined): string {
  if (!(error instanceof Error)) return String(error);
  const message = error.message.split("\n")[0]!;
  if (error instanceof UserError || file === undefined) return message;
  const name = file
    .split(/[\\/]/)
    .at(-1)!
    .replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const line = new RegExp(`${name}:(\\d+)`).exec(error.stack ?? "")?.[1];
  return line === undefined ? message : `${message} (line ${line})`;
}

/** Longest line of a message, which may quote megabytes of a file. */
const LONGEST_LINE = 2000;
const LINES_END = 400;

function shortened(message: string): string {
  if (message.length <= LONGEST_LINE) return message;
  const cut = (line: string): string =>
    line.length <= LONGEST_LINE ? line : `${line.slice(0, LONGEST_LINE - LINES_END)} … ${line.slice(-LINES_END)}`;
  return message.split("\n").map(cut).join("\n");
}

/**
 * Names that the field uses for the same thing, as config keys and as options; here without case, hyphens and
 * underscores. They are suggested, not accepted: one name for each thing is enough to learn.
 */
const SAME_MEANING: readonly (readonly string[])[] = [
  "images image pictures picture pics photos photo imgs img imagedir imgdir imagesdir imagefolder imgprefix",
  "annotations annotation anns ann annfile annotationfile annotationsfile groundtruth gt",
  "labelmaps labelmap masks maps segmaps segmap segmentation segmentations segmentationmaps",
  "classes categories classnames names",
  "weights checkpoint ckpt pretrained loadfrom",
  "output out outdir outputdir workdir savedir",
  "train training",
  "val valid validation validate",
  "steps iterations iters iter maxiters maxiterations maxsteps",
  "batchsize batch samplespergpu imsperbatch imagesperbatch",
  "workers numworkers workerspergpu",
  "threads numthreads nthreads",
  "seed randomseed manualseed",
  "lr learningrate baselr lr0",
  "optimizer optimiser optim",
  "schedule scheduler lrschedule lrscheduler lrconfig",
  "weightdecay wd",
  "clipnorm clip clipgrad gradclip gradientclipping maxnorm maxgradnorm",
  "ema modelema exponentialmovingaverage",
  "evaluateevery evalinterval evalevery valinterval valevery validateevery validationinterval",
  "scorethreshold score scorethr threshold conf confidence confidencethreshold",
  "ignorelabel ignoreindex ignoreclass",
  "providers provider device devices",
].map((line) => line.split(" "));

/** The same for commands. */
const COMMANDS_OF_SAME_MEANING: readonly (readonly string[])[] = [
  "show list ls info inspect view print describe",
  "train fit learn",
  "evaluate eval val validate test",
  "predict infer inference detect segment classify",
  "check lint",
  "stats statistics analyse analyze",
  "profile benchmark bench latency time",
  "report explain",
  "doctor env environment",
  "convert translate transform",
].map((line) => line.split(" "));

const bare = (name: string): string => name.toLowerCase().replaceAll(/[-_]/g, "");

/** Of commands: another name of the same thing. */
export const commandOfSameMeaning = (name: string, candidates: readonly string[]): string | undefined =>
  nameOfSameMeaning(name, candidates, COMMANDS_OF_SAME_MEANING);

/** Of keys or options: the same in another spelling of its words, or another name of the same thing. */
export function nameOfSameMeaning(
  name: string,
  candidates: readonly string[],
  sameMeaning = SAME_MEANING,
): string | undefined {
  const wanted = bare(name);
  const meanings = sameMeaning.find((names) => names.includes(wanted)) ?? [];
  return (
    candidates.find((candidate) => bare(candidate) === wanted) ??
    candidates.find((candidate) => meanings.includes(bare(candidate)))
  );
}

/** The name in `candidates` nearest to `name` by edit distance, if it is near enough to be a typing error. */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue; // the distance is at least that
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(previous[j]! + 1, current[j - 1]! + 1, substitution));
    }
    previous = current;
  }
  return previous[b.length]!;
}
