import { isUtf8 } from "node:buffer";

export type ImageFormat = "JPEG" | "PNG" | "WebP" | "AVIF" | "GIF" | "TIFF" | "BMP";

/** The first bytes of files, "?" standing for any byte. */
const BEGINNINGS: readonly (readonly [format: ImageFormat, ...beginnings: string[]])[] = [
  ["JPEG", "\xff\xd8\xff"],
  ["PNG", "\x89PNG\r\n\x1a\n"],
  ["WebP", "RIFF????WEBP"],
  ["AVIF", "????ftypavif", "????ftypavis"],
  ["GIF", "GIF87a", "GIF89a"],
  ["TIFF", "II*\0", "MM\0*", "II+\0", "MM\0+"],
  ["BMP", "BM"],
];

/** The format by the content, whatever the name; undefined if it is not one that can be read. */
export function formatOf(bytes: Uint8Array): ImageFormat | undefined {
  return BEGINNINGS.find(([, ...beginnings]) => beginnings.some((beginning) => beginsWith(bytes, beginning)))?.[0];
}

const OTHERS: readonly (readonly [what: string, ...beginnings: string[]])[] = [
  ["a PDF", "%PDF"],
  ["a HEIC image", "????ftyphei", "????ftyphev", "????ftypmif1", "????ftypmsf1"],
  ["a video", "????ftyp", "\x1a\x45\xdf\xa3", "RIFF????AVI "],
  ["a JPEG XL image", "\xff\x0a", "\0\0\0\x0cJXL "],
  ["a JPEG 2000 image", "\0\0\0\x0cjP  ", "\xff\x4f\xff\x51"],
  ["a ZIP archive", "PK\x03\x04"],
  ["a gzip file", "\x1f\x8b"],
  ["a Git LFS pointer, not the file itself: run `git lfs pull`", "version https://git-lfs"],
];

/** What a file that is not an image seems to be, such as "a PDF"; undefined if unknown. */
export function otherContent(bytes: Uint8Array): string | undefined {
  const known = OTHERS.find(([, ...beginnings]) => beginnings.some((beginning) => beginsWith(bytes, beginning)));
  if (known !== undefined) return known[0];
  const head = Buffer.from(bytes.subarray(0, 1024));
  const text = head.toString("utf8").trimStart();
  if (/<svg[\s>]/i.test(text)) return "an SVG drawing";
  if (/^<(!doctype html|html)/i.test(text)) return "an HTML page";
  const printable = !head.some((byte) => byte < 32 && byte !== 9 && byte !== 10 && byte !== 13);
  return printable && isUtf8(head.subarray(0, head.lastIndexOf(32) + 1)) ? "a text file" : undefined;
}

function beginsWith(bytes: Uint8Array, beginning: string): boolean {
  if (bytes.length < beginning.length) return false;
  for (let i = 0; i < beginning.length; i++) {
    if (beginning[i] !== "?" && bytes[i] !== beginning.charCodeAt(i)) return false;
  }
  return true;
}
