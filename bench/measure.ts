import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Contender, measureInTurn, type Timing } from "../lib/profile/measure.js";
import { type Contestant, startContestant } from "./contestant.js";
import type { Reply } from "./protocol.js";
import type { BenchCase, Side } from "./suite.js";
import { writeBenchWeights } from "./weightsFile.js";

export interface MeasureOptions {
  readonly rounds: number;
  /** Minimum time that a side runs per round: short cases are repeated. */
  readonly seconds: number;
  readonly threads: number;
  readonly image: string;
  /** The folder of real data sets. */
  readonly data: string;
  /** The peers' interpreter; without it only our side runs. */
  readonly python: string | undefined;
  readonly progress: (text: string) => void;
}

export interface SideResult {
  readonly label: string;
  /** As in `Side`. */
  readonly usesExport?: true;
  readonly error?: string;
  /** The median of each round's runs. */
  readonly ms?: readonly number[];
  readonly peakMb?: number;
  readonly checksum?: number | null;
  readonly check?: number | null;
  readonly note?: string;
}

export interface CaseResult {
  readonly name: string;
  readonly group: string;
  readonly title: string;
  readonly sides: readonly SideResult[];
  readonly perRun?: NonNullable<BenchCase["perRun"]>;
}

const SERVER = fileURLToPath(new URL("../../bench/peers/serve.py", import.meta.url));
const WORKER = fileURLToPath(new URL("./worker.js", import.meta.url));
/** PyTorch's threads spin for longer than ours. */
const PAUSE_MS = 100;

/**
 * Runs all sides of a case in turn, A B C A B C …, each in a process of its own, so that a machine that slows down slows
 * all of them. A side that fails is reported and left out; the others continue.
 */
export async function measure(benchCase: BenchCase, options: MeasureOptions): Promise<CaseResult> {
  const { python } = options;
  const sides = benchCase.sides.filter(
    ({ runner, usesExport }) => python !== undefined || (runner === "node" && !usesExport),
  );
  const files = benchCase.writeFiles && (await mkdtemp(join(tmpdir(), "densekit-bench-")));
  const exportPath = join(tmpdir(), `densekit-bench-${process.pid}-${benchCase.name}.onnx`);
  const weightsPath = join(tmpdir(), `densekit-bench-${process.pid}-${benchCase.name}.pth`);
  try {
    const exportError = python === undefined ? undefined : await writeExport(benchCase, python, exportPath, options);
    if (benchCase.usesWeights) await writeBenchWeights(weightsPath);
    if (files !== undefined) {
      options.progress(`${benchCase.name}: writing files`);
      await benchCase.writeFiles?.(files);
    }
    const given = files ?? givenPath(benchCase, weightsPath, options);
    const entrants: Entrant[] = [];
    for (const side of sides) {
      options.progress(`${benchCase.name}: preparing ${side.label}`);
      const path = side.usesExport ? exportPath : given;
      const entrant = await enter(side, path, side.usesExport ? exportError : undefined, options);
      entrants.push(entrant);
    }
    const { name, group, title, perRun } = benchCase;
    const timings = await measureInTurn(entrants.map(contenderOf), {
      rounds: options.rounds,
      seconds: options.seconds,
      warmUp: benchCase.cold ? 0 : 1, // the first run allocates
      pauseMs: PAUSE_MS,
      onVisit: (side, done, total) => options.progress(`${name}: ${side.name}, ${done + 1} of ${total}`),
    });
    const results: SideResult[] = [];
    for (const [i, entrant] of entrants.entries()) results.push(await leave(entrant, timings[i]!));
    return { name, group, title, sides: results, ...(perRun === undefined ? {} : { perRun }) };
  } finally {
    await rm(exportPath, { force: true });
    await rm(weightsPath, { force: true });
    if (files !== undefined) await rm(files, { recursive: true });
  }
}

/** The path given to a side that does not run an export. */
function givenPath({ usesWeights, usesData }: BenchCase, weights: string, { data, image }: MeasureOptions): string {
  if (usesWeights) return weights;
  return usesData ? data : image;
}

interface Entrant {
  readonly side: Side;
  contestant: Contestant | undefined;
  checksum: number | null;
  error?: string;
}

function start(runner: Side["runner"], python: string | undefined): Contestant {
  return runner === "python" && python !== undefined
    ? startContestant(python, ["-B", SERVER])
    : startContestant(process.execPath, [WORKER]);
}

/** Writes PyTorch's export of the case's model. @returns the error, if it fails */
async function writeExport(
  { exported }: BenchCase,
  python: string,
  path: string,
  { threads }: MeasureOptions,
): Promise<string | undefined> {
  if (exported === undefined) return undefined;
  const exporter = startContestant(python, ["-B", SERVER]);
  try {
    await exporter.ask({ cmd: "export", model: exported.model, options: { ...exported.options, path, threads } });
    return undefined;
  } catch (error) {
    return `export failed: ${messageOf(error)}`;
  } finally {
    await exporter.stop();
  }
}

async function enter(
  side: Side,
  path: string,
  obstacle: string | undefined,
  options: MeasureOptions,
): Promise<Entrant> {
  const entrant: Entrant = { side, contestant: undefined, checksum: null };
  if (obstacle !== undefined) return { ...entrant, error: obstacle };
  entrant.contestant = start(side.runner, options.python);
  await attempt(entrant, async (contestant) => {
    const given = { ...side.options, path, threads: options.threads };
    entrant.checksum = (await contestant.ask({ cmd: "prepare", case: side.case, options: given })).checksum ?? null;
  });
  return entrant;
}

/** A side that fails is left out from then on. */
function contenderOf(entrant: Entrant): Contender {
  return {
    name: entrant.side.label,
    async visit(seconds) {
      let times: readonly number[] = [];
      await attempt(entrant, async (contestant) => {
        times = (await contestant.ask({ cmd: "run", seconds })).ms ?? [];
      });
      return times;
    },
  };
}

async function attempt(entrant: Entrant, action: (contestant: Contestant) => Promise<void>): Promise<void> {
  if (entrant.contestant === undefined) return;
  try {
    await action(entrant.contestant);
  } catch (error) {
    entrant.error = messageOf(error);
    await entrant.contestant.stop();
    entrant.contestant = undefined;
  }
}

async function leave(entrant: Entrant, { ms }: Timing): Promise<SideResult> {
  const { label, usesExport } = entrant.side;
  let report: Reply = {};
  await attempt(entrant, async (contestant) => {
    report = await contestant.ask({ cmd: "report" });
    await contestant.stop();
  });
  if (entrant.error !== undefined) return { label, error: entrant.error };
  return { label, ...(usesExport && { usesExport }), ms, checksum: entrant.checksum, ...report };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
