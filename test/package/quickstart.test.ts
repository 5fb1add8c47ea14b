import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { loadConfig } from "../../lib/config/load.js";
import { openCoco } from "../../lib/datasets/coco.js";
import { decodeImage } from "../../lib/images/decode.js";
import { readJson } from "../support/goldens.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url)); // from dist/test/package
const EXAMPLE = join(ROOT, "examples/quickstart");

describe("the quick start", () => {
  const { config } = loadConfig(join(EXAMPLE, "quickstart.yaml"));
  const output = join(tmpdir(), `densekit-quickstart-${process.pid}`);
  after(() => rmSync(output, { recursive: true, force: true }));

  it("has images of its own, different ones for training and evaluation", async () => {
    if (config.task !== "detection" || config.data.type !== "coco") throw new Error("not a detection config");
    const [train, val] = await Promise.all(
      [config.data.train, config.data.val].map(({ annotations, images }) =>
        openCoco({ annotations, images, dropEmpty: false }),
      ),
    );
    expect([train!.length, val!.length]).to.deep.equal([13, 5]);
    expect(train!.classes).to.deep.equal(["date", "fig", "hazelnut"]);
    expect(train!.hasMasks && val!.hasMasks).to.equal(true);
    const names = [train!, val!].flatMap((set) => Array.from({ length: set.length }, (_, i) => set.source(i).path));
    const contents = names.map((name) => readFileSync(name).toString("base64"));
    expect(new Set(contents).size).to.equal(18);
    expect(names.reduce((size, name) => size + statSync(name).size, 0)).to.be.lessThan(2e6);
    expect(readFileSync(join(EXAMPLE, "images/LICENSE"), "utf8")).to.contain("The MIT License");
  });

  it("trains, evaluates and draws", async function () {
    this.timeout(300_000);
    const script = join(ROOT, "dist/examples/quickstart/quickstart.js");
    const { stdout, stderr, status } = spawnSync(process.execPath, [script, "training.steps=2", `output=${output}`], {
      cwd: ROOT,
      encoding: "utf8",
    });
    expect(`${status} ${stderr}`).to.equal("0 ");
    const { metrics } = readJson<{ metrics: Record<string, number> }>(join(output, "evaluation/metrics.json"));
    expect(stdout).to.contain(`${metrics.boxAP50!.toFixed(2)} for boxes and ${metrics.maskAP50!.toFixed(2)} for masks`);
    const places = [...stdout.matchAll(/^[a-z ]+ {3,}(\/.*)$/gm)].map(([, place]) => place!);
    expect(places.length).to.equal(5);
    for (const place of places) expect(statSync(place).size, place).to.be.greaterThan(0);
    const curve = await decodeImage(join(output, "loss.png"));
    const sheet = await decodeImage(join(output, "predictions.jpg"));
    expect(curve.data.some((value) => value < 128)).to.equal(true);
    expect(sheet.width).to.be.greaterThan(3 * 480);
  });
});
