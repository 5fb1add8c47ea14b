import { readTorchFile } from "../../../lib/tensorfiles/pytorch/open.js";
import { modelPart } from "../../../lib/weights/parts.js";
import { pickle, tuple } from "../../../test/support/pickles.js";
import { mutate } from "../mutate.js";
import { anyPickle } from "../pickles.js";
import { readTensors } from "../readTensors.js";
import type { FuzzTarget } from "../target.js";
import { legacyFile, legacySeeds } from "../torchSeeds.js";

export const target: FuzzTarget = {
  about: "PyTorch's .pth before version 1.6: damaged files, and pickles made at random",
  open() {
    const seeds = legacySeeds();
    return {
      make: (random) =>
        random.integer(2) === 0
          ? mutate(seeds[random.integer(seeds.length)]!, random)
          : Buffer.concat([legacyFile(anyPickle(random)), pickle(tuple())]),
      attempt: async (input) => void modelPart(await readTensors(input, readTorchFile)),
    };
  },
};
