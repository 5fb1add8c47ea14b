import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createDeflate } from "node:zlib";
import { expect } from "chai";
import sharp from "sharp";
import { decodeImage, decodeLabelMap, decodeMask, readLabelMapSize } from "../../lib/images/decode.js";
import { readPng } from "../../lib/images/png.js";
import { noiseImage } from "../pixels/images.js";
import { userMessage } from "../support/failure.js";
import { pngChunk } from "./pngChunk.js";

interface Claim {
  readonly width: number;
  readonly height: number;
  readonly depth?: number;
  readonly colour?: number;
  readonly interlaced?: boolean;
}

/** A PNG that claims a size; its data are zeros. @param other chunks before the data */
async function png({ width, height, depth = 8, colour = 0, interlaced }: Claim, bytes: number, other: Buffer[] = []) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, colour, 0, 0, interlaced === true ? 1 : 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const data = pngChunk("IDAT", await zeros(bytes));
  return Buffer.concat([signature, pngChunk("IHDR", header), ...other, data, pngChunk("IEND", Buffer.alloc(0))]);
}

/** Deflated in chunks. */
async function zeros(bytes: number): Promise<Buffer> {
  const deflate = createDeflate({ level: 9 });
  const parts: Buffer[] = [];
  deflate.on("data", (part: Buffer) => parts.push(part));
  const ended = new Promise((resolve) => deflate.on("end", resolve));
  const block = Buffer.alloc(1 << 20);
  for (let left = bytes; left > 0; left -= block.length) {
    const room = deflate.write(left < block.length ? block.subarray(0, left) : block);
    if (!room) await new Promise((resolve) => deflate.once("drain", resolve));
  }
  deflate.end();
  await ended;
  return Buffer.concat(parts);
}

const HUGE = { width: 60000, height: 60000 };

describe("images that try to fill the memory", function () {
  this.timeout(300_000);
  let folder = "";
  const files: Record<string, string> = {};
  const store = async (name: string, bytes: Uint8Array): Promise<void> => {
    expect(bytes.length, name).to.be.below(5e6);
    files[name] = join(folder, name);
    await writeFile(files[name], bytes);
  };
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "densekit-hostile-"));
    await store("wide.png", await png(HUGE, 1e5));
    await store("deep.png", await png({ width: 10, height: 10 }, 1e9));
    await store("bits.png", await png({ ...HUGE, depth: 1 }, 1e5));
    await store("colours.png", await png({ width: 12000, height: 9000, depth: 16, colour: 6 }, 1e5));
    await store("interlaced.png", await png({ width: 20000, height: 9000, interlaced: true }, 1e5));
    const profile = pngChunk("iCCP", Buffer.concat([Buffer.from("x\0\0", "latin1"), await zeros(1e9)]));
    await store("profile.png", await png({ width: 10, height: 10 }, 110, [profile]));
    const gif = Buffer.from("GIF89a\n\0\n\0\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x02\x01\0\0;", "latin1");
    await store("frame.gif", gif);
    const bmp = Buffer.alloc(200);
    bmp.write("BM");
    bmp.writeUInt32LE(54, 10);
    bmp.writeUInt32LE(40, 14);
    bmp.writeInt32LE(60000, 18);
    bmp.writeInt32LE(-60000, 22);
    bmp.writeUInt16LE(24, 28);
    await store("wide.bmp", bmp);
    const jpeg = await sharp(Buffer.alloc(12), { raw: { width: 2, height: 2, channels: 3 } })
      .jpeg()
      .toBuffer();
    const frame = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
    jpeg.writeUInt32BE(0xea60ea60, frame + 5);
    await store("wide.jpg", jpeg);
    const circle = Buffer.from("II*\0\x08\0\0\0\0\0\x08\0\0\0", "latin1");
    await store("circle.tif", circle);
  });
  after(() => rm(folder, { recursive: true }));

  /** The output of a process of its own on a file, and its cost. */
  const read = async (call: string, path: string, codec: string) => {
    const module = new URL("../../lib/images/decode.js", import.meta.url).href;
    const memory = new URL("../../lib/profile/peakMemory.js", import.meta.url).href;
    const program = `
      const { ${call} } = await import(${JSON.stringify(module)});
      let end = "read";
      try { await ${call}(${JSON.stringify(path)}, { codec: ${JSON.stringify(codec)} }); }
      catch (error) { end = error.name + ": " + error.message; }
      const { peakMemory } = await import(${JSON.stringify(memory)});
      const { userCPUTime, systemCPUTime } = process.resourceUsage();
      console.log(JSON.stringify({ end, megabytes: peakMemory() / 2 ** 20, seconds: (userCPUTime + systemCPUTime) / 1e6 }));`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program]);
    return JSON.parse(stdout) as { end: string; megabytes: number; seconds: number };
  };

  const calls = [
    ["decodeImage", "sharp"],
    ["decodeImage", "javascript"],
    ["decodeLabelMap", ""],
    ["decodeMask", "javascript"],
  ] as const;
  for (const [call, codec] of calls) {
    it(`take less than 600 MB and 5 s of ${call} ${codec}`, async () => {
      for (const [name, path] of Object.entries(files)) {
        const { end, megabytes, seconds } = await read(call, path, codec);
        expect(megabytes, `${name}: ${end}`).to.be.below(600);
        expect(seconds, `${name}: ${end}`).to.be.below(5);
        expect(end, name).to.match(/^(read|UserError: )/);
        if (name !== "profile.png" && name !== "deep.png" && name !== "frame.gif")
          expect(end, name).not.to.equal("read");
      }
    });
  }

  it("are refused with their size, the limit and how to change it", async () => {
    const wide = files["wide.png"]!;
    const kB = /from a file of \d+ B|from a file of [\d.]+ kB/;
    for (const codec of ["sharp", "javascript"] as const) {
      expect(await userMessage(() => decodeImage(wide, { codec })))
        .to.contain(`${wide}: it has 60000 × 60000 pixels, more than the 40 million that are read`)
        .and.match(kB)
        .and.contain("DENSEKIT_MAX_PIXELS=3600000000");
    }
    for (const read of [decodeLabelMap, readLabelMapSize]) {
      expect(await userMessage(() => read(wide))).to.match(
        /^.*wide\.png: it has 60000 × 60000 pixels, more than the 160 million .* DENSEKIT_MAX_PIXELS=900000000$/,
      );
    }
    const deep = files["deep.png"]!;
    expect(await userMessage(() => decodeLabelMap(deep))).to.equal(
      `${deep}: its data decompresses to more than the 110 bytes that its 10 × 10 pixels take`,
    );
    process.env.DENSEKIT_MAX_PIXELS = "99";
    try {
      expect(await userMessage(() => decodeImage(files["profile.png"]!))).to.contain("10 × 10 pixels, more than");
      process.env.DENSEKIT_MAX_PIXELS = "many";
      expect(await userMessage(() => decodeImage(wide))).to.contain('must be a number of pixels, not "many"');
    } finally {
      delete process.env.DENSEKIT_MAX_PIXELS;
    }
  });
});

describe("PNGs of every kind", () => {
  it("are read as by another decoder, interlaced or not", async () => {
    for (const [width, height] of [
      [1, 1],
      [3, 2],
      [5, 9],
      [37, 23],
    ] as const) {
      const { data } = noiseImage(width, height);
      const rgb = sharp(data, { raw: { width, height, channels: 3 } });
      for (const progressive of [false, true]) {
        for (const [kind, image] of Object.entries({
          rgb,
          grey: rgb.clone().toColourspace("b-w"),
          rgba: rgb.clone().ensureAlpha(0.5),
        })) {
          for (const adaptiveFiltering of [false, true]) {
            const file = await image.clone().png({ progressive, adaptiveFiltering }).toBuffer();
            const expected = await sharp(file)
              .toColourspace(kind === "grey" ? "b-w" : "srgb")
              .raw()
              .toBuffer();
            expect(Buffer.compare(Buffer.from(readPng(file).data), expected), `${kind} ${width}`).to.equal(0);
          }
        }
        const deep = await rgb.clone().toColourspace("rgb16").png({ progressive }).toBuffer();
        const raw = await sharp(deep).toColourspace("rgb16").raw({ depth: "ushort" }).toBuffer();
        const samples = readPng(deep);
        expect(samples.depth).to.equal(16);
        expect([...samples.data]).to.deep.equal([...new Uint16Array(raw.buffer, raw.byteOffset, raw.length / 2)]);
        const few = await rgb.clone().png({ progressive, palette: true, colours: 4, dither: 0 }).toBuffer();
        const shown = await sharp(few).toColourspace("srgb").removeAlpha().raw().toBuffer();
        expect(Buffer.compare(Buffer.from((await decodeImage(few, { codec: "javascript" })).data), shown)).to.equal(0);
      }
    }
  });
});

describe("files that are not images", () => {
  const cases: [string, string | Uint8Array, RegExp][] = [
    [
      "svg",
      '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
      /it is an SVG drawing; /,
    ],
    ["pdf", "%PDF-1.7\n", /it is a PDF; /],
    ["text", "this is no image", /it is a text file; images are JPEG, PNG, WebP, AVIF, GIF, TIFF or BMP files$/],
    ["html", "<!DOCTYPE html><html>", /it is an HTML page; /],
    ["lfs", "version https://git-lfs.github.com/spec/v1\n", /it is a Git LFS pointer, .*git lfs pull/],
    ["netpbm", "P6\n1 1\n255\n\0\0\0", /it is not an image; /],
  ];
  for (const [name, content, expected] of cases) {
    it(`are refused by their content: ${name}`, async () => {
      const bytes = typeof content === "string" ? Buffer.from(content, "latin1") : content;
      for (const codec of ["auto", "sharp", "javascript"] as const) {
        expect(await userMessage(() => decodeImage(bytes, { codec, name: "a.jpg" }))).to.match(expected);
      }
    });
  }

  it("BMP is read by a codec that can, or that codec's setting is named", async () => {
    const bmp = Buffer.alloc(58);
    bmp.write("BM");
    for (const [value, at] of [
      [58, 2],
      [54, 10],
      [40, 14],
      [1, 18],
      [1, 22],
    ] as const)
      bmp.writeUInt32LE(value, at);
    bmp.writeUInt16LE(1, 26);
    bmp.writeUInt16LE(24, 28);
    bmp.set([30, 20, 10], 54);
    expect([...(await decodeImage(bmp)).data]).to.deep.equal([10, 20, 30]);
    expect(await userMessage(() => decodeImage(bmp, { codec: "sharp", name: "a.bmp" }))).to.equal(
      "a.bmp: cannot be decoded: the codec sharp reads no BMP; use the other one with --set data.codec=javascript, or convert the image",
    );
  });

  it("BMPs with more colours than bytes are refused before memory is allocated for them", async () => {
    const bmp = Buffer.alloc(58);
    bmp.write("BM");
    bmp.writeUInt32LE(40, 14);
    bmp.writeUInt32LE(1, 18);
    bmp.writeUInt32LE(1, 22);
    bmp.writeUInt16LE(24, 28);
    bmp.writeUInt32LE(2 ** 25, 46);
    expect(await userMessage(() => decodeImage(bmp, { name: "a.bmp" }))).to.match(
      /^a\.bmp: cannot be decoded: 33554432 colours in a file of 58 bytes/,
    );
  });

  it("GIFs with codes that are not defined yet, or of too many or too few pixels, are refused", async () => {
    const cases: [codes: number[], expected: RegExp][] = [
      [[4, 7, 7, 7, 7, 5], /code 7 where 6 are known/], // its table has a cycle
      [[4, 6, 5], /code 6 where 6 are known/],
      [[4, 1, 2, 4, 5], /2 of the 4 pixels of its frame/],
      [[4, 1, 6, 4, 1, 6, 5], /more than the 4 pixels of its frame/],
    ];
    for (const [codes, expected] of cases) {
      const message = await userMessage(() => decodeImage(gifOf(codes), { codec: "javascript", name: "a.gif" }));
      expect(message).to.match(expected);
    }
    const { data } = await decodeImage(gifOf([4, 1, 2, 4, 0, 3, 5]), { codec: "javascript" });
    expect([...data.filter((_, i) => i % 3 === 0)]).to.deep.equal([20, 30, 10, 40]);
    const { width, height, data: noise } = noiseImage(60, 70); // with so many codes that their table is full
    const gif = await sharp(noise, { raw: { width, height, channels: 3 } })
      .gif()
      .toBuffer();
    const shown = await sharp(gif).removeAlpha().raw().toBuffer();
    expect(Buffer.compare(Buffer.from((await decodeImage(gif, { codec: "javascript" })).data), shown)).to.equal(0);
  });

  it("TIFF is read only by sharp, because the other decoder allocates whatever a file claims", async () => {
    const tiff = await sharp(Buffer.of(10, 20, 30), { raw: { width: 1, height: 1, channels: 3 } })
      .tiff()
      .toBuffer();
    expect([...(await decodeImage(tiff)).data]).to.deep.equal([10, 20, 30]);
    expect(await userMessage(() => decodeImage(tiff, { codec: "javascript", name: "a.tif" }))).to.equal(
      "a.tif: cannot be decoded: the codec javascript reads no TIFF; use the other one with --set data.codec=sharp, or convert the image",
    );
  });

  it("refuses values of other types", async () => {
    for (const given of [
      null,
      undefined,
      7,
      {},
      [],
      new URL("https://example.org/a.png"),
      new ArrayBuffer(10),
      "a\0b",
    ]) {
      for (const decode of [decodeImage, decodeLabelMap, decodeMask]) {
        await userMessage(() => decode(given as unknown as string));
      }
    }
    expect(await userMessage(() => decodeImage({} as unknown as string))).to.equal(
      "the image: a path, a file: URL or the bytes of a file are needed, not a value of the type Object",
    );
  });
});

/** 2 × 2 pixels of four greys, written as LZW codes of three bits. */
function gifOf(codes: readonly number[]): Buffer {
  const bits = codes.reduce((sum, code, i) => sum + BigInt(code) * 8n ** BigInt(i), 0n);
  const data = Array.from({ length: Math.ceil((codes.length * 3) / 8) }, (_, i) =>
    Number((bits >> BigInt(8 * i)) & 255n),
  );
  const greys = [10, 20, 30, 40].flatMap((grey) => [grey, grey, grey]);
  const frame = [0x2c, 0, 0, 0, 0, 2, 0, 2, 0, 0, 2, data.length, ...data, 0, 0x3b];
  return Buffer.from([...Buffer.from("GIF89a"), 2, 0, 2, 0, 0x81, 0, 0, ...greys, ...frame]);
}
