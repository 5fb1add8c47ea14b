import { z } from "zod";
import { count, fraction, positive } from "../schemas/fields.js";
import { boxHeadKeys } from "./boxHead.js";
import { type BoxHeadSchema, boxHeadConfig } from "./boxHeads/index.js";
import { checkIous } from "./ious.js";
import { checkLoss, classLossKey, classWeights, focalGamma } from "./losses/keys.js";
import { maskHeadKeys } from "./maskHead.js";
import { type MaskHeadSchema, maskHeadConfig } from "./maskHeads/index.js";
import { rpnConfig } from "./rpnHead.js";

// Named, because the compiler would write out what they stand for.
interface BoxHeadKey extends z.ZodExactOptional<BoxHeadSchema> {}
interface MaskHeadKey extends z.ZodExactOptional<MaskHeadSchema> {}

const boxHead = (): BoxHeadKey =>
  boxHeadConfig()
    .exactOptional()
    .describe("Layers of the box head, before its predictors; without it, two of boxWidth");
const maskHead = (): MaskHeadKey =>
  maskHeadConfig()
    .exactOptional()
    .describe("Layers of the mask head, before its predictor; without it, maskConvolutions of maskChannels");

const roi = () =>
  z
    .strictObject({
      positiveIou: fraction("A proposal with at least this IoU with a box is positive").default(0.5),
      negativeIou: fraction("A proposal with less than this IoU with every box is background").default(0.5),
      minPositiveIou: fraction("A box's best proposal is positive from this IoU").default(0.5),
      samples: count("Proposals in the loss per image").default(512),
      positiveFraction: fraction("Largest share of positive ones among the samples").default(0.25),
      finestScale: positive("Regions with sides below twice this are pooled from the finest level").default(56),
      samplingRatio: count("Samples along a bin's side in RoIAlign; 0: as many as it has feature pixels", 0).default(0),
      ...boxHeadKeys,
      ...maskHeadKeys,
      boxHead: boxHead(),
      maskHead: maskHead(),
      classWeight: positive("Weight of the class loss").default(1),
      classWeights: classWeights
        .exactOptional()
        .describe(
          "Weight of each class in the class loss, in order, that of the background being 1; balanced: every class counts the same; without it, every object",
        ),
      classLoss: classLossKey(),
      focalGamma,
      boxWeight: positive("Weight of the box loss").default(1),
      maskWeight: positive("Weight of the mask loss").default(1),
    })
    .superRefine(checkIous)
    .superRefine(checkLoss)
    .prefault({})
    .describe("Box and mask heads");

const atTest = z
  .strictObject({
    scoreThreshold: fraction("Detections below this score are dropped").default(0.05),
    nms: fraction("IoU above which a detection is suppressed by a better one of its class").default(0.5),
    maxPerImage: count("Detections kept per image").default(100),
    maskThreshold: fraction("Probability from which a pixel belongs to a mask").default(0.5),
  })
  .prefault({})
  .describe("Post-processing at test time");

const maskRcnnConfig = () =>
  z.strictObject({
    type: z.literal("maskRcnn"),
    mask: z
      .literal(["auto", true, false])
      .default("auto")
      .describe(
        "Whether there is a mask head; auto: if an object of the training set has a mask. Objects without one are left out of the mask loss",
      ),
    rpn: rpnConfig,
    roi: roi(),
    test: atTest,
  });

/** Named, because the compiler would write out what it stands for at every use. */
export interface MaskRcnnSchema extends ReturnType<typeof maskRcnnConfig> {}

/** The config of Mask R-CNN's heads together; their layers are in rpnHead.ts, boxHead.ts and maskHead.ts. */
export const maskRcnnSchema = (): MaskRcnnSchema => maskRcnnConfig();
