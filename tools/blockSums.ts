import { parseArgs } from "node:util";
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
 *     node dist/tools/blockSums.js [BACKBONE ...] [--rounds 10]
 */

const SIDE = { height: 224, width: 224 };
/** Seconds per visit. */
const VISIT = 0.02;

async function blockSum(name: string, rounds: number): Promise<string> {
  const model = findModel(name, ["engine.threads=1"]);
  const network = await openNetwork(model);
  drawParameters(network);
  const engine = await openEngine(model.config.engine);
  const how = { engine, batch: 1, size: SIDE, totalOnly: false, clock: "processor" } as const;
  const subject = await prepareSubject(network, how);
  try {
    const { whole, blocks, entrants } = subject;
    const contenders = [whole.contender, ...blocks.map((block) => entrants.get(block)!.contender)];
    const [first, ...parts] = await measureInTurn(contenders, { rounds, seconds: VISIT, pauseMs: 0 });
    const over = ratioOfSum(parts, first!);
    const { latency } = first!;
    const cells = [name, String(blocks.length), milliseconds(latency.median), `± ${percent(halfWidth(latency))}`];
    const interval = `${signed(over.low - 1)} to ${signed(over.high - 1)}`;
    return `| ${[...cells, milliseconds(sumOf(parts).median), signed(over.median - 1), interval].join(" | ")} |`;
  } finally {
    await subject.dispose();
  }
}

claimProcess();
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "10" } },
});
console.log("| backbone | blocks | whole, ms | | sum of blocks, ms | difference | its interval |");
console.log("| --- | --- | --- | --- | --- | --- | --- |");
for (const name of positionals.length > 0 ? positionals : backboneNames()) {
  console.log(await blockSum(name, Number(values.rounds)));
}
