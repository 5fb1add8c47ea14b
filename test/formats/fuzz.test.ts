import { join } from "node:path";
import { expect } from "chai";
import { encodeNpy } from "../../lib/formats/npy.js";
import { Random } from "../../lib/random.js";
import { attempt, seedFiles } from "../support/fuzz.js";
import { requireGoldens } from "../support/goldens.js";
import { mutate } from "../support/mutate.js";
import { zipOf } from "../support/zip.js";

describe("damaged files of weights", () => {
  it("end in an error that says so, or are read: PyTorch's", async function () {
    const seeds = seedFiles(join(requireGoldens(this, "checkpoint_layouts")));
    const counts = { read: 0, refused: 0 };
    for (let i = 0; i < 3000; i++) {
      const random = Random.of("fuzz.torch", i);
      const { bytes } = seeds[random.integer(seeds.length)]!;
      counts[await attempt(mutate(bytes, random), "torch")]++;
    }
    // Both must happen, else nothing was tried.
    expect(counts.read).to.be.greaterThan(200);
    expect(counts.refused).to.be.greaterThan(500);
  });

  it("end in an error that says so, or are read: NumPy's", async () => {
    const values = Float32Array.from({ length: 24 }, (_, i) => i);
    const arrays = [
      { name: "a.npy", content: encodeNpy({ dtype: "F32", shape: [4, 6], data: values }) },
      { name: "b.npy", content: encodeNpy({ dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 3) }), deflate: true },
    ];
    const seed = zipOf(arrays);
    const counts = { read: 0, refused: 0 };
    for (let i = 0; i < 1500; i++) counts[await attempt(mutate(seed, Random.of("fuzz.npz", i)), "npz")]++;
    expect(counts.read).to.be.greaterThan(20);
    expect(counts.refused).to.be.greaterThan(500);
  });
});
