import { parseArgs } from "node:util";
import type { KernelTime } from "../lib/engines/engine.js";
import { openEngine } from "../lib/engines/index.js";
import { claimProcess } from "../lib/process.js";
import { milliseconds, percent, signed } from "../lib/profile/format.js";
import { measureInTurn, ratioOfSum, sumOf } from "../lib/profile/measure.js";
import { backboneNames, findModel } from "../lib/profile/model.js";
import { drawParameters, openNetwork } from "../lib/profile/network.js";
import { halfWidth } from "../lib/profile/statistics.js";
import { prepareSubject } from "../lib/profile/subject.js";

/*
 * Compares the sum of a model's blocks with the whole, for every backbone of the zoo as a classifier at 224² on one thread;
 * prints one row of Markdown each. Uses the processor's clock, because for a ratio other programs must not count.
 *
 * The last columns say where the difference is, by the engine's own profiler: in kernels that change the layout of maps, in
 * all other kernels, and outside of kernels (calls, inputs and outputs). All are per cent of the whole.
 *
 *     node dist/tools/blockSums.js [BACKBONE ...] [--rounds 10]
 */

const SIDE = { height: 224, width: 224 };
/** Seconds per visit. */
const VISIT = 0.02;
/** Runs with the profiler. */
const KERNEL_RUNS = 10;
/** onnxruntime's kernels from rows of channels to its blocks of channels and back, and from one order of axes to another. */
const LAYOUTS = ["ReorderInput", "ReorderOutput", "Transpose"];

async function blockSum(name: string, rounds: number): Promise<string> {
  const model = findModel(name, ["engine.threads=1"]);
  const network = await openNetwork(model);
  drawParameters(network);
  const engine = await openEngine(model.config.engine);
  const how = { engine, batch: 1, size: SIDE, totalOnly: false, clock: "processor" } as const;
  const subject = await prepareSubject(network, how);
  try {
    const { whole, blocks, entrants, graph } = subject;
    const contenders = [whole.contender, ...blocks.map((block) => entrants.get(block)!.contender)];
    const [first, ...parts] = await measureInTurn(contenders, { rounds, seconds: VISIT, pauseMs: 0 });
    const over = ratioOfSum(parts, first!);
    const { latency } = first!;
    const sum = sumOf(parts);

    const ofWhole = inKernels(await engine.kernelTimes!(graph, whole.inputs, KERNEL_RUNS));
    const ofBlocks = { layouts: 0, others: 0 };
    for (const block of blocks) {
      const { inputs } = entrants.get(block)!;
      const found = inKernels(await engine.kernelTimes!(block.cut.outputs, inputs, KERNEL_RUNS, { partOf: graph }));
      ofBlocks.layouts += found.layouts;
      ofBlocks.others += found.others;
    }
    const layouts = ofBlocks.layouts - ofWhole.layouts;
    const others = ofBlocks.others - ofWhole.others;
    const outside = sum.median - latency.median - layouts - others;
    return row([
      ...[name, String(blocks.length), milliseconds(latency.median), `± ${percent(halfWidth(latency))}`],
      ...[milliseconds(sum.median), signed(over.median - 1), `${signed(over.low - 1)} to ${signed(over.high - 1)}`],
      ...[layouts, others, outside].map((ms) => signed(ms / latency.median)),
    ]);
  } finally {
    await subject.dispose();
  }
}

/** Milliseconds per run. */
function inKernels(kernels: readonly KernelTime[]): { readonly layouts: number; readonly others: number } {
  const sum = (chosen: readonly KernelTime[]) => chosen.reduce((total, { ms }) => total + ms, 0);
  const layouts = sum(kernels.filter(({ name }) => LAYOUTS.includes(name)));
  return { layouts, others: sum(kernels) - layouts };
}

const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

claimProcess();
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "10" } },
});
const HEADER = ["backbone", "blocks", "whole, ms", "", "sum of blocks, ms", "difference", "its interval"];
const WHERE = ["in layouts", "in other kernels", "outside"];
console.log(row([...HEADER, ...WHERE]));
console.log(row([...HEADER, ...WHERE].map(() => "---")));
for (const name of positionals.length > 0 ? positionals : backboneNames()) {
  console.log(await blockSum(name, Number(values.rounds)));
}
