import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Config, ConfigInput } from "../../lib/config/schema.js";
import { encodeIndexedPng, encodePng } from "../../lib/images/encode.js";
import { cropImage } from "../../lib/pixels/geometry.js";
import type { Image, LabelMap } from "../../lib/pixels/image.js";
import { Random } from "../../lib/random.js";

/** A data set that needs no files from elsewhere: discs and squares on a dark ground, as objects, label maps and class folders. */
export interface ShapesData {
  /** Must be removed after the tests. */
  readonly folder: string;
  readonly images: string;
  readonly labelMaps: string;
  readonly annotations: string;
  /** A folder per class, with the halves of the images that show one object. */
  readonly classFolders: string;
}

const SIDE = 64;
const KINDS = ["disc", "square"] as const;
const COLOURS = [
  [230, 80, 60],
  [70, 120, 235],
] as const;

export async function makeShapes(count: number): Promise<ShapesData> {
  const folder = await mkdtemp(join(tmpdir(), "densekit-shapes-"));
  const images = join(folder, "images");
  const labelMaps = join(folder, "labelMaps");
  await mkdir(images);
  const classFolders = join(folder, "classes");
  await mkdir(labelMaps);
  for (const kind of KINDS) await mkdir(join(classFolders, kind), { recursive: true });
  const entries: object[] = [];
  const annotations: object[] = [];
  for (let i = 0; i < count; i++) {
    const { image, map, shapes } = drawScene(Random.of("shapes", i));
    await writeFile(join(images, `${i}.png`), await encodePng(image));
    await writeFile(join(labelMaps, `${i}.png`), encodeIndexedPng(map, [[0, 0, 0], ...COLOURS]));
    entries.push({ id: 10 + i, file_name: `${i}.png`, width: SIDE, height: SIDE });
    for (const [half, { kind, x, y, radius }] of shapes.entries()) {
      const own = { left: half * (SIDE / 2), top: 0, width: SIDE / 2, height: SIDE };
      await writeFile(join(classFolders, KINDS[kind]!, `${i}-${half}.png`), await encodePng(cropImage(image, own)));
      const [left, top, size] = [x - radius, y - radius, 2 * radius];
      annotations.push({
        id: annotations.length + 1,
        image_id: 10 + i,
        category_id: kind + 3,
        bbox: [left, top, size, size],
        area: size * size,
        iscrowd: 0,
        segmentation: [outline(kind, x, y, radius)],
      });
    }
  }
  const categories = KINDS.map((name, k) => ({ id: k + 3, name }));
  const path = join(folder, "instances.json");
  await writeFile(path, JSON.stringify({ images: entries, annotations, categories }));
  return { folder, images, labelMaps, annotations: path, classFolders };
}

interface Shape {
  readonly kind: number;
  readonly x: number;
  readonly y: number;
  readonly radius: number;
}

function drawScene(random: Random): { image: Image; map: LabelMap; shapes: Shape[] } {
  const shapes = [0, 1].map((half) => ({
    kind: random.integer(2),
    x: 32 * half + 16,
    y: 16 + random.integer(32),
    radius: 8 + random.integer(7),
  }));
  const image = { width: SIDE, height: SIDE, data: new Uint8Array(SIDE * SIDE * 3) };
  const map = { width: SIDE, height: SIDE, data: new Uint8Array(SIDE * SIDE) };
  for (let i = 0; i < map.data.length; i++) {
    const [px, py] = [(i % SIDE) + 0.5, Math.floor(i / SIDE) + 0.5];
    const shape = shapes.find((s) => covers(s, px, py));
    map.data[i] = shape === undefined ? 0 : shape.kind + 1;
    for (let c = 0; c < 3; c++) {
      image.data[3 * i + c] = (shape === undefined ? 30 : COLOURS[shape.kind]![c]!) + random.integer(20);
    }
  }
  return { image, map, shapes };
}

function covers({ kind, x, y, radius }: Shape, px: number, py: number): boolean {
  const [dx, dy] = [Math.abs(px - x), Math.abs(py - y)];
  return kind === 0 ? Math.hypot(dx, dy) < radius : Math.max(dx, dy) < radius;
}

function outline(kind: number, x: number, y: number, radius: number): number[] {
  const corners = kind === 0 ? 24 : 4;
  const reach = kind === 0 ? radius : radius * Math.SQRT2;
  return Array.from({ length: corners }, (_, i) => ((i + 0.5) * 2 * Math.PI) / corners).flatMap((angle) => [
    x + reach * Math.cos(angle),
    y + reach * Math.sin(angle),
  ]);
}

/** A config of a tiny model on such data, to be changed by `--set`-like overrides. */
export function shapesConfig(task: Config["task"], data: ShapesData, output: string): ConfigInput {
  const { images, labelMaps, annotations, classFolders } = data;
  const backbone = { type: "efficientformer", variant: "nano", layerScaleInit: 0.1, dropPath: 0.1 } as const;
  const neck = { type: "fpn", channels: 32 } as const;
  const optimizer = { type: "adamw", lr: 2e-3 } as const;
  const training = { steps: 8, optimizer, schedule: { type: "constant" }, logEvery: 1 } as const;
  const transforms = { train: [{ type: "randomFlip" as const }] };
  const batches = { batchSize: 2, testBatchSize: 2, workers: 0, transforms };
  if (task === "segmentation") {
    const split = { images, labelMaps };
    return {
      task,
      model: { backbone, neck, head: { type: "semanticFpn", channels: 32 } },
      data: { type: "labelMaps", train: split, val: split, classes: ["ground", ...KINDS], ...batches },
      training,
      output,
    };
  }
  if (task === "classification") {
    const split = { images: classFolders };
    return {
      task,
      model: { backbone, head: { type: "classifier" } },
      data: { type: "imageLabels", train: split, val: split, ...batches },
      training,
      output,
    };
  }
  const split = { annotations, images };
  const roi = { samples: 32, boxWidth: 64, maskChannels: 32, maskConvolutions: 2 };
  return {
    task,
    model: { backbone, neck, head: { type: "maskRcnn", rpn: { channels: 32, anchorScale: 2, samples: 64 }, roi } },
    data: { type: "coco", train: split, val: split, ...batches },
    training,
    output,
  };
}
