import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

const ROOT = fileURLToPath(new URL("../../", import.meta.url)); // from dist/test
const LIB = join(ROOT, "lib");

/** What a folder of lib/ may import of the others, as docs/architecture.md says. */
const MODEL_PARTS = ["graph", "nn", "backbones", "necks", "heads", "regions", "masks"];
const RUNNING = [...MODEL_PARTS, "engines", "formats", "images", "datasets", "evaluation", "models", "config"];
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  graph: [],
  images: [],
  masks: [],
  regions: [],
  schemas: [],
  kernels: [],
  config: ["schemas", "backbones"],
  formats: ["graph"],
  nn: ["graph"],
  engines: ["graph", "formats"],
  backbones: ["nn", "graph", "schemas"],
  necks: ["nn", "graph"],
  heads: ["nn", "graph"],
  evaluation: ["masks", "images", "formats"],
  datasets: ["formats", "images", "masks"],
  pages: ["images"],
  weights: ["formats", "kernels", "nn", "backbones"],
  models: RUNNING,
  tasks: RUNNING,
  inference: [...RUNNING, "tasks", "training", "weights"],
  training: [...RUNNING, "kernels", "tasks", "weights"],
  export: [...RUNNING, "inference", "tasks", "training", "weights"],
  report: [...RUNNING, "tasks", "training", "inference", "pages"],
  datatools: [...RUNNING, "tasks", "training", "pages"],
};
const FOR_EVERYONE = ["errors.ts", "files.ts", "random.ts", "threads.ts", "version.ts", "wasm.ts"];

const files = readdirSync(LIB, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
const text = (file: string): string => readFileSync(join(LIB, file), "utf8");
const imports = (file: string): string[] =>
  [...text(file).matchAll(/(?:from|import|import\() ?"([^"]+)"/g)].map(([, target]) => target!);

describe("the folders of lib/", () => {
  it("import what the architecture allows", () => {
    const wrong: string[] = [];
    for (const file of files) {
      const [room = ""] = file.split(sep);
      if (room === file || room === "cli") continue;
      expect(ALLOWED, `docs/architecture.md says nothing of ${room}`).to.have.property(room);
      for (const target of imports(file).filter((name) => name.startsWith("."))) {
        const path = relative(LIB, resolve(LIB, dirname(file), target)).replace(/\.js$/, ".ts");
        const [other = ""] = path.split(sep);
        if (other === room || FOR_EVERYONE.includes(path) || ALLOWED[room]?.includes(other)) continue;
        wrong.push(`${file} imports ${path}`);
      }
    }
    expect(wrong).to.deep.equal([]);
  });

  const only = (packages: RegExp, room: string) =>
    files.filter((file) => imports(file).some((name) => packages.test(name)) && !file.startsWith(room + sep));

  it("keep the runtime to the engines and the codecs to the images", () => {
    expect(files.some((file) => imports(file).includes("onnxruntime-node"))).to.equal(true);
    expect(only(/^onnxruntime/, "engines")).to.deep.equal([]);
    expect(only(/^@tensorflow/, join("engines", "tfjs"))).to.deep.equal([]);
    expect(only(/^(jimp|fast-png|pngjs|@resvg)/, "images")).to.deep.equal([]);
    expect(only(/^sharp/, "images")).to.deep.equal([]);
  });

  it("print and exit in the command line alone", () => {
    const speaking = files.filter((file) => /\bconsole\.|process\.(exit|stdout|stderr)/.test(text(file)));
    expect(speaking.filter((file) => !file.startsWith(`cli${sep}`))).to.deep.equal([]);
    expect(speaking.length).to.be.greaterThan(0);
  });
});
