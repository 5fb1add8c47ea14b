import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { openCoco } from "../../lib/datasets/coco.js";
import { clipObject } from "../../lib/datatools/tile/clip.js";
import { tileData } from "../../lib/datatools/tile/tile.js";
import { countTiles, tileWindows } from "../../lib/datatools/tile/windows.js";
import { decodeImage, decodeLabelMap } from "../../lib/images/decode.js";
import { encodeIndexedPng, encodePng } from "../../lib/images/encode.js";
import { segmentationToRle } from "../../lib/masks/coco.js";
import { polygonToRle } from "../../lib/masks/polygons.js";
import { decodeRle, encodeRle, rleArea, rleBoxXyxy } from "../../lib/masks/rle.js";
import { compressRle } from "../../lib/masks/strings.js";
import { cropRle } from "../../lib/masks/transforms.js";
import { UNCOUNTED } from "../../lib/masks/work.js";
import { RECORD_FILE } from "../../lib/outputRecord.js";
import { cropImage, cropLabelMap } from "../../lib/pixels/geometry.js";
import type { ProgressEvent } from "../../lib/progress.js";
import { accepted, refused } from "../cli/refused.js";
import { noiseImage, noiseLabels } from "../pixels/images.js";
import { userMessage } from "../support/failure.js";
import { readJson } from "../support/goldens.js";

describe("tiles", () => {
  it("cover the image, have one size and overlap enough", () => {
    const side = fc.integer({ min: 1, max: 300 });
    const grids = fc.tuple(
      side,
      side,
      fc.integer({ min: 2, max: 120 }),
      fc.integer({ min: 2, max: 120 }),
      fc.nat(1000),
    );
    fc.assert(
      fc.property(grids, ([width, height, tileWidth, tileHeight, o]) => {
        const overlap = o % Math.min(tileWidth, tileHeight);
        const windows = tileWindows({ width, height }, { width: tileWidth, height: tileHeight, overlap });
        expect(countTiles({ width, height }, { width: tileWidth, height: tileHeight, overlap })).to.equal(
          windows.length,
        );
        const seen = new Uint8Array(width * height);
        for (const { left, top, width: w, height: h } of windows) {
          expect([w, h]).to.deep.equal([Math.min(tileWidth, width), Math.min(tileHeight, height)]);
          for (let y = top; y < top + h; y++) seen.fill(1, y * width + left, y * width + left + w);
        }
        expect(seen.every((value) => value === 1)).to.equal(true);
        const lefts = [...new Set(windows.map(({ left }) => left))];
        for (const [i, left] of lefts.entries()) {
          if (i > 0) expect(lefts[i - 1]! + tileWidth - left).to.be.at.least(overlap);
        }
        expect(new Set(windows.map(({ left, top }) => `${left},${top}`)).size).to.equal(windows.length);
      }),
    );
    expect(tileWindows({ width: 100, height: 50 }, { width: 60, height: 60, overlap: 10 })).to.deep.equal([
      { left: 0, top: 0, width: 60, height: 50 },
      { left: 40, top: 0, width: 60, height: 50 },
    ]);
  });

  it("cut run lengths exactly, and polygons up to rounding at cut edges", () => {
    const [width, height] = [40, 30];
    const point = fc.tuple(fc.integer({ min: 0, max: width }), fc.integer({ min: 0, max: height }));
    const triangle = fc.tuple(point, point, point);
    const window = fc
      .tuple(fc.nat(20), fc.nat(15), fc.integer({ min: 5, max: 20 }), fc.integer({ min: 5, max: 15 }))
      .map(([left, top, w, h]) => ({ left, top, width: w, height: h }));
    fc.assert(
      fc.property(triangle, window, (points, cut) => {
        const mask = polygonToRle(points.flat(), height, width);
        fc.pre(rleArea(mask) > 0);
        const box = rleBoxXyxy(mask);
        const expected = cropRle(mask, { x: cut.left, y: cut.top, width: cut.width, height: cut.height });
        const shared = { where: "triangle", box, mask, area: rleArea(mask), crowd: false };
        const runs = clipObject(
          { ...shared, shape: { size: [height, width], counts: compressRle(mask) } },
          cut,
          UNCOUNTED,
        );
        const polygon = clipObject({ ...shared, shape: [points.flat()] }, cut, UNCOUNTED);
        if (rleArea(expected) === 0) {
          expect([runs, polygon]).to.deep.equal([undefined, undefined]);
          return;
        }
        expect(segmentationToRle(runs!.segmentation, cut.height, cut.width)).to.deep.equal(expected);
        const [x1, y1, x2, y2] = rleBoxXyxy(expected);
        expect(runs!.bbox).to.deep.equal([x1, y1, x2 - x1, y2 - y1]);
        expect(runs!.visible).to.be.closeTo(rleArea(expected) / rleArea(mask), 1e-12);
        if (polygon === undefined) return; // a sliver whose outline only touches the window
        const drawn = decodeRle(segmentationToRle(polygon.segmentation, cut.height, cut.width));
        const wanted = decodeRle(expected);
        const wrong = drawn.filter((value, i) => value !== wanted[i]).length;
        expect(wrong, `${points} ${JSON.stringify(cut)}`).to.be.at.most(8);
        const [x, y, w, h] = polygon.bbox;
        expect(x >= 0 && y >= 0 && x + w <= cut.width + 1e-9 && y + h <= cut.height + 1e-9).to.equal(true);
      }),
      { numRuns: 500 },
    );
  });
});

describe("data tile", () => {
  let folder = "";
  let out = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "densekit-tile-"));
    out = join(folder, "out");
    await mkdir(join(folder, "images"));
    await writeFile(join(folder, "images/wide.png"), await encodePng(noiseImage(100, 40)));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const rle = encodeRle(
    Uint8Array.from({ length: 4000 }, (_, i) => (i % 100 >= 50 ? 1 : 0)),
    40,
    100,
  );
  const objects = [
    { id: 1, category_id: 5, bbox: [10, 10, 20, 20], segmentation: [[10, 10, 30, 10, 30, 30, 10, 30]] },
    { id: 2, category_id: 5, bbox: [48, 5, 20, 10] }, // 2 of 20 columns in the left tile
    {
      id: 3,
      category_id: 7,
      bbox: [50, 0, 50, 40],
      iscrowd: 1,
      segmentation: { size: [40, 100], counts: Array.from(rle.counts) },
    },
  ];
  const write = async (): Promise<string> => {
    const path = join(folder, "instances.json");
    const images = [{ id: 3, file_name: "wide.png", width: 100, height: 40, license: 1 }];
    const categories = [
      { id: 5, name: "box" },
      { id: 7, name: "half" },
    ];
    await writeFile(
      path,
      JSON.stringify({
        info: { year: 1 },
        images,
        categories,
        annotations: objects.map((o) => ({ image_id: 3, iscrowd: 0, ...o })),
      }),
    );
    return path;
  };
  const coco = async () =>
    ({ kind: "coco", name: "data", annotations: await write(), images: join(folder, "images") }) as const;

  it("overlaps by an eighth of the shorter side by default; an overlap must be less than that side", async () => {
    const source = await coco();
    const named = async (options: object) => {
      await tileData({ source, output: join(folder, "t"), width: 48, height: 40, force: true, ...options });
      return (await readdir(join(folder, "t/images"))).sort();
    };
    const eighth = await named({});
    expect(await named({ overlap: 5 })).to.deep.equal(eighth);
    expect(await userMessage(() => named({ overlap: 40 }))).to.equal(
      "an overlap of 40 does not fit tiles of 48 × 40; it must be less than 40",
    );
  });

  it("stays in its folder, and gives no two images the same tiles; checks both before writing", async () => {
    await writeFile(join(folder, "up.png"), await encodePng(noiseImage(100, 40)));
    await writeFile(join(folder, "images/wide.bmp"), "");
    const options = { output: join(folder, "a/b"), width: 52, height: 40, overlap: 4 };
    const source = await coco();
    const json = await readFile(source.annotations, "utf8");
    const before = await readdir(folder);
    await writeFile(source.annotations, json.replace('"wide.png"', '"../up.png"'));
    expect(await userMessage(() => tileData({ ...options, source }))).to.equal(
      `${source.annotations}: image 3: the file name "../up.png" cannot be written: it leads out of its folder; ` +
        "names are relative to the images folder",
    );
    const second = '"images":[{"id":4,"file_name":"wide.bmp","width":100,"height":40},';
    await writeFile(source.annotations, json.replace('"images":[', second));
    expect(await userMessage(() => tileData({ ...options, source }))).to.equal(
      `${source.annotations}: image 3: tiles of wide.bmp and wide.png would have the same names; rename one of them`,
    );
    expect(await readdir(folder)).to.deep.equal(before);
  });

  it("cuts a COCO set: images, boxes, polygons and crowds", async () => {
    const result = await tileData({ source: await coco(), output: out, width: 52, height: 40, overlap: 4 });
    expect(result).to.deep.equal({ output: out, images: 1, tiles: 2, emptyLeftOut: 0, objects: 4, partsLeftOut: 1 });
    const json = readJson<{
      info: object;
      images: object[];
      annotations: { category_id: number; bbox: number[]; iscrowd: number }[];
    }>(join(out, "instances.json"));
    expect(json.info).to.deep.equal({ year: 1 });
    expect(json.images).to.deep.equal([
      {
        id: 1,
        file_name: "wide_0_0.png",
        width: 52,
        height: 40,
        tile: { image_id: 3, file_name: "wide.png", x: 0, y: 0 },
      },
      {
        id: 2,
        file_name: "wide_48_0.png",
        width: 52,
        height: 40,
        tile: { image_id: 3, file_name: "wide.png", x: 48, y: 0 },
      },
    ]);
    expect(json.annotations.map(({ category_id, bbox, iscrowd }) => [category_id, iscrowd, ...bbox])).to.deep.equal([
      [5, 0, 10, 10, 20, 20],
      [7, 1, 50, 0, 2, 40], // a crowd is kept, however little is visible
      [5, 0, 0, 5, 20, 10],
      [7, 1, 2, 0, 50, 40],
    ]);
    const whole = noiseImage(100, 40);
    const tile = await decodeImage(join(out, "images/wide_48_0.png"));
    expect(tile.data).to.deep.equal(cropImage(whole, { left: 48, top: 0, width: 52, height: 40 }).data);
    const dataset = await openCoco({ annotations: join(out, "instances.json"), images: join(out, "images") });
    expect(rleArea(dataset.instances(1).masks[1]!)).to.equal(50 * 40);
    expect(dataset.classes).to.deep.equal(["box", "half"]);
  });

  it("leaves out objects that are hardly visible, and empty tiles if asked to", async () => {
    const source = await coco();
    const few = await tileData({ source, output: out, width: 52, height: 40, overlap: 4, minVisible: 0.05 });
    expect(few).to.include({ objects: 5, partsLeftOut: 0 });
    const small = { width: 10, height: 10, overlap: 0, dropEmpty: true, force: true } as const;
    const { tiles, emptyLeftOut } = await tileData({ source, output: out, ...small, minVisible: 0.2 });
    expect({ tiles, emptyLeftOut }).to.deep.equal({ tiles: 24, emptyLeftOut: 16 }); // 4 with parts of the first, 20 of the crowd
  });

  it("cuts label maps as they are stored", async () => {
    const map = noiseLabels(100, 40, 3);
    map.data.fill(0, 0, 2000);
    await mkdir(join(folder, "maps"));
    await writeFile(join(folder, "maps/wide.png"), encodeIndexedPng(map, []));
    const source = {
      kind: "labelMaps",
      name: "data",
      images: join(folder, "images"),
      labelMaps: join(folder, "maps"),
      classes: ["a", "b"],
      reduceZeroLabel: true,
    } as const;
    const result = await tileData({ source, output: out, width: 64, height: 20, overlap: 8, dropEmpty: true });
    expect(result).to.deep.equal({ output: out, images: 1, tiles: 4, emptyLeftOut: 2 });
    expect(await readdir(join(out, "annotations"))).to.have.members([
      "wide_0_12.png",
      "wide_36_12.png",
      "wide_0_20.png",
      "wide_36_20.png",
    ]);
    const part = await decodeLabelMap(join(out, "annotations/wide_36_20.png"));
    expect(part.data).to.deep.equal(cropLabelMap(map, { left: 36, top: 20, width: 64, height: 20 }).data);
  });

  it("with force leaves no tile of the previous run", async () => {
    const source = await coco();
    const cut = (width: number) => tileData({ source, output: out, width, height: 40, overlap: 4, force: true });
    expect(await cut(20)).to.include({ tiles: 6 });
    expect(await cut(52)).to.include({ tiles: 2 });
    expect((await readdir(join(out, "images"))).sort()).to.deep.equal(["wide_0_0.png", "wide_48_0.png"]);
    await mkdir(join(folder, "maps"));
    await writeFile(join(folder, "maps/wide.png"), encodeIndexedPng(noiseLabels(100, 40, 3), []));
    const maps = {
      kind: "labelMaps",
      name: "data",
      images: source.images,
      labelMaps: join(folder, "maps"),
      classes: ["a", "b", "c"],
    } as const;
    await tileData({ source: maps, output: out, width: 100, height: 20, overlap: 0, force: true });
    expect((await readdir(out)).sort()).to.deep.equal([RECORD_FILE, "annotations", "images"]);
    expect((await readdir(join(out, "images"))).sort()).to.deep.equal(["wide_0_0.png", "wide_0_20.png"]);
    await writeFile(join(out, "images/mine.png"), "mine");
    expect(await userMessage(() => cut(52))).to.contain("images/mine.png: data tile did not write this, and --force");
  });

  it("reports how many tiles it cuts, and refuses more than 10,000 per image", async () => {
    const source = await coco();
    const said: ProgressEvent[] = [];
    const onEvent = (event: ProgressEvent) => void said.push(event);
    await tileData({ source, output: out, width: 52, height: 40, overlap: 4, onEvent });
    expect(said).to.deep.equal([
      { type: "message", text: "cutting 1 image into 2 tiles" },
      { type: "progress", what: "tiling", done: 1, total: 2 },
      { type: "progress", what: "tiling", done: 2, total: 2 },
    ]);
    await writeFile(join(folder, "images/wide.png"), await encodePng(noiseImage(251, 40)));
    await mkdir(join(folder, "maps"));
    await writeFile(join(folder, "maps/wide.png"), encodeIndexedPng(noiseLabels(251, 40, 3), []));
    const maps = ["--label-maps", join(folder, "maps"), "--classes", "a,b,c"];
    const args = ["data", "tile", "--images", source.images, ...maps, "--out", join(folder, "many")];
    expect(await refused([...args, "--size", "1"], { code: 2 })).to.equal(
      `${join(folder, "images/wide.png")}: 251×40 pixels make 10040 tiles of 1×1 that overlap by 0; at most 10000 of an image are cut: ` +
        "choose larger tiles (--size) or less overlap (--overlap)",
    );
    expect(await readdir(folder)).to.not.include("many");
  });

  it("stops between two tiles, and leaves nothing behind", async () => {
    const source = await coco();
    for (const dropEmpty of [false, true]) {
      const controller = new AbortController();
      const reason = new Error("enough");
      let done = 0;
      const onEvent = (event: ProgressEvent) => {
        if (event.type === "progress") done = event.done;
        if (done === 1) setTimeout(() => controller.abort(reason)); // as a signal comes: between turns of the event loop
      };
      const options = { source, output: out, width: 1, height: 2, overlap: 0, minVisible: 1, dropEmpty };
      const outcome = await tileData({ ...options, signal: controller.signal, onEvent }).catch(
        (error: unknown) => error,
      );
      expect(outcome).to.equal(reason);
      expect(done).to.be.within(1, 1000);
      expect(await readdir(folder)).to.not.include("out");
    }
    await tileData({ source, output: out, width: 52, height: 40, overlap: 4 });
  });

  it("is a command, and explains faults", async () => {
    const { annotations, images } = await coco();
    const args = ["data", "tile", "--annotations", annotations, "--images", images, "--out", out];
    const { stdout } = await accepted([...args, "--size", "52x40", "--overlap", "4"]);
    expect(stdout).to.equal(
      `${out}: 2 tiles of 1 image, 4 objects\nnote: 1 part of objects left out: too little is visible (--min-visible)\n`,
    );
    expect(await refused([...args])).to.match(/out\/instances\.json: already exists;/);
    const wrong = (...more: string[]) => refused([...args, "--force", ...more], { code: 2 });
    expect(await wrong("--size", "64", "--overlap", "64")).to.match(/an overlap of 64 does not fit tiles of 64 × 64/);
    expect(await wrong("--min-visible", "2")).to.match(/the minimum visible share must lie in 0–1, not 2$/);
    await writeFile(join(folder, "images/wide.png"), await encodePng(noiseImage(10, 10)));
    expect(await refused([...args, "--force"])).to.match(/wide\.png: the image is 10×10, its annotation says 100×40$/);
    const json = await accepted(["data", "tile", "--help"]);
    expect(json.stdout).to.contain("--min-visible <share>");
  });
});
