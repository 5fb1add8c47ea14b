import { copyFileSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { loadConfig, resolveConfig } from "../../lib/config/load.js";
import type { DetectionConfig } from "../../lib/config/schema.js";
import { openLabelMaps } from "../../lib/datasets/labelMaps.js";
import { registerDataSet } from "../../lib/datasets/sets/index.js";
import { dataSetKind, dataSetSchema } from "../../lib/datasets/sets/kind.js";
import { splitData } from "../../lib/datatools/split/split.js";
import { UserError } from "../../lib/errors.js";
import { input, scalar } from "../../lib/graph/index.js";
import { classLossOf, registerLoss } from "../../lib/heads/losses/index.js";
import { lossKind } from "../../lib/heads/losses/loss.js";
import { maskHeadLayers, registerMaskHead } from "../../lib/heads/maskHeads/index.js";
import { roiHeadKind } from "../../lib/heads/roiHead.js";
import { maskRcnn } from "../../lib/models/maskRcnn/model.js";
import { ParameterList } from "../../lib/nn/parameters.js";
import { z } from "../../lib/parts.js";
import { loadPlugin } from "../../lib/plugins/load.js";
import { filePath } from "../../lib/schemas/fields.js";
import { sourceOf } from "../../lib/tasks/kinds.js";
import { type CocoSource, openSource } from "../../lib/tasks/sources.js";
import { readSafetensors } from "../../lib/tensorfiles/safetensors.js";
import { type Files, writeFiles } from "../config/support.js";
import { command } from "../support/commandLine.js";
import { userMessage } from "../support/failure.js";
import { makeShapes, type ShapesData, shapesConfig } from "../support/shapes.js";

const GRAPH = new URL("../../lib/graph/index.js", import.meta.url).href;
const NO_DATA = { folder: "x", images: "x", labelMaps: "x", annotations: "x", classFolders: "x" };
const NN = new URL("../../lib/nn/index.js", import.meta.url).href;

/** A data set for each task, drawn as it is read, PolyLoss (Leng et al. 2022) as a class loss, and layers of box and mask heads. */
const PLUGIN = `import { add, exp, mul, neg, scalar, sub, sum } from ${JSON.stringify(GRAPH)};
import { convolution, linear, relu, sequential } from ${JSON.stringify(NN)};
export default ({ z, dataSetKind, dataSetSchema, lossKind, roiHeadKind, ...host }) => {
  const { registerBoxHead, registerDataSet, registerLoss, registerMaskHead } = host;
  const SIDE = 64;
  const draw = (index) => {
    const [kind, left, size] = [index % 2, 4 + 3 * index, 20 + index];
    const image = { width: SIDE, height: SIDE, data: new Uint8Array(3 * SIDE * SIDE).fill(40) };
    const map = { width: SIDE, height: SIDE, data: new Uint8Array(SIDE * SIDE) };
    for (let y = 16; y < 16 + size; y++) {
      for (let x = left; x < left + size; x++) {
        map.data[y * SIDE + x] = 1;
        image.data[3 * (y * SIDE + x) + kind] = 220;
      }
    }
    return { image, map, label: ["red", "green"][kind] };
  };
  const set = (type, task, classes, itemOf) =>
    registerDataSet(dataSetKind({
      task,
      schema: dataSetSchema(type, { count: z.int().min(1).describe("Images") }, { failsAt: z.int().default(-1) }),
      open: ({ failsAt, ...config }, split) => ({
        classes,
        length: config[split].count,
        item(index) {
          if (index === failsAt) throw new Error("no such square");
          return itemOf(draw(index));
        },
      }),
    }));
  set("squares", "detection", ["red", "green"], ({ image, map, label }) => ({ image, objects: [{ label, mask: map }] }));
  set("squareMaps", "segmentation", ["ground", "square"], ({ image, map }) => ({ image, labelMap: map }));
  set("squareLabels", "classification", ["red", "green"], ({ image, label }) => ({ image, label }));
  registerLoss(lossKind({
    schema: z.strictObject({ type: z.literal("poly"), epsilon: z.number().default(1) }),
    loss: ({ crossEntropy }, { epsilon }) =>
      add(crossEntropy, mul(sub(scalar(1), exp(neg(crossEntropy))), scalar(epsilon))),
  }));
  registerBoxHead(roiHeadKind({
    schema: z.strictObject({ type: z.literal("mean"), width: z.int().min(1).default(24) }),
    channels: ({ width }) => width,
    make(scope, { width }, { in: inputs, poolSize }) {
      const layers = sequential(linear(scope.child("mean_fc"), { in: inputs, out: width }), relu);
      return (x, context) => layers(mul(sum(x, { axes: [2, 3] }), scalar(1 / poolSize ** 2)), context);
    },
  }));
  registerMaskHead(roiHeadKind({
    schema: z.strictObject({ type: z.literal("narrow"), channels: z.int().min(1) }),
    channels: ({ channels }) => channels,
    make: (scope, { channels }, { in: inputs }) =>
      sequential(convolution(scope.child("narrow"), { in: inputs, out: channels, kernel: 1 }), relu),
  }));
};
`;

describe("data sets, losses and layers of plugins", function () {
  this.timeout(180_000);
  let files: Files;
  let shapes: ShapesData;
  const own: [name: string, value: string | undefined][] = [];
  before(async () => {
    shapes = await makeShapes(2);
    const configOf = (task: "detection" | "segmentation" | "classification", type: string) => {
      const whole = shapesConfig(task, shapes, join(shapes.folder, task)) as {
        readonly data: object;
        readonly model: { readonly head: { readonly roi?: object } };
        readonly training: object;
      };
      const { train: _, val: __, classes: ___, ...data } = whole.data as Record<string, unknown>;
      const { head } = whole.model;
      const classLoss = { type: "poly", epsilon: 2 };
      const layers = { boxHead: { type: "mean" }, maskHead: { type: "narrow", channels: 12 } };
      return JSON.stringify({
        ...whole,
        plugins: ["mine.mjs"],
        model: {
          ...whole.model,
          head:
            head.roi === undefined ? { ...head, classLoss } : { ...head, roi: { ...head.roi, classLoss, ...layers } },
        },
        data: { ...data, type, workers: 2, train: { count: 4 }, val: { count: 3, limit: 2 } },
        training: { ...whole.training, steps: 2 },
      });
    };
    files = writeFiles({
      "mine.mjs": PLUGIN,
      "detection.yaml": configOf("detection", "squares"),
      "segmentation.yaml": configOf("segmentation", "squareMaps"),
      "classification.yaml": configOf("classification", "squareLabels"),
    });
    own.push(["DENSEKIT_CACHE", process.env.DENSEKIT_CACHE]);
    process.env.DENSEKIT_CACHE = join(shapes.folder, "cache");
  });
  after(() => {
    for (const [name, value] of own) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    files.remove();
    rmSync(shapes.folder, { recursive: true });
  });

  for (const task of ["detection", "segmentation", "classification"] as const) {
    it(`train from the command line: ${task}`, async () => {
      const { code, stderr } = await command("train", files.path(`${task}.yaml`));
      expect(code, stderr).to.equal(0);
      const log = readFileSync(join(shapes.folder, task, "log.jsonl"), "utf8");
      expect(log.match(/"type":"step"/g)).to.have.length(2);
      expect(log).to.contain('"type":"evaluation"');
      const config = readFileSync(join(shapes.folder, task, "config.yaml"), "utf8");
      expect(config).to.contain("type: poly").and.contain("epsilon: 2");
      if (task !== "detection") return;
      const { tensors } = await readSafetensors(join(shapes.folder, task, "best.safetensors"));
      expect(tensors.get("roi_head.bbox_head.mean_fc.weight")?.shape).to.deep.equal([24, 32]);
      expect(tensors.get("roi_head.bbox_head.fc_cls.weight")?.shape).to.deep.equal([3, 24]);
      expect(tensors.get("roi_head.mask_head.narrow.weight")?.shape).to.deep.equal([12, 32, 1, 1]);
      expect([...tensors.keys()].filter((name) => /shared_fcs|convs\./.test(name) && name.startsWith("roi_head"))).to.be
        .empty;
    });
  }

  it("are checked, counted and drawn like ours, and judge a model", async () => {
    const config = files.path("detection.yaml");
    const check = await command("data", "check", config, "--json");
    const { sets } = JSON.parse(check.stdout) as { readonly sets: readonly object[] };
    expect(sets).to.deep.equal([
      { name: "train", images: 4, annotations: 4 },
      { name: "val", images: 3, annotations: 3 },
    ]);
    const stats = await command("data", "stats", config, "--split", "train", "--anchor-images", "1");
    expect(stats.code, stats.stderr).to.equal(0);
    expect(stats.stdout).to.match(/red +2/);
    const out = join(shapes.folder, "sheet.jpg");
    const shown = await command("data", "show", files.path("segmentation.yaml"), "--augmented", "--out", out);
    expect(shown.code, shown.stderr).to.equal(0);
    const judged = await command("evaluate", join(shapes.folder, "detection"), "--json");
    expect(judged.code, judged.stderr).to.equal(0);
    expect(JSON.parse(judged.stdout).metrics).to.include.keys("boxAP", "maskAP");
  });

  it("can be split, whatever their label maps are called", async () => {
    const unload = loadPlugin(files.path("mine.mjs"));
    const { config } = loadConfig(files.path("segmentation.yaml"));
    const source = await sourceOf(config, "train");
    unload();
    const output = join(shapes.folder, "split");
    await splitData({ source, output, shares: { a: 0.5, b: 0.5 } });
    const [images, labelMaps] = [join(output, "images/a"), join(output, "annotations/a")];
    const part = await openLabelMaps({ images, labelMaps, classes: ["ground", "square"] });
    expect(part.length).to.equal(2);
    const { image, labelMap } = await part.load(0);
    for (const [i, label] of labelMap!.data.entries()) {
      expect(Math.max(...image.data.subarray(3 * i, 3 * i + 3))).to.equal(label === 1 ? 220 : 40);
    }
  });

  it("leave what a packed model needs of them in its file", async () => {
    const packed = join(shapes.folder, "model.densekit");
    const pack = await command("pack", join(shapes.folder, "detection"), packed);
    expect(pack.code, pack.stderr).to.equal(0);
    copyFileSync(files.path("mine.mjs"), join(shapes.folder, "mine.mjs"));
    const { stdout } = await command("config", packed, "--allow-plugins", "--json");
    expect((JSON.parse(stdout) as DetectionConfig).data).to.deep.include({
      type: "squares",
      train: { count: 4 },
      val: { count: 3 },
    });
    for (const args of [
      ["profile", packed, "--size", "64", "--total", "--rounds", "1", "--seconds", "0.001", "--within", "1000"],
      ["weights", "show", packed, "--against", packed],
    ]) {
      expect((await command(...args)).stderr, args[0]).to.contain("allow them with --allow-plugins");
      const allowed = await command(...args, "--allow-plugins");
      expect(allowed.code, allowed.stderr).to.equal(0);
    }
  });

  it("that are written wrongly are refused like ours", async () => {
    const unload = loadPlugin(files.path("mine.mjs"));
    const refusal = (name: string, change: string) =>
      userMessage(() => loadConfig(files.path(`${name}.yaml`), { overrides: [change] }));
    expect(await refusal("detection", "data.train={cuont: 4}")).to.contain('unknown key; did you mean "count"?');
    expect(await refusal("detection", "data.val.count=0")).to.contain("data.val.count: must be at least 1, got 0");
    expect(await refusal("detection", "data={type: sqares}")).to.match(
      /data\.type: must be one of coco, .*, squares; got the text "sqares": did you mean "squares"\?/,
    );
    expect(await refusal("detection", "data.type=squareMaps")).to.contain("data.type: must be one of coco");
    expect(await refusal("segmentation", "model.head.classLoss={type: poly, epsilon: big}")).to.contain(
      'model.head.classLoss.epsilon: expected a number, got the text "big"',
    );
    expect(await refusal("segmentation", "model.head.focalGamma=2")).to.contain(
      "model.head.focalGamma: classLoss and focalGamma both choose the loss; delete one by setting it to null",
    );
    unload();
  });

  it("that throw name themselves, their plugin, the item and the line, without a stack trace", async () => {
    const line = PLUGIN.split("\n").findIndex((text) => text.includes("no such square")) + 1;
    for (const task of ["detection", "segmentation", "classification"]) {
      const { code, stderr } = await command("data", "check", files.path(`${task}.yaml`), "--set", "data.failsAt=1");
      expect(code).to.equal(1);
      expect(stderr.split("\n").slice(1).join("\n")).to.match(
        new RegExp(
          `^the data set "square\\w+" \\(\\S*mine\\.mjs\\): data\\.train, item 1: no such square \\(line ${line}\\)\n$`,
        ),
      );
    }
  });

  const wrong = PLUGIN.replace('"squares"', '"yolo"');
  it("of a type that exists are refused, and nothing of the plugin stays", async () => {
    const other = writeFiles({ "other.mjs": wrong });
    expect(await userMessage(() => loadPlugin(other.path("other.mjs"), "other.mjs"))).to.equal(
      'other.mjs: the plugin cannot register its parts: there is a data set of the type "yolo" already; choose another name',
    );
    other.remove();
    const kind = lossKind({
      schema: z.strictObject({ type: z.literal("focal") }),
      loss: ({ crossEntropy }) => crossEntropy,
    });
    expect(await userMessage(() => registerLoss(kind))).to.equal(
      'there is a class loss of the type "focal" already; choose another name',
    );
  });
});

describe("a data set of a program", () => {
  let shapes: ShapesData;
  before(async () => {
    shapes = await makeShapes(3);
  });
  after(() => rmSync(shapes.folder, { recursive: true }));
  type Entry = Readonly<Record<"id" | "image_id" | "category_id", number>> & {
    readonly bbox: readonly [number, number, number, number];
    readonly segmentation: number[][];
  };
  const schema = dataSetSchema("listed", { list: filePath("A list"), images: filePath("Images") });
  const register = (change: (item: object) => unknown = (item) => item) =>
    registerDataSet(
      dataSetKind({
        task: "detection",
        schema,
        open(config, split) {
          const { list, images } = config[split] as { readonly list: string; readonly images: string };
          const file = JSON.parse(readFileSync(list, "utf8")) as {
            readonly images: readonly { readonly id: number; readonly file_name: string }[];
            readonly annotations: readonly Entry[];
            readonly categories: readonly { readonly id: number; readonly name: string }[];
          };
          const names = new Map(file.categories.map(({ id, name }) => [id, name]));
          return {
            classes: [...names.values(), "none such"],
            length: file.images.length,
            item(index) {
              const { id, file_name } = file.images[index]!;
              const own = file.annotations.filter(({ image_id }) => image_id === id);
              const objects = own.map((one) => ({
                label: names.get(one.category_id)!,
                box: one.bbox,
                mask: one.segmentation,
              }));
              return change({ image: join(images, file_name), objects }) as never;
            },
          };
        },
      }),
    );
  const configOf = (changes: readonly string[] = []) => {
    const { data, ...rest } = shapesConfig("detection", shapes, "runs/x") as { readonly data: object };
    const split = { list: shapes.annotations, images: shapes.images };
    const { train: _, val: __, ...more } = data as Record<string, unknown>;
    const whole = { ...rest, data: { ...more, type: "listed", train: split, val: split } };
    return resolveConfig(whole, { overrides: changes }).config;
  };

  it("gives what ours gives of the same annotations", async () => {
    const remove = register();
    try {
      const source = (await sourceOf(configOf(), "train")) as CocoSource;
      const found = await openSource(source);
      const { annotations, images } = shapes;
      const wanted = await openSource({ kind: "coco", name: "train", annotations, images });
      expect(found.classes).to.deep.equal([...wanted.classes, "none such"]);
      expect(found.images.map(({ file }) => file)).to.deep.equal(wanted.images.map(({ file }) => file));
      for (let i = 0; i < wanted.length; i++) {
        const [a, b] = [found.instances(i), wanted.instances(i)];
        expect(a.masks).to.deep.equal(b.masks);
        expect(a.labels).to.deep.equal(b.labels);
        for (const [j, value] of b.boxes.entries()) expect(a.boxes[j]).to.be.closeTo(value, 1e-3);
      }
      expect((await sourceOf(configOf(["data.train.limit=2"]), "train")).limit).to.equal(2);
      const again = (await sourceOf(configOf(), "train")) as CocoSource;
      expect(again.annotations, "content decides").to.equal(source.annotations);
    } finally {
      remove();
    }
    expect(await userMessage(() => configOf())).to.contain("data.type: must be one of");
  });

  it("is refused where an item is none", async () => {
    const refusal = async (change: (item: { image: string; objects: object[] }) => unknown) => {
      const remove = register(change as never);
      try {
        return await userMessage(() => sourceOf(configOf(), "train"));
      } finally {
        remove();
      }
    };
    const name = 'the data set "listed": data.train, item 0: ';
    expect(await refusal(() => undefined)).to.match(new RegExp(`^${name}Invalid input: expected object`));
    expect(await refusal((item) => ({ ...item, image: { width: 2, height: 2, data: new Uint8Array(4) } }))).to.equal(
      `${name}image: must be the path of an image, or { width, height, data } with three bytes for each pixel`,
    );
    const first = (change: object) => (item: { objects: object[] }) => ({
      ...item,
      objects: [{ ...item.objects[0], ...change }],
    });
    expect(await refusal(first({ label: "dics" }))).to.equal(
      `${name}object 0: the class "dics" is none of the set's: disc, square, none such`,
    );
    expect(await refusal(first({ box: undefined, mask: undefined }))).to.equal(
      `${name}object 0: it has neither a box nor a mask`,
    );
    expect(await refusal(first({ mask: { width: 1, height: 1, data: new Uint8Array(1) } }))).to.equal(
      `${name}object 0: its mask is 1×1, its image 64×64`,
    );
    expect(await refusal(first({ mask: [[1, 2, 3]] }))).to.match(/object 0: .*polygon/);
    expect(await refusal((item) => ({ ...item, image: join(shapes.images, "none.png") }))).to.match(
      /data\.train, item 0: cannot read .*none\.png/,
    );
    const mine = new UserError("it is closed");
    expect(
      await refusal(() => {
        throw mine;
      }),
    ).to.equal(`${name}it is closed`);
  });

  it("is refused where its keys are those of all", async () => {
    const of = (split: z.ZodRawShape, keys: z.ZodRawShape) =>
      userMessage(() =>
        registerDataSet(
          dataSetKind({
            task: "detection",
            schema: dataSetSchema("other", split, keys),
            open: () => ({ classes: ["a"], length: 1, item: () => ({ image: "a.png", objects: [] }) }),
          }) as never,
        ),
      );
    expect(await of({}, { batchSize: z.int() })).to.equal(
      'the data set "other": all data sets have a key "batchSize" already; choose another name',
    );
    expect(await of({}, { root: filePath("A folder") })).to.contain('the path "root" must be a key of data.train');
  });
});

describe("layers of box and mask heads", () => {
  const parts = (roi: object) => {
    const config = resolveConfig(
      { ...shapesConfig("detection", NO_DATA, "runs/x") },
      { overrides: Object.entries(roi).map(([key, value]) => `model.head.roi.${key}=${JSON.stringify(value)}`) },
    ).config as DetectionConfig;
    const { parameters } = maskRcnn(config.model, 2, true);
    return parameters.map(({ name, shape }) => `${name} ${shape}`);
  };

  it("are by default those of their keys", () => {
    const named = {
      boxHead: { type: "linear", width: 48, layers: 2 },
      maskHead: { type: "convolutions", count: 3, channels: 16 },
    };
    expect(parts(named)).to.deep.equal(parts({ boxWidth: 48, maskConvolutions: 3, maskChannels: 16 }));
    expect(
      parts({ boxHead: { type: "linear", layers: 1 } }).filter((name) => name.includes("shared_fcs")),
    ).to.deep.equal(["roi_head.bbox_head.shared_fcs.0.weight 1024,1568", "roi_head.bbox_head.shared_fcs.0.bias 1024"]);
  });

  it("are refused where they give another shape, or their type is taken", async () => {
    const kind = roiHeadKind({
      schema: z.strictObject({ type: z.literal("flat") }),
      channels: () => 5,
      make: () => (x) => x,
    });
    const remove = registerMaskHead(kind);
    const layers = maskHeadLayers(new ParameterList().scope("x"), { type: "flat" } as never, { in: 2, poolSize: 7 });
    const apply = layers.make();
    expect(await userMessage(() => apply(input("x", [3, 2, 7, 7]), undefined as never))).to.equal(
      'the mask head "flat": gives [3,2,7,7], not [3,5,7,7]',
    );
    expect(await userMessage(() => registerMaskHead(kind))).to.equal(
      'there is a mask head of the type "flat" already; choose another name',
    );
    remove();
  });
});

it("a class loss that does not give the loss of each decision says so", async () => {
  const decisions = {
    crossEntropy: input("ce", [2, 3]),
    logits: input("logits", [2, 4, 3]),
    labels: input("labels", [2, 3], "int32"),
  };
  const registered = (loss: () => never) =>
    registerLoss(lossKind({ schema: z.strictObject({ type: z.literal("mine") }), loss }));
  for (const [loss, message] of [
    [() => scalar(1), 'the class loss "mine": gives [], not [2,3]: the loss of each decision'],
    [
      () => {
        throw new RangeError("too small");
      },
      'the class loss "mine": too small',
    ],
  ] as const) {
    const remove = registered(loss as () => never);
    try {
      expect(await userMessage(() => classLossOf({ type: "mine" } as never)(decisions))).to.equal(message);
    } finally {
      remove();
    }
  }
});
