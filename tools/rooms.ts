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
 * The rooms, each after those it may import, so that arrows between rooms make no circle. `npm run generate` writes them
 * into docs/architecture.md; test/architecture.test.ts holds every file of lib/ to them.
 */
export const ROOMS: Readonly<Record<string, Room>> = {
  schemas: { holds: "pieces that schemas of configs are made of", imports: [], neutral: true },
  kernels: {
    holds: "the door to the compiled kernels; only here is WebAssembly loaded",
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
    holds: "entries of COCO's files: their types, and what is wrong with one",
    imports: ["masks"],
    neutral: true,
  },
  pixels: {
    holds: "what an image and a label map are; resizing, geometry, colour, normalising: arrays in, arrays out",
    imports: ["kernels"],
    neutral: true,
  },
  images: { holds: "codecs, decoding, encoding, drawing; only here is a codec imported", imports: ["pixels"] },
  nn: { holds: "parameters, context, initialisers, layers", imports: ["graph"], neutral: true },
  backbones: {
    holds: "one architecture a file: schema, variants, layers, what can be frozen, weight names",
    imports: ["nn", "graph", "schemas"],
    neutral: true,
  },
  necks: { holds: "one a file: schema and layers", imports: ["nn", "graph", "schemas"], neutral: true },
  heads: { holds: "one a file: schema and layers", imports: ["nn", "graph", "schemas", "backbones"], neutral: true },
  jsonfiles: { holds: "JSON as Python writes it, and lists too long to be read whole", imports: [] },
  datasets: {
    holds: "readers, the loader, and in `transforms` one a file",
    imports: ["schemas", "jsonfiles", "coco", "pixels", "images", "masks"],
  },
  optimizers: { holds: "one a file: schema, update rule, state", imports: ["schemas", "kernels"], neutral: true },
  schedules: { holds: "of the learning rate, one a file: schema and rate", imports: ["schemas"], neutral: true },
  compilers: {
    holds: "graph to `onnx`, to `tensorflow`, and what makes it faster on onnxruntime's `cpu`",
    imports: ["graph"],
    neutral: true,
  },
  engines: {
    holds:
      "the interface of engines, and a folder for each: schema, what it can do, its runtime, which only it imports",
    imports: ["schemas", "graph", "compilers"],
  },
  config: {
    holds: "loading, `extends`, overrides, errors with file and line; puts the parts' schemas together",
    imports: ["schemas", "pixels", "backbones", "necks", "heads", "datasets", "optimizers", "schedules", "engines"],
  },
  tensors: { holds: "element types and layouts; `.npy` and pickles: bytes to tensors", imports: [], neutral: true },
  tensorfiles: { holds: "safetensors, `.npz` and `.pth` on disk", imports: ["tensors"] },
  weights: {
    holds: "which tensor of a file goes into which parameter",
    imports: ["nn", "backbones", "tensors", "tensorfiles", "kernels"],
  },
  metrics: {
    holds: "figures from arrays: `coco` of detections, `labels` of label maps, `classes` of classifiers",
    imports: ["masks", "coco", "pixels"],
    neutral: true,
  },
  evaluation: {
    holds: "metrics of files of any size: read in pieces, judged in threads",
    imports: ["masks", "coco", "images", "jsonfiles", "metrics"],
  },
  runs: {
    holds: "the folder of a run: checkpoints, state, logs, history, lock; what a training run reports",
    imports: ["kernels", "config", "tensors", "tensorfiles"],
  },
  models: { holds: "parts put together; losses, training step, predictor", imports: PARTS },
  tasks: {
    holds: "a folder for each task: model, data, trainer, metrics and results of a config",
    imports: [...RUNNING, "tensorfiles", "weights"],
  },
  training: {
    holds: "the loop: gradients, steps, validation, checkpoints",
    imports: [...RUNNING, "optimizers", "schedules", "kernels", "tensors", "tensorfiles", "weights", "runs", "tasks"],
  },
  inference: { holds: "predictors on files", imports: [...RUNNING, "tensorfiles", "weights", "runs", "tasks"] },
  export: {
    holds: "files for other programs, and the proof that they answer the same",
    imports: [...RUNNING, "compilers", "tasks", "inference"],
  },
  pages: { holds: "HTML pages with everything in them", imports: ["pixels", "images"] },
  profile: {
    holds: "what models cost and how long they take: the clock of all measurements, models cut into their blocks",
    imports: [...RUNNING, "tasks", "export", "pages"],
  },
  report: {
    holds: "the page of `densekit report`",
    imports: [...RUNNING, "jsonfiles", "runs", "tasks", "inference", "pages"],
  },
  datatools: { holds: "a folder for each `densekit data` command", imports: [...RUNNING, "tasks", "pages"] },
};

/** Files of lib/ itself that every room may import; they import no room. */
export const FOR_EVERYONE = [
  "errors",
  "files",
  "json",
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

/** Names in the order of the table, or which of those above are missing, where that is shorter. */
function listed(imports: readonly string[], above: readonly string[]): string {
  if (imports.length === 0) return "nothing of ours";
  const missing = above.filter((name) => !imports.includes(name));
  if (missing.length === 0) return "all above";
  if (missing.length < imports.length) return `all above but ${missing.join(", ")}`;
  return above.filter((name) => imports.includes(name)).join(", ");
}
