import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  claimProcess,
  convertData,
  loadConfig,
  type SlimmedNetwork,
  slimSearch,
  slimTable,
  sourceOf,
  splitData,
  train,
} from "densekit";

// The whole chain of docs/slimming.md: a supernet is trained, a table measured, three targets are searched for, and what is
// found is trained from scratch and compared with uniform shrinking and with random networks that cost as much. Each part is
// kept in runs/slimming, and a second call goes on where the first one was stopped.
// DENSEKIT_DATA holds the data set bccd. Arguments: steps=150 seeds=3 threads=2 (of training) clock=wall|processor
claimProcess();
const options = new Map(process.argv.slice(2).map((text) => text.split("=") as [string, string]));
const steps = Number(options.get("steps") ?? 150);
const seeds = Number(options.get("seeds") ?? 3);
const threads = Number(options.get("threads") ?? 2);
const clock = options.get("clock") === "processor" ? "processor" : "wall";
const TARGETS = ["0.75x", "0.6x", "0.45x"];
const folder = "runs/slimming";
const file = "examples/slimming/supernet.yaml";
const begun = performance.now();
const minutes = () => ((performance.now() - begun) / 60_000).toFixed(1);
const say = (text: string) => console.log(`${minutes()} min  ${text}`);

const cells = join(process.env.DENSEKIT_DATA ?? "data", "bccd");
for (const split of ["train", "val"]) {
  const output = join(folder, "crops", split);
  if (existsSync(output)) continue;
  await convertData({
    from: { format: "coco", input: join(cells, `instances_${split}.json`), images: join(cells, split) },
    to: { format: "classes", output, minSide: 12 },
  });
}

// What networks are judged on while they are searched is a tenth of the training images, which the supernet is not trained
// on. What is found is trained on all of them, and judged on the validation images, which nothing has seen.
const crops = loadConfig(file).config;
const lists = join(folder, "lists");
if (!existsSync(join(lists, "search.csv"))) {
  const shares = { train: 0.9, search: 0.1 };
  await splitData({ source: await sourceOf(crops, "train"), output: lists, shares, groupBy: "([^/]+)-\\d+\\.\\w+$" });
}
const own = [
  `data.train.labels=${join(lists, "train.csv")}`,
  `data.val.images=${join(folder, "crops", "train")}`,
  `data.val.labels=${join(lists, "search.csv")}`,
];
const { config } = loadConfig(file, { overrides: [...own, `output=${join(folder, "supernet")}`] });

say("training the supernet");
const { config: onThreads } = loadConfig(file, {
  overrides: [...own, `output=${join(folder, "supernet")}`, `engine.threads=${threads}`],
});
const { weights } = await train({ config: onThreads, resume: true });

say("measuring the table");
const table = join(folder, "table.json");
const measured = await slimTable({ config, out: table, clock, resume: true });

const found: (SlimmedNetwork & { readonly seed: number })[] = [];
for (let seed = 0; seed < seeds; seed++) {
  say(`searching, seed ${seed}`);
  const methods = seed === 0 ? (["slimming", "uniform", "random"] as const) : (["random"] as const);
  const { networks } = await slimSearch({
    ...{ config, weights, costs: { table }, targets: TARGETS, methods, seed, samples: 1, by: "loss" },
    ...{ out: join(folder, `search-${seed}`), resume: true },
  });
  found.push(...networks.filter(({ method }) => method !== "start").map((network) => ({ ...network, seed })));
}

// Of slimming and uniform shrinking the same network is trained with each seed, of random ones another network each.
interface Trained {
  readonly network: SlimmedNetwork;
  readonly top1: number[];
  readonly loss: number[];
}
const figures = new Map<string, Trained>();
/** Loss with the supernet's weights, and from scratch, of every network trained. */
const losses: { readonly inherited: number; readonly trained: number }[] = [];
for (let seed = 0; seed < seeds; seed++) {
  for (const network of found.filter((one) => one.method !== "random" || one.seed === seed)) {
    const name = `${network.method}-${network.target}`;
    const output = join(folder, "trained", `${name}-${seed}`);
    const { config: own } = loadConfig(network.config!, {
      overrides: [
        ...["model.backbone.weights=null", "data.train.labels=null", "data.val.labels=null"],
        `data.val.images=${join(folder, "crops", "val")}`,
        ...[`training.steps=${steps}`, `training.evaluateEvery=${steps}`, `training.seed=${seed}`, `output=${output}`],
        `engine.threads=${threads}`,
      ],
    });
    say(`training ${name}, seed ${seed}`);
    const { metrics } = await train({ config: own, resume: true });
    const entry = figures.get(name) ?? { network, top1: [], loss: [] };
    entry.top1.push(metrics.top1!);
    entry.loss.push(metrics.loss!);
    losses.push({ inherited: network.loss!, trained: metrics.loss! });
    figures.set(name, entry);
  }
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const spread = (values: readonly number[]) =>
  Math.sqrt(values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / Math.max(1, values.length - 1));
const rows = Array.from(figures, ([name, { network, top1, loss }]) => {
  const { size, cost, measured: time } = network;
  const ms = time === undefined ? "" : ` | ${time.ms.toFixed(2)} | ${(100 * (cost / time.ms - 1)).toFixed(1)} %`;
  const shape = `${size.widths.join("-")} | ${size.depths.join("-")} | ${size.attentionBlocks}`;
  const accuracy = `${(100 * mean(top1)).toFixed(1)} ± ${(100 * spread(top1)).toFixed(1)}`;
  const trained = `${mean(loss).toFixed(3)} ± ${spread(loss).toFixed(3)}`;
  return `| ${name.replace("-", " | ")} | ${shape} | ${cost.toFixed(2)}${ms} | ${network.loss!.toFixed(2)} | ${trained} | ${accuracy} |`;
});

/** Spearman's rank correlation. */
function rankCorrelation(a: readonly number[], b: readonly number[]): number {
  const ranks = (values: readonly number[]) => {
    const sorted = values.toSorted((x, y) => x - y);
    return values.map((value) => (sorted.indexOf(value) + sorted.lastIndexOf(value)) / 2);
  };
  const [p, q] = [ranks(a), ranks(b)];
  const products = p.map((x, i) => (x - mean(p)) * (q[i]! - mean(q)));
  return mean(products) / Math.sqrt(mean(p.map((x) => (x - mean(p)) ** 2)) * mean(q.map((x) => (x - mean(q)) ** 2)));
}

const { fit } = measured.table;
const text = `
| | target | widths | depths | MB3D | predicted, ms | measured, ms | | supernet's loss | trained, loss | top-1, % |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
${rows.join("\n")}

Of random networks the first one's size and latency are shown, and the results of ${seeds} of them.
The ranks of the losses with the supernet's weights and after training correlate by ${rankCorrelation(
  losses.map(({ inherited }) => inherited),
  losses.map(({ trained }) => trained),
).toFixed(2)}.
${measured.table.networks.length} random networks are predicted to ${(100 * (fit?.leftOut.mean ?? 0)).toFixed(1)} % on average, ${(100 * (fit?.leftOut.worst ?? 0)).toFixed(1)} % at worst (${fit?.form}); by the sums alone to ${(100 * (fit?.additive.mean ?? 0)).toFixed(1)} %.
${minutes()} minutes.`;
await writeFile(join(folder, "result.md"), text);
console.log(await readFile(join(folder, "result.md"), "utf8"));
