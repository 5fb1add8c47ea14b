/** A folder of lib/: what lives there, and which other folders its files may import. */
export interface Room {
  readonly holds: string;
  readonly imports: readonly string[];
  /** Runs in any JavaScript runtime: tsconfig.neutral.json compiles it without the types of Node. */
  readonly neutral?: true;
}

const MODEL_PARTS = ["graph", "nn", "backbones", "necks", "heads", "regions", "masks", "pixels"] as const;
const DATA_PARTS = ["coco", "images", "datasets", "metrics", "evaluation"] as const;
const PARTS = [...MODEL_PARTS, "config", "engines", ...DATA_PARTS] as const;

const RUNNING = [...PARTS, "models"] as const;

/**
 * The rooms, each after those it may import, so that rooms do not import each other in a cycle. `npm run generate` writes them
 * into docs/architecture.md; test/architecture.test.ts checks every file of lib/ against them.
 */
export const ROOMS: Readonly<Record<string, Room>> = {
  schemas: { holds: "the building blocks of config schemas", imports: [], neutral: true },
  hub: { holds: "files by address: the Hugging Face hub's cache, downloads, proxies", imports: ["schemas"] },
  kernels: {
    holds: "loads the compiled kernels; the only place where WebAssembly is loaded",
    imports: [],
    neutral: true,
  },
  graph: {
    holds: "values, operators (shape rule, gradient, cost, traits), gradients, passes",
    imports: [],
    neutral: true,
  },
  regions: { holds: "anchors, assignment, suppression, RoIAlign", imports: ["kernels"], neutral: true },
  masks: { holds: "run lengths, polygons, pasting", imports: [], neutral: true },
  coco: {
    holds: "entries of COCO files: types and checks",
    imports: ["masks"],
    neutral: true,
  },
  pixels: {
    holds: "images and label maps as arrays; resizing, geometry, colour, normalising",
    imports: ["kernels"],
    neutral: true,
  },
  images: {
    holds: "codecs, decoding, encoding, drawing; the only place where a codec is imported",
    imports: ["pixels"],
  },
  nn: { holds: "parameters, context, initialisers, layers", imports: ["graph"], neutral: true },
  backbones: {
    holds: "one architecture per file: schema, variants, layers, what can be frozen, weight names",
    imports: ["nn", "graph", "schemas"],
    neutral: true,
  },
  necks: { holds: "one per file: schema and layers", imports: ["nn", "graph", "schemas"], neutral: true },
  heads: { holds: "one per file: schema and layers", imports: ["nn", "graph", "schemas", "backbones"], neutral: true },
  jsonfiles: { holds: "JSON as Python writes it, and lists too long to be read at once", imports: [] },
  datasets: {
    holds: "readers, the loader, and `transforms`, one per file",
    imports: ["schemas", "jsonfiles", "coco", "pixels", "images", "masks"],
  },
  optimizers: { holds: "one per file: schema, update rule, state", imports: ["schemas", "kernels"], neutral: true },
  schedules: { holds: "learning rate schedules, one per file: schema and rate", imports: ["schemas"], neutral: true },
  loggers: {
    holds: "the events of a training run, and where they are logged, one per file: schema and how",
    imports: ["schemas"],
  },
  metrics: {
    holds:
      "metrics from arrays: `coco` for detections, `labels` for label maps, `classes` for classifiers; those from outside",
    imports: ["schemas", "masks", "coco", "pixels"],
    neutral: true,
  },
  plugins: {
    holds: "modules of users that add parts: loading them, and what they are given",
    imports: ["schemas", "backbones", "necks", "heads", "datasets", "loggers", "metrics"],
  },
  compilers: {
    holds: "from graphs to `onnx` and to `tensorflow`; rewrites for speed on onnxruntime's CPU in `cpu`",
    imports: ["graph"],
    neutral: true,
  },
  engines: {
    holds:
      "the interface of engines, and a folder for each: schema, capabilities, and its runtime, imported nowhere else",
    imports: ["schemas", "graph", "compilers"],
  },
  config: {
    holds: "loading, `extends`, overrides, errors with file and line; puts the parts' schemas together",
    imports: [
      "schemas",
      "pixels",
      "backbones",
      "necks",
      "heads",
      "datasets",
      "optimizers",
      "schedules",
      "loggers",
      "metrics",
      "plugins",
      "engines",
    ],
  },
  formats: {
    holds: "annotations of other programs, one format per file: read, and kept as COCO files in a cache",
    imports: ["config", "datasets", "images", "masks", "pixels", "schemas"],
  },
  tensors: { holds: "element types and layouts; `.npy` and pickles: bytes to tensors", imports: [], neutral: true },
  tensorfiles: { holds: "safetensors, `.npz` and `.pth` on disk", imports: ["tensors"] },
  weights: {
    holds: "which tensor of a file goes into which parameter",
    imports: ["hub", "nn", "backbones", "tensors", "tensorfiles", "kernels"],
  },
  evaluation: {
    holds: "the same metrics from files of any size: read in pieces, computed in threads",
    imports: ["masks", "coco", "images", "jsonfiles", "metrics"],
  },
  runs: {
    holds: "the folder of a run: checkpoints, state, logs, history, lock",
    imports: ["hub", "kernels", "loggers", "config", "tensors", "tensorfiles"],
  },
  models: {
    holds: "models made of these parts; losses, training step, predictor",
    imports: [...MODEL_PARTS, "datasets", "engines"],
    neutral: true,
  },
  tasks: {
    holds: "a folder for each task: a config's model, data, trainer, metrics and results",
    imports: [...RUNNING, "hub", "formats", "tensorfiles", "weights"],
  },
  training: {
    holds: "the loop: gradients, steps, validation, checkpoints",
    imports: [
      ...RUNNING,
      "hub",
      "optimizers",
      "schedules",
      "loggers",
      "kernels",
      "tensors",
      "tensorfiles",
      "weights",
      "runs",
      "tasks",
    ],
  },
  inference: {
    holds: "trained models that predict and are evaluated",
    imports: [...RUNNING, "hub", "tensorfiles", "weights", "runs", "tasks"],
  },
  export: {
    holds: "model files for other programs, and the check that they give the same outputs",
    imports: [...RUNNING, "compilers", "tasks", "inference"],
  },
  use: {
    holds: "models as users name them: runs, packed and exported files; prediction for files and programs",
    imports: [...RUNNING, "hub", "tensorfiles", "weights", "runs", "tasks", "inference", "export"],
  },
  pages: { holds: "self-contained HTML pages", imports: ["pixels", "images"] },
  profile: {
    holds: "cost and latency of models: the clock for all measurements, models cut into their blocks",
    imports: [...RUNNING, "tasks", "export", "use", "pages"],
  },
  slimming: {
    holds: "networks of a supernet: cost, accuracy, search",
    imports: [
      ...RUNNING,
      "schemas",
      "optimizers",
      "tensors",
      "tensorfiles",
      "weights",
      "runs",
      "tasks",
      "training",
      "inference",
      "profile",
      "pages",
    ],
  },
  report: {
    holds: "the page of `densekit report`",
    imports: [...RUNNING, "jsonfiles", "runs", "tasks", "inference", "pages"],
  },
  datatools: { holds: "a folder for each `densekit data` command", imports: [...RUNNING, "formats", "tasks", "pages"] },
};

/** Neutral files outside neutral rooms: of other rooms, and of lib/ itself, all that neutral rooms may import. */
export const NEUTRAL_FILES = [
  "datasets/loader/batch",
  "datasets/types",
  "engines/cache",
  "engines/engine",
  "engines/inference",
  "engines/modelFile",
  "errors",
  "images/draw/palette",
  "json",
  "random",
  "words",
] as const;

/** Files of lib/ itself that every room may import; they import no room. */
export const FOR_EVERYONE = [
  "arguments",
  "cacheFolder",
  "csv",
  "errors",
  "fileNames",
  "files",
  "json",
  "locks",
  "outputFolder",
  "outputRecord",
  "process",
  "progress",
  "random",
  "threads",
  "version",
  "words",
] as const;

/** The rooms as a table of Markdown. */
export function roomsTable(): string {
  const names = Object.keys(ROOMS);
  const rows = Object.entries(ROOMS).map(([name, { holds, imports, neutral }], i) => {
    const above = names.slice(0, i);
    return `| \`${name}\` | ${holds} | ${listed(imports, above)} | ${neutral ? "yes" : ""} |`;
  });
  return ["| folder | what lives there | may import | neutral |", "| --- | --- | --- | --- |", ...rows].join("\n");
}

/** Names in the order of the table, or which of those above are missing, if that is shorter. */
function listed(imports: readonly string[], above: readonly string[]): string {
  if (imports.length === 0) return "nothing of ours";
  const missing = above.filter((name) => !imports.includes(name));
  if (missing.length === 0) return "all above";
  if (missing.length < imports.length) return `all above but ${missing.join(", ")}`;
  return above.filter((name) => imports.includes(name)).join(", ");
}
