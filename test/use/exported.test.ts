import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { decodeHeader } from "../../lib/compilers/onnx/proto.js";
import { portableConfig } from "../../lib/config/portable.js";
import { standaloneMetadata } from "../../lib/export/metadata.js";
import type { FoundClass } from "../../lib/tasks/classification/found.js";
import type { FoundInstance } from "../../lib/tasks/detection/found.js";
import type { SegmentationResult } from "../../lib/tasks/segmentation/result.js";
import { loadModel } from "../../lib/use/loadModel.js";
import { resolveModel } from "../../lib/use/resolveModel.js";
import { accepted, refused } from "../cli/refused.js";
import { userMessage } from "../support/failure.js";
import { trainQuietly } from "../support/runs.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";

type Answer = readonly FoundInstance[] | SegmentationResult | readonly FoundClass[];

/** Comparisons of results up to rounding. */
const SAME: Readonly<Record<string, (a: Answer, b: Answer) => void>> = {
  detection(a, b) {
    const [own, other] = [a, b] as [FoundInstance[], FoundInstance[]];
    expect(other.length).to.be.within(own.length - 2, own.length + 2);
    for (const [i, one] of own.slice(0, 5).entries()) {
      expect(other[i]!.score).to.be.closeTo(one.score, 1e-3);
      expect(other[i]!.label).to.equal(one.label);
      for (const side of ["x1", "y1", "x2", "y2"] as const) {
        expect(other[i]!.box[side]).to.be.closeTo(one.box[side], 0.1);
      }
      expect(other[i]!.mask).to.include({ height: 64, width: 64 });
    }
  },
  segmentation(a, b) {
    const [own, other] = [a as SegmentationResult, b as SegmentationResult].map(({ labelMap }) => [...labelMap.data]);
    const differing = own!.filter((label, i) => label !== other![i]).length;
    expect(differing / own!.length).to.be.below(0.01);
  },
  classification(a, b) {
    const [own, other] = [a, b] as [FoundClass[], FoundClass[]];
    expect(other.map(({ label }) => label)).to.deep.equal(own.map(({ label }) => label));
    for (const [i, { score }] of own.entries()) expect(other[i]!.score).to.be.closeTo(score, 1e-3);
  },
};

for (const task of ["detection", "segmentation", "classification"] as const) {
  describe(`an exported file as a model (${task})`, function () {
    this.timeout(180_000);
    let data: ShapesData;
    let run: string;
    let image: string;
    const overrides = task === "detection" ? ["model.head.test.scoreThreshold=0"] : [];
    const set = overrides.flatMap((text) => ["--set", text]);
    const exported = async (name: string, ...args: string[]): Promise<string> => {
      const out = join(data.folder, name);
      await accepted(["export", run, "--out", out, "--force", ...set, ...args]);
      return out;
    };
    const answerOf = async (named: string, more: readonly string[] = []): Promise<Answer> => {
      const model = await loadModel(named, { overrides: more });
      try {
        expect(model.task).to.equal(task);
        return await model.predict(image);
      } finally {
        await model.dispose();
      }
    };
    before(async () => {
      data = await makeShapes(3);
      run = join(data.folder, "run");
      image = join(data.images, "0.png");
      await trainQuietly(shapesConfig(task, data, run), ["training.steps=6"]);
    });
    after(() => rmSync(data.folder, { recursive: true }));

    it("predicts like the model, with free and fixed sizes, with normalisation inside or not", async () => {
      const own = await answerOf(run, overrides);
      for (const args of [["--dynamic"], ["--size", "64x64", "--batch", "2", "--preprocess"]]) {
        SAME[task]!(own, await answerOf(await exported("m.onnx", ...args)));
      }
      const out = join(data.folder, "found");
      const { stdout } = await accepted(["predict", join(data.folder, "m.onnx"), data.images, "--out", out, "--json"]);
      expect(JSON.parse(stdout).images).to.have.length(3);
      if (task !== "detection") return;
      const ids = JSON.parse(readFileSync(join(out, "images.json"), "utf8")).categories;
      expect(ids.map(({ id }: { id: number }) => id)).to.deep.equal([3, 4]);
    });

    if (task !== "detection") return; // the rest does not depend on the task

    it("contains no path, and reports what it cannot be used for", async () => {
      const file = await exported("m.onnx", "--dynamic");
      expect(readFileSync(file, "latin1")).to.not.contain(data.folder);
      const { config } = await resolveModel(file);
      const asTrained = (await resolveModel(run)).config;
      expect(JSON.stringify(portableConfig(config))).to.contain('"scoreThreshold":0,');
      expect(config.data.transforms).to.deep.equal(asTrained.data.transforms);
      const figures = ["--set", `data.val.images=${data.images}`, "--set", `data.val.annotations=${data.annotations}`];
      expect(await refused(["evaluate", file, ...figures])).to.contain("an ONNX file: weights cannot be read from one");
      expect(await refused(["config", file, ...set], { code: 2 })).to.equal(
        `${file}: --set ${overrides[0]}: the model in an exported file is fixed; export it again with that setting`,
      );
      expect(await refused(["predict", file, "x.png", "--provider", "cuda"], { code: 2 })).to.equal(
        `${file}: engine.providers=[cuda]: an exported file has its own runtime, on the CPU; leave it out`,
      );
      expect(await refused(["predict", file, "none.png", "--threads", "1"])).to.contain("none.png: no such file");
      expect(await refused(["train", file])).to.contain("what was exported is not trained again");
      expect(await userMessage(() => loadModel(join(data.folder, "none.onnx")))).to.contain("no such file");
      const shown = await exported("shown.onnx", "--dynamic", "--postprocess");
      expect(await userMessage(() => loadModel(shown))).to.equal(
        `${shown}: exported with --postprocess, whose outputs are for display; export it without`,
      );
      const backbone = await exported("backbone.onnx", "--size", "64x64", "--part", "backbone");
      expect(await userMessage(() => loadModel(backbone))).to.equal(
        `${backbone}: the backbone of a model, which predicts nothing; export the whole model`,
      );
      writeFileSync(join(data.folder, "damaged.onnx"), "ONNX?");
      expect(await userMessage(() => loadModel(join(data.folder, "damaged.onnx")))).to.contain("not an ONNX model");
    });

    it("may be untrusted: its metadata is checked", async () => {
      const file = await exported("m.onnx", "--dynamic");
      const header = decodeHeader(readFileSync(file)).metadataProps;
      const metadata = Object.fromEntries(header.map(({ key = "", value = "" }) => [key, value]));
      expect(standaloneMetadata(metadata, "m.onnx").description.classes).to.deep.equal(["disc", "square"]);
      const settings = JSON.parse(metadata.settings!);
      for (const wrong of [
        { ...settings, size: { height: 1e9, width: 32 } },
        { ...settings, batch: -1 },
        { ...settings, part: "head" },
        { ...settings, half: 1 },
        null,
        [],
      ]) {
        const told = () => standaloneMetadata({ ...metadata, settings: JSON.stringify(wrong) }, "m.onnx");
        expect(told, JSON.stringify(wrong)).to.throw("m.onnx: the file's settings cannot be understood");
      }
      const { description: _, ...older } = metadata;
      expect(() => standaloneMetadata(older, "m.onnx")).to.throw("m.onnx: exported by an older densekit");
      expect(() => standaloneMetadata({}, "m.onnx")).to.throw("m.onnx: not written by densekit export");
      expect(() => standaloneMetadata({ ...metadata, description: "{}" }, "m.onnx")).to.throw("cannot be understood");
    });
  });
}
