import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openTensorFile } from "../../../lib/formats/openTensorFile.js";
import { mutate } from "../mutate.js";
import { readTensors } from "../readTensors.js";
import type { FuzzTarget } from "../target.js";

export const target: FuzzTarget = {
  about: "safetensors, damaged",
  open(folder) {
    const path = join(folder, "fuzzed.safetensors");
    const header = JSON.stringify({
      __metadata__: { format: "pt" },
      "layer.weight": { dtype: "F32", shape: [2, 3], data_offsets: [0, 24] },
      "layer.bias": { dtype: "I64", shape: [], data_offsets: [24, 32] },
    });
    const seed = Buffer.alloc(8 + header.length + 32);
    seed.writeBigUInt64LE(BigInt(header.length), 0);
    seed.write(header, 8);
    return {
      make: (random) => mutate(seed, random),
      async attempt(input) {
        await writeFile(path, input);
        const file = await openTensorFile(path);
        try {
          await readTensors(input, async () => file);
        } finally {
          await file.close();
        }
      },
    };
  },
};
