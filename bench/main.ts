import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { nearestName, UserError } from "../lib/errors.js";
import { measureCards } from "./cards.js";
import { type CaseResult, type MeasureOptions, measure } from "./measure.js";
import { type BenchCase, GROUPS, SUITE } from "./suite.js";
import { caseTable, overview, problems } from "./table.js";

const HELP = `npm run bench -- [GROUP or CASE ...] [options]

Times densekit and, where the environment variable DENSEKIT_PYTHON names a Python with torch, torchvision, onnx and
onnxruntime, its peers, in alternating rounds. Prints Markdown tables.

Groups: ${GROUPS.join(", ")}
cards:  the latency of the zoo's models, saved in bench/latencies.json, from which npm run generate makes the cards and plots of
        docs/models.md; no peers. May be followed by names of tasks (classification, detection, segmentation) and backbones
Cases:  ${SUITE.map(({ name }) => name).join(", ")}

  --rounds N      rounds of each side (default 5)
  --seconds S     minimum time that a side runs per round (default 0.5)
  --threads N     threads of every side (default 2)
  --image FILE  the JPEG of the predict cases
  --data DIR      the data sets of the loader cases: coco-mini and coco-stuff-sem (default DENSEKIT_DATA, else
                  shared/data beside the checkout)
  --json          one JSON object on stdout instead of tables
`;

const DATA = fileURLToPath(new URL("../../../shared/data", import.meta.url)); // from dist/bench
const IMAGE = fileURLToPath(new URL("../../bench/image.jpg", import.meta.url));

async function main(args: readonly string[]): Promise<void> {
  const { values, positionals } = parse(args);
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const options: MeasureOptions = {
    rounds: positive(values.rounds, "--rounds"),
    seconds: positive(values.seconds, "--seconds"),
    threads: positive(values.threads, "--threads"),
    image: values.image,
    data: values.data,
    python: process.env.DENSEKIT_PYTHON || undefined,
    progress: (text) => process.stderr.write(`${text}\n`),
  };
  const [group, ...tasks] = positionals;
  if (group === "cards") return measureCards(tasks, options);
  const cases = chosen(positionals);
  const machine = `${cpus()[0]?.model ?? "unknown CPU"}, ${cpus().length} cores, ${options.threads} threads, Node ${process.version}`;
  if (!values.json) process.stdout.write(`${machine}\n\n`);
  if (options.python === undefined) options.progress("DENSEKIT_PYTHON is not set: no peers");
  const results: CaseResult[] = [];
  for (const benchCase of cases) {
    const result = await measure(benchCase, options);
    results.push(result);
    if (!values.json) process.stdout.write(`${caseTable(result)}\n`);
  }
  if (!values.json) process.stdout.write(overview(results));
  if (values.json) process.stdout.write(`${JSON.stringify({ machine, results })}\n`);
  if (results.some((result) => problems(result).length > 0)) process.exitCode = 1;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        rounds: { type: "string", default: "5" },
        seconds: { type: "string", default: "0.5" },
        threads: { type: "string", default: "2" },
        image: { type: "string", default: IMAGE },
        data: { type: "string", default: process.env.DENSEKIT_DATA || DATA },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    throw new UserError(`${error instanceof Error ? error.message : error}\n\n${HELP}`, 2);
  }
}

function positive(text: string, name: string): number {
  const value = Number(text);
  const whole = name === "--seconds" || Number.isInteger(value);
  if (!(value > 0 && value < Number.POSITIVE_INFINITY && whole))
    throw new UserError(`${name} is "${text}", which must be a positive number`, 2);
  return value;
}

/** The named cases and those of the named groups, in the suite's order; all of them if no name is given. */
function chosen(names: readonly string[]): readonly BenchCase[] {
  const known = [...GROUPS, "cards", ...SUITE.map(({ name }) => name)];
  for (const name of names) {
    if (known.includes(name)) continue;
    const near = nearestName(name, known);
    const hint = near === undefined ? `there are: ${known.join(", ")}` : `did you mean ${near}?`;
    throw new UserError(`no benchmark is called "${name}"; ${hint}`, 2);
  }
  return names.length === 0 ? SUITE : SUITE.filter(({ group, name }) => names.includes(group) || names.includes(name));
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = error.exitCode;
}
