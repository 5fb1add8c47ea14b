import { expect } from "chai";
import { ADE20K_PALETTE } from "../../lib/images/draw/ade20kPalette.js";
import { drawCaption } from "../../lib/images/draw/caption.js";
import { drawInstances } from "../../lib/images/draw/instances.js";
import { classPalette, hexOf, textColourOn } from "../../lib/images/draw/palette.js";
import { drawPlot, plotSvg } from "../../lib/images/draw/plot.js";
import { drawLabelMap } from "../../lib/images/draw/semantic.js";
import { drawSheet } from "../../lib/images/draw/sheet.js";
import { renderSvg, shortened, svgDocument, textWidth } from "../../lib/images/draw/svg.js";
import { cropImage } from "../../lib/pixels/geometry.js";
import type { Image } from "../../lib/pixels/image.js";
import { noiseImage } from "../pixels/images.js";
import { readJson, requireData } from "../support/goldens.js";
import { ciede2000, ciede2000OfLab } from "./ciede2000.js";

const grey = (width: number, height: number): Image => ({
  width,
  height,
  data: new Uint8Array(width * height * 3).fill(128),
});

const at = ({ width, data }: Image, x: number, y: number): number[] =>
  Array.from(data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3));

/** How many pixels of a rectangle differ between two images. */
function changed(a: Image, b: Image, left = 0, top = 0, right = a.width, bottom = a.height): number {
  let count = 0;
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) if (at(a, x, y).some((v, c) => v !== at(b, x, y)[c])) count++;
  }
  return count;
}

describe("palettes", () => {
  it("are compared as CIEDE2000's authors compute it", () => {
    // Rows 1, 7, 14, 17, 19, 25 and 34 of the table of Sharma, Wu and Dalal.
    const rows: [number[], number[], number][] = [
      [[50, 2.6772, -79.7751], [50, 0, -82.7485], 2.0425],
      [[50, 0, 0], [50, -1, 2], 2.3669],
      [[50, -0.001, 2.49], [50, 0.0011, -2.49], 4.7461],
      [[50, 2.5, 0], [73, 25, -18], 27.1492],
      [[50, 2.5, 0], [56, -27, -3], 31.903],
      [[60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644],
      [[2.0776, 0.0795, -1.135], [0.9033, -0.0636, -0.5514], 0.9082],
    ];
    for (const [a, b, expected] of rows) expect(ciede2000OfLab(a, b)).to.be.closeTo(expected, 5e-5);
  });

  it("are distinct, and stable as classes are added", () => {
    const colours = classPalette(80);
    expect(new Set(colours.map(hexOf)).size).to.equal(80);
    expect(classPalette(10)).to.deep.equal(colours.slice(0, 10));
    const least = (count: number): number =>
      Math.min(...colours.slice(0, count).flatMap((a, i) => colours.slice(0, i).map((b) => ciede2000(a, b))));
    expect(least(20)).to.be.above(20);
    expect(least(80)).to.be.above(8);
  });

  it("have ADE20K's colours", function () {
    const facts = readJson<{ rgb: number[] }[]>(`${requireData(this, "facts")}/ade150.json`);
    expect(ADE20K_PALETTE).to.deep.equal(facts.map(({ rgb }) => rgb));
  });

  it("put dark text on light colours", () => {
    expect(textColourOn([250, 240, 200])).to.equal("#111");
    expect(textColourOn([20, 30, 90])).to.equal("#fff");
  });
});

describe("text", () => {
  it("is visible: the package's own fonts are found", () => {
    const draw = (text: string) =>
      renderSvg(svgDocument({ width: 120, height: 30 }, `<text x="5" y="20" font-size="16">${text}</text>`));
    const ink = draw("Wg 0.93").data.reduce((sum, v) => sum + (v < 100 ? 1 : 0), 0);
    expect(ink).to.be.above(150);
    expect(draw("").data.every((v) => v === 255)).to.equal(true);
  });

  it("is measured approximately as it is drawn", () => {
    const text = "dining table 0.93";
    const drawn = renderSvg(
      svgDocument({ width: 300, height: 40 }, `<text x="0" y="25" font-size="20">${text}</text>`),
    );
    let right = 0;
    for (let i = 0; i < drawn.data.length; i += 3) if (drawn.data[i]! < 128) right = Math.max(right, (i / 3) % 300);
    expect(textWidth(text, 20)).to.be.closeTo(right, 5);
    expect(textWidth("ab", 20, 600)).to.be.above(textWidth("ab", 20));
  });
});

describe("drawing instances", () => {
  const style = { classes: ["cat", "dog"], palette: [[255, 0, 0] as const, [0, 0, 255] as const] };
  const boxes = Float32Array.of(20, 40, 80, 90, 110, 50, 150, 110);
  const labels = Int32Array.of(0, 1);

  it("draws boxes in the classes' colours and does not change the given image", () => {
    const image = grey(160, 120);
    const drawn = drawInstances(image, { boxes, labels }, { ...style, labels: false });
    expect(at(drawn, 20, 70)[0]).to.be.above(150);
    expect(at(drawn, 110, 80)[2]).to.be.above(150);
    expect(at(drawn, 50, 70)).to.deep.equal([128, 128, 128]);
    expect(image).to.deep.equal(grey(160, 120));
  });

  it("leaves out objects with low scores", () => {
    const scores = Float32Array.of(0.9, 0.2);
    const drawn = drawInstances(grey(160, 120), { boxes, labels, scores }, style);
    expect(changed(drawn, grey(160, 120), 108, 40, 155, 115)).to.equal(0);
    expect(changed(drawn, grey(160, 120), 15, 35, 85, 95)).to.be.above(100);
  });

  it("writes a label inside the image wherever the box is", () => {
    for (const box of [
      [0, 0, 30, 12],
      [140, 100, 160, 120],
      [0, 0, 160, 120],
    ]) {
      const given = { boxes: Float32Array.from(box), labels: labels.slice(0, 1) };
      const without = drawInstances(grey(160, 120), given, { ...style, labels: false });
      const labelled = drawInstances(grey(160, 120), given, style);
      expect(changed(labelled, without)).to.be.above(200);
    }
  });

  it("tints masks, edges stronger than the inside", () => {
    // Column-major: columns 10–19 of 40 rows, rows 10–29.
    const counts = [10 * 40 + 10, ...Array.from({ length: 9 }, () => [20, 20]).flat(), 20];
    const mask = {
      height: 40,
      width: 40,
      counts: Uint32Array.from([...counts, 40 * 40 - counts.reduce((a, b) => a + b)]),
    };
    const given = { boxes: Float32Array.of(10, 10, 20, 30), labels: Int32Array.of(0), masks: [mask] };
    const drawn = drawInstances(grey(40, 40), given, { ...style, boxes: false, labels: false });
    expect(changed(drawn, grey(40, 40))).to.equal(10 * 20);
    expect(at(drawn, 9, 15)).to.deep.equal([128, 128, 128]);
    expect(at(drawn, 15, 20)[0]).to.be.within(170, 190);
    expect(at(drawn, 10, 20)[0]).to.be.above(240);
  });

  it("names the colours at the right where no label names a class, and nowhere else", () => {
    const crowd = 16;
    const given = {
      boxes: Float32Array.from(Array.from({ length: crowd }, (_, i) => [i * 20, 40, i * 20 + 10, 60]).flat()),
      labels: Int32Array.from({ length: crowd }, (_, i) => (i < 3 ? 0 : 1)),
      scores: new Float32Array(crowd).fill(0.9),
    };
    const image = grey(320, 200);
    const drawn = drawInstances(image, given, style);
    expect(drawn.height).to.equal(200);
    expect(drawn.width).to.be.within(400, 520);
    const without = drawInstances(image, given, { ...style, legend: false });
    expect(without.width).to.equal(320);
    const own = cropImage(drawn, { left: 0, top: 0, width: 320, height: 200 });
    expect(own.data).to.deep.equal(without.data);
    expect(at(drawn, 320 + 16, 16)).to.deep.equal([0, 0, 255]); // dogs, of which there are more
    expect(at(drawn, 320 + 16, 16 + 19)).to.deep.equal([255, 0, 0]);
    expect(drawInstances(image, { boxes, labels }, style).width).to.equal(320);
    const wide = given.boxes.slice();
    wide.set([0, 90, 200, 120], 0); // of the first class
    const one = { ...given, boxes: wide.slice() };
    expect(drawInstances(image, one, style).width).to.be.above(400);
    wide.set([100, 150, 310, 190], 4 * 3); // and of the second: each is named somewhere now
    expect(drawInstances(image, { ...given, boxes: wide }, style).width).to.equal(320);
    const low = drawInstances(
      grey(320, 20),
      { ...given, boxes: given.boxes.map((v, i) => (i % 2 === 1 ? v / 4 : v)) },
      style,
    );
    expect(low.height).to.be.above(50); // both classes are named
  });

  it("writes as large for the image, however large that is", () => {
    const shareChanged = (zoom: number): number => {
      const image = grey(800 * zoom, 600 * zoom);
      const given = {
        boxes: Float32Array.of(200 * zoom, 300 * zoom, 500 * zoom, 500 * zoom),
        labels: Int32Array.of(0),
      };
      const unlabelled = drawInstances(image, given, { ...style, labels: false });
      return changed(drawInstances(image, given, style), unlabelled) / (zoom * zoom);
    };
    expect(shareChanged(3)).to.be.within(0.8 * shareChanged(1), 1.2 * shareChanged(1));
  });

  it("draws nothing for no objects", () => {
    const image = noiseImage(50, 40);
    expect(drawInstances(image, { boxes: new Float32Array(0), labels: new Int32Array(0) }, style)).to.deep.equal(image);
  });
});

describe("captions", () => {
  const lines = ["likely 0.90", "less 0.08", "least 0.02"].map((text) => ({ text, colour: [200, 0, 0] as const }));

  it("are written over an image, but beside one that they would hide", () => {
    const image = noiseImage(400, 300);
    expect(drawCaption(image, lines)).to.include({ width: 400, height: 300 });
    const crop = noiseImage(50, 30);
    const drawn = drawCaption(crop, lines);
    expect(drawn.width).to.be.above(90);
    expect(drawn.height).to.be.above(35);
    expect(cropImage(drawn, { left: 0, top: 0, width: 50, height: 30 })).to.deep.equal(crop);
    expect(drawCaption(crop, [])).to.deep.equal(crop);
  });
});

describe("drawing label maps", () => {
  const map = { width: 60, height: 100, data: Uint8Array.from({ length: 6000 }, (_, i) => (i < 3000 ? 0 : 255)) };
  const style = { classes: ["sky"], palette: [[0, 0, 255] as const], opacity: 0.5 };

  it("tints classes and leaves ignored pixels", () => {
    const drawn = drawLabelMap(grey(60, 100), map, { ...style, legend: false });
    expect(at(drawn, 30, 20)).to.deep.equal([64, 64, 191]);
    expect(at(drawn, 30, 80)).to.deep.equal([128, 128, 128]);
  });

  it("adds a legend at the right", () => {
    const drawn = drawLabelMap(grey(60, 100), map, style);
    expect(drawn.height).to.equal(100);
    expect(drawn.width).to.be.above(100);
    const blank = { ...drawn, data: new Uint8Array(drawn.data.length).fill(255) };
    expect(changed(drawn, blank, 60)).to.be.above(200);
  });

  it("refuses a map of another size", () => {
    expect(() => drawLabelMap(grey(61, 100), map, style)).to.throw(RangeError, "60×100");
  });
});

describe("sheets", () => {
  it("place scaled images in columns", () => {
    const black = { width: 40, height: 40, data: new Uint8Array(4800) };
    const sheet = drawSheet([{ title: "a.jpg", images: [grey(20, 20), black] }], {
      columns: ["Truth", "Prediction"],
      rowHeight: 40,
    });
    const middle = sheet.height - 30;
    expect(at(sheet, 30, middle)).to.deep.equal([128, 128, 128]);
    expect(at(sheet, sheet.width - 30, middle)).to.deep.equal([0, 0, 0]);
    expect(at(sheet, 2, middle)).to.deep.equal([255, 255, 255]);
  });
});

describe("plots", () => {
  const falling = Array.from({ length: 30 }, (_, i) => [i, Math.exp(-i / 5)] as const);

  it("carry title, labels and a legend", async () => {
    const series = [
      { name: "loss", points: falling },
      { name: "mask loss", points: falling.map(([x, y]) => [x, y / 2] as const) },
    ];
    const svg = await plotSvg(series, {
      title: "Training",
      xLabel: "step",
      yLabel: "value",
      yScale: "log",
      smoothing: 3,
    });
    for (const text of ["Training", "step", "value", "mask loss"]) expect(svg).to.contain(`>${text}<`);
  });

  it("draw values that are not finite, or not positive on a log scale, as gaps", async () => {
    const points = falling.map(([x, y]) => [x, x === 10 ? Number.NaN : x === 20 ? 0 : y] as const);
    const svg = await plotSvg([{ name: "loss", points }], { xLabel: "step", yLabel: "loss", yScale: "log" });
    expect(svg).not.to.contain("NaN").and.not.to.contain("Infinity");
    const line = /d="(M[^"]*)"[^>]*stroke-width="2.2"/.exec(svg)?.[1] ?? "";
    expect(line.match(/M/g)).to.have.lengthOf(3);
  });

  it("are rendered as images", async () => {
    const options = { xLabel: "step", yLabel: "loss", width: 200, height: 100, zoom: 1 };
    const image = await drawPlot([{ name: "loss", points: falling }], options);
    expect(image.width).to.be.within(220, 320);
    expect(new Set(image.data).size).to.be.above(20);
  });

  it("truncates wide text, in time linear in its length", () => {
    for (const text of ["a", "person 0.93", "W".repeat(50), "ü😀".repeat(30)]) {
      const whole = textWidth(text, 12);
      expect(shortened(text, 12, whole)).to.equal(text);
      for (const width of [0.3 * whole, 0.7 * whole]) {
        const cut = shortened(text, 12, width);
        if (text.length === 1) continue; // a character and the ellipsis are the minimum
        expect(cut.endsWith("…")).to.equal(true);
        expect(textWidth(cut, 12)).to.be.at.most(width + 1e-9);
        const longer = `${[...text].slice(0, [...cut].length).join("")}…`;
        expect(textWidth(longer, 12)).to.be.above(width);
      }
    }
    const name = "x".repeat(300_000);
    expect(shortened(name, 12, 200).length).to.be.below(60);
    const image = noiseImage(64, 48);
    const boxes = Float32Array.of(4, 4, 40, 40);
    const drawn = drawInstances(image, { boxes, labels: Int32Array.of(0) }, { classes: [name] });
    expect(drawn).to.include({ width: 64, height: 48 });
    const map = { width: 64, height: 48, data: new Uint8Array(64 * 48) };
    expect(drawLabelMap(image, map, { classes: [name], palette: [[1, 2, 3]] }).width).to.be.below(2000);
  });
});
