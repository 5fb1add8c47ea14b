import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../../lib/errors.js";
import { openWeights } from "../../../lib/inference/weights.js";
import type { Random } from "../../../lib/random.js";
import { kindOf } from "../../../lib/tasks/kinds.js";
import { encodeHeader } from "../../../lib/tensors/safetensors.js";
import type { TensorToWrite } from "../../../lib/tensors/tensorFile.js";
import { resolveModel } from "../../../lib/use/resolveModel.js";
import type { FuzzTarget } from "../target.js";
import { anyJson, anyName, anyNumber, mutateText, oneOf } from "../words.js";

const DETECTOR = `task: detection
model:
  backbone: { type: efficientformer, variant: nano }
  neck: { type: fpn, channels: 32 }
  head: { type: maskRcnn, rpn: { channels: 32 }, roi: { boxWidth: 64, maskChannels: 32, maskConvolutions: 2 } }
data:
  type: coco
  transforms: { test: [{ type: resize, scale: [64, 64] }] }
training:
  steps: 3
  optimizer: { type: adamw, lr: 1e-3 }
  schedule: { type: constant }
`;
const CLASSIFIER = `task: classification
model: { backbone: { type: resnet, variant: 18 }, head: { type: classifier } }
data: { type: imageLabels }
training: { epochs: 1, optimizer: { type: sgd, lr: 1 }, schedule: { type: poly } }
`;
const DESCRIPTION = '{"task":"detection","classes":["a","b"],"categoryIds":[3,4],"masks":true}';
const KEYS = [
  "extends",
  "plugins",
  "output",
  "engine",
  "weights",
  "channels",
  "variant",
  "classes",
  "train",
  "val",
  "images",
];
const VALUES = ["/etc/passwd", "hf://a/b", "null", "1e9", "-1", "l7", "semanticFpn", "vit", "deit", "*a", "&a"];

function anyConfig(random: Random): string {
  const seed = oneOf(random, [DETECTOR, DETECTOR, CLASSIFIER]);
  switch (random.integer(5)) {
    case 0:
      return seed.replace(/: \d+/g, (number) => (random.integer(4) === 0 ? `: ${anyNumber(random)}` : number));
    case 1:
      return `${seed}${oneOf(random, KEYS)}: ${oneOf(random, [...VALUES, anyName(random)])}\n`;
    case 2:
      return anyJson(random, 6);
    default:
      return mutateText(seed, random, [...KEYS, ...VALUES]);
  }
}

/** Without a tensor, a file is refused before its config is read. */
const TENSOR: TensorToWrite = {
  ...{ name: "roi_head.bbox_head.fc_cls.bias", dtype: "F32", shape: [1] },
  read: async () => ({ dtype: "F32", shape: [1], data: new Float32Array(1) }),
};

const anyDescription = (random: Random): string =>
  random.integer(3) === 0 ? DESCRIPTION : mutateText(DESCRIPTION, random, ["segmentation", "classes", "[]", "1e9"]);

export const target: FuzzTarget = {
  about: "packed models: tensors with any config and description",
  open(folder) {
    const path = join(folder, "fuzzed.densekit");
    return {
      make(random) {
        const texts = { densekit: anyDescription(random), "densekit.config": anyConfig(random), format: "pt" };
        return Buffer.concat([encodeHeader([TENSOR], texts), Buffer.alloc(4)]);
      },
      async attempt(input) {
        await writeFile(path, input);
        const { config, weights } = await resolveModel(path, { environment: {} });
        const file = await openWeights(weights);
        try {
          const { parameters } = await kindOf(config).open(config, file.description, "val");
          // One tensor is never a whole model: only config and description can be accepted.
          await file.read(parameters).catch((error: unknown) => {
            if (!(error instanceof UserError)) throw error;
          });
        } finally {
          await file.close();
        }
      },
    };
  },
};
