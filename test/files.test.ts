import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { textLines } from "../lib/cli/evaluation/lists.js";
import { loadConfig } from "../lib/config/load.js";
import { readCocoFile } from "../lib/datasets/cocoFile.js";
import { readObjectInfo } from "../lib/datasets/objectInfo.js";
import { openOnnxFile } from "../lib/engines/onnxruntime/onnxFile.js";
import { UserError } from "../lib/errors.js";
import { joinWithin, nameFault, openFile, readBytes, readBytesSync, readTextFile } from "../lib/files.js";
import { readXml } from "../lib/formats/xml.js";
import { decodeImage, decodeIndices, decodeLabelMap, decodeMask, readLabelMapSize } from "../lib/images/decode.js";
import { findImages } from "../lib/inference/findImages.js";
import { outlineJson } from "../lib/jsonfiles/lists.js";
import { findWeights } from "../lib/runs/folder.js";
import { openTensorFile } from "../lib/tensorfiles/open.js";
import { openSafetensors, readSafetensors } from "../lib/tensorfiles/safetensors.js";

/** All functions that read a file named by a user. */
const READERS: Readonly<Record<string, (path: string) => unknown>> = {
  openFile,
  readBytes,
  readBytesSync: (path) => readBytesSync(path),
  readTextFile,
  readCocoFile: (path) => readCocoFile(path),
  outlineJson: (path) => outlineJson(path),
  readObjectInfo,
  readXml: (path) => readXml(path, "annotation"),
  textLines,
  loadConfig: (path) => loadConfig(path),
  openTensorFile: (path) => openTensorFile(path),
  openSafetensors,
  readSafetensors,
  openOnnxFile: (path) => openOnnxFile(path),
  decodeImage: (path) => decodeImage(path),
  decodeMask: (path) => decodeMask(path),
  decodeLabelMap,
  decodeIndices: (path) => decodeIndices(path, "mask"),
  readLabelMapSize,
};

async function messageOf(read: () => unknown): Promise<string> {
  try {
    await read();
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
  return "read";
}

describe("names that are not UTF-8", () => {
  it("are reported if a file is not found because of them", async () => {
    const why =
      "no such file or folder: its name is not UTF-8 (\ufffd stands for bytes that are not), and only UTF-8 names can be read; rename it";
    expect(await messageOf(() => readBytes("caf\ufffd.png"))).to.equal(`cannot read caf\ufffd.png: ${why}`);
    expect(await messageOf(() => findImages(["caf\ufffd.png"]))).to.equal(
      `caf\ufffd.png: ${why}, and not a pattern that matches any`,
    );
    expect(await messageOf(() => findWeights("caf\ufffd"))).to.equal(`cannot read the weights caf\ufffd: ${why}`);
    expect(await messageOf(() => readBytes("none.png"))).to.equal("cannot read none.png: no such file or folder");
  });
});

describe("paths that are not files", () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "densekit-files-"));
  });

  after(() => rm(folder, { recursive: true, force: true }));

  it("pipes and devices are refused by every reader, at once", async function () {
    if (process.platform === "win32") this.skip();
    const paths = ["/dev/zero"];
    for (const ending of ["", ".json", ".png", ".yaml", ".pth", ".safetensors", ".npz", ".onnx"]) {
      const pipe = join(folder, `pipe${ending}`);
      execFileSync("mkfifo", [pipe]);
      paths.push(pipe);
    }
    for (const [name, read] of Object.entries(READERS)) {
      for (const path of paths) {
        const message = await messageOf(() => read(path));
        expect(message, name)
          .to.include(path)
          .and.match(/is a pipe or a device, not a file|no such file/);
        if (name !== "openTensorFile" && name !== "loadConfig") expect(message, name).to.match(/a pipe/);
      }
    }
  });

  it("sockets and invalid names are refused", async function () {
    if (process.platform === "win32") this.skip();
    const path = join(folder, "socket");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    try {
      expect(await messageOf(() => readBytes(path))).to.equal(
        `cannot read ${path}: it is a socket or a device, not a file`,
      );
    } finally {
      server.close();
    }
    expect(await messageOf(() => readBytes(join(folder, "a".repeat(300))))).to.match(/: the name is too long$/);
    expect(await messageOf(() => readBytes(`${folder}/a\0b`))).to.match(/: the name holds a zero byte$/);
    expect(await messageOf(() => readBytes(folder))).to.equal(`cannot read ${folder}: it is a folder`);
  });
});

describe("names in files from elsewhere", () => {
  it("must not lead out of the folder they are joined to, on any system", () => {
    const within = ["a.jpg", "a/b.jpg", "./a.jpg", "a/../b.jpg", "..a/b..jpg", "a b.jpg", "日本.png", "q?x*.png"];
    for (const name of within) expect(nameFault(name), name).to.equal(undefined);
    const outside = [
      ["../a.jpg", "it leads out of its folder"],
      ["a/../../b.jpg", "it leads out of its folder"],
      ["..\\a.jpg", "it leads out of its folder"],
      ["a\\..\\..\\b.jpg", "it leads out of its folder"],
      ["/etc/a.jpg", "it is absolute"],
      ["\\a.jpg", "it is absolute"],
      ["\\\\server\\share\\a.jpg", "it is absolute"],
      ["C:\\a.jpg", "it is absolute"],
      ["c:a.jpg", "it is absolute"],
      ["a\0.jpg", "it holds a zero byte"],
      [".", "it names no file"],
      ["a/..", "it names no file"],
      ["", "it names no file"],
    ] as const;
    for (const [name, fault] of outside) expect(nameFault(name), name).to.equal(fault);
    expect(joinWithin("out", "a/b.jpg", "x.json: image 3")).to.equal(join("out", "a", "b.jpg"));
    expect(() => joinWithin("out", "../b.jpg", "x.json: image 3")).to.throw(
      UserError,
      'x.json: image 3: the file name "../b.jpg" cannot be written: it leads out of its folder; ' +
        "names are relative to the images folder",
    );
  });
});
