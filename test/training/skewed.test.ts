import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { Config } from "../../lib/config/schema.js";
import { readSafetensors } from "../../lib/tensorfiles/safetensors.js";
import { userMessage } from "../support/failure.js";
import { checkpointBytes, decidedLines, messagesOf, trainQuietly } from "../support/runs.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";

const OPTIONS: Readonly<Record<Config["task"], readonly string[]>> = {
  detection: [
    "model.head.roi.classWeights=balanced",
    "model.head.roi.focalGamma=2",
    "data.repeatThreshold=1",
    "data.backgroundShare=0.3",
    'training.frozen=["backbone.*", "rpn_head.*"]',
  ],
  segmentation: ["model.head.classWeights=balanced", "model.head.focalGamma=2", 'training.frozen=["neck.*"]'],
  classification: ["model.head.classWeights=balanced", "model.head.focalGamma=2", 'training.frozen=["*.norm?.*"]'],
};

describe("training on skewed data", function () {
  this.timeout(180_000);
  let data: ShapesData;
  before(async () => {
    data = await makeShapes(5);
    // The last image has no objects.
    const json = JSON.parse(readFileSync(data.annotations, "utf8"));
    json.annotations = json.annotations.filter(({ image_id }: { image_id: number }) => image_id !== 14);
    writeFileSync(data.annotations, JSON.stringify(json));
  });
  after(() => rmSync(data.folder, { recursive: true }));
  const runOf = (name: string) => join(data.folder, name);
  const train = (task: Config["task"], name: string, more: readonly string[], resume = false) =>
    trainQuietly(shapesConfig(task, data, runOf(name)), more, { resume });

  for (const task of ["detection", "segmentation", "classification"] as const) {
    it(`${task}: is a function of the config, resumed or not, and leaves what is frozen as it is`, async () => {
      const more = [...OPTIONS[task], "training.checkpoint.every=1"];
      const { events } = await train(task, `${task}-whole`, [...more, "training.steps=2"]);
      await train(task, `${task}-parts`, [...more, "training.steps=1"]);
      await train(task, `${task}-parts`, [...more, "training.steps=2"], true);
      expect(checkpointBytes(runOf(`${task}-parts`), 2)).to.deep.equal(checkpointBytes(runOf(`${task}-whole`), 2));
      const steps = (name: string) =>
        decidedLines(runOf(name)).filter((line) => "type" in line && line.type === "step");
      expect(steps(`${task}-parts`)).to.deep.equal(steps(`${task}-whole`));
      if (task === "detection") {
        expect(messagesOf(events)).to.match(
          /an epoch draws \d+ images of 5, those of the rarest of the 2 classes [\d.]+ times on average, \d+ without objects/,
        );
      }
      const at = async (step: number) =>
        (
          await readSafetensors(
            join(runOf(`${task}-whole`), `checkpoints/step-${String(step).padStart(8, "0")}/model.safetensors`),
          )
        ).tensors;
      const [first, last] = [await at(1), await at(2)];
      const isFrozen = { detection: /^(backbone|rpn_head)\./, segmentation: /^neck\./, classification: /\.norm\d\./ }[
        task
      ];
      const changed = [...last]
        .filter(
          ([name, { data }]) =>
            !Buffer.from(data.buffer, data.byteOffset, data.byteLength).equals(
              Buffer.from(first.get(name)!.data.buffer, first.get(name)!.data.byteOffset, data.byteLength),
            ),
        )
        .map(([name]) => name);
      expect(changed.filter((name) => isFrozen.test(name))).to.deep.equal([]);
      expect(changed.length).to.be.greaterThan(5);
    });
  }

  it("says what cannot be", async () => {
    expect(await userMessage(() => train("detection", "a", ["model.head.roi.classWeights=[1, 2, 3]"]))).to.equal(
      "model.head.roi.classWeights: 3 weights for the 2 classes of the model",
    );
    expect(await userMessage(() => train("segmentation", "b", ["model.head.classWeights=[1, 2]"]))).to.equal(
      "model.head.classWeights: 2 weights for the 3 classes of the model",
    );
    expect(
      await userMessage(() => train("detection", "c", ["data.backgroundShare=0.5", "data.dropEmpty=true"])),
    ).to.equal(
      `data.backgroundShare: 0.5 of an epoch are to be images without objects, but ${data.annotations} has none: ` +
        "data.dropEmpty leaves them out; set it to false",
    );
    expect(await userMessage(() => train("detection", "d", ['training.frozen=["backbon.*"]']))).to.equal(
      'training.frozen: no parameter\'s name matches "backbon.*"; did you mean "backbone.*"?',
    );
    expect(await userMessage(() => train("classification", "e", ['training.frozen=["*"]']))).to.equal(
      "training.frozen: every parameter is frozen, so that there is nothing to train",
    );
  });
});
