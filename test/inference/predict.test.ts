import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { copyFile, cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual as equal } from "node:util";
import { expect } from "chai";
import { decodeImage, decodeLabelMap } from "../../lib/images/decode.js";
import { readSafetensors, writeSafetensors } from "../../lib/tensorfiles/safetensors.js";
import { loadModel } from "../../lib/use/loadModel.js";
import { noiseImage } from "../pixels/images.js";
import { command } from "../support/commandLine.js";
import { userMessage } from "../support/failure.js";
import { trainQuietly } from "../support/runs.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";

const METRICS = {
  segmentation: ["mIoU", "mAcc", "aAcc"],
  detection: ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"].flatMap(
    (name) => [`box${name}`, `mask${name}`],
  ),
} as const;

for (const task of ["segmentation", "detection"] as const) {
  describe(`using a trained model (${task})`, function () {
    this.timeout(120_000);
    let data: ShapesData;
    let run: string;
    let config: string;
    let trained: Record<string, number>;
    before(async () => {
      data = await makeShapes(3);
      run = join(data.folder, "run");
      config = join(data.folder, "config.yaml");
      const input = shapesConfig(task, data, run);
      writeFileSync(config, JSON.stringify(input)); // JSON is YAML
      trained = (await trainQuietly(input, ["training.steps=20"])).result.metrics;
    });
    after(() => rmSync(data.folder, { recursive: true }));

    it("evaluates it like training, prints JSON and writes files", async () => {
      const { code, stdout, stderr } = await command("evaluate", config, "--weights", run, "--json");
      expect(code, stderr).to.equal(0);
      const { metrics, files, perClass } = JSON.parse(stdout);
      expect(metrics).to.have.all.keys(...METRICS[task]);
      for (const name of METRICS[task]) expect(metrics[name], name).to.be.closeTo(trained[name]!, 0.01);
      expect(perClass).to.have.length(task === "segmentation" ? 3 : 2);
      const written = JSON.parse(readFileSync(join(run, "evaluation", "metrics.json"), "utf8"));
      expect(written.metrics).to.deep.equal(metrics);
      if (task === "detection") {
        const results = JSON.parse(readFileSync(join(run, "evaluation", "results.segm.json"), "utf8"));
        expect(files).to.include(join(run, "evaluation", "results.bbox.json"));
        expect(results[0]).to.have.all.keys("image_id", "category_id", "score", "segmentation");
        expect(stderr).to.contain("Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ]");
      }
    });

    it("does not overwrite a run's own metrics by those of other weights", async () => {
      const own = join(run, "evaluation", "metrics.json");
      const before = readFileSync(own, "utf8");
      const other = join(data.folder, "other.safetensors");
      await copyFile(join(run, "best.safetensors"), other);
      const refused = await command("evaluate", config, "--weights", other);
      expect(refused.code).to.equal(1);
      expect(refused.stderr).to.contain(
        `${join(run, "evaluation")}: this folder has the metrics of the run's own weights, ${join(run, "best.safetensors")}; those of ` +
          `${other} would overwrite them: say with --out FOLDER where they go`,
      );
      const out = join(data.folder, "figures");
      for (const _ of ["new", "again"]) {
        const { code, stdout, stderr } = await command("evaluate", config, "--weights", other, "--out", out);
        expect(code, stderr).to.equal(0);
        expect(stdout).to.contain(`metrics and results are in ${out}\n`);
      }
      expect(JSON.parse(readFileSync(join(out, "metrics.json"), "utf8")).weights).to.equal(other);
      const inRun = await command("evaluate", config, "--weights", other, "--out", run);
      expect(inRun.code).to.equal(1);
      expect(inRun.stderr).to.contain(`${run}: this folder holds something other than an evaluation`);
      expect(readFileSync(own, "utf8")).to.equal(before);
    });

    it("does not overwrite a run's own metrics by those of other data or settings", async () => {
      const folder = join(run, "evaluation");
      const before = readFileSync(join(folder, "metrics.json"), "utf8");
      const images = join(data.folder, "other-images");
      await cp(data.images, images, { recursive: true });
      const others = [
        [[`data.val.images=${images}`], "data.val.images", JSON.stringify(data.images), JSON.stringify(images)],
        [["data.val.limit=1"], "data.val.limit", "not set", "1"],
        [
          ["data.transforms.test=[{type: resize, scale: [96, 96]}]", "data.padding.multipleOf=64"],
          "data.transforms.test",
          "[]",
          '[{"type":"resize","scale":[96,96],"keepRatio":true,"multipleOf":1,"interpolation":"bilinear"}] (and data.padding.multipleOf)',
        ],
        ...(task === "segmentation"
          ? [[["data.ignoreLabel=2"], "data.ignoreLabel", "255", "2"] as const]
          : [[["model.head.test.scoreThreshold=0.5"], "model.head.test.scoreThreshold", "0.05", "0.5"] as const]),
      ] as const;
      for (const [overrides, path, own, here] of others) {
        const args = ["evaluate", config, "--weights", run, ...overrides.flatMap((override) => ["--set", override])];
        const { code, stdout, stderr } = await command(...args);
        expect({ code, stdout }).to.deep.equal({ code: 1, stdout: "" });
        expect(stderr).to.contain(
          `${folder}: this folder has the metrics of the run's own config, in which ${path} is ${own}; those with ${here} ` +
            "would overwrite them: say with --out FOLDER where they go (output in the API)\n",
        );
      }
      expect(readFileSync(join(folder, "metrics.json"), "utf8")).to.equal(before);
      const out = join(data.folder, "one-image");
      const limited = await command("evaluate", config, "--weights", run, "--set", "data.val.limit=1", "--out", out);
      expect(limited.code, limited.stderr).to.equal(0);
      const faster = ["data.testBatchSize=1", "data.workers=0", "training.seed=7", "model.backbone.dropPath=0.2"];
      const same = await command(
        ...["evaluate", config, "--weights", run, ...faster.flatMap((override) => ["--set", override])],
      );
      expect(same.code, same.stderr).to.equal(0);
    });

    it("does not ignore class names that are not the model's", async () => {
      const own = task === "segmentation" ? ["ground", "disc", "square"] : ["disc", "square"];
      const refused = async (names: readonly string[]) => {
        const { code, stderr } = await command(
          "evaluate",
          config,
          "--weights",
          run,
          "--set",
          `data.classes=[${names}]`,
        );
        expect(code).to.equal(1);
        return stderr;
      };
      const message = (names: string, index: number) =>
        `${join(run, "best.safetensors")}: the classes of this model are ${own.join(", ")}, but data.classes of the config names ` +
        `${names} (the first that differs has index ${index}); leave data.classes out (--set data.classes=null), or name the ` +
        "model's in its order\n";
      expect(await refused(["x", "y", "z"])).to.equal(message("x, y, z", 0));
      expect(await refused([...own, "z"])).to.equal(message([...own, "z"].join(", "), own.length));
      expect(await refused(own.slice(0, -1))).to.equal(message(own.slice(0, -1).join(", "), own.length - 1));
      expect(await refused([...own].reverse())).to.equal(message([...own].reverse().join(", "), 0));
      const override = ["--set", `data.classes=[${own}]`];
      const out = join(data.folder, "named");
      const named = await command("evaluate", config, "--weights", run, ...override, "--out", out);
      expect(named.code, named.stderr).to.equal(0);
      const predict = ["predict", config, data.images, "--weights", run, "--out", join(data.folder, "not-predicted")];
      const other = await command(...predict, "--set", "data.classes=[x,y]");
      expect(other).to.include({ code: 1, stderr: message("x, y", 0) });
    });

    it("draws detections, writes them as data, and continues after an unreadable image", async () => {
      const photos = join(data.folder, "photos");
      await mkdir(photos);
      for (const name of ["0.png", "1.png", "2.png"]) await copyFile(join(data.images, name), join(photos, name));
      truncateSync(join(photos, "1.png"), 100);
      const out = join(data.folder, "out");
      const score = task === "segmentation" ? [] : ["--set", "model.head.test.scoreThreshold=0"];
      const { code, stderr, stdout } = await command(
        ...["predict", config, photos, join(photos, "0.*"), "--weights", run, "--out", out, "--json", ...score],
      );
      expect(code).to.equal(1);
      expect(JSON.parse(stdout)).to.have.property("images").with.length(2);
      expect(stderr)
        .to.match(/1\.png: cannot be decoded.*skipped/)
        .and.contain("1 of 3 images could not be read");
      expect(stderr).to.not.match(/\n\s+at /);
      for (const name of ["0", "2"]) {
        expect(await decodeImage(join(out, "overlays", `${name}.jpg`))).to.include({ height: 64 });
      }
      if (task === "segmentation") {
        const map = await decodeLabelMap(join(out, "labelMaps", "2.png"));
        expect(map).to.include({ width: 64, height: 64 });
        expect(Math.max(...map.data)).to.be.below(3);
      } else {
        const { images, categories } = JSON.parse(readFileSync(join(out, "images.json"), "utf8"));
        expect(images.map(({ file_name }: { file_name: string }) => file_name)).to.deep.equal([
          join(photos, "0.png"),
          join(photos, "2.png"),
        ]);
        expect(categories).to.deep.equal([
          { id: 3, name: "disc" },
          { id: 4, name: "square" },
        ]);
        const results = JSON.parse(readFileSync(join(out, "results.json"), "utf8"));
        expect(results).to.not.be.empty;
        expect(results[0].segmentation.size).to.deep.equal([64, 64]);
        for (const { bbox, score: s } of results) {
          expect(bbox[0] + bbox[2]).to.be.at.most(64.001);
          expect(s).to.be.within(0, 1);
        }
      }
    });

    if (task === "detection") {
      it("uses an annotation file's ids, so that results get the model's metrics", async () => {
        const file = JSON.parse(readFileSync(data.annotations, "utf8"));
        for (const image of file.images) image.id = 40 - image.id;
        for (const annotation of file.annotations) {
          annotation.image_id = 40 - annotation.image_id;
          annotation.category_id = 9 - annotation.category_id;
        }
        for (const category of file.categories) category.id = 9 - category.id;
        const annotations = join(data.folder, "otherwise.json");
        writeFileSync(annotations, JSON.stringify(file));
        const out = join(data.folder, "numbered");
        const all = ["--weights", run, "--json", "--set", "model.head.test.scoreThreshold=0"];
        const predict = ["predict", config, data.images, ...all, "--out", out];
        const first = await command(...predict, "--annotations", annotations);
        expect(first.code, first.stderr).to.equal(0);
        expect(JSON.parse(first.stdout)).to.deep.include({ imageIds: "annotated", notAnnotated: [], notPredicted: [] });
        const results = join(out, "results.json");
        const judged = await command(
          "evaluate",
          "--annotations",
          annotations,
          "--results",
          results,
          "--type",
          "bbox",
          "--json",
        );
        const own = await command(
          "evaluate",
          config,
          ...all,
          "--out",
          join(data.folder, "annotated"),
          "--set",
          `data.val.annotations=${annotations}`,
        );
        const [{ stats }, { metrics: expected }] = [JSON.parse(judged.stdout), JSON.parse(own.stdout)];
        expect(expected.boxAR100).to.be.above(0);
        for (const [at, name] of Object.entries({ 0: "boxAP", 1: "boxAP50", 8: "boxAR100" })) {
          expect(stats[at], name).to.be.closeTo(expected[name], 0.005);
        }
        // Again into the same folder
        const second = await command(...predict);
        expect(second).to.include({ code: 1, stdout: "" });
        expect(second.stderr).to.contain(`${join(out, "overlays")}: already exists; choose another path, or`);
        const forced = await command(...predict, "--force");
        expect(forced.code, forced.stderr).to.equal(0);
        expect(JSON.parse(forced.stdout)).to.include({ imageIds: "counted" });
        expect(JSON.parse(readFileSync(results, "utf8"))[0].image_id).to.equal(1);
      });
    }

    it("predicts in a program, from a path, bytes or pixels", async () => {
      const overrides = task === "segmentation" ? [] : ["model.head.test.scoreThreshold=0"];
      const model = await loadModel(config, { weights: run, overrides });
      try {
        const path = join(data.images, "0.png");
        const fromPath = await model.predict(path);
        expect(await model.predict(readFileSync(path))).to.deep.equal(fromPath);
        expect(await model.predict(await decodeImage(path))).to.deep.equal(fromPath);
        expect(model.classes.at(-1)).to.equal("square");
        if (model.task === "segmentation") {
          const { labelMap, classes } = await model.predict(path);
          expect(classes).to.deep.equal(["ground", "disc", "square"]);
          expect(labelMap.data).to.have.length(64 * 64);
        } else if (model.task === "detection") {
          const [first, ...others] = await model.predict(path);
          expect(first!.label).to.equal(model.classes[first!.classIndex]);
          expect(first!.mask).to.include({ width: 64, height: 64 });
          expect(first!.box.x2).to.be.above(first!.box.x1);
          for (const { score } of others) expect(score).to.be.at.most(first!.score);
        }
      } finally {
        await model.dispose();
      }
    });

    it("answers 64 concurrent calls, with images of 20 shapes, as if one after the other", async function () {
      this.timeout(300_000);
      const sizes = Array.from({ length: 20 }, (_, i) => ({ width: 33 + 32 * (i % 5), height: 40 + 32 * (i >> 2) }));
      // Segmentation switches programs with each call, so that each is made again; detection's take longer to make, so shapes come in rows.
      const shapeOf = (i: number): number => (task === "segmentation" ? i % 20 : Math.floor((i * 20) / 64));
      const small = ["data.transforms.test=[]"];
      const overrides = task === "segmentation" ? small : [...small, "model.head.test.scoreThreshold=0"];
      const model = await loadModel(config, { weights: run, overrides });
      try {
        const images = sizes.map(({ width, height }) => noiseImage(width, height));
        const calls = Array.from({ length: 64 }, (_, i) => model.predict(images[shapeOf(i)]!));
        const together = await Promise.all(calls);
        for (const [shape, image] of images.entries()) {
          const alone = await model.predict(image);
          for (let i = 0; i < 64; i++) {
            if (shapeOf(i) === shape) expect(equal(together[i], alone), `call ${i}`).to.equal(true);
          }
        }
      } finally {
        await model.dispose();
      }
    });

    it("finishes running predictions, and starts none, once it is disposed of", async () => {
      const model = await loadModel(config, { weights: run });
      const path = join(data.images, "0.png");
      const begun = model.predict(path);
      await model.dispose();
      await begun;
      expect(await userMessage(() => model.predict(path))).to.equal(
        "the model was disposed of; load it again to predict",
      );
      await model.dispose();
    });

    it("names faults of weights", async () => {
      const file = join(run, "best.safetensors");
      const load = (weights: string, overrides: string[] = []) =>
        userMessage(() => loadModel(config, { weights, overrides }));
      expect(await load(file, ["model.neck.channels=16"])).to.contain("weights of another model");
      expect(await load(join(run, "none"))).to.contain("no such file");
      for (const options of [undefined, {}]) {
        expect(await userMessage(() => loadModel(config, options))).to.equal(
          `${config}: a config has no weights: give them with --weights (in the API weights), such as --weights ${run}, or name the ` +
            "folder of a run or a packed model instead",
        );
      }
      for (const [model, options] of [
        [config, { weights: 5 }],
        [shapesConfig(task, data, run), {}],
      ] as const) {
        const forgotten = () => Reflect.apply(loadModel, undefined, [model, options]); // as in JavaScript
        expect(await userMessage(forgotten)).to.match(/^weights is missing: the path of a weights file, /);
      }
      const cut = join(data.folder, "cut.safetensors");
      await copyFile(file, cut);
      truncateSync(cut, 5000);
      expect(await load(cut))
        .to.contain(cut)
        .and.contain("truncated");
      const { tensors, metadata } = await readSafetensors(file);
      const other = { ...metadata, densekit: JSON.stringify({ task: "other", classes: ["a"] }) };
      await writeSafetensors(cut, tensors, other);
      expect(await load(cut)).to.contain("metadata");
      // Other programs' files do not describe their model; the data set does.
      await writeSafetensors(cut, tensors, {});
      const model = await loadModel(config, { weights: cut });
      expect(model.classes.slice(-2)).to.deep.equal(["disc", "square"]);
      await model.dispose();
    });
  });
}
