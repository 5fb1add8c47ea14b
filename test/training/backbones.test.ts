import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import type { ConfigInput } from "../../lib/config/schema.js";
import { requireData } from "../support/goldens.js";
import { type StepEvent, trainQuietly } from "../support/runs.js";

const QUICKSTART = fileURLToPath(new URL("../../../examples/quickstart/images/", import.meta.url)); // from dist/test/training

const BACKBONES = [
  { type: "efficientformerv2", variant: "s0" },
  { type: "mobilevit", variant: "xs" },
] as const;

const neck = { type: "fpn", channels: 32 } as const;

function training(steps: number) {
  const optimizer = { type: "adamw", lr: 1e-3 } as const;
  return { steps, optimizer, schedule: { type: "constant" }, logEvery: 1, evaluateEvery: 1000 } as const;
}

/** Boxes and masks on the photographs of the quick start. */
function detection(backbone: (typeof BACKBONES)[number], output: string): ConfigInput {
  const split = (name: string) => ({ annotations: join(QUICKSTART, `${name}.json`), images: join(QUICKSTART, name) });
  const resize = { type: "resize", scale: [96, 64] as [number, number] } as const;
  const roi = { samples: 32, boxWidth: 64, maskChannels: 32, maskConvolutions: 2 };
  return {
    task: "detection",
    model: { backbone, neck, head: { type: "maskRcnn", rpn: { channels: 32, anchorScale: 3, samples: 64 }, roi } },
    data: {
      type: "coco",
      train: split("train"),
      val: split("val"),
      batchSize: 2,
      testBatchSize: 1,
      workers: 0,
      transforms: { train: [resize, { type: "randomFlip" }], test: [resize] },
    },
    training: training(9),
    output,
  };
}

/** Building fronts as label maps. */
function segmentation(backbone: (typeof BACKBONES)[number], output: string, folder: string): ConfigInput {
  const split = (name: string) => ({
    images: join(folder, "images", name),
    labelMaps: join(folder, "annotations", name),
  });
  const resize = { type: "resize", scale: [64, 64] as [number, number] } as const;
  return {
    task: "segmentation",
    model: { backbone, neck, head: { type: "semanticFpn", channels: 32 } },
    data: {
      type: "labelMaps",
      train: split("training"),
      val: split("validation"),
      objectInfo: join(folder, "objectInfo.txt"),
      reduceZeroLabel: true,
      batchSize: 2,
      workers: 0,
      transforms: { train: [resize, { type: "randomFlip" }], test: [resize] },
    },
    training: training(18),
    output,
  };
}

describe("on real images the loss falls", function () {
  this.timeout(180_000); // on a busy machine
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "backbones-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  const expectFalling = async (config: ConfigInput) => {
    const { events } = await trainQuietly(config);
    const losses = events.filter((event): event is StepEvent => event.type === "step").map(({ loss }) => loss);
    const few = Math.floor(losses.length / 3);
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    expect(mean(losses.slice(-few)), `${losses}`).to.be.below(0.85 * mean(losses.slice(0, few)));
  };

  for (const backbone of BACKBONES) {
    const name = `${backbone.type} ${backbone.variant}`;
    it(`of Mask R-CNN on ${name}`, () =>
      expectFalling(detection(backbone, join(folder, `detection-${backbone.type}`))));

    it(`of Semantic FPN on ${name}`, async function () {
      const facade = requireData(this, "facade");
      await expectFalling(segmentation(backbone, join(folder, `segmentation-${backbone.type}`), facade));
    });
  }
});
