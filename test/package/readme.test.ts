import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { parse } from "yaml";
import { resolveConfig } from "../../lib/config/load.js";
import { configReference } from "../../tools/configReference.js";
import { modelTable } from "../../tools/modelTable.js";
import { run } from "../cli/support.js";
import { type Files, writeFiles } from "../config/support.js";
import { blocksOf, onlyReached, ROOT, read, wordsOf } from "./documents.js";

const DOCUMENTS = [
  ...["README.md", "CONTRIBUTING.md", "bench/README.md"],
  ...readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" }).flatMap((file) =>
    file.endsWith(".md") ? [`docs/${file}`] : [],
  ),
];
describe("the README", () => {
  let files: Files;
  const folder = process.cwd();
  before(() => {
    const [objects] = blocksOf("README.md", "yaml");
    const config = objects!.replaceAll("node_modules/densekit/", ROOT);
    const runs = ["runs/mine", "runs/quickstart"].flatMap((run) => [
      [`${run}/config.yaml`, config],
      [`${run}/best.safetensors`, ""],
    ]);
    files = writeFiles({ "mine.yaml": config, ...Object.fromEntries(runs) });
    process.chdir(dirname(files.path("mine.yaml")));
  });
  after(() => {
    process.chdir(folder);
    files.remove();
  });

  it("shows commands that the command line accepts", async () => {
    const lines = blocksOf("README.md", "sh").flatMap((block) => block.split("\n"));
    const installed = lines.map((line) => line.replaceAll("node_modules/densekit/", ROOT));
    const commands = installed.map(wordsOf).filter(([name]) => name === "densekit");
    const called = new Set<string>();
    for (const [, ...args] of commands) {
      const { code, stderr } = await run(args, { api: onlyReached() });
      const begun = /^unexpected error: the work begins\n.*\n$/.test(stderr) ? "begins" : `${code} ${stderr}`;
      expect(`${args.join(" ")}: ${begun}`).to.be.oneOf(["0 ", "begins"].map((end) => `${args.join(" ")}: ${end}`));
      called.add(args[0]!);
    }
    expect([...called]).to.have.members([
      "init",
      "weights",
      "report",
      "train",
      "config",
      "evaluate",
      "predict",
      "export",
      "verify",
      "pack",
      "data",
      "doctor",
      "profile",
      "slim",
    ]);
  });

  it("shows complete configs", () => {
    const [objects, maps] = blocksOf("README.md", "yaml").map((block) => parse(block));
    const base = (name: string) => join(ROOT, "configs/_base_/models", name);
    const semantic = {
      ...objects,
      ...maps,
      extends: [base("semantic-fpn_fpn128.yaml"), base("efficientformer-nano.yaml")],
    };
    const { config } = resolveConfig(semantic);
    expect(config).to.have.property("task", "segmentation");
    expect(config.data.classes).to.deep.equal(["road", "building", "tree"]);
  });

  it("has the models' parameters and multiply-adds; if not: npm run generate", () => {
    expect(read("README.md")).to.contain(modelTable());
  });

  it("mentions the patent", () => {
    expect(read("README.md").replace(/\s+/g, " ")).to.match(
      /US12236668B2\. The licence of densekit covers the code of densekit alone/,
    );
  });
});

describe("the documents", () => {
  it("have the config reference; if not: npm run generate", () => {
    expect(read("docs/config.md")).to.equal(configReference());
  });

  it("link to files that exist", () => {
    for (const document of [...DOCUMENTS, "docs/config.md"]) {
      const links = [...read(document).matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, target]) => target!);
      for (const target of links.filter((link) => !/^https?:/.test(link))) {
        expect(existsSync(join(ROOT, dirname(document), target)), `${document}: ${target}`).to.equal(true);
      }
    }
  });

  it("name files and folders that exist", () => {
    for (const document of [...DOCUMENTS, "docs/decisions.md", "NOTICE"]) {
      const paths =
        read(document).match(/(?<![\w/])(?:lib|test|configs|kernels|bench|examples|docs)\/[\w./-]*\w/g) ?? [];
      for (const path of paths.filter((one) => !/NAME/.test(one) && !/[a-z]-$/.test(one))) {
        expect(existsSync(join(ROOT, path)), `${document}: ${path}`).to.equal(true);
      }
    }
  });

  it("name npm scripts that exist", () => {
    const { scripts } = JSON.parse(read("package.json"));
    for (const document of [...DOCUMENTS, "bench/README.md", ".ci/run"]) {
      for (const [, name = "test"] of read(document).matchAll(/npm (?:run ([a-z]+)|test)/g)) {
        expect(scripts, document).to.have.property(name);
      }
    }
  });
});
