import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { encode } from "fast-png";
import sharp from "sharp";
import { decodeImage, decodeLabelMap, describeCodecs } from "../../lib/images/decode.js";
import { encodeIndexedPng, encodeJpeg, encodePng } from "../../lib/images/encode.js";
import type { Image } from "../../lib/pixels/image.js";
import { meanDifference, noiseImage, noiseLabels, smoothImage } from "../pixels/images.js";
import { userMessage } from "../support/failure.js";
import { requireData } from "../support/goldens.js";

const CODECS = ["sharp", "javascript"] as const;

/** Orientation → the corners' colours top left, top right, bottom left, bottom right, of an image stored "RGBW". */
const ORIENTATIONS = [
  [1, "RGBW"],
  [2, "GRWB"],
  [3, "WBGR"],
  [4, "BWRG"],
  [5, "RBGW"],
  [6, "BRWG"],
  [7, "WGBR"],
  [8, "GWRB"],
] as const;

const asSharp = ({ width, height, data }: Image) => sharp(data, { raw: { width, height, channels: 3 } });

describe("decoding images", () => {
  let folder = "";
  before(async () => (folder = await mkdtemp(join(tmpdir(), "densekit-decode-"))));
  after(() => rm(folder, { recursive: true }));

  for (const codec of CODECS) {
    describe(`with ${codec}`, () => {
      it("restores PNG pixels exactly", async () => {
        const image = noiseImage(37, 23);
        for (const writer of CODECS) {
          expect(await decodeImage(await encodePng(image, { codec: writer }), { codec })).to.deep.equal(image);
        }
      });

      it("returns a plain array, whose slices are copies", async () => {
        const { data } = await decodeImage(await encodePng(noiseImage(4, 4)), { codec });
        expect(Object.getPrototypeOf(data)).to.equal(Uint8Array.prototype);
      });

      it("decodes what it encodes as JPEG", async () => {
        const image = smoothImage(64, 48);
        for (const writer of CODECS) {
          const jpeg = await encodeJpeg(image, { codec: writer, quality: 95 });
          expect(meanDifference(await decodeImage(jpeg, { codec }), image)).to.be.below(4);
        }
      });

      for (const [orientation, expected] of ORIENTATIONS) {
        it(`applies EXIF orientation ${orientation}`, async () => {
          const image = quarters(64, 48);
          const jpeg = await asSharp(image).withMetadata({ orientation }).jpeg({ quality: 95 }).toBuffer();
          const decoded = await decodeImage(jpeg, { codec });
          const size = orientation > 4 ? [48, 64] : [64, 48];
          expect([decoded.width, decoded.height]).to.deep.equal(size);
          expect(cornersOf(decoded)).to.equal(expected);
        });
      }

      it("repeats grey channels", async () => {
        const grey = await sharp(Buffer.from([0, 80, 160, 255]), { raw: { width: 2, height: 2, channels: 1 } })
          .toColourspace("b-w")
          .png()
          .toBuffer();
        const { data } = await decodeImage(grey, { codec });
        expect(Array.from(data)).to.deep.equal([0, 80, 160, 255].flatMap((v) => [v, v, v]));
      });

      it("converts CMYK", async () => {
        const image = solid(16, 16, [200, 60, 30]);
        const jpeg = await asSharp(image).toColourspace("cmyk").jpeg({ quality: 100 }).toBuffer();
        expect((await sharp(jpeg).metadata()).space).to.equal("cmyk");
        const { data } = await decodeImage(jpeg, { codec });
        // Without profiles the colours are not the same, but red stays the strongest and blue the weakest.
        expect(data[0]! - data[1]!).to.be.above(60);
        expect(data[1]! - data[2]!).to.be.above(10);
      });

      it("keeps the high byte of 16 bits", async () => {
        const samples = Uint16Array.of(0x0102, 0x8001, 0xffff, 0x7fff, 0x00ff, 0x1234);
        const png = encode({ width: 2, height: 1, data: samples, depth: 16, channels: 3 });
        const { data } = await decodeImage(png, { codec });
        expect(Array.from(data)).to.deep.equal([0x01, 0x80, 0xff, 0x7f, 0x00, 0x12]);
      });

      it("drops alpha without blending", async () => {
        const rgba = Uint8Array.of(10, 20, 30, 0, 40, 50, 60, 128);
        const png = encode({ width: 2, height: 1, data: rgba, depth: 8, channels: 4 });
        const { data } = await decodeImage(png, { codec });
        expect(Array.from(data)).to.deep.equal([10, 20, 30, 40, 50, 60]);
      });

      it("applies a PNG's palette", async () => {
        const palette = [[9, 8, 7] as const, [100, 110, 120] as const];
        const png = encodeIndexedPng({ width: 2, height: 1, data: Uint8Array.of(1, 0) }, palette);
        const { data } = await decodeImage(png, { codec });
        expect(Array.from(data)).to.deep.equal([100, 110, 120, 9, 8, 7]);
      });

      it("refuses a truncated JPEG, naming the file", async () => {
        const path = join(folder, `cut-${codec}.jpg`);
        const jpeg = await encodeJpeg(noiseImage(64, 64));
        await writeFile(path, jpeg.subarray(0, jpeg.length / 2));
        const message = await userMessage(() => decodeImage(path, { codec }));
        expect(message).to.contain(path).and.to.contain("premature end");
      });

      it("refuses a damaged PNG and files that are not images", async () => {
        const png = Uint8Array.from(await encodePng(noiseImage(32, 32)));
        png[png.length >> 1]! ^= 0xff;
        expect(await userMessage(() => decodeImage(png, { codec, name: "spoilt.png" }))).to.match(
          /^spoilt\.png: cannot/,
        );
        const text = new TextEncoder().encode("this is text, not an image");
        expect(await userMessage(() => decodeImage(text, { codec, name: "a.jpg" }))).to.match(/^a\.jpg: cannot/);
        expect(await userMessage(() => decodeImage(new Uint8Array(0), { codec, name: "b.jpg" }))).to.contain("empty");
      });
    });
  }

  it("gives nearly the same photograph with both codecs", async function () {
    const path = join(requireData(this, "photos"), "000000000257.jpg");
    const [native, javascript] = await Promise.all(CODECS.map((codec) => decodeImage(path, { codec })));
    expect(meanDifference(native!, javascript!)).to.be.below(2); // they differ in the smoothing of colour
  });

  it("falls back to JavaScript if sharp cannot be loaded", async () => {
    const hooks = `export async function resolve(name, context, next) {
      if (name === "sharp") throw new Error("no binary for this platform");
      return next(name, context);
    }`;
    const asUrl = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`;
    const register = `import { register } from "node:module"; register(${JSON.stringify(asUrl(hooks))});`;
    const image = noiseImage(5, 4);
    const path = join(folder, "fallback.png");
    await writeFile(path, await encodePng(image));
    const program = `
      const { decodeImage, describeCodecs } = await import(${JSON.stringify(new URL("../../lib/images/decode.js", import.meta.url).href)});
      const { data } = await decodeImage(${JSON.stringify(path)});
      const [sharp] = await describeCodecs();
      console.log(JSON.stringify({ data: Array.from(data), sharp }));`;
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, ["--import", asUrl(register), "--input-type=module", "-e", program]);
    const { data, sharp: described } = JSON.parse(stdout);
    expect(data).to.deep.equal(Array.from(image.data));
    expect(described.available).to.equal(false);
    expect(described.problem).to.contain("no binary for this platform").and.to.contain("npm install sharp");
  });

  it("names a missing file", async () => {
    expect(await userMessage(() => decodeImage("/nowhere/a.jpg"))).to.equal(
      "cannot read /nowhere/a.jpg: no such file or folder",
    );
  });

  it("describes both codecs with their versions", async () => {
    const described = await describeCodecs();
    expect(described.map(({ name, available }) => [name, available])).to.deep.equal([
      ["sharp", true],
      ["javascript", true],
    ]);
    for (const { version } of described) expect(version).to.match(/^\d+\.\d+/);
  });
});

describe("decoding label maps", () => {
  let folder = "";
  before(async () => (folder = await mkdtemp(join(tmpdir(), "densekit-labels-"))));
  after(() => rm(folder, { recursive: true }));

  const store = async (name: string, bytes: Uint8Array): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, bytes);
    return path;
  };

  it("gives a palette PNG's indices, never its colours", async () => {
    const map = noiseLabels(31, 17, 5);
    const palette = [10, 20, 30, 40, 50].map((v) => [v, 255 - v, 7] as const);
    const bytes = encodeIndexedPng(map, palette);
    expect(bytes[25]).to.equal(3); // colour type: indexed
    expect(await decodeLabelMap(await store("palette.png", bytes))).to.deep.equal(map);
    expect((await decodeImage(bytes)).data[0]).to.equal(palette[map.data[0]!]![0]);
  });

  it("keeps indices past the palette's end", async () => {
    const map = { width: 3, height: 1, data: Uint8Array.of(0, 255, 1) };
    const bytes = encodeIndexedPng(map, [[1, 2, 3]]);
    expect(await decodeLabelMap(await store("ignored.png", bytes))).to.deep.equal(map);
  });

  for (const depth of [1, 2, 4] as const) {
    it(`unpacks palettes of ${depth} bits`, async () => {
      const width = 13; // rows are not whole numbers of bytes
      const map = noiseLabels(width, 5, 1 << depth);
      const rowBytes = Math.ceil((width * depth) / 8);
      const data = new Uint8Array(rowBytes * 5);
      for (const [i, value] of map.data.entries()) {
        const bit = (i % width) * depth;
        data[Math.floor(i / width) * rowBytes + (bit >> 3)]! |= value << (8 - depth - (bit & 7));
      }
      const palette = Array.from({ length: 1 << depth }, (_, i) => [i, i, i]);
      const bytes = encode({ width, height: 5, data, depth, channels: 1, palette });
      expect(await decodeLabelMap(await store(`bits${depth}.png`, bytes))).to.deep.equal(map);
    });
  }

  it("reads grey maps as another decoder does", async function () {
    const path = join(requireData(this, "ade20k-samples"), "annotations/validation/ADE_val_00000001.png");
    const expected = await sharp(await readFile(path))
      .toColourspace("b-w")
      .raw()
      .toBuffer();
    expect(Buffer.compare(expected, (await decodeLabelMap(path)).data)).to.equal(0);
  });

  it("refuses 16 bits, colours and other formats, each with a reason", async () => {
    const deep = encode({ width: 1, height: 1, data: Uint16Array.of(300), depth: 16, channels: 1 });
    expect(await userMessage(async () => decodeLabelMap(await store("deep.png", deep)))).to.match(
      /deep\.png: a label map must have 8 bits, this PNG has 16/,
    );
    const rgb = await encodePng(noiseImage(4, 4));
    expect(await userMessage(async () => decodeLabelMap(await store("rgb.png", rgb)))).to.match(
      /rgb\.png: a label map must hold one class index per pixel, this PNG holds colours \(3 channels\)/,
    );
    const jpeg = await encodeJpeg(noiseImage(4, 4));
    expect(await userMessage(async () => decodeLabelMap(await store("a.png", jpeg)))).to.contain("this is not a PNG");
    const cut = encodeIndexedPng(noiseLabels(40, 40, 3), [[0, 0, 0]]).subarray(0, 90);
    expect(await userMessage(async () => decodeLabelMap(await store("cut.png", cut)))).to.contain("cannot be decoded");
  });
});

/** Red and green above, blue and white below. */
function quarters(width: number, height: number): Image {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const right = i % width >= width / 2;
    const low = Math.floor(i / width) >= height / 2;
    const colour = low ? (right ? [255, 255, 255] : [0, 0, 255]) : right ? [0, 255, 0] : [255, 0, 0];
    data.set(colour, i * 3);
  }
  return { width, height, data };
}

function cornersOf({ width, height, data }: Image): string {
  const places = [
    [4, 4],
    [width - 5, 4],
    [4, height - 5],
    [width - 5, height - 5],
  ] as const;
  return places
    .map(([x, y]) => {
      const [red, green, blue] = Array.from(
        data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3),
        (v) => v > 128,
      );
      return red && green && blue ? "W" : red ? "R" : green ? "G" : "B";
    })
    .join("");
}

function solid(width: number, height: number, colour: readonly [number, number, number]): Image {
  return { width, height, data: Uint8Array.from({ length: width * height * 3 }, (_, i) => colour[i % 3]!) };
}
