import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { nearestName, UserError } from "../../lib/errors.js";
import { LIMITS } from "./limits.js";
import { type FuzzResult, runFuzz } from "./run.js";
import { fuzzTable } from "./table.js";
import { TARGETS } from "./targets.js";

const HELP = `npm run fuzz -- FORMAT ... [options]

Reads damaged and absurd inputs and reports the results. Anything but a result or an error that says what is wrong,
more than ${LIMITS.seconds} s of processor time, or more than ${LIMITS.bytes / 1e6} MB of memory is a failure: the input is saved, and the exit code is 1.

Formats: ${Object.keys(TARGETS).join(", ")}; all for all of them

  --count N   inputs of each format (default 10000)
  --seed S    seed of the inputs (default 1)
  --only I    only input number I
  --save DIR  where failing inputs are saved (default a temporary folder)
  --json      one JSON object on stdout instead of a table
`;

async function main(args: readonly string[]): Promise<void> {
  const { values, positionals } = parse(args);
  if (values.help || positionals.length === 0) {
    process.stdout.write(HELP);
    return;
  }
  const seed = wholeNumber(values.seed, "--seed");
  const only = values.only === undefined ? undefined : wholeNumber(values.only, "--only");
  const range = only === undefined ? { count: wholeNumber(values.count, "--count") } : { first: only, count: 1 };
  const results: FuzzResult[] = [];
  for (const name of chosen(positionals)) {
    const result = await runFuzz({
      table: new URL("./targets.js", import.meta.url).href,
      ...{ name, seed, ...range, saveTo: values.save },
      onProgress: (done) => process.stderr.write(`${name}: ${done}\n`),
    });
    for (const { index, message, file } of result.failures) {
      process.stderr.write(`\n${name}, --seed ${seed} --only ${index}, kept as ${file}:\n${message}\n`);
    }
    results.push(result);
  }
  process.stdout.write(values.json ? `${JSON.stringify(results)}\n` : fuzzTable(results));
  if (results.some(({ failures }) => failures.length > 0)) process.exitCode = 1;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        count: { type: "string", default: "10000" },
        seed: { type: "string", default: "1" },
        only: { type: "string" },
        save: { type: "string", default: join(tmpdir(), "densekit-fuzz-failures") },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    throw new UserError(error instanceof Error ? error.message : String(error), 2);
  }
}

function chosen(names: readonly string[]): string[] {
  const known = Object.keys(TARGETS);
  if (names.includes("all")) return known;
  for (const name of names) {
    if (known.includes(name)) continue;
    const near = nearestName(name, known);
    throw new UserError(`no format "${name}"${near ? `; did you mean ${near}?` : `: one of ${known.join(", ")}`}`, 2);
  }
  return [...names];
}

function wholeNumber(text: string, option: string): number {
  if (!/^\d+$/.test(text)) throw new UserError(`${option}: "${text}" is not a whole number`, 2);
  return Number(text);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  process.stderr.write(`error: ${error.message}\n`);
  process.exitCode = error.exitCode;
}
