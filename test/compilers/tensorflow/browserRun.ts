import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { SizedTensor, SizedTensors } from "../../../lib/engines/modelFile.js";
import { withPage } from "../../support/browser.js";

type BrowserBackend = keyof typeof BACKENDS;

const require = createRequire(import.meta.url);
const distOf = (name: string) => dirname(require.resolve(name));
const LIBRARIES = ["@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-cpu", "@tensorflow/tfjs-converter"];
const BACKENDS = { wasm: "@tensorflow/tfjs-backend-wasm", webgl: "@tensorflow/tfjs-backend-webgl" } as const;

/** The scripts of TF.js's packages, as a web page loads them. */
export function browserLibraries(backend: BrowserBackend): readonly string[] {
  return [...LIBRARIES, BACKENDS[backend]].map((name) => {
    const file = name.replace("@tensorflow/tfjs-", "tf-");
    return readFileSync(join(distOf(name), `${file}.min.js`), "utf8");
  });
}

export interface BrowserRun {
  /** From `requireChromium`. */
  readonly chromium: string;
  /** The folder of a graph model. */
  readonly model: string;
  readonly inputs: SizedTensors;
  readonly backend: BrowserBackend;
  readonly libraries: readonly string[];
}

/** Loads the model with `loadGraphModel` in a page without a network and runs it once. */
export async function runInBrowser({ chromium, model, inputs, backend, libraries }: BrowserRun): Promise<SizedTensors> {
  const folder = mkdtempSync(join(tmpdir(), "densekit-page-"));
  const file = join(folder, "page.html");
  // A closing tag in a script would end it.
  const script = (text: string) => `<script>${text.replaceAll("</script", "<\\/script")}</script>`;
  writeFileSync(file, `<!doctype html><meta charset="utf-8"><title>run</title>${libraries.map(script).join("\n")}`);
  const bytes = readdirSync(model).map((name) => [name, readFileSync(join(model, name), "base64")] as const);
  const wasm =
    backend === "wasm" ? readFileSync(join(distOf(BACKENDS.wasm), "tfjs-backend-wasm-simd.wasm"), "base64") : "";
  const given = Object.entries(inputs).map(([name, { shape, dtype, data }]) => ({
    name,
    shape,
    dtype,
    data: [...data],
  }));
  try {
    return await withPage({ chromium, file }, async ({ page, problems }) => {
      const job = { files: Object.fromEntries(bytes), given, backend, wasm };
      const answer = await page.evaluate(`(${runModel})(${JSON.stringify(job)})`);
      if (problems.length > 0) throw new Error(problems.join("\n"));
      return tensorsOf(answer as readonly Plain[]);
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Plain {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly data: readonly number[];
}

const tensorsOf = (answer: readonly Plain[]): SizedTensors =>
  Object.fromEntries(
    answer.map(({ name, shape, dtype, data }): [string, SizedTensor] =>
      dtype === "int32"
        ? [name, { dtype, shape, data: Int32Array.from(data) }]
        : [name, { dtype: "float32", shape, data: Float32Array.from(data) }],
    ),
  );

/** The code that runs in the page, where `tf` is TF.js. Files are served from memory. */
const runModel = `async ({ files, given, backend, wasm }) => {
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  if (backend === "wasm") {
    const url = URL.createObjectURL(new Blob([bytes(wasm)], { type: "application/wasm" }));
    const names = ["", "-simd", "-threaded-simd"].map((kind) => "tfjs-backend-wasm" + kind + ".wasm");
    tf.wasm.setWasmPaths(Object.fromEntries(names.map((name) => [name, url])));
  }
  if (!(await tf.setBackend(backend))) throw new Error(backend + " does not start");
  const fetchFunc = async (path) => new Response(bytes(files[path.split("/").pop()]));
  const model = await tf.loadGraphModel(tf.io.http("https://model.invalid/model.json", { fetchFunc }));
  const feeds = {};
  for (const { name, shape, dtype, data } of given) feeds[name] = tf.tensor(data, shape, dtype === "uint8" ? "int32" : dtype);
  const names = Object.keys(model.modelSignature.outputs);
  const results = await model.executeAsync(feeds, names);
  const all = Array.isArray(results) ? results : [results];
  return Promise.all(all.map(async (t, i) => ({ name: names[i], shape: t.shape, dtype: t.dtype, data: [...(await t.data())] })));
}`;
