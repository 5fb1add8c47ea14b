import { z } from "zod";
import { backboneSchemas } from "../backbones/index.js";
import { count, flag, fraction, positive } from "../schemas/fields.js";

export const backbone = z.discriminatedUnion("type", backboneSchemas).describe("What turns an image into features");

const rpn = z
  .strictObject({
    channels: count("Channels of the 3×3 convolution").default(256),
    anchorScale: positive("Side of a square anchor, in strides of its level").default(8),
    anchorRatios: z.array(positive("Height over width")).min(1).default([0.5, 1, 2]).describe("Height over width"),
    positiveIou: fraction("An anchor from this IoU with a box on is positive").default(0.7),
    negativeIou: fraction("An anchor below this IoU with every box is negative").default(0.3),
    minPositiveIou: fraction("A box's best anchor is positive from this IoU on, whatever positiveIou").default(0.3),
    samples: count("Anchors in the loss, a picture").default(256),
    positiveFraction: fraction("Largest share of positive ones among the samples").default(0.5),
    trainPerLevel: count("Best proposals of a level before suppression, in training").default(2000),
    testPerLevel: count("Best proposals of a level before suppression, at test").default(1000),
    maxPerPicture: count("Proposals of a picture after suppression").default(1000),
    nms: fraction("IoU from which a proposal is suppressed by a better one of its level").default(0.7),
    minSize: z.number().min(0).default(0).describe("Proposals with a shorter side are dropped, in pixels"),
    classWeight: positive("Weight of the objectness loss").default(1),
    boxWeight: positive("Weight of the box loss").default(1),
  })
  .superRefine((value, context) => {
    if (value.negativeIou > value.positiveIou) {
      context.addIssue({ code: "custom", path: ["negativeIou"], message: "must not be above positiveIou" });
    }
  })
  .prefault({})
  .describe("Region proposals");

const roi = z
  .strictObject({
    positiveIou: fraction("A proposal from this IoU with a box on is positive").default(0.5),
    negativeIou: fraction("A proposal below this IoU with every box is background").default(0.5),
    minPositiveIou: fraction("A box's best proposal is positive from this IoU on").default(0.5),
    samples: count("Proposals in the loss, a picture").default(512),
    positiveFraction: fraction("Largest share of positive ones among the samples").default(0.25),
    finestScale: positive("Regions with sides below twice this are pooled from the finest level").default(56),
    samplingRatio: count("Samples along a bin's side in RoIAlign; 0: as many as it has feature pixels", 0).default(0),
    boxPoolSize: count("Bins along a side for the box head").default(7),
    boxWidth: count("Width of the box head's two fully connected layers").default(1024),
    boxStds: z
      .tuple([positive("x"), positive("y"), positive("width"), positive("height")])
      .default([0.1, 0.1, 0.2, 0.2])
      .describe("Scale of the box deltas x, y, width, height"),
    maskPoolSize: count("Bins along a side for the mask head").default(14),
    maskConvolutions: count("3×3 convolutions of the mask head").default(4),
    maskChannels: count("Channels of the mask head").default(256),
    classWeight: positive("Weight of the class loss").default(1),
    boxWeight: positive("Weight of the box loss").default(1),
    maskWeight: positive("Weight of the mask loss").default(1),
  })
  .superRefine((value, context) => {
    if (value.negativeIou > value.positiveIou) {
      context.addIssue({ code: "custom", path: ["negativeIou"], message: "must not be above positiveIou" });
    }
  })
  .prefault({})
  .describe("Box and mask heads");

const instancesTest = z
  .strictObject({
    scoreThreshold: fraction("Detections below this score are dropped").default(0.05),
    nms: fraction("IoU from which a detection is suppressed by a better one of its class").default(0.5),
    maxPerPicture: count("Detections kept a picture").default(100),
    maskThreshold: fraction("Probability from which a pixel belongs to a mask").default(0.5),
  })
  .prefault({})
  .describe("What is kept at test");

export const maskRcnn = z.strictObject({
  type: z.literal("maskRcnn"),
  mask: z
    .literal(["auto", true, false])
    .default("auto")
    .describe(
      "Whether there is a mask head; auto: if an object of the training set has a mask. Objects without one are left out of the mask loss",
    ),
  rpn,
  roi,
  test: instancesTest,
});

export const semanticFpn = z.strictObject({
  type: z.literal("semanticFpn"),
  channels: count("Channels of the head's convolutions").default(128),
  dropout: z.number().min(0).lt(1).default(0.1).describe("Rate of the dropout before the last convolution"),
  classifierStd: positive(
    "Standard deviation of the last convolution's initial weights: MMSegmentation's 0.01; more for trainings of few steps",
  ).default(0.01),
  averageOverAllPixels: flag(
    "Divide the loss by all pixels, ignored ones included, as MMSegmentation 0.x does; else by the labelled ones",
  ).default(false),
});
