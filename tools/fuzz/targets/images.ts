import sharp from "sharp";
import { UserError } from "../../../lib/errors.js";
import { decodeImage, decodeMask } from "../../../lib/images/decode.js";
import { encodeIndexedPng } from "../../../lib/images/encode.js";
import { mutateImage } from "../mendPng.js";
import type { FuzzTarget } from "../target.js";
import { oneOf } from "../words.js";

const SIDE = { width: 24, height: 17 };

/** An image in every format that is read. */
async function seeds(): Promise<readonly Uint8Array[]> {
  const data = Uint8Array.from({ length: SIDE.width * SIDE.height * 3 }, (_, i) => (i * i) % 251);
  const rgb = () => sharp(data, { raw: { ...SIDE, channels: 3 } });
  const encoded = [
    rgb().jpeg(),
    rgb().jpeg({ progressive: true }),
    rgb().toColourspace("cmyk").jpeg(),
    rgb().withMetadata({ orientation: 6 }).jpeg(),
    rgb().png(),
    rgb().png({ progressive: true }),
    rgb().png({ palette: true }),
    rgb().toColourspace("rgb16").png(),
    rgb().webp(),
    rgb().gif(),
    rgb().tiff(),
    rgb().avif({ effort: 0 }),
  ];
  const labels = encodeIndexedPng({ ...SIDE, data: data.subarray(0, SIDE.width * SIDE.height) }, []);
  return [...(await Promise.all(encoded.map((image) => image.toBuffer()))), labels, bmp(data)];
}

function bmp(rgb: Uint8Array): Buffer {
  const head = Buffer.alloc(54);
  head.write("BM");
  head.writeUInt32LE(head.length + rgb.length, 2);
  head.writeUInt32LE(head.length, 10);
  head.writeUInt32LE(40, 14);
  head.writeInt32LE(SIDE.width, 18);
  head.writeInt32LE(SIDE.height, 22);
  head.writeUInt16LE(1, 26);
  head.writeUInt16LE(24, 28);
  return Buffer.concat([head, rgb]); // rows of 72 bytes need no padding
}

export const target: FuzzTarget = {
  about: "images of every format, damaged, by both codecs, and as masks",
  async open() {
    const images = await seeds();
    return {
      make: (random) => mutateImage(oneOf(random, images), random),
      async attempt(input) {
        // Either codec may refuse what the other reads; the input counts as refused if all do.
        const ends = await Promise.allSettled([
          decodeImage(input, { codec: "auto" }),
          decodeImage(input, { codec: "javascript" }),
          decodeMask(input),
        ]);
        const failures = ends.flatMap((end) => (end.status === "rejected" ? [end.reason as unknown] : []));
        const worst = failures.find((error) => !(error instanceof UserError)) ?? failures[0];
        if (failures.length === ends.length || (worst !== undefined && !(worst instanceof UserError))) throw worst;
        for (const end of ends) {
          if (end.status === "rejected") continue;
          const { width, height, data } = end.value;
          const samples = data.length / (width * height);
          if (samples !== 1 && samples !== 3) throw new Error(`${data.length} samples of ${width} × ${height} pixels`);
        }
      },
    };
  },
};
