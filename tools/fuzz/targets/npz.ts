import { encodeNpy } from "../../../lib/formats/npy.js";
import { readNpz } from "../../../lib/formats/npz.js";
import { zipOf } from "../../../test/support/zip.js";
import { mutate } from "../mutate.js";
import { readTensors } from "../readTensors.js";
import type { FuzzTarget } from "../target.js";

export const target: FuzzTarget = {
  about: "NumPy's .npz, damaged",
  open() {
    const values = Float32Array.from({ length: 24 }, (_, i) => i);
    const seed = zipOf([
      { name: "a.npy", content: encodeNpy({ dtype: "F32", shape: [4, 6], data: values }) },
      { name: "b.npy", content: encodeNpy({ dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 3) }), deflate: true },
    ]);
    return {
      make: (random) => mutate(seed, random),
      attempt: async (input) => void (await readTensors(input, readNpz)),
    };
  },
};
