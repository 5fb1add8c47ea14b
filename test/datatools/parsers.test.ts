import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { encodeModel, valueInfo } from "../../lib/compilers/onnx/proto.js";
import { readOnnx } from "../../lib/compilers/onnx/read.js";
import { readCocoFile } from "../../lib/datasets/cocoFile.js";
import { writeYolo } from "../../lib/datatools/convert/writeYolo.js";
import { readLabelme } from "../../lib/formats/labelme.js";
import { readXml } from "../../lib/formats/xml.js";
import { readYolo } from "../../lib/formats/yolo.js";
import { userMessage } from "../support/failure.js";

/** Something nested a hundred thousand times. */
const deep = (open: string, close: string): string => open.repeat(100_000) + close.repeat(100_000);

/** Each line has nine references to the previous one. */
const laughs = (count: number, line: (i: number, nine: (name: string) => string) => string): string =>
  Array.from({ length: count }, (_, i) => line(i, (name) => Array(9).fill(name).join(" "))).join("\n");

describe("input that parsers cannot take", () => {
  let folder: string;
  const written = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "densekit-parsers-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("is reported with the file's name: XML", async () => {
    const nested = written("a.xml", `<annotation>${deep("<a>", "</a>")}</annotation>`);
    expect(await userMessage(() => readXml(nested, "annotation"))).to.equal(
      `${nested}: not XML annotations: Maximum nested tags exceeded`,
    );
    const entities = laughs(10, (i, nine) => `<!ENTITY a${i} "${i === 0 ? "ha" : nine(`&a${i - 1};`)}">`);
    const laughing = written("b.xml", `<!DOCTYPE annotation [${entities}]><annotation>&a9;</annotation>`);
    const before = process.memoryUsage.rss();
    // The parser does not expand entities within an entity, or it counts them.
    const text = await readXml(laughing, "annotation").then(
      (element) => element.text,
      (error: Error) => error.message,
    );
    expect(text.length).to.be.lessThan(1000);
    expect(process.memoryUsage.rss() - before).to.be.lessThan(100e6);
    for (const name of ["__proto__", "constructor", "hasOwnProperty", "toString"]) {
      const path = written("c.xml", `<annotation><${name} ${name}="1">x</${name}><a/></annotation>`);
      const told = await readXml(path, "annotation").then(
        ({ children }) => `${children.length} children, the last ${children.at(-1)?.name}`,
        (error: Error) => error.message,
      );
      expect(told).to.match(/^2 children, the last a$|c\.xml: not XML annotations: /);
      expect({}).to.not.have.property("x");
    }
  });

  it("is reported with the file's name: JSON", async () => {
    const label = written("a.json", `{"shapes": [], "flags": ${deep("[", "]")}}`);
    expect(await userMessage(() => readLabelme({ input: folder }))).to.equal(
      `${label}: not valid JSON: nested more than 200 levels deep`,
    );
    const coco = written(
      "coco.json",
      `{"info": ${deep('{"a":', "}")}, "images": [], "annotations": [], "categories": []}`,
    );
    for (const largestWhole of [0, 1e9]) {
      expect(await userMessage(() => readCocoFile(coco, { largestWhole }))).to.equal(
        `${coco}: not valid JSON: nested more than 200 levels deep`,
      );
    }
  });

  it("is reported with the file's name: YAML", async () => {
    const lines = laughs(
      10,
      (i, nine) => `a${i}: &a${i} [${i === 0 ? "x" : nine(`*a${i - 1}`).replaceAll(" ", ", ")}]`,
    );
    const input = written("data.yaml", lines);
    const message = await userMessage(() => readYolo({ input }));
    expect(message).to.match(/data\.yaml:\d+:\d+: with aliases expanded, the file has more than 100000 values$/);
    written("data.yaml", "names: [a");
    const set = { classes: ["a"], images: [], folder, remarks: [] };
    expect(await userMessage(() => writeYolo(set, { output: folder, shapes: "boxes" }))).to.match(
      /data\.yaml:1:\d+: not valid YAML: /,
    );
  });

  it("is reported with the file's name: ONNX", async () => {
    const node = { name: "a", opType: "Relu", domain: "", input: ["x"], output: ["y"], attribute: [] };
    const model = (inputs: number) =>
      encodeModel({
        irVersion: 8,
        producerName: "densekit",
        producerVersion: "0",
        opsetImport: [{ domain: "", version: 17 }],
        graph: {
          ...{ name: "g", node: [node], initializer: [], output: [] },
          input: Array.from({ length: inputs }, (_, i) => valueInfo(`x${i}`, "float32", [1, "n", undefined])),
        },
      });
    const { inputs, opset } = readOnnx(model(1), "a.onnx");
    expect(inputs).to.deep.equal({ x0: { dtype: "float32", shape: [1, "n", undefined] } });
    expect(opset).to.equal(17);
    // Empty, a model without a graph, far too many inputs.
    for (const bytes of [new Uint8Array(), Uint8Array.of(0x08, 8), Uint8Array.of(0x3a, 0)]) {
      expect(await userMessage(() => readOnnx(bytes, "a.onnx"))).to.equal("a.onnx: not an ONNX model, or an empty one");
    }
    expect(await userMessage(() => readOnnx(model(10_001), "a.onnx"))).to.contain("a.onnx: not an ONNX model, or");
  });
});
