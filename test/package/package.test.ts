import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { readJson } from "../support/goldens.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url)); // from dist/test/package

interface Manifest {
  readonly version: string;
  readonly bin: { readonly densekit: string };
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface PackedFile {
  readonly path: string;
  readonly size: number;
}

const manifest = readJson<Manifest>(join(ROOT, "package.json"));

describe("the package", () => {
  it("contains what it needs and nothing else", function () {
    this.timeout(120_000);
    const { stdout, status } = spawnSync("npm", ["pack", "--dry-run", "--json"], {
      cwd: ROOT,
      encoding: "utf8",
      shell: true,
    });
    expect(status).to.equal(0);
    const [{ files }] = JSON.parse(stdout) as [{ readonly files: readonly PackedFile[] }];
    const paths = files.map(({ path }) => path);
    expect(paths).to.include.members([
      "LICENSE",
      "NOTICE",
      "README.md",
      "CHANGELOG.md",
      "package.json",
      "schema/config.schema.json",
      "configs/mask-rcnn_efficientformer-l1_fpn_1x_coco.yaml",
      "dist/lib/cli/main.js",
      "docs/README.md",
      "docs/config.md",
      "examples/quickstart/images/LICENSE",
    ]);
    const code = /^(package\.json|schema\/.*\.json|configs\/.*\.yaml|dist\/lib\/.*\.(js|d\.ts))$/;
    const documents =
      /^(LICENSE|NOTICE|[A-Z]+\.md|bench\/README\.md|docs\/.*\.(md|jpg|png)|examples\/.*(LICENSE|\.(md|ts|mjs|yaml|json|jpg)))$/;
    expect(paths.filter((path) => !code.test(path) && !documents.test(path))).to.deep.equal([]);
    const sizeOf = (kind: RegExp) => files.reduce((sum, { path, size }) => sum + (kind.test(path) ? size : 0), 0);
    expect(sizeOf(code), "code").to.be.lessThan(3.5e6);
    expect(sizeOf(documents), "documents and examples").to.be.lessThan(3.8e6);

    // What documents link to, and what messages and schemas name, is there for whoever installed the package.
    const missing = files.flatMap(({ path }) => {
      if (!/\.(md|js|json)$/.test(path)) return [];
      const text = readFileSync(join(ROOT, path), "utf8");
      const targets = path.endsWith(".md")
        ? [...text.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(
            ([, link]) => [posix.join(posix.dirname(path), link!), link!] as const,
          )
        : [...text.matchAll(/\bdocs\/[\w-]+\.md/g)].map(([name]) => [name, name] as const);
      return targets.flatMap(([target, link]) => {
        if (/^https?:/.test(link)) return [];
        const folder = target.replace(/\/?$/, "/");
        return paths.some((one) => one === target || one.startsWith(folder)) ? [] : [`${path}: ${link}`];
      });
    });
    expect(missing).to.deep.equal([]);
  });

  it("has every file that a config extends", () => {
    expect(readdirSync(join(ROOT, "configs/_base_"))).to.have.members(["data", "models", "runtime", "schedules"]);
  });

  for (const [name, entry] of Object.entries(manifest.exports)) {
    if (typeof entry === "string") continue;
    it(`exports ${name}`, async () => {
      const module: object = await import(name.replace(/^\./, "densekit"));
      const direct: object = await import(join(ROOT, entry.default));
      expect(module).to.equal(direct);
      expect(Object.values(module).length).to.be.greaterThan(3);
    });
  }

  it("loads no engine and no renderer before they are used", () => {
    const script = `
      await import("densekit");
      await import("densekit/evaluation");
      await import("densekit/images");
      const native = /onnxruntime|tfjs|tensorflow|resvg|sharp/;
      process.stdout.write(JSON.stringify(process.report.getReport().sharedObjects.filter((path) => native.test(path))));`;
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      cwd: ROOT,
      encoding: "utf8",
    });
    expect(JSON.parse(stdout)).to.deep.equal([]);
  });

  it("has a command that starts", () => {
    const main = join(ROOT, manifest.bin.densekit);
    expect(readFileSync(main, "utf8").split("\n")[0]).to.equal("#!/usr/bin/env node");
    const { stdout } = spawnSync(process.execPath, [main, "--version"], { encoding: "utf8" });
    expect(stdout.trim()).to.equal(manifest.version);
  });

  it("has a complete lock file without host names", () => {
    type Lock = { readonly packages: Readonly<Record<string, Partial<Manifest> & { readonly resolved?: string }>> };
    const lock = readJson<Lock>(join(ROOT, "package-lock.json"));
    const packages = Object.entries(lock.packages);
    expect(packages.length).to.be.greaterThan(50);
    expect(packages.filter(([, { resolved }]) => resolved !== undefined)).to.deep.equal([]);
    // npm ci refuses a lock file that lacks the binaries of other platforms.
    const names = new Set(packages.map(([path]) => path.replace(/^.*node_modules\//, "")));
    const binaries = packages.flatMap(([, { optionalDependencies }]) => Object.keys(optionalDependencies ?? {}));
    expect(binaries.length).to.be.greaterThan(20);
    expect(binaries.filter((name) => !names.has(name))).to.deep.equal([]);
    const { dependencies, devDependencies } = lock.packages[""]!;
    expect({ dependencies, devDependencies }).to.deep.equal({
      dependencies: manifest.dependencies,
      devDependencies: manifest.devDependencies,
    });
  });

  it("uses every package it depends on", () => {
    const sources = ["lib", "test", "bench", "tools", "examples"].flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
        .filter((file) => /\.m?[jt]s$/.test(file))
        .map((file) => [folder, readFileSync(join(ROOT, folder, file), "utf8")] as const),
    );
    const scripts = JSON.stringify(manifest.scripts);
    const tools: Readonly<Record<string, string>> = {
      "@biomejs/biome": "biome",
      typescript: "tsc",
    };
    const used = (name: string, folders: readonly string[]) =>
      sources.some(([folder, text]) => folders.includes(folder) && new RegExp(`["\`/]${name}`).test(text)) ||
      scripts.includes(tools[name] ?? name);
    const unused = [
      ...Object.keys(manifest.dependencies).filter((name) => !used(name, ["lib"])),
      ...Object.keys(manifest.devDependencies).filter(
        (name) => !name.startsWith("@types/") && !used(name, ["lib", "test", "bench", "tools", "examples"]),
      ),
    ];
    expect(unused).to.deep.equal([]);
    for (const name of ["LICENSE", "NOTICE", "CHANGELOG.md", "CONTRIBUTING.md"])
      expect(existsSync(join(ROOT, name))).to.equal(true);
  });
});
