import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { licenceTable, lockedPackages } from "../../tools/licences.js";
import { readJson } from "../support/goldens.js";
import { blocksOf, ROOT, read } from "./documents.js";
import { folderBelowRoot, linkFolder } from "./installation.js";

describe("the page of packages", function () {
  this.timeout(120_000);
  let folder: string;
  // Packages of the root are found from a folder below it.
  before(() => {
    folder = folderBelowRoot("pruned");
  });
  after(() => rmSync(folder, { recursive: true }));

  it("has the licences of all packages; if not: npm run generate", () => {
    expect(read("docs/packages.md")).to.contain(licenceTable());
    const stated = lockedPackages().filter((one) => existsSync(join(ROOT, one.folder, "package.json")));
    expect(stated.length).to.be.greaterThan(100);
    for (const one of stated) {
      const { license } = readJson<{ readonly license?: string }>(join(ROOT, one.folder, "package.json"));
      if (license !== undefined) expect(one.licence, one.folder).to.equal(license);
    }
  });

  it("names every package that densekit uses, at least among the others", () => {
    const { dependencies } = readJson<{ readonly dependencies: object }>(join(ROOT, "package.json"));
    const table = licenceTable();
    expect(Object.keys(dependencies).filter((name) => !table.includes(`**${name}**`))).to.deep.equal([]);
  });

  const prune = (index: number) => {
    const command = blocksOf("docs/packages.md", "sh")[index]!;
    execFileSync("sh", ["-e", "-c", command.replace("linux/x64", `${process.platform}/${process.arch}`)], {
      cwd: folder,
    });
  };
  const output = (script: string) => {
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      cwd: folder,
      encoding: "utf8",
    });
    expect(stderr).to.equal("");
    return stdout;
  };

  it("prunes onnxruntime's binaries, and it starts", () => {
    linkFolder(join(ROOT, "node_modules/onnxruntime-node"), join(folder, "node_modules/onnxruntime-node"));
    const bin = join(folder, "node_modules/onnxruntime-node/bin");
    const binaries = () =>
      readdirSync(bin, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".node"));
    expect(binaries().length).to.be.greaterThan(2);
    prune(0);
    expect(binaries().length).to.equal(1);
    const script = `
      import ort from "onnxruntime-node";
      import { createRequire } from "node:module";
      const place = createRequire(process.cwd() + "/x.js").resolve("onnxruntime-node");
      console.log(place.startsWith(process.cwd()), ort.listSupportedBackends().some(({ name }) => name === "cpu"));`;
    expect(output(script)).to.equal("true true\n");
  });

  it("prunes jimp's copies of zod, and it writes and reads images", () => {
    for (const name of ["jimp", "@jimp"])
      linkFolder(join(ROOT, "node_modules", name), join(folder, "node_modules", name));
    const copies = () =>
      readdirSync(join(folder, "node_modules/@jimp")).filter((name) =>
        existsSync(join(folder, "node_modules/@jimp", name, "node_modules/zod")),
      );
    expect(copies().length).to.be.greaterThan(10);
    prune(1);
    expect(copies()).to.deep.equal([]);
    const script = `
      import { Jimp } from "jimp";
      const image = new Jimp({ width: 3, height: 2, color: 0xff0000ff });
      const read = await Jimp.fromBuffer(await image.resize({ w: 6, h: 4 }).getBuffer("image/png"));
      console.log(read.bitmap.width, read.bitmap.height);`;
    expect(output(script)).to.equal("6 4\n");
  });
});
