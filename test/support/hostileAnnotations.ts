import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { compressRle } from "../../lib/masks/strings.js";

/** A data set of one small image whose annotation file tries to cost time or memory. */
export interface HostileSet {
  /** Writes it; the annotation file stays below 5 MB. */
  readonly write: (folder: string) => void | Promise<void>;
  /** The command lines to run on it, and how each must end. */
  readonly runs: readonly HostileRun[];
}

export interface HostileRun {
  readonly args: (folder: string) => readonly string[];
  /** The exit code and a pattern of the output: a refusal names file, item and limit. */
  readonly code: 0 | 1;
  readonly says: RegExp;
}

/** Just below 5 MB. */
const MOST_BYTES = 4.95e6;
/** The largest side allowed. */
const SIDE = 65_535;

/** As many entries as fit into the file. */
function filled(head: string, tail: string, entry: (i: number) => string, between = ","): string {
  const parts: string[] = [];
  let length = head.length + tail.length;
  for (let i = 0; ; i++) {
    const text = entry(i);
    length += text.length + between.length;
    if (length > MOST_BYTES) return head + parts.join(between) + tail;
    parts.push(text);
  }
}

function blankPng(width: number, height: number): Promise<Buffer> {
  const create = { width, height, channels: 3, background: "#808080" } as const;
  return sharp({ create, limitInputPixels: false }).png({ compressionLevel: 9, palette: true }).toBuffer();
}

interface Size {
  readonly width: number;
  readonly height: number;
}

const LARGE: Size = { width: SIDE, height: SIDE };
/** As many pixels as an image may have. */
const WIDE: Size = { width: SIDE, height: 600 };
const SMALL: Size = { width: 8, height: 8 };

type CocoCommand = "check" | "stats" | "yolo" | "polygons" | "show" | "tile" | "split";

const COCO_ARGUMENTS: Readonly<Record<CocoCommand, (json: string, images: string, out: string) => string[]>> = {
  check: (json, images) => ["data", "check", "--annotations", json, "--images", images],
  stats: (json, images, out) => [
    ...["data", "stats", "--annotations", json, "--images", images],
    ...["--out", `${out}.html`],
  ],
  yolo: (json, images, out) => [
    ...["data", "convert", json, "--from", "coco", "--to", "yolo"],
    ...["--images", images, "--no-copy", "--out", out],
  ],
  polygons: (json, images, out) => [
    ...["data", "convert", json, "--from", "coco", "--to", "yolo-polygons"],
    ...["--images", images, "--no-copy", "--out", out],
  ],
  show: (json, images, out) => [
    ...["data", "show", "--annotations", json, "--images", images],
    ...["--out", `${out}.png`],
  ],
  tile: (json, images, out) => ["data", "tile", "--annotations", json, "--images", images, "--out", out],
  split: (json, _, out) => ["data", "split", "--annotations", json, "--out", out],
};

type End = Pick<HostileRun, "code" | "says">;

/** A COCO file, with an image of this size beside it. */
function coco(text: () => string, ends: Partial<Record<CocoCommand, End>>, image = SMALL): HostileSet {
  return {
    async write(folder) {
      mkdirSync(join(folder, "images"));
      writeFileSync(join(folder, "images", "a.png"), await blankPng(image.width, image.height));
      writeFileSync(join(folder, "a.json"), text());
    },
    runs: (Object.entries(ends) as [CocoCommand, End][]).map(([command, end]) => ({
      ...end,
      args: (folder) =>
        COCO_ARGUMENTS[command](join(folder, "a.json"), join(folder, "images"), join(folder, `out-${command}`)),
    })),
  };
}

/** One image of this declared size, with as many objects of this shape as fit. */
function objects(shape: string, { width, height }: Size, box = `[0,0,${width},${height}]`): string {
  const head =
    `{"categories":[{"id":1,"name":"c"}],"images":[{"id":1,"file_name":"a.png","width":${width},"height":${height}}],` +
    '"annotations":[';
  const bbox = box === "" ? "" : `"bbox":${box},`;
  return filled(head, "]}", (i) => `{"id":${i},"image_id":1,"category_id":1,${bbox}"segmentation":${shape}}`);
}

const list = (count: number, entry: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => entry(i)).join(",");

const zigzag = (points: number): string => `[${list(points, (i) => `${i % 2 === 0 ? 0 : SIDE},${(i * 7919) % SIDE}`)}]`;

const full = ({ width, height }: Size): string => `{"size":[${height},${width}],"counts":[0,${height * width}]}`;

/** Compressed run lengths of vertical stripes. */
function stripes({ width, height }: Size, count: number): string {
  const length = Math.floor((height * width) / (2 * count));
  const counts = Uint32Array.from({ length: 2 * count }, () => length);
  counts[0]! += height * width - 2 * count * length;
  return `{"size":[${height},${width}],"counts":${JSON.stringify(compressRle({ height, width, counts }))}}`;
}

const refused = (item: string): End => ({
  code: 1,
  says: new RegExp(
    `${item}.*: up to here there is more work than allowed for a file of this size and its images \\(\\d+ of \\d+ million units\\)`,
  ),
});
const done = (says: RegExp = /./): End => ({ code: 0, says });
const faulty = (says: RegExp): End => ({ code: 1, says });

/** A ground truth and results to evaluate. */
function evaluation(truth: () => string, results: () => string, type: "bbox" | "segm", end: End): HostileSet {
  return {
    write(folder) {
      writeFileSync(join(folder, "a.json"), truth());
      writeFileSync(join(folder, "results.json"), results());
    },
    runs: [
      {
        ...end,
        args: (folder) => [
          ...["evaluate", "--annotations", join(folder, "a.json"), "--results", join(folder, "results.json")],
          ...["--type", type],
        ],
      },
    ],
  };
}

/** The image is smaller than annotated, which is noticed when it is copied. */
const OTHER_SIZE = faulty(/a\.png: the image is 8×8, its annotation says \d+×\d+; do they belong together\?/);

/** To COCO, and directly to YOLO, where the same must be counted. */
function convert(
  from: "cvat" | "voc" | "labelme",
  file: string,
  text: () => string | Promise<string>,
  end: End,
  toYolo = end,
): HostileSet {
  return {
    async write(folder) {
      mkdirSync(join(folder, "in"));
      writeFileSync(join(folder, "in", "a.png"), await blankPng(8, 8));
      writeFileSync(join(folder, "in", file), await text());
    },
    runs: (["coco", "yolo-polygons"] as const).map((to) => ({
      ...(to === "coco" ? end : toYolo),
      args: (folder) => [
        ...["data", "convert", from === "cvat" ? join(folder, "in", file) : join(folder, "in"), "--from", from],
        ...["--to", to, "--images", join(folder, "in"), "--out", join(folder, to === "coco" ? "out.json" : "out")],
      ],
    })),
  };
}

const cvat = (shape: (i: number) => string, end: End): HostileSet =>
  convert(
    "cvat",
    "a.xml",
    () =>
      filled(`<annotations><image name="a.png" width="${SIDE}" height="${SIDE}">`, "</image></annotations>", shape, ""),
    end,
  );

const labelme = (shape: (i: number) => string, end: End, toYolo = end): HostileSet =>
  convert(
    "labelme",
    "a.json",
    () => filled(`{"imagePath":"a.png","imageWidth":${SIDE},"imageHeight":${SIDE},"shapes":[`, "]}", shape),
    end,
    toYolo,
  );

const voc = (content: () => string, end: End, toYolo = end): HostileSet =>
  convert("voc", "a.xml", () => `<annotation><filename>a.png</filename>${content()}</annotation>`, end, toYolo);

interface YoloFiles {
  readonly labels?: string;
  readonly description?: string;
  readonly list?: string;
}

function yolo(files: () => YoloFiles, end: End, image = SMALL): HostileSet {
  return {
    async write(folder) {
      const { labels = "0 .5 .5 1 1\n", description = "train: images\nnames: [c]\n", list: listed } = files();
      for (const name of ["images", "labels"]) mkdirSync(join(folder, name));
      writeFileSync(join(folder, "images", "a.png"), await blankPng(image.width, image.height));
      writeFileSync(join(folder, "labels", "a.txt"), labels);
      writeFileSync(join(folder, "data.yaml"), description);
      if (listed !== undefined) writeFileSync(join(folder, "list.txt"), listed);
    },
    runs: [
      {
        ...end,
        args: (folder) => [
          ...["data", "convert", join(folder, "data.yaml"), "--from", "yolo"],
          ...["--out", join(folder, "out.json")],
        ],
      },
    ],
  };
}

/** A white mask in base 64. */
async function whiteMask(side: number): Promise<string> {
  const create = { width: side, height: side, channels: 3, background: "#fff" } as const;
  return (await sharp({ create }).png({ compressionLevel: 9, palette: true, colours: 2 }).toBuffer()).toString(
    "base64",
  );
}

/** By the content of the file. */
export const HOSTILE_SETS: Readonly<Record<string, HostileSet>> = {
  "COCO: zigzags of 250 edges": coco(() => objects(`[${zigzag(250)}]`, LARGE), {
    check: refused("annotation 1"),
    polygons: done(),
  }),
  "COCO: a zigzag of 100,000 points": coco(() => objects(`[${zigzag(100_000)}]`, LARGE), {
    check: faulty(
      /annotation 0: the polygon's outline crosses columns of pixels 65\d+ times; at most 16777216 are drawn/,
    ),
  }),
  "COCO: ten edges of 4e8": coco(() => objects(`[[${list(10, (i) => (i % 2 === 0 ? "-4e8,9" : "4e8,4e8"))}]]`, LARGE), {
    check: refused("annotation"),
  }),
  "COCO: outlines as large as an image may be": coco(
    () => objects(`[[0,0,${SIDE},0,${SIDE},600,0,600]]`, WIDE),
    {
      check: refused("annotation"),
      show: refused("a.png: annotation"),
      tile: refused("annotation \\d+ of a.png"),
      stats: done(),
    },
    WIDE,
  ),
  "COCO: many triangles an object": coco(() => objects(`[${list(50, () => `[0,0,${SIDE},9,0,9]`)}]`, LARGE), {
    check: faulty(/./),
    polygons: done(),
  }),
  "COCO: tiny polygons without end": coco(() => objects(`[${list(200_000, () => "[0,0,1,1,2,0]")}]`, SMALL), {
    check: done(),
    polygons: done(),
    tile: refused("annotation \\d+ of a.png"),
  }),
  "COCO: full masks": coco(
    () => objects(full(WIDE), WIDE),
    {
      polygons: refused("annotation \\d+ of a.png"),
      show: refused("a.png"),
      tile: refused("annotation \\d+ of a.png"),
      check: done(),
    },
    WIDE,
  ),
  "COCO: full masks without boxes": coco(() => objects(full(LARGE), LARGE, ""), {
    check: faulty(/the image is 8×8/),
    yolo: done(),
  }),
  "COCO: striped masks": coco(
    () => objects(stripes(WIDE, 19_000), WIDE),
    { polygons: refused("annotation 0 of a.png"), show: refused("a.png"), tile: refused("annotation \\d+ of a.png") },
    WIDE,
  ),
  "COCO: boxes without end": coco(
    () => objects("[]", { width: 6000, height: 6000 }),
    { show: refused("a.png"), check: done() },
    { width: 6000, height: 6000 },
  ),
  "COCO: crowds without end, each in every tile": coco(
    () => objects('[],"iscrowd":1', { width: 6000, height: 6000 }),
    { tile: refused("annotation \\d+ of a.png") },
    { width: 6000, height: 6000 },
  ),
  "COCO: annotations that are numbers": coco(
    () => filled('{"categories":[{"id":1,"name":"c"}],"images":[],"annotations":[', "]}", () => "0"),
    {
      check: faulty(/more faults than a COCO instance file has entries/),
      stats: faulty(/annotation number 1: this must be an object, not 0/),
    },
  ),
  "COCO: empty annotations": coco(
    () => filled('{"categories":[{"id":1,"name":"c"}],"images":[],"annotations":[', "]}", () => "{}"),
    {
      check: faulty(/more faults than a COCO instance file has entries/),
    },
  ),
  "COCO: empty images": coco(
    () => filled('{"categories":[{"id":1,"name":"c"}],"annotations":[],"images":[', "]}", () => "{}"),
    {
      check: faulty(/more faults than a COCO instance file has entries/),
    },
  ),
  "COCO: one image listed without end": coco(
    () =>
      filled(
        '{"categories":[{"id":1,"name":"c"}],"annotations":[],"images":[',
        "]}",
        (i) => `{"id":${i},"file_name":"a.png","width":6000,"height":6000}`,
      ),
    { check: done(/warnings/) },
    { width: 6000, height: 6000 },
  ),
  "COCO: a class an image": coco(
    () => {
      const numbers = (entry: (i: number) => object) => Array.from({ length: 26_000 }, (_, i) => entry(i));
      return JSON.stringify({
        images: numbers((id) => ({ id, file_name: "a.png", ...SMALL })),
        categories: numbers((id) => ({ id, name: `class ${id}` })),
        annotations: numbers((id) => ({ id, image_id: id, category_id: id, bbox: [0, 0, 8, 8] })),
      });
    },
    { check: done(), stats: done(), split: refused("a.json") },
  ),
  "CVAT: masks as large as windows may be": cvat(
    () => `<mask label="c" rle="0,${2048 * SIDE}" left="0" top="0" width="${SIDE}" height="2048"/>`,
    refused("image 1: mask"),
  ),
  "CVAT: striped masks": cvat(
    () => `<mask label="c" rle="${list(2048, () => String(SIDE))}" left="0" top="0" width="${SIDE}" height="2048"/>`,
    refused("image 1: mask 1"),
  ),
  "CVAT: ellipses far larger than the image": cvat(
    () => '<ellipse label="c" cx="9" cy="9" rx="1000000" ry="1000000"/>',
    refused("image 1: ellipse"),
  ),
  "CVAT: an ellipse with a radius of 1e9": cvat(
    () => '<ellipse label="c" cx="9" cy="9" rx="1000000000" ry="1"/>',
    faulty(/image 1: ellipse 1: a radius is 1000000000; radii go from 0 to 1048576 pixels/),
  ),
  "CVAT: turned boxes": cvat(
    () => `<box label="c" xtl="0" ytl="0" xbr="${SIDE}" ybr="${SIDE}" rotation="1"/>`,
    refused("image 1: box"),
  ),
  "CVAT: a group without end": cvat(
    () => `<box label="c" group_id="1" xtl="0" ytl="0" xbr="${SIDE}" ybr="${SIDE}"/>`,
    refused("image 1: box 1"),
  ),
  "CVAT: a polygon of 800,000 points": convert(
    "cvat",
    "a.xml",
    () =>
      `<annotations><image name="a.png" width="9" height="9"><polygon label="c" points="${"0,0;9,9;".repeat(400_000)}0,9"/></image></annotations>`,
    done(),
    OTHER_SIZE,
  ),
  "CVAT: elements left open": convert(
    "cvat",
    "a.xml",
    () => "<a>".repeat(100_000),
    faulty(/^.{0,300}a\.xml:1:1: not well-formed XML: .{0,220} …$/m),
  ),
  "CVAT: elements without end": convert(
    "cvat",
    "a.xml",
    () => `<annotations>${"<a/>".repeat(1.2e6)}</annotations>`,
    faulty(/a\.xml: not XML annotations: there are more than \d+ elements, the limit for a file of its size/),
  ),
  "CVAT: attributes without end": convert(
    "cvat",
    "a.xml",
    () => `<annotations><image ${list(4e5, (i) => `a${i}=""`).replaceAll(",", " ")}/></annotations>`,
    faulty(/a\.xml: not XML annotations: there are more than 1000 attributes in one element/),
  ),
  "CVAT: as many labels as objects, none of them listed": convert(
    "cvat",
    "a.xml",
    () => {
      const labels = list(60_000, (i) => `<label><name>${i}</name></label>`).replaceAll(",", "");
      const boxes = list(35_000, (i) => `<box label="z${i}" xtl="0" ytl="0" xbr="1" ybr="1"/>`).replaceAll(",", "");
      return `<annotations><meta><task><labels>${labels}</labels></task></meta><image name="a.png" width="9" height="9">${boxes}</image></annotations>`;
    },
    done(/35000 labels kept that the task does not list/),
    OTHER_SIZE,
  ),
  "LabelMe: circles far larger than the image": labelme(
    () => '{"label":"c","shape_type":"circle","points":[[0,0],[0,1000000]]}',
    refused('a.json: shape \\d+ \\("c"\\)'),
  ),
  "LabelMe: outlines as wide as the image": labelme(
    () => '{"label":"c","points":[[0,0],[65535,9],[0,9]]}',
    refused('a.json: shape \\d+ \\("c"\\)'),
  ),
  "LabelMe: shapes that are numbers": labelme(
    () => "0",
    faulty(/a\.json: shapes\.0: Invalid input.*is this a LabelMe file\?/),
  ),
  "LabelMe: points that are numbers": labelme(
    () => `{"label":"c","points":[${list(100_000, () => "0")}]}`,
    faulty(/a\.json: shapes\.0\.points\.0: Invalid input/),
  ),
  "LabelMe: points without end": labelme(
    () => `{"label":"c","points":[${list(400_000, () => "[0,9],[9,0]")}]}`,
    done(),
    OTHER_SIZE,
  ),
  "LabelMe: masks of few bytes and many pixels": convert(
    "labelme",
    "a.json",
    async () => {
      const mask = await whiteMask(6000);
      return filled(
        '{"imagePath":"a.png","imageWidth":6000,"imageHeight":6000,"shapes":[',
        "]}",
        () => `{"label":"c","shape_type":"mask","points":[[0,0],[5999,5999]],"mask":"${mask}"}`,
      );
    },
    refused('a.json: shape \\d+ \\("c"\\)'),
  ),
  "VOC: elements without end": voc(
    () => "<a/>".repeat(1.2e6),
    faulty(/a\.xml: not XML annotations: there are more than \d+ elements/),
  ),
  "VOC: boxes without end": voc(
    () =>
      "<object><name>c</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></object>".repeat(
        45_000,
      ),
    done(/45000 objects/),
    faulty(/a\.png: an object of the class "c" \(bbox 0, 0, 2, 2\) has no mask; write boxes with --to yolo/),
  ),
  "VOC: one image listed without end": {
    write(folder) {
      mkdirSync(join(folder, "in"));
      writeFileSync(join(folder, "in", "a.png"), "");
      const box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox>";
      const size = "<size><width>8</width><height>8</height></size>";
      writeFileSync(
        join(folder, "in", "a.xml"),
        `<annotation><filename>a.png</filename>${size}<object><name>c</name>${box}</object></annotation>`,
      );
      writeFileSync(join(folder, "list.txt"), "a\n".repeat(2_400_000));
    },
    runs: [
      {
        ...done(/2399999 duplicate entries of images left out/),
        args: (folder) => [
          ...["data", "convert", join(folder, "in"), "--from", "voc", "--list", join(folder, "list.txt")],
          ...["--out", join(folder, "out.json")],
        ],
      },
    ],
  },
  "YOLO: polygons as wide as the image": yolo(
    () => ({ labels: "0 0 0 1 0 1 1\n".repeat(350_000) }),
    refused("a.txt:\\d+"),
    WIDE,
  ),
  "YOLO: boxes without end": yolo(() => ({ labels: "0 .5 .5 1 1\n".repeat(400_000) }), done()),
  "YOLO: a line without end": yolo(
    () => ({ labels: `0${" 0".repeat(2_400_001)}\n` }),
    faulty(/a\.txt:1: 2400002 numbers/),
  ),
  "YOLO: names without end": yolo(
    () => ({ description: `train: images\nnames: [${list(60_000, (i) => `c${i}`)}]\n` }),
    done(),
  ),
  "YOLO: one image listed without end": yolo(
    () => ({ description: "train: list.txt\nnames: [c]\n", list: "images/a.png\n".repeat(380_000) }),
    done(/379999 duplicate entries of images left out/),
  ),
  "evaluation: objects as large as an image may be": evaluation(
    () => objects(`[[0,0,${SIDE},0,${SIDE},${SIDE},0,${SIDE}]]`, LARGE),
    () => "[]",
    "segm",
    refused("a.json: annotation \\d+"),
  ),
  "evaluation: results as large as an image may be": evaluation(
    () => JSON.stringify({ images: [{ id: 1, ...LARGE }], categories: [{ id: 1, name: "c" }], annotations: [] }),
    () =>
      filled(
        "[",
        "]",
        () => `{"image_id":1,"category_id":1,"score":0.5,"segmentation":[[0,0,${SIDE},0,${SIDE},${SIDE},0,${SIDE}]]}`,
      ),
    "segm",
    refused("results.json: result \\d+"),
  ),
  "evaluation: categories without end": evaluation(
    () => filled('{"images":[{"id":1}],"annotations":[],"categories":[', "]}", (id) => `{"id":${id},"name":"c${id}"}`),
    () => "[]",
    "bbox",
    done(/area= +all .* = -1\.000/),
  ),
  "evaluation: a category an object": evaluation(
    () =>
      JSON.stringify({
        images: [{ id: 1, ...SMALL }],
        categories: Array.from({ length: 47_000 }, (_, id) => ({ id, name: `c${id}` })),
        annotations: Array.from({ length: 47_000 }, (_, id) => ({
          id: id + 1,
          image_id: 1,
          category_id: id,
          bbox: [0, 0, 8, 8],
        })),
      }),
    () => filled("[", "]", (i) => `{"image_id":1,"category_id":${i % 47_000},"bbox":[0,0,8,8],"score":0.5}`),
    "bbox",
    done(/area= +all .* = 1\.000/),
  ),
};
