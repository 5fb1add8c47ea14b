import { readTorchFile } from "../../../lib/formats/pytorch/open.js";
import { mutate } from "../mutate.js";
import { readTensors } from "../readTensors.js";
import type { FuzzTarget } from "../target.js";
import { zipSeeds } from "../torchSeeds.js";

export const target: FuzzTarget = {
  about: "PyTorch's .pth since version 1.6, damaged",
  open() {
    const seeds = zipSeeds();
    return {
      make: (random) => mutate(seeds[random.integer(seeds.length)]!, random),
      attempt: async (input) => void (await readTensors(input, readTorchFile)),
    };
  },
};
