import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { stringify } from "yaml";
import type { CocoResult } from "../../lib/coco/entries.js";
import { resolveConfig } from "../../lib/config/load.js";
import { evaluateCoco } from "../../lib/metrics/coco/evaluate.js";
import { segmentationFigures } from "../../lib/metrics/labels/figures.js";
import { report } from "../../lib/report/report.js";
import type { ReportResult } from "../../lib/report/types.js";
import { requireChromium, withPage } from "../support/browser.js";
import { command } from "../support/commandLine.js";
import { userMessage } from "../support/failure.js";
import { trainQuietly } from "../support/runs.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";

const readJson = (path: string) => JSON.parse(readFileSync(path, "utf8"));
const HOSTILE = `<img src=x onerror="alert('1')"> & "shape"`;

/** Headings of a page, and the number of matches of a pattern in it. */
function look(file: string) {
  const text = readFileSync(file, "utf8");
  return {
    text,
    headings: [...text.matchAll(/<h2>(.*?)<\/h2>/g)].map(([, heading]) => heading),
    count: (pattern: RegExp) => [...text.matchAll(pattern)].length,
  };
}

/** Opens a page as on a desktop, and as on a phone in dark mode. */
async function expectToOpen(chromium: string, file: string): Promise<void> {
  for (const [width, colorScheme] of [
    [1280, "light"],
    [390, "dark"],
  ] as const) {
    await withPage({ chromium, file, width }, async ({ page, problems, requests }) => {
      await page.emulateMedia({ colorScheme });
      expect(problems).to.deep.equal([]);
      expect(requests).to.deep.equal([]);
      expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).to.equal(true);
      const background = await page.evaluate("getComputedStyle(document.body).backgroundColor");
      expect(background === "rgb(255, 255, 255)").to.equal(colorScheme === "light");
      expect(await page.locator("img:not([alt]), th:not([scope])").count()).to.equal(0);
      const folder = process.env.DENSEKIT_SCREENSHOTS;
      if (folder) await page.screenshot({ path: join(folder, `report-${width}.png`), fullPage: true });
    });
  }
}

for (const task of ["detection", "segmentation"] as const) {
  describe(`the report of a run (${task})`, function () {
    this.timeout(120_000);
    let data: ShapesData;
    let run: string;
    let result: ReportResult;
    before(async () => {
      data = await makeShapes(4);
      run = join(data.folder, "run");
      await trainQuietly(shapesConfig(task, data, run), ["training.steps=12", "training.evaluateEvery=6"]);
      result = await report({ run, worst: 2, ...(task === "detection" && { scoreThreshold: 0.05 }) });
    });
    after(() => rmSync(data.folder, { recursive: true }));

    it("evaluates the best weights and shows their metrics, sections and worst images", async () => {
      expect(result).to.include({ file: join(run, "report.html"), run, task });
      expect(await userMessage(() => report({ run, worst: 2 }))).to.equal(
        `${join(run, "report.html")}: already exists; choose another path, or overwrite it with --force`,
      );
      expect(result.remarks).to.deep.equal([]);
      expect(result.metrics).to.deep.equal(readJson(join(run, "evaluation", "metrics.json")).metrics);
      const { headings, count } = look(result.file);
      const own =
        task === "segmentation"
          ? ["Classes"]
          : ["Average precision", "Precision and recall", "What costs precision", "Score threshold"];
      expect(headings).to.deep.equal(["Overview", ...own, "Confusion", "Worst images", "Training", "Config"]);
      expect(result.worst).to.have.length(2);
      expect(count(/<img /g)).to.equal(4);
      expect(count(/src="(?!data:)|<script|https?:\/\/(?!www\.w3\.org)/g)).to.equal(0);
    });

    it("opens from disk on a desktop and a phone, light and dark", async function () {
      await expectToOpen(requireChromium(this), result.file);
    });

    it("uses the stored results, wherever the folder is, until there are newer weights", async () => {
      const metrics = join(run, "evaluation", "metrics.json");
      const stored = readJson(metrics);
      const marked = { ...stored.metrics, aAcc: 0.125 };
      writeFileSync(metrics, JSON.stringify({ ...stored, metrics: marked }));
      expect((await report({ run, worst: 0, force: true })).metrics).to.deep.equal(marked);
      utimesSync(metrics, 1, 1);
      const old = await report({ run, evaluate: false, force: true });
      expect(old.metrics).to.deep.equal({});
      expect(old.remarks)
        .to.have.length(1)
        .and.to.match(/evaluation was turned off/);
      const page = look(old.file);
      expect(page.headings).to.deep.equal(["Overview", "Training", "Config"]);
      expect(page.text).to.contain('<p class="note">There is no evaluation');
      expect((await report({ run, worst: 0, force: true })).metrics).to.deep.equal(stored.metrics);
    });

    it("agrees with results computed from the stored files", () => {
      const { confusion } = result;
      if (task === "segmentation") {
        const { classes, counts } = readJson(join(run, "evaluation", "confusion.json"));
        expect(confusion).to.deep.include({ classes });
        const figures = segmentationFigures({ classes: classes.length, counts: Float64Array.from(counts), ignored: 0 });
        expect(figures.mIoU).to.equal(result.metrics.mIoU);
        const images: { file: string; mIoU: number }[] = readJson(join(run, "evaluation", "images.json"));
        const lowest = images.sort((a, b) => a.mIoU - b.mIoU)[0]!;
        expect(result.worst[0]).to.deep.equal({ file: lowest.file, value: lowest.mIoU });
        return;
      }
      const groundTruth = readJson(data.annotations);
      const results: CocoResult[] = readJson(join(run, "evaluation", "results.segm.json"));
      const detected = results.filter(({ score }) => score >= 0.05).length;
      const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
      const objects = sum(confusion!.counts.slice(0, -1).map(sum));
      expect(confusion!.classes.at(-1)).to.equal("background");
      expect(objects).to.equal(groundTruth.annotations.length);
      expect(sum(confusion!.counts.map((row) => sum(row.slice(0, -1))))).to.equal(detected);
      const { stats } = evaluateCoco({ groundTruth, results, type: "segm" });
      expect(result.metrics.maskAP).to.be.closeTo(stats[0]!, 1e-12);
      expect(result.detection!.errors).to.have.all.keys("bbox", "segm");
      expect(result.detection!.type).to.equal("segm");
      expect(result.detection!.operatingPoint).to.include({
        score: 0.05,
        right: objects - sum(confusion!.counts.slice(0, -1).map((row, k) => sum(row) - row[k]!)),
      });
    });

    it("names a damaged stored file, writes no page of it, and evaluates again once it is deleted", async () => {
      const copy = join(data.folder, `damaged-${task}`);
      cpSync(run, copy, { recursive: true, preserveTimestamps: true });
      const folder = join(copy, "evaluation");
      rmSync(join(copy, "report.html"));
      const advice = `; delete the folder ${folder} and report evaluates the run anew\n`;
      const refuse = async (name: string, content: string) => {
        const before = readFileSync(join(folder, name), "utf8");
        writeFileSync(join(folder, name), content);
        const { code, stdout, stderr } = await command("report", copy);
        expect({ code, stdout }, stderr).to.deep.equal({ code: 1, stdout: "" });
        expect(stderr.startsWith(`${join(folder, name)}: `) && stderr.endsWith(advice), stderr).to.equal(true);
        expect(existsSync(join(copy, "report.html"))).to.equal(false);
        writeFileSync(join(folder, name), before);
      };
      await refuse("metrics.json", '{"metrics":null,"perClass":[]}');
      await refuse("metrics.json", '{"metrics":{"boxAP":"<script>"},"perClass":[null,5]}');
      await refuse("metrics.json", '{"metrics":[],"perClass":[],"weights":5}');
      if (task === "segmentation") {
        await refuse("confusion.json", '{"classes":{"length":3},"counts":{"length":9}}');
        await refuse(
          "confusion.json",
          '{"classes":["ground","disc","square"],"counts":[1,1,1,1,1,1e999,-1,null,"<b>"]}',
        );
        await refuse("images.json", "5");
      }
      rmSync(folder, { recursive: true });
      expect((await report({ run: copy, worst: 0, force: true })).metrics).to.deep.equal(result.metrics);
    });

    it("reports the weights and data of the stored metrics", async () => {
      const copy = join(data.folder, `other-${task}`);
      cpSync(run, copy, { recursive: true, preserveTimestamps: true });
      const paths = task === "detection" ? `annotations ${data.annotations}, images` : "images";
      const own = await report({ run: copy, worst: 0, force: true });
      expect(own.remarks).to.deep.equal([]);
      expect(look(own.file).text).to.contain(
        `Weights: ${join(run, "best.safetensors")}. Validation set: ${paths} ${data.images}`,
      );
      const images = join(data.folder, `images-of-${task}`);
      cpSync(data.images, images, { recursive: true });
      const folder = join(copy, "evaluation");
      const weights = join(data.folder, `other-${task}.safetensors`);
      cpSync(join(copy, "best.safetensors"), weights);
      const args = ["--set", `output=${copy}`, "--set", `data.val.images=${images}`, "--out", folder];
      const evaluated = await command("evaluate", join(copy, "config.yaml"), "--weights", weights, ...args);
      expect(evaluated.code, evaluated.stderr).to.equal(0);
      const { file, remarks } = await report({ run: copy, worst: 0, force: true });
      const advice = `Delete the folder ${folder} and report evaluates the run by its own`;
      expect(remarks).to.deep.equal([
        `The evaluation is of the weights ${weights}, not of the run's own, ${join(copy, "best.safetensors")}. ${advice} weights.`,
        `The evaluation is not by the run's config: data.val.images is ${JSON.stringify(images)}, in the run's config ` +
          `${JSON.stringify(data.images)}. ${advice} config.`,
      ]);
      const { text } = look(file);
      expect(text).to.contain(`Weights: ${weights}. Validation set: ${paths} ${images}`);
      expect(text)
        .to.contain("The evaluation&#39;s config")
        .and.contain('<p class="note">The evaluation is not by the run');
      rmSync(folder, { recursive: true });
      expect((await report({ run: copy, worst: 0, force: true })).remarks).to.deep.equal([]);
    });

    if (task === "segmentation") {
      it("refuses options that are for runs of detection", async () => {
        for (const [option, value, name] of [
          ["--type", "bbox", "type"],
          ["--iou", "0.6", "iouThreshold"],
          ["--score", "0.5", "scoreThreshold"],
        ] as const) {
          const { code, stderr } = await command("report", run, option, value);
          expect(code).to.equal(2);
          expect(stderr).to.equal(
            `${option} (${name} in the API) is for runs of detection; this run is one of segmentation: leave it out\n`,
          );
        }
      });
    }

    it("is written by the command, as JSON too", async () => {
      const out = join(data.folder, "page.html");
      const { code, stdout, stderr } = await command("report", run, "--out", out, "--worst", "1", "--json");
      expect(code, stderr).to.equal(0);
      expect(JSON.parse(stdout)).to.include({ file: out, task });
      expect(existsSync(out)).to.equal(true);
    });
  });
}

describe("reports of incomplete runs", function () {
  this.timeout(120_000);
  let data: ShapesData;
  let runs = 0;
  before(async () => {
    data = await makeShapes(3);
  });
  after(() => rmSync(data.folder, { recursive: true }));

  /** A run's folder with a config and, if given, stored boxes and a log. */
  function makeRun(files: {
    results?: readonly CocoResult[];
    log?: string;
    annotations?: string;
    classes?: readonly string[];
  }): string {
    const run = join(data.folder, `run-${runs++}`);
    mkdirSync(join(run, "evaluation"), { recursive: true });
    const { config } = resolveConfig(shapesConfig("detection", data, run));
    if (config.task !== "detection") throw new Error("not a detection config");
    const val = { ...config.data.val, annotations: files.annotations ?? config.data.val.annotations };
    writeFileSync(join(run, "config.yaml"), stringify({ ...config, data: { ...config.data, val } }));
    if (files.log !== undefined) writeFileSync(join(run, "log.jsonl"), files.log);
    if (files.results !== undefined) {
      writeFileSync(join(run, "evaluation", "results.bbox.json"), JSON.stringify(files.results));
      const perClass = (
        files.classes ?? readJson(data.annotations).categories.map((one: { name: string }) => one.name)
      ).map((name: string) => ({ name, metrics: {} }));
      writeFileSync(
        join(run, "evaluation", "metrics.json"),
        JSON.stringify({ weights: "gone", metrics: { boxAP: 0 }, perClass }),
      );
    }
    return run;
  }

  const step = (n: number) =>
    JSON.stringify({
      type: "step",
      step: n,
      epoch: 0,
      loss: 2 / n,
      losses: { a: 1 / n, b: 1 / n },
      lr: 1e-3,
      stepSeconds: 1,
      dataSeconds: 0.1,
    });

  it("reports a training run without weights, even with an unfinished last line", async () => {
    const log = `${Array.from({ length: 1000 }, (_, i) => step(i + 1)).join("\n")}\n${step(1001).slice(0, 40)}`;
    const { file, remarks, metrics } = await report({ run: makeRun({ log }) });
    expect(metrics).to.deep.equal({});
    expect(remarks.join()).to.contain("the run has no weights yet");
    const { headings, text } = look(file);
    expect(headings).to.deep.equal(["Overview", "Training", "Config"]);
    expect(text).to.contain("<b>1000</b><span>steps</span>").and.contain("<b>10.0 %</b>");
    expect(text.length).to.be.lessThan(400_000);
  });

  it("reports an evaluation without training, one class, and no detections", async function () {
    const annotations = join(data.folder, "one.json");
    const all = readJson(data.annotations);
    const categories = [{ ...all.categories[0], name: HOSTILE }];
    const own = all.annotations.filter((a: { category_id: number }) => a.category_id === categories[0].id);
    writeFileSync(annotations, JSON.stringify({ ...all, categories, annotations: own }));
    const none = await report({ run: makeRun({ annotations, results: [], classes: [HOSTILE] }) });
    expect(none.remarks)
      .to.have.length(1)
      .and.to.match(/no training log/);
    expect(none.detection!.operatingPoint).to.include({ score: 0.5, right: 0, wrong: 0, missed: own.length });
    expect(none.detection!.errors.bbox!.errors.find(({ kind }) => kind === "missed")).to.include({
      count: own.length,
      deltaAp: 1,
    });
    expect(none.confusion!.counts).to.deep.equal([
      [0, own.length],
      [0, 0],
    ]);
    expect(look(none.file).text).to.not.contain("<img src=x");
    const perfect = own.map(({ image_id, category_id, bbox }: CocoResult) => ({
      image_id,
      category_id,
      bbox,
      score: 0.9,
    }));
    const found = await report({ run: makeRun({ annotations, results: perfect, classes: [HOSTILE] }) });
    expect(found.detection!.operatingPoint).to.include({ f1: 1, missed: 0 });
    expect(found.worst).to.deep.equal([]);
    expect(look(found.file).headings).to.not.include("Worst images");
    const chromium = requireChromium(this);
    await expectToOpen(chromium, none.file);
    await expectToOpen(chromium, found.file);
  });

  it("names stored results that count for nothing, on the page and in the output", async () => {
    const { annotations } = readJson(data.annotations);
    const [{ image_id, category_id, bbox }] = annotations;
    const stray = { image_id, category_id: 77, bbox, score: 0.5 };
    const run = makeRun({ results: [stray, { image_id, category_id, bbox, score: 0.9 }] });
    const remark =
      "Evaluating results.bbox.json: 1 of 2 results counts for nothing, of categories that the ground truth lacks: 77 (1 result); " +
      "judged are the categories 3 (disc), 4 (square)";
    const { code, stdout, stderr } = await command("report", run, "--json", "--worst", "1");
    expect(code, stderr).to.equal(0);
    expect(stderr).to.contain(`${remark}\n`);
    expect(JSON.parse(stdout).remarks).to.include(remark);
    expect(look(join(run, "report.html")).text).to.contain(`<p class="note">${remark}</p>`);
  });

  it("refuses folders that are not runs, with advice", async () => {
    const missing = join(data.folder, "nowhere");
    expect(await userMessage(() => report({ run: missing }))).to.equal(
      `${missing}: no such folder; give the folder of a run`,
    );
    expect(await userMessage(() => report({ run: data.images }))).to.equal(
      `${data.images}: not a run's folder: it holds no config.yaml; give the folder that train wrote to`,
    );
    const damaged = makeRun({ log: `${step(1)}\n{"type":"step"}\n${step(3)}\n` });
    expect(await userMessage(() => report({ run: damaged }))).to.equal(
      `${join(damaged, "log.jsonl")}:2: not an event of a training log: {"type":"step"}; delete the line, or restore the file`,
    );
    const events = ['{"type":"evaluation","step":1,"epoch":0,"metrics":null}', '{"type":"start","parameters":"<b>"}'];
    for (const event of [...events, step(2).replace('"losses":{', '"losses":{"c":"<b>",')]) {
      const odd = makeRun({ log: `${step(1)}\n${event}\n${step(3)}\n` });
      expect(await userMessage(() => report({ run: odd }))).to.equal(
        `${join(odd, "log.jsonl")}:2: not an event of a training log: ${event.slice(0, 60)}; delete the line, or restore the file`,
      );
    }
    const binary = makeRun({ log: "" });
    writeFileSync(join(binary, "log.jsonl"), Uint8Array.of(0xff, 0xfe, 0x0a, 0x80));
    expect(await userMessage(() => report({ run: binary }))).to.equal(
      `${join(binary, "log.jsonl")}: the training log is damaged: it is not UTF-8 text; restore the file, or delete it to do ` +
        "without the training's curves",
    );
    const cut = makeRun({ results: [] });
    appendFileSync(join(cut, "evaluation", "metrics.json"), "{");
    expect(await userMessage(() => report({ run: cut }))).to.equal(
      `${join(cut, "evaluation", "metrics.json")}: truncated or not JSON; delete the folder ${join(cut, "evaluation")} and report evaluates the run anew`,
    );
    const other = makeRun({ results: [{ image_id: 77, category_id: 1, score: 1, bbox: [0, 0, 1, 1] }] });
    expect(await userMessage(() => report({ run: other }))).to.match(
      /results\.bbox\.json: result 0: the ground truth has no image 77/,
    );
  });

  it("does not overwrite an existing file, and writes only .html files", async () => {
    const there = join(data.folder, "mine.html");
    writeFileSync(there, "mine");
    const kept = await command("report", data.folder, "--out", there);
    expect(kept).to.include({ code: 1 });
    expect(kept.stderr).to.include(`${there}: already exists; choose another path, or overwrite it with --force`);
    expect(readFileSync(there, "utf8")).to.equal("mine");
    const other = await command("report", data.folder, "--out", join(data.folder, "notes.txt"), "--force");
    expect(other).to.include({ code: 2 });
    expect(other.stderr).to.include("notes.txt: the page's extension must be .html");
  });

  it("refuses thresholds out of range with exit code 2", async () => {
    for (const flags of [
      ["--iou", "0"],
      ["--score", "2"],
      ["--worst", "-1"],
      ["--iou", "x"],
      ["--type", "mask"],
    ]) {
      const { code, stderr } = await command("report", data.folder, ...flags);
      expect(code, flags.join(" ")).to.equal(2);
      expect(stderr).to.not.match(/\n\s+at /);
    }
  });
});
