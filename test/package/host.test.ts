import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect } from "chai";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url)); // from dist/test/package

/** The state of a process that other code in it could change. */
const SURVEY = `
import util from "node:util";
import { runInNewContext } from "node:vm";
import sharp from "sharp";
import ort from "onnxruntime-node";
import "zod"; // it and TF.js have globals by which several copies of them agree
import "@tensorflow/tfjs-core";
const survey = () => ({
  globals: Object.getOwnPropertyNames(globalThis).sort(),
  ofNewContexts: runInNewContext("Object.getOwnPropertyNames(globalThis)").sort(),
  util: Object.keys(util).sort(),
  listeners: process.eventNames().map((name) => [String(name), process.listenerCount(name)]).sort(),
  environment: { ...process.env },
  sharp: [sharp.cache().memory.max, sharp.cache().items.max, sharp.concurrency()],
  logLevel: ort.env.logLevel,
});
await sharp({ create: { width: 1, height: 1, channels: 3, background: "#fff" } }).raw().toBuffer();
const before = survey();
`;

/** Every entry of the package, with some use of everything that loads something: codecs, drawings, an engine, garbage collection. */
const USE = `
const { collectCopies } = await import(${url("lib/engines/onnxruntime/garbage.js")});
const { onnxRuntimeEngine } = await import(${url("lib/engines/onnxruntime/engine.js")});
const { load } = await import(${url("lib/engines/tfjs/backends.js")});
const { startPool } = await import(${url("lib/threads.js")});
await import("densekit/evaluation");
const { decodeImage, drawInstances, encodeJpeg } = await import("densekit/images");
const jpeg = await encodeJpeg({ width: 8, height: 8, data: new Uint8Array(192) });
const image = await decodeImage(jpeg, { codec: "sharp" });
drawInstances(image, { boxes: Float32Array.of(1, 1, 5, 5), labels: Int32Array.of(0) }, { classes: ["fig"] });
onnxRuntimeEngine({ threads: 1 });
collectCopies(2 ** 30);
await load("wasm");
`;

function url(file: string): string {
  return JSON.stringify(pathToFileURL(join(ROOT, "dist", file)).href);
}

function surveyed(script: string): { readonly before: object; readonly after: object } {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [
      "--input-type=module",
      "-e",
      `${SURVEY}${script}process.stdout.write(JSON.stringify({ before, after: survey() }));`,
    ],
    { cwd: ROOT, encoding: "utf8" },
  );
  expect(status, stderr).to.equal(0);
  return JSON.parse(stdout);
}

describe("a program that imports densekit", () => {
  it("finds its process unchanged", () => {
    const { before, after } = surveyed(`await import("densekit");`);
    expect(after).to.deep.equal(before);
  });

  it("finds it unchanged after decoding, drawing and starting engines", () => {
    const { before, after } = surveyed(USE);
    expect(after).to.deep.equal(before);
  });

  it("has it set up for densekit after claiming the process", () => {
    const { before, after } = surveyed(`const { claimProcess } = await import("densekit"); claimProcess();${USE}`);
    expect(before).to.deep.include({ logLevel: "warning" });
    expect(after).to.deep.include({ logLevel: "fatal", sharp: [0, 0, 1] });
  });
});

describe("without the packages that draw charts", () => {
  /** Makes vega and vega-lite seem not installed. */
  const WITHOUT = `
import { register } from "node:module";
const hooks = \`export async function resolve(name, context, next) {
  if (/^vega/.test(name)) throw Object.assign(new Error("no " + name), { code: "ERR_MODULE_NOT_FOUND" });
  return next(name, context);
}\`;
register("data:text/javascript," + encodeURIComponent(hooks));
`;
  const message = "charts are drawn by the packages vega and vega-lite; run `npm install vega@6 vega-lite@6`";

  it("charts say which to install, pages before counting anything, and everything else is drawn", () => {
    const script = `${WITHOUT}
const { drawInstances, plotSvg } = await import("densekit/images");
const image = { width: 40, height: 40, data: new Uint8Array(4800) };
const drawn = drawInstances(image, { boxes: Float32Array.of(1, 20, 35, 35), labels: Int32Array.of(0) }, { classes: ["fig"] });
const told = await plotSvg([{ name: "a", points: [[0, 1]] }], { xLabel: "x", yLabel: "y" }).catch((error) => error);
const { dataStats, report } = await import("densekit");
const early = await dataStats({ sources: [], output: "there-is-no-such.html" }).catch(({ message }) => message);
const earlier = await report({ run: "there-is-no-such-run" }).catch(({ message }) => message);
process.stdout.write(JSON.stringify([early, earlier, told.name, told.message, drawn.data.some((value) => value > 0)]));`;
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      cwd: ROOT,
      encoding: "utf8",
    });
    expect(stdout, stderr).to.not.equal("");
    expect(JSON.parse(stdout)).to.deep.equal([message, message, "UserError", message, true]);
  });
});
