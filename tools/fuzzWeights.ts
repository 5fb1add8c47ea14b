/*
 * Reads damaged files of weights until a number or a time is reached, and says what became of them:
 *
 *   node dist/tools/fuzzWeights.js FOLDER [--files 1000000] [--seconds 600] [--seed 1]
 *
 * FOLDER holds small .pth and .npz files. A file that ends in anything but a UserError or a right answer, takes more than
 * two seconds, or drives the memory past half a gigabyte is written to fuzz-failure.bin, and the run ends with exit code 1.
 */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Random } from "../lib/random.js";
import { attempt } from "../test/support/fuzz.js";
import { mutate } from "../test/support/mutate.js";

const SLOW_MS = 2000;
const LARGE_BYTES = 512 << 20;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    files: { type: "string", default: "1000000" },
    seconds: { type: "string", default: "600" },
    seed: { type: "string", default: "1" },
  },
});
const [folder = "."] = positionals;
const seeds = readdirSync(folder)
  .filter((name) => /\.(pth|npz)$/.test(name))
  .map((name) => ({ name, bytes: readFileSync(join(folder, name)) }))
  .filter(({ bytes }) => bytes.length < 20_000);
const total = Number(values.files);
const end = performance.now() + Number(values.seconds) * 1000;
const counts = { read: 0, refused: 0 };
let slowest = 0;
let largest = 0;

function fail(why: string, name: string, index: number, bytes: Uint8Array): never {
  writeFileSync("fuzz-failure.bin", bytes);
  process.stderr.write(`${name}, file ${index}: ${why}; written to fuzz-failure.bin\n`);
  process.exit(1);
}

let index = 0;
for (; index < total && performance.now() < end; index++) {
  const random = Random.of(Number(values.seed), "fuzz", index);
  const { name, bytes } = seeds[random.integer(seeds.length)]!;
  const damaged = mutate(bytes, random);
  const start = performance.now();
  try {
    counts[await attempt(damaged, name.endsWith(".npz") ? "npz" : "torch")]++;
  } catch (error) {
    fail(error instanceof Error ? (error.stack ?? error.message) : String(error), name, index, damaged);
  }
  const ms = performance.now() - start;
  slowest = Math.max(slowest, ms);
  if (ms > SLOW_MS) fail(`took ${ms.toFixed(0)} ms`, name, index, damaged);
  if (index % 1000 === 0) {
    largest = Math.max(largest, process.memoryUsage.rss());
    if (largest > LARGE_BYTES) fail(`memory grew to ${largest} bytes`, name, index, damaged);
  }
}
process.stdout.write(
  `${index} files: ${counts.refused} refused, ${counts.read} read; slowest ${slowest.toFixed(0)} ms, most memory ${(largest / 1e6).toFixed(0)} MB\n`,
);
