import { readTorchFile } from "../../../lib/tensorfiles/pytorch/open.js";
import { modelPart } from "../../../lib/weights/parts.js";
import { pickle } from "../../../test/support/pickles.js";
import { zipOf } from "../../../test/support/zip.js";
import { mutate } from "../mutate.js";
import { anyPickle } from "../pickles.js";
import { readTensors } from "../readTensors.js";
import type { FuzzTarget } from "../target.js";
import { zipSeeds } from "../torchSeeds.js";

export const target: FuzzTarget = {
  about: "PyTorch's .pth since version 1.6: damaged files, and pickles made at random",
  open() {
    const seeds = zipSeeds();
    return {
      make(random) {
        if (random.integer(2) === 0) return mutate(seeds[random.integer(seeds.length)]!, random);
        const deflate = random.integer(2) === 0;
        return zipOf([
          { name: "a/data.pkl", content: pickle(anyPickle(random)), deflate },
          { name: "a/data/0", content: new Uint8Array(10 ** random.integer(6)), deflate },
        ]);
      },
      attempt: async (input) => void modelPart(await readTensors(input, readTorchFile)),
    };
  },
};
