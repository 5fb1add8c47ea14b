import { relative } from "node:path";
import { type Command, Option } from "commander";
import type { InitResult } from "../datatools/init/init.js";
import { MODEL_SIZES, type ModelSize } from "../datatools/init/recipe.js";
import { type DataFormat, FORMATS, type FoundData } from "../datatools/init/recognise.js";
import { nearestName, UserError } from "../errors.js";
import { counted } from "../words.js";
import { type Context, printResult, type SharedOptions } from "./context.js";
import { createCommand } from "./options.js";
import { createProgress } from "./progress.js";

interface InitFlags extends SharedOptions {
  readonly from?: DataFormat;
  readonly size?: ModelSize;
  readonly out?: string;
  readonly force?: true;
}

const SIZES = Object.keys(MODEL_SIZES) as ModelSize[];

export function initCommand(context: Context): Command {
  const examples = ["init images", "init annotations/instances.json --size small --out my.yaml", "init . --from yolo"];
  const description =
    "Write a config for your data: recognises it in a folder, checks it, and chooses size, steps and batch by it";
  return createCommand("init", description, examples)
    .argument("[data]", "folder with images and annotations, or the file that describes them", ".")
    .addOption(new Option("--from <format>", "which data, where there are several").choices(FORMATS))
    .addOption(
      new Option("--size <size>", `the model: ${SIZES.join(", ")}; default nano, or a question on a terminal`).choices(
        SIZES,
      ),
    )
    .option("--out <file>", "the config; default named as the folder, or a question on a terminal")
    .option("--force", "overwrite the config, and what init wrote for it")
    .action(async (data: string, { from, size, out, force, json }: InitFlags) => {
      // Without a terminal, or with --json for a program, nobody answers.
      const ask = json ? undefined : context.ask;
      const progress = createProgress({ stream: context.stderr, every: 1 });
      const asking =
        ask &&
        (async (question: string) => {
          progress.stop();
          return (await ask(question)).trim();
        });
      try {
        const result = await context.api.data.init({
          data,
          ...(from !== undefined && { format: from }),
          ...(asking !== undefined && { choose: (found) => chooseData(found, asking, context) }),
          ...sizeOption(size, asking, context),
          ...outOption(out, asking),
          ...(force && { force }),
          ...{ signal: context.signal, onEvent: progress.show },
        });
        progress.stop();
        printResult(context, { ...(json && { json }) }, result, () => summary(result));
      } finally {
        progress.stop();
      }
    });
}

type Ask = (question: string) => Promise<string>;
type Told = Pick<Context, "stderr">;

/** Asks until the answer is one of the names, its number, or nothing, which is the first. */
async function choose<T extends string>(
  question: string,
  names: readonly T[],
  texts: readonly string[],
  ask: Ask,
  { stderr }: Told,
): Promise<number> {
  stderr.write(`${question}\n${texts.map((text, i) => `  ${i + 1}. ${text}`).join("\n")}\n`);
  for (;;) {
    const answer = await ask("[1] ");
    if (answer === "") return 0;
    const index = /^\d+$/.test(answer) ? Number(answer) - 1 : names.indexOf(answer as T);
    if (names[index] !== undefined) return index;
    const near = nearestName(answer, names);
    stderr.write(`a number from 1 to ${names.length}, please${near === undefined ? "" : `, or "${near}"`}\n`);
  }
}

async function chooseData(found: readonly FoundData[], ask: Ask, told: Told): Promise<FoundData> {
  const titles = found.map(({ title }) => title);
  return found[await choose("Which data?", titles, titles, ask, told)]!;
}

function sizeOption(size: ModelSize | undefined, ask: Ask | undefined, told: Told) {
  if (size !== undefined) return { size };
  if (ask === undefined) return {};
  const texts = SIZES.map((name) => `${name}: ${MODEL_SIZES[name].about}`);
  return { size: async () => SIZES[await choose("Which model?", SIZES, texts, ask, told)]! };
}

function outOption(out: string | undefined, ask: Ask | undefined) {
  if (out !== undefined) return { out: yaml(out) };
  if (ask === undefined) return {};
  return { out: async (suggested: string) => withEnding((await ask(`Which file? [${suggested}] `)) || suggested) };
}

const isYaml = (name: string): boolean => /\.ya?ml$/i.test(name);
const withEnding = (name: string): string => (isYaml(name) ? name : `${name}.yaml`);

function yaml(name: string): string {
  if (isYaml(name)) return name;
  throw new UserError(`--out ${name}: a config's name ends in .yaml`, 2);
}

function summary({ out: path, title, images, recipe, warnings, notes }: InitResult): string {
  const { steps, batchSize, scale } = recipe;
  const out = relative("", path);
  return [
    `${title}: ${counted(images.train, "image")} to train on, ${images.val} to validate`,
    ...notes,
    ...(warnings > 0 ? [`${counted(warnings, "warning")}: densekit data check ${out} lists them`] : []),
    `${out}: ${steps} steps of ${counted(batchSize, "image")} of ${scale.join(" × ")} pixels; the file says why`,
    `Next: densekit train ${out}`,
  ].join("\n");
}
