import { writeFileSync } from "node:fs";
import { expect } from "chai";
import { parse, stringify } from "yaml";
import { loadConfig } from "../../lib/config/load.js";
import { run } from "../cli/support.js";
import { type Files, writeFiles } from "../config/support.js";
import { blocksOf, onlyReached, read, wordsOf } from "./documents.js";

const RECIPES = "docs/recipes.md";
const text = read(RECIPES);
const reference = read("docs/config.md");
/** What a block leaves out that shows some keys of training alone. */
const TRAINING = { optimizer: { type: "adamw", lr: 1e-4 }, schedule: { type: "constant" } };

/** The files that the recipes' commands name: their configs, and runs of some. */
function filesOfRecipes(): Record<string, string> {
  const configs = blocksOf(RECIPES, "yaml").flatMap((block) => {
    const [, name] = /^# ([\w-]+\.yaml)\n/.exec(block) ?? [];
    return name === undefined ? [] : [[name, block] as const];
  });
  const runs = ["mine", "few", "from-yolo"].flatMap((name) => [
    [`runs/${name}/config.yaml`, configs[0]![1]],
    [`runs/${name}/best.safetensors`, ""],
  ]);
  return Object.fromEntries([...configs, ...runs, ["checkpoint.pth", ""]]);
}

describe("the recipes", () => {
  let files: Files;
  const folder = process.cwd();
  before(() => {
    files = writeFiles(filesOfRecipes());
    process.chdir(files.folder);
  });
  after(() => {
    process.chdir(folder);
    files.remove();
  });

  it("show configs that are whole, and pieces that fit into one", () => {
    const blocks = blocksOf(RECIPES, "yaml");
    expect(blocks.length).to.be.greaterThan(4);
    for (const block of blocks) {
      const { training = {}, ...rest } = parse(block);
      const length = training.epochs === undefined && training.steps === undefined ? { steps: 1 } : {};
      const file = files.path("piece.yaml");
      const whole = rest.extends === undefined ? { ...parse(blocks[0]!), ...rest } : rest;
      writeFileSync(file, stringify({ ...whole, training: { ...TRAINING, ...length, ...training } }));
      expect(loadConfig(file).config.task).to.equal("detection");
    }
  });

  it("show commands that the command line takes, in blocks and in tables", async () => {
    const inBlocks = blocksOf(RECIPES, "sh").flatMap((block) => block.split("\n"));
    const inTables = [...text.matchAll(/`(densekit [^`]+)`/g)].map(([, command]) => command!);
    const commands = [...inBlocks, ...inTables].map(wordsOf).filter(([name]) => name === "densekit");
    expect(commands.length).to.be.greaterThan(18);
    for (const [, ...args] of commands) {
      const { code, stderr } = await run(args, { api: onlyReached() });
      const begun = /^unexpected error: the work begins\n.*\n$/.test(stderr) ? "begins" : `${code} ${stderr}`;
      expect(`${args.join(" ")}: ${begun}`).to.be.oneOf(["0 ", "begins"].map((end) => `${args.join(" ")}: ${end}`));
    }
  });

  it("name keys and types that configs have", () => {
    const keys = [...text.matchAll(/`((?:model|data|training|engine)\.(?!yaml|safetensors)[\w.]+)`/g)].map(
      ([, key]) => key!,
    );
    expect(keys.length).to.be.greaterThan(50);
    const sections = reference.split(/^## /m);
    const has = (key: string) => {
      const [, parent, last] = /^(.*)\.(\w+)$/.exec(key)!;
      return sections.some((one) => one.split("\n")[0]!.includes(`\`${parent}\``) && one.includes(`\n| \`${last}\` |`));
    };
    expect(keys.filter((key) => !has(key))).to.deep.equal([]);
    const types = [...text.matchAll(/\{ type: (\w+)/g)].map(([, type]) => type!);
    expect(types.length).to.be.greaterThan(20);
    expect(types.filter((type) => !reference.includes(`\`type: ${type}\``))).to.deep.equal([]);
  });
});
