import type { Random } from "../../../lib/random.js";
import { readNpz } from "../../../lib/tensorfiles/npz.js";
import { encodeNpy } from "../../../lib/tensors/npy.js";
import { type TestMember, zipOf } from "../../../test/support/zip.js";
import { mutate } from "../mutate.js";
import { readTensors } from "../readTensors.js";
import type { FuzzTarget } from "../target.js";
import { anyName, anyNumber, mutateText, oneOf } from "../words.js";

const HEADER = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
const WORDS = ["<f8", "<i8", "|u1", "|b1", ">f4", "<c8", "|O", "True", "<f2"];

/** An array with a random header. */
function anyNpy(random: Random): Buffer {
  const text = random.integer(3) === 0 ? HEADER : mutateText(HEADER, random, WORDS);
  const sizes = Array.from({ length: random.integer(5) }, () => anyNumber(random)).join(", ");
  const header = random.integer(4) === 0 ? HEADER.replace("2, 3", sizes) : text;
  const start = Buffer.from([0x93, ...Buffer.from("NUMPY"), oneOf(random, [1, 1, 2, 3]), 0]);
  const length = Buffer.alloc(start[6] === 1 ? 2 : 4);
  length.writeUIntLE(Math.min(header.length, 256 ** length.length - 1), 0, length.length);
  return Buffer.concat([start, length, Buffer.from(header), Buffer.alloc(oneOf(random, [24, 0, 23, 48, 100_000]))]);
}

export const target: FuzzTarget = {
  about: "NumPy's .npz: damaged archives, arrays with any header, members that do not match their headers",
  open() {
    const values = Float32Array.from({ length: 24 }, (_, i) => i);
    const seed = zipOf([
      { name: "a.npy", content: encodeNpy({ dtype: "F32", shape: [4, 6], data: values }) },
      { name: "b.npy", content: encodeNpy({ dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 3) }), deflate: true },
    ]);
    const anyMember = (random: Random): TestMember => ({
      name: `${anyName(random).slice(0, 1000)}${oneOf(random, [".npy", ""])}`,
      content: anyNpy(random),
      deflate: random.integer(2) === 0,
      ...(random.integer(6) === 0 && { claimed: Math.floor(2 ** random.uniform(0, 31)) }),
    });
    return {
      make: (random) =>
        random.integer(2) === 0
          ? mutate(seed, random)
          : zipOf(Array.from({ length: 1 + random.integer(3) }, () => anyMember(random))),
      attempt: async (input) => void (await readTensors(input, readNpz)),
    };
  },
};
