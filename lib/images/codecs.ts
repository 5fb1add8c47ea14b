import { createRequire } from "node:module";
import { dropAlpha, type Image, type Size } from "../pixels/image.js";
import { reducedImage } from "../pixels/resize.js";
import { isOwnProcess } from "../process.js";
import { formatOf, type ImageFormat } from "./formats.js";
import { sizeOfBmp, sizeOfGif } from "./headers.js";
import { channelsOfJpeg, isCutJpeg, sizeOfJpeg } from "./jpeg.js";
import { BYTES_A_PIXEL, checkSize, pixelLimit, unpackedLimit } from "./limits.js";
import { isPng, readPng, rgbOfPng, writeRgbPng } from "./png.js";

/** "sharp" is native and about ten times as fast; "javascript" works wherever Node does. */
export type CodecName = "sharp" | "javascript";

/** A codec throws its own errors: the caller adds the file's name. */
export interface Codec {
  readonly name: CodecName;
  readonly version: string;
  readonly formats: readonly ImageFormat[];
  decode(bytes: Uint8Array): Promise<Image>;
  /**
   * Like `decode`, but if the codec can shrink the file while decoding, possibly a smaller version presented as the
   * full size (`reducedImage`), no smaller than `atLeast` of the full size.
   */
  decodeReduced(bytes: Uint8Array, atLeast: (full: Size) => Size): Promise<Image>;
  /** Of the decoded image. */
  size(bytes: Uint8Array): Promise<{ readonly width: number; readonly height: number }>;
  encodeJpeg(image: Image, quality: number): Promise<Uint8Array>;
  encodePng(image: Image): Promise<Uint8Array>;
}

export interface CodecDescription {
  readonly name: CodecName;
  readonly available: boolean;
  readonly version?: string;
  readonly formats: readonly string[];
  /** Why it cannot be used, and what to do. */
  readonly problem?: string;
}

const FORMATS: Readonly<Record<CodecName, readonly ImageFormat[]>> = {
  sharp: ["JPEG", "PNG", "WebP", "AVIF", "GIF", "TIFF"],
  javascript: ["JPEG", "PNG", "BMP", "GIF"], // its TIFF decoder allocates whatever a file claims
};

let sharpCodec: Promise<Codec> | undefined;
let javascriptCodec: Promise<Codec> | undefined;

/** The requested codec; "auto" is sharp, or the JavaScript one if sharp cannot be loaded. */
export async function loadCodec(name: CodecName | "auto" = "auto"): Promise<Codec> {
  if (name === "javascript") return (javascriptCodec ??= makeJavascriptCodec());
  sharpCodec ??= makeSharpCodec();
  return name === "sharp" ? sharpCodec : sharpCodec.catch(() => loadCodec("javascript"));
}

/** The codecs of this machine, the preferred one first. */
export async function describeCodecs(): Promise<CodecDescription[]> {
  return [
    await describe(
      "sharp",
      FORMATS.sharp,
      "run `npm install sharp` for this platform; until then images decode more slowly",
    ),
    await describe("javascript", FORMATS.javascript, "run `npm install` again"),
  ];
}

async function describe(name: CodecName, formats: readonly string[], advice: string): Promise<CodecDescription> {
  try {
    const { version } = await loadCodec(name);
    return { name, available: true, formats, version };
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    return { name, available: false, formats, problem: `cannot be loaded (${reason}): ${advice}` };
  }
}

function versionOf(name: string): string {
  const manifest: unknown = createRequire(import.meta.url)(`${name}/package.json`);
  const version = typeof manifest === "object" && manifest !== null && "version" in manifest ? manifest.version : "";
  return String(version);
}

async function makeSharpCodec(): Promise<Codec> {
  const { default: sharp } = await import("sharp");
  // Profiles are ignored and broken files refused, except for harmless warnings, as in the reference loaders.
  const unlimited = { ignoreIcc: true, failOn: "error", limitInputPixels: false } as const;
  const optionsFor = (bytes: Uint8Array) => ({ ...unlimited, limitInputPixels: Math.ceil(pixelLimit(bytes.length)) });
  if (isOwnProcess()) {
    sharp.cache(false);
    sharp.concurrency(1); // images are decoded side by side, not each by several threads
  }
  const metadata = async (bytes: Uint8Array) => {
    const found = await sharp(bytes, unlimited).metadata();
    checkSize(found, bytes.length);
    return found;
  };
  const decode = async (bytes: Uint8Array): Promise<Image> => {
    const options = optionsFor(bytes);
    const space = channelsOfJpeg(bytes) === 3 ? "srgb" : (await metadata(bytes)).space;
    const input = sharp(bytes, options).autoOrient();
    if (space === "cmyk") {
      const cmyk = await input
        .pipelineColourspace("cmyk")
        .toColourspace("cmyk")
        .raw()
        .toBuffer({ resolveWithObject: true });
      return { width: cmyk.info.width, height: cmyk.info.height, data: rgbOfCmyk(cmyk.data) };
    }
    const rgb = await input.removeAlpha().toColourspace("srgb").raw().toBuffer({ resolveWithObject: true });
    const { width, height, channels } = rgb.info;
    if (channels !== 3) throw new Error(`${channels} channels after conversion to RGB`);
    return { width, height, data: plainBytes(rgb.data) };
  };
  return {
    name: "sharp",
    formats: FORMATS.sharp,
    version: sharp.versions.sharp ?? "unknown",
    decode,
    async decodeReduced(bytes, atLeast) {
      const { format, space, autoOrient: full } = await metadata(bytes);
      const needed = atLeast(full);
      const factor = Math.floor(Math.min(full.width / needed.width, full.height / needed.height));
      if (format !== "jpeg" || space !== "srgb" || factor < 2) return decode(bytes);
      // The decoder drops frequencies; libvips does the remaining shrinking by averaging.
      const size = { width: Math.ceil(full.width / factor), height: Math.ceil(full.height / factor) };
      const shrunk = sharp(bytes, optionsFor(bytes))
        .autoOrient()
        .resize({ ...size, fit: "fill", kernel: "linear" });
      const { data } = await shrunk.raw().toBuffer({ resolveWithObject: true });
      return reducedImage(full, { ...size, data: plainBytes(data) });
    },
    async size(bytes) {
      const { autoOrient } = await metadata(bytes);
      return { width: autoOrient.width, height: autoOrient.height };
    },
    async encodeJpeg({ width, height, data }, quality) {
      return sharp(data, { raw: { width, height, channels: 3 } })
        .jpeg({ quality })
        .toBuffer();
    },
    async encodePng({ width, height, data }) {
      return sharp(data, { raw: { width, height, channels: 3 } })
        .png({ compressionLevel: 6 })
        .toBuffer();
    },
  };
}

async function makeJavascriptCodec(): Promise<Codec> {
  const { Jimp, JimpMime } = await import("jimp");
  const decode = async (bytes: Uint8Array): Promise<Image> => {
    if (isPng(bytes)) return rgbOfPng(readPng(bytes, BYTES_A_PIXEL));
    if (isCutJpeg(bytes)) throw new Error("premature end of JPEG image"); // which it would accept silently
    const size = sizeByHeader(bytes);
    if (size !== undefined) checkSize(size, bytes.length);
    const memory = Math.ceil((3 * unpackedLimit(bytes.length)) / (1 << 20));
    const limits = {
      tolerantDecoding: false,
      maxResolutionInMP: pixelLimit(bytes.length) / 1e6,
      maxMemoryUsageInMB: memory,
    };
    const { bitmap } = await Jimp.fromBuffer(Buffer.from(bytes), { [JimpMime.jpeg]: limits }); // applies EXIF too
    return { width: bitmap.width, height: bitmap.height, data: dropAlpha(bitmap.data) };
  };
  return {
    name: "javascript",
    formats: FORMATS.javascript,
    version: versionOf("jimp"),
    decode,
    decodeReduced: decode,
    size: decode,
    async encodeJpeg(image, quality) {
      const { width, height } = image;
      const jimp = Jimp.fromBitmap({ width, height, data: addAlpha(image.data) });
      return jimp.getBuffer(JimpMime.jpeg, { quality });
    },
    async encodePng(image) {
      return writeRgbPng(image);
    },
  };
}

/** The size of a file that jimp decodes. jimp allocates the size in the header before it reads further. */
function sizeByHeader(bytes: Uint8Array): Size | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (formatOf(bytes)) {
    case "GIF":
      return sizeOfGif(view);
    case "BMP":
      return sizeOfBmp(view);
    default:
      return sizeOfJpeg(bytes);
  }
}

/** A Buffer's `slice` shares memory where a Uint8Array's copies: no Buffer goes out as an image. */
function plainBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

/** Naive conversion without profiles, like PIL's: each of red, green and blue is (1 − ink)(1 − black). */
function rgbOfCmyk(cmyk: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((cmyk.length / 4) * 3);
  for (let i = 0, o = 0; i < cmyk.length; i += 4) {
    const white = 255 - cmyk[i + 3]!;
    for (let c = 0; c < 3; c++) rgb[o++] = Math.round(((255 - cmyk[i + c]!) * white) / 255);
  }
  return rgb;
}

function addAlpha(rgb: Uint8Array): Buffer {
  const rgba = Buffer.alloc((rgb.length / 3) * 4, 255);
  for (let i = 0, o = 0; i < rgb.length; i += 3, o += 4) {
    rgba[o] = rgb[i]!;
    rgba[o + 1] = rgb[i + 1]!;
    rgba[o + 2] = rgb[i + 2]!;
  }
  return rgba;
}
