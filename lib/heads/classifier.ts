import { z } from "zod";
import { type BackboneConfig, backboneConfig } from "../backbones/index.js";
import { filePath, fraction, positive, weightsPath } from "../schemas/fields.js";
import { checkLoss, classLossKey, classWeights, focalGamma } from "./losses/keys.js";

type BackboneInput = z.input<ReturnType<typeof backboneConfig>>;

/** Named, because declarations would otherwise spell out every backbone once more for each use. */
export interface TeacherBackbone extends z.ZodType<BackboneConfig, BackboneInput> {}

const teacherBackbone = (): TeacherBackbone => backboneConfig();

const teacher = () =>
  z
    .discriminatedUnion("type", [
      z.strictObject({
        type: z.literal("model"),
        backbone: teacherBackbone(),
        weights: weightsPath(
          "The teacher's weights: a run's best.safetensors, or a published file with its head; a path or an address",
        ),
      }),
      z.strictObject({
        type: z.literal("onnx"),
        file: filePath("An ONNX file from images [B, 3, H, W] to logits [B, classes]"),
      }),
    ])
    .describe("Any model with the same classes: a backbone with weights, or an ONNX file");

const distillation = () =>
  z
    .strictObject({
      teacher: teacher(),
      type: z
        .enum(["hard", "soft"])
        .default("hard")
        .describe("hard: the teacher's best class is learnt as a label; soft: its probabilities (Hinton et al. 2015)"),
      weight: fraction("Share of the distillation in the loss").default(0.5),
      temperature: positive("For soft distillation: logits are divided by it").default(1),
      cache: z
        .boolean()
        .default(false)
        .describe(
          "true: the teacher sees each training image once, as data.transforms.test prepares it, and its logits are kept in memory for all epochs; false: it sees every distorted image",
        ),
    })
    .describe("Learning from a teacher (Touvron et al. 2021); in a model with a second head, that head learns it");

const classifier = () =>
  z
    .strictObject({
      type: z.literal("classifier"),
      labelSmoothing: z
        .number()
        .min(0)
        .lt(1)
        .default(0.1)
        .describe("Label smoothing: share of each label that is spread over all classes"),
      classWeights: classWeights
        .default("none")
        .describe("Weight of each class in the loss, in order; balanced: every class counts the same"),
      classLoss: classLossKey(),
      focalGamma,
      distillation: distillation().exactOptional(),
    })
    .superRefine(checkLoss);

/** Named, because types without a name are written out wherever a config has them. */
export interface ClassifierSchema extends ReturnType<typeof classifier> {}

/**
 * The config of a classifier besides its backbone, which includes the layers that compute class scores: how it is
 * trained.
 */
export const classifierConfig = (): ClassifierSchema => classifier();
