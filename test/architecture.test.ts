import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { FOR_EVERYONE, NEUTRAL_FILES, ROOMS, roomsTable } from "../tools/rooms.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url)); // from dist/test
const LIB = join(ROOT, "lib");

const files = readdirSync(LIB, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
const text = (file: string): string => readFileSync(join(LIB, file), "utf8");
const imports = (file: string): string[] =>
  [...text(file).matchAll(/(?:from|import|import\() ?"([^"]+)"/g)].map(([, target]) => target!);

/** The files of lib/ that a file imports, including type imports. */
const ownImports = (file: string): string[] =>
  imports(file)
    .filter((name) => name.startsWith("."))
    .map((name) => relative(LIB, resolve(LIB, dirname(file), name)).replace(/\.js$/, ".ts"));

/** The files in the numbered list of a section of docs/architecture.md; each item begins with its file. */
function walk(heading: string): string[] {
  const document = readFileSync(join(ROOT, "docs/architecture.md"), "utf8");
  const section = document.split(/^## /m).find((part) => part.startsWith(heading)) ?? "";
  return [...section.matchAll(/^\d+\. `lib\/([^`]+)`/gm)].map(([, file]) => file!.split("/").join(sep));
}

/** The strongly connected components of a graph, without single nodes. */
function circles(arrows: ReadonlyMap<string, readonly string[]>): string[][] {
  const reached = new Map([...arrows.keys()].map((start) => [start, reachedFrom(start, arrows)]));
  const found = new Map<string, string[]>();
  for (const [start, goals] of reached) {
    if (!goals.has(start)) continue;
    const circle = [...goals].filter((goal) => reached.get(goal)?.has(start)).sort();
    found.set(circle.join(), circle);
  }
  return [...found.values()];
}

function reachedFrom(start: string, arrows: ReadonlyMap<string, readonly string[]>): Set<string> {
  const reached = new Set<string>();
  const left = [start];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    for (const goal of arrows.get(next) ?? []) {
      if (reached.has(goal)) continue;
      reached.add(goal);
      left.push(goal);
    }
  }
  return reached;
}

/** The package's entry points in lib/ itself. */
const DOORS = ["index.ts", "parts.ts"];

describe("the folders of lib/", () => {
  it("import only what the architecture allows", () => {
    const wrong: string[] = [];
    const common: readonly string[] = FOR_EVERYONE.map((name) => `${name}.ts`);
    for (const file of files) {
      const [room = ""] = file.split(sep);
      if (room === "cli" || DOORS.includes(file)) continue; // they may import everything
      const isCommon = common.includes(file);
      if (!isCommon) expect(ROOMS, `tools/rooms.ts says nothing of ${room}`).to.have.property(room);
      const allowed = isCommon ? [] : ROOMS[room]!.imports;
      for (const path of ownImports(file)) {
        const [other = ""] = path.split(sep);
        if (other === room || common.includes(path) || allowed.includes(other)) continue;
        wrong.push(`${file} imports ${path}`);
      }
    }
    expect(wrong).to.deep.equal([]);
  });

  it("are all in the table, each after those it may import", () => {
    const names = Object.keys(ROOMS);
    expect([...names, "cli"]).to.have.members(
      readdirSync(LIB, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])),
    );
    for (const [i, name] of names.entries()) expect(names.slice(0, i)).to.include.members([...ROOMS[name]!.imports]);
  });

  it("are in the table of docs/architecture.md; if not: npm run generate", () => {
    expect(readFileSync(join(ROOT, "docs/architecture.md"), "utf8")).to.contain(roomsTable());
  });

  it("if neutral, are compiled without Node's types and import only what is neutral", () => {
    const { include } = JSON.parse(readFileSync(join(ROOT, "tsconfig.neutral.json"), "utf8"));
    const neutral = Object.keys(ROOMS).filter((name) => ROOMS[name]!.neutral);
    expect(include).to.have.members(["tools/neutral.d.ts", ...neutral.map((name) => `lib/${name}/**/*.ts`)]);
    const others = NEUTRAL_FILES.map((name) => `${name.split("/").join(sep)}.ts`);
    const isNeutral = (file: string) => neutral.includes(file.split(sep)[0]!) || others.includes(file);
    expect(files).to.include.members(others);
    const wrong = files.filter(isNeutral).flatMap((file) => {
      const platform = imports(file).filter((name) => name.startsWith("node:"));
      return [...ownImports(file).filter((path) => !isNeutral(path)), ...platform].map((name) => `${file}: ${name}`);
    });
    expect(wrong).to.deep.equal([]);
  });

  it("have no import cycles, type imports included", () => {
    const example: readonly (readonly [string, readonly string[]])[] = [
      ["a", ["b", "d"]],
      ["b", ["c"]],
      ["c", ["a"]],
      ["d", []],
      ["e", ["e"]],
    ];
    expect(circles(new Map(example))).to.deep.equal([["a", "b", "c"], ["e"]]);
    expect(circles(new Map(files.map((file) => [file, ownImports(file)])))).to.deep.equal([]);
  });

  it("refer to operators by import, not by name", () => {
    expect(files.filter((file) => /operator\.name (===|!==) ["'`]/.test(text(file)))).to.deep.equal([]);
  });

  it("import by literal names, except for optional packages and a user's own modules", () => {
    const hidden = files.filter((file) => /import\([^")]/.test(text(file)));
    expect(hidden).to.have.members([join("engines", "tfjs", "native.ts"), join("datasets", "loader", "makeBatch.ts")]);
  });

  const only = (packages: RegExp, room: string) =>
    files.filter((file) => imports(file).some((name) => packages.test(name)) && !file.startsWith(room + sep));

  it("import runtimes only in engines, and codecs only in images", () => {
    expect(files.some((file) => imports(file).includes("onnxruntime-node"))).to.equal(true);
    expect(only(/^onnxruntime/, join("engines", "onnxruntime"))).to.deep.equal([]);
    expect(only(/^@tensorflow/, join("engines", "tfjs"))).to.deep.equal([]);
    expect(only(/^(jimp|fast-png|pngjs|@resvg)/, "images")).to.deep.equal([]);
    expect(only(/^sharp/, "images")).to.deep.equal([]);
    expect(files.filter((file) => text(file).includes("new WebAssembly."))).to.deep.equal([join("kernels", "load.ts")]);
  });

  it("look a task up in its table, and do not compare its name", () => {
    const asking = files.filter((file) => /\btask\s*[!=]==\s*["'`]/.test(text(file)));
    expect(asking).to.deep.equal([]);
  });

  it("print and exit only in the command line", () => {
    const speaking = files.filter((file) => /\bconsole\.|process\.(exit|stdout|stderr)/.test(text(file)));
    expect(speaking.filter((file) => !file.startsWith(`cli${sep}`))).to.deep.equal([]);
    expect(speaking.length).to.be.greaterThan(0);
  });
});

describe("the walks of docs/architecture.md", () => {
  for (const heading of ["From an image to its boxes", "How a training step is cut"]) {
    it(`"${heading}" names existing files, each imported by one above it`, () => {
      const walked = walk(heading);
      expect(walked.length).to.be.greaterThan(10);
      expect(files).to.include.members(walked);
      const lost = walked.filter(
        (file, i) => i > 0 && !walked.slice(0, i).some((above) => ownImports(above).includes(file)),
      );
      expect(lost).to.deep.equal([]);
    });
  }
});
