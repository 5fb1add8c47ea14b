import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Random } from "../../../lib/random.js";
import { openTensorFile } from "../../../lib/tensorfiles/open.js";
import { describedByMeta } from "../../../lib/weights/description.js";
import { mutate } from "../mutate.js";
import { readTensors } from "../readTensors.js";
import type { FuzzTarget } from "../target.js";
import { anyJson, anyName, anyNumber, mutateText, oneOf } from "../words.js";

const HEADER = JSON.stringify({
  __metadata__: { format: "pt" },
  "layer.weight": { dtype: "F32", shape: [2, 3], data_offsets: [0, 24] },
  "layer.bias": { dtype: "I64", shape: [], data_offsets: [24, 32] },
});
const TYPES = ["F32", "F16", "BF16", "I64", "U8", "BOOL", "F8_E4M3", "F4", "C64", "F31"];
const BYTES: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2, I64: 8, U8: 1, BOOL: 1, F8_E4M3: 1, C64: 8 };

/** Consecutive tensors of any names and types; now and then a size is any number. */
function anyHeader(random: Random): { readonly header: string; readonly bytes: number } {
  let bytes = 0;
  const entries = Array.from({ length: random.integer(6) }, () => {
    const type = oneOf(random, TYPES);
    const shape = Array.from({ length: random.integer(4) }, () => random.integer(5));
    const end = bytes + shape.reduce((a, b) => a * b, BYTES[type] ?? 1);
    const sizes = shape.map((size) => (random.integer(30) === 0 ? anyNumber(random) : String(size)));
    const entry = `${JSON.stringify(anyName(random))}:{"dtype":"${type}","shape":[${sizes}],"data_offsets":[${bytes},${end}]}`;
    bytes = end;
    return entry;
  });
  if (random.integer(3) === 0) entries.push(`"__metadata__":${anyJson(random)}`);
  return { header: `{${entries.join(",")}}`, bytes };
}

function fileOf(header: string, bytes: number): Buffer {
  const length = Buffer.byteLength(header);
  const file = Buffer.alloc(8 + length + bytes);
  file.writeBigUInt64LE(BigInt(length), 0);
  file.write(header, 8);
  return file;
}

export const target: FuzzTarget = {
  about: "safetensors: damaged files, and any headers",
  open(folder) {
    const path = join(folder, "fuzzed.safetensors");
    const seed = fileOf(HEADER, 32);
    return {
      make(random) {
        const kind = random.integer(3);
        if (kind === 0) return mutate(seed, random);
        if (kind === 1) return fileOf(mutateText(HEADER, random, TYPES), 32);
        const { header, bytes } = anyHeader(random);
        return fileOf(header, bytes);
      },
      async attempt(input) {
        await writeFile(path, input);
        const file = await openTensorFile(path);
        try {
          await readTensors(input, async () => file);
          describedByMeta(file);
        } finally {
          await file.close();
        }
      },
    };
  },
};
