import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { openEngine } from "../engines/index.js";
import { UserError } from "../errors.js";
import { makeFolder, writeFileAtomic } from "../files.js";
import { checkCharts } from "../images/draw/vega.js";
import { type Architecture, architectureOf, nameOf, sizeOfArchitecture } from "./architecture.js";
import { runBaseline } from "./baselines.js";
import { checkComplete, costOf, type PartCosts } from "./costs.js";
import { subnetEvaluator } from "./evaluate.js";
import { measureNetworks } from "./measured.js";
import { partsOf, partsOfSpace } from "./parts.js";
import { type Prices, pricesOf } from "./prices.js";
import { type ResultFiles, writeBase, writeResult } from "./result.js";
import { checkReachable, type SearchOutcome, slim } from "./search.js";
import { type Figures, openSearchLog } from "./searchLog.js";
import { searchPage } from "./searchPage.js";
import { searchSpace } from "./space.js";
import { startOf } from "./subject.js";
import { importancesOf, openSupernet, type TrainedSupernet } from "./supernet.js";
import { parseTarget, type Target } from "./targets.js";
import type { Method, SlimmedNetwork, SlimSearchOptions, SlimSearchResult } from "./types.js";
import { type Counted, countedCosts } from "./work.js";

/** Batches of training images for the statistics of each network. */
const DEFAULT_CALIBRATION = 4;
const FRONT_FILE = "front.json";
const PAGE_FILE = "report.html";

/**
 * Searches a supernet for networks that meet targets, and writes each as a config with the weights it has in the supernet, a
 * log of every step for each method, all networks as JSON, and a page.
 *
 * @throws UserError where the costs are incomplete or were measured for something else, a target cannot be reached, the
 *   supernet or its validation set cannot be read, or the folder has another search; the signal's reason when aborted: the
 *   logs are kept
 */
export async function slimSearch(options: SlimSearchOptions): Promise<SlimSearchResult> {
  const { config, out, methods = ["slimming"], by = "accuracy", images, signal, onEvent } = options;
  const { calibration = DEFAULT_CALIBRATION } = options;
  const logs = Object.fromEntries(methods.map((method) => [method, join(out, `${method}.jsonl`)]));
  checkFolder(Object.values(logs), options);
  startOf(config); // refuses models other than classifiers: the costs are a classifier's
  await checkCharts();
  const supernet = await openSupernet(config, options.weights);
  const importances = importancesOf(supernet);
  const space = searchSpace(supernet.size);
  const engine = await openEngine(config.engine);
  const classes = supernet.description.classes.length;
  const prices = await pricesOf(options.costs, { config, space, engine, classes, force: options.force === true });
  const { costs, table } = prices;
  checkComplete(partsOfSpace(space), costs);
  const start = architectureOf(space.start);
  const targets = targetsOf(options.targets, costs, costOf(start, costs));
  checkReachable(space, costs, targets);
  const evaluator = await subnetEvaluator(supernet, {
    engine,
    loss: by === "loss",
    calibration,
    ...(images !== undefined && { images }),
  });
  const found: (SearchOutcome["found"][number] & ResultFiles & { readonly method: Method })[] = [];
  const unreached: SlimSearchResult["unreached"][number][] = [];
  let atStart: Figures | undefined;
  try {
    await makeFolder(out);
    const known = new Map<string, Figures>();
    const evaluate = async (architecture: Architecture): Promise<Figures> => {
      const name = nameOf(architecture);
      onEvent?.({ type: "message", text: `evaluating ${name}` });
      const before = known.get(name);
      if (before !== undefined) return before;
      const { accuracy, metrics } = await evaluator.evaluate(architecture, { signal });
      const figures = { accuracy, ...(metrics.loss !== undefined && { loss: metrics.loss }) };
      known.set(name, figures);
      return figures;
    };
    for (const method of methods) {
      const log = await openSearchLog(logs[method]!, { evaluate, resume: options.resume === true });
      log.record(headOf(method, { supernet, costs, targets, options }));
      atStart = await log.figuresOf(start);
      const problem = { space, costs, log, by, seed: options.seed ?? 0, signal };
      const outcome =
        method === "slimming"
          ? await slim(problem, importances, targets)
          : await runBaseline(method, problem, targets, { samples: options.samples ?? 50 });
      for (const one of outcome.found) {
        const { architecture, target } = one;
        const values = await evaluator.valuesOf(architecture);
        const files = await writeResult({ out, name: `${method}-${target.text}`, architecture, supernet, values });
        found.push({ method, ...one, ...files });
      }
      for (const { target, reason } of outcome.unreached) unreached.push({ method, target: target.text, reason });
    }
  } finally {
    await evaluator.dispose();
  }
  const sizes = found.map(({ architecture }) => sizeOfArchitecture(architecture));
  const isMeasured = table !== undefined && options.measure !== false;
  const measured = isMeasured
    ? await measureNetworks([space.start, ...sizes], { ...prices, table, engine, space }, { signal, onEvent })
    : [];
  await writeBase(out, config);
  const networks: SlimmedNetwork[] = [
    { method: "start", ...described(start, prices), ...atStart!, ...(measured[0] && { measured: measured[0] }) },
  ];
  for (const [i, { method, target, architecture, cost: _, ...others }] of found.entries()) {
    const time = measured[i + 1];
    networks.push({
      ...{ method, target: target.text, ...described(architecture, prices), ...others },
      ...(time !== undefined && { measured: time }),
    });
  }
  const result: SlimSearchResult = {
    ...{ out, kind: costs.kind, source: costs.source, by, networks, logs, page: join(out, PAGE_FILE), unreached },
  };
  await writeFileAtomic(join(out, FRONT_FILE), `${JSON.stringify(result, undefined, 2)}\n`);
  await writeFileAtomic(result.page, await searchPage(result, importances));
  return result;
}

/** @throws UserError where the folder has a search, and neither resuming nor restarting is asked for */
function checkFolder(logs: readonly string[], { out, resume, restart }: SlimSearchOptions): void {
  if (resume === true || restart === true || !logs.some((log) => existsSync(log))) return;
  throw new UserError(`${out}: this folder has a search; continue it with --resume, or start over with --restart`);
}

/** @throws UserError where a target is invalid, or two have the same name */
function targetsOf(texts: readonly string[], costs: PartCosts, start: number): Target[] {
  if (texts.length === 0)
    throw new UserError("no target is given; say --target 12ms, or 0.8x of the largest network", 2);
  const targets = texts.map((text) => parseTarget(text, costs.kind, start));
  const twice = targets.find(({ text }, i) => targets.findIndex((other) => other.text === text) < i);
  if (twice !== undefined) throw new UserError(`target ${twice.text} is given twice`, 2);
  return targets;
}

/** The first line of a log, which determines all others. */
function headOf(
  method: Method,
  given: {
    readonly supernet: TrainedSupernet;
    readonly costs: PartCosts;
    readonly targets: readonly Target[];
    readonly options: SlimSearchOptions;
  },
): Readonly<Record<string, unknown>> {
  const { supernet, costs, targets, options } = given;
  const { by = "accuracy", seed = 0, samples = 50, images, calibration = DEFAULT_CALIBRATION } = options;
  const { values, size } = supernet;
  return {
    type: "search",
    method,
    start: nameOf(architectureOf(size)),
    targets: targets.map(({ text, cost }) => ({ text, cost })),
    ...{ by, calibration },
    ...(images !== undefined && { images }),
    ...(method !== "slimming" && { seed, samples }),
    costs: digest(JSON.stringify([costs.kind, [...costs.costs], costs.correction])),
    supernet: digest(values.flat, values.flatBuffers),
  };
}

function digest(...parts: readonly (string | Float32Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts)
    hash.update(typeof part === "string" ? part : new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  return hash.digest("hex").slice(0, 16);
}

function described(architecture: Architecture, { costs, setting }: Prices) {
  const parts = partsOf(architecture);
  const count = (kind: Counted): number => costOf(architecture, countedCosts(kind, parts, setting));
  return {
    size: sizeOfArchitecture(architecture),
    architecture: nameOf(architecture),
    macs: count("macs"),
    parameters: count("parameters"),
    cost: costOf(architecture, costs),
  };
}
