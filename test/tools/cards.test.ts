import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { measureCards } from "../../bench/cards.js";
import { UserError } from "../../lib/errors.js";
import { backboneNames } from "../../lib/profile/model.js";
import { accuracyPanels, cards, cardText, familiesOf, nameParts } from "../../tools/cards/cards.js";
import { type Box, placeLabels } from "../../tools/cards/labels.js";
import { latencyOf, readLatencies } from "../../tools/cards/latencies.js";
import { accuracyPlot } from "../../tools/cards/plot.js";
import { expectedOf, FURTHER_TOP1, PHONE_LATENCIES, zooConfigs } from "../../tools/cards/published.js";
import { accuracySvg, measuredWhere } from "../../tools/cards/write.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url)); // from dist/test/tools
const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");

describe("the models' cards", () => {
  it("take published metrics and their source from the configs' comments", () => {
    expect(
      expectedOf("# Run: x\n# Expected on val2017 (A, B 2022): box AP 37.9, mask AP 35.4.\n# Measured"),
    ).to.deep.equal({
      "box AP": { value: 37.9, source: "A, B 2022" },
      "mask AP": { value: 35.4, source: "A, B 2022" },
    });
    expect(expectedOf("# Expected on the validation set (A (B)): top-1 79.0 %.")).to.deep.equal({
      "top-1": { value: 79, source: "A (B)" },
    });
    expect(expectedOf("# Expected: its authors have the recipe and publish no figure.")).to.deep.equal({});
    expect(() => expectedOf("# Expected on val2017 (A): 38.0.")).to.throw('"38.0" is not a metric and its value');
  });

  it("have every published config of the three tasks, with the plotted metric if there is one", () => {
    const configs = zooConfigs();
    expect(configs.length).to.be.above(50);
    for (const { name, task, expected } of configs) {
      const known = Object.keys(expected);
      expect(known.length === 0 || known.includes(task.metric), name).to.equal(true);
    }
  });

  it("cover every backbone once, and no other", () => {
    const all = cards();
    expect(all.map(({ backbone }) => backbone)).to.have.members(backboneNames());
    for (const name of [...PHONE_LATENCIES.keys(), ...FURTHER_TOP1.keys()]) expect(backboneNames()).to.include(name);
    expect(nameParts("EfficientFormer L1")).to.deep.equal(["EfficientFormer", "L1"]);
    expect(nameParts("DeiT-Small distilled")).to.deep.equal(["DeiT", "Small"]);
    expect(nameParts("MobileNetV2 ×1.4")).to.deep.equal(["MobileNetV2", "×1.4"]);
  });

  it("give a model's latency as the reference's times their ratio", () => {
    const measured = {
      how: "",
      threads: 1,
      height: 1,
      width: 1,
      reference: "a",
      referenceMs: [19, 20, 40],
      ratios: { b: { median: 2, low: 1.5, high: 3 } },
    };
    expect(latencyOf(measured, "a")).to.deep.equal({ median: 20, low: 20, high: 20 });
    expect(latencyOf(measured, "b")).to.deep.equal({ median: 40, low: 30, high: 60 });
    expect(latencyOf(measured, "c")).to.equal(undefined);
  });

  it("in docs/models.md match the configs and bench/latencies.json; if not: npm run generate", async () => {
    const document = read("docs/models.md");
    const latencies = readLatencies();
    expect(document).to.contain(measuredWhere(latencies));
    for (const { title } of cards()) expect(document).to.contain(`\n### ${title}\n`);
    for (const card of cards().filter(({ backbone }) => /^(efficientformer-l1|mobilenetv2-x1\.4)$/.test(backbone))) {
      expect(document).to.contain(await cardText(card, latencies));
    }
  });

  it("are measured for existing tasks and backbones only", async () => {
    const options = { rounds: 1, seconds: 1, threads: 1, progress: () => {} };
    const messageOf = (names: readonly string[]) =>
      measureCards(names, options).catch((error: unknown) => (error instanceof UserError ? error.message : error));
    expect(await messageOf(["detecton"])).to.equal(
      'the zoo has no task or backbone "detecton"; did you mean detection?',
    );
    expect(await messageOf(["detection", "xyzzy"])).to.equal(
      'the zoo has no task or backbone "xyzzy"; there are classification, detection, segmentation, and the backbones by name',
    );
    expect(await messageOf(["detection", "deit-tiny"])).to.equal(
      "COCO, Mask R-CNN: the zoo has no other model with deit-tiny",
    );
  });
});

describe("the plot of accuracy over latency", () => {
  const overlap = (a: Box, b: Box): boolean =>
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

  it("names every family and every model", () => {
    const panels = accuracyPanels(readLatencies());
    expect(panels.map(({ points }) => points.length)).to.satisfy((n: number[]) => n.every((count) => count >= 10));
    const svg = accuracySvg();
    for (const { points } of panels) {
      for (const { family, label } of points) expect(svg).to.contain(`>${family}<`).and.contain(`>${label}<`);
    }
    expect(familiesOf()).to.include.members(["EfficientFormer", "EfficientFormerV2", "ResNet", "RepViT"]);
  });

  it("escapes XML's special characters", () => {
    const latency = { median: 1, low: 0.9, high: 1.1 };
    const point = { family: "a<b", label: "&", latency, accuracy: 70 };
    const panel = { title: "t", xLabel: "x", yLabel: "y", points: [point, { ...point, accuracy: 72 }] };
    const svg = accuracyPlot([panel], { families: ["a<b"], notes: [] });
    expect(svg).to.contain("a&#60;b").and.contain(">&#38;<");
  });

  it("places labels beside their points without covering labels or points", () => {
    const points = Array.from({ length: 24 }, (_, i) => [60 + (i % 6) * 70, 40 + Math.floor(i / 6) * 40] as const);
    const wishes = points.map((at, i) => ({ text: `M${i}`, size: 12, weight: 400 as const, at: [at] }));
    const frame = { x: 0, y: 0, width: 520, height: 240 };
    const boxes = placeLabels(wishes, { frame, points, radius: 4, lines: [] });
    for (const [i, box] of boxes.entries()) {
      const [x, y] = points[i]!;
      expect(Math.hypot(box.x + box.width / 2 - x, box.y + box.height / 2 - y)).to.be.below(40);
      for (const other of boxes.slice(i + 1)) expect(overlap(box, other)).to.equal(false);
      for (const [px, py] of points)
        expect(overlap(box, { x: px - 4, y: py - 4, width: 8, height: 8 })).to.equal(false);
    }
  });
});
