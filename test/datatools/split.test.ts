import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { splitData } from "../../lib/datatools/split/split.js";
import { type Example, stratify } from "../../lib/datatools/split/stratify.js";
import { Random } from "../../lib/random.js";
import { accepted, refused } from "../cli/refused.js";
import { userMessage } from "../support/failure.js";
import { readJson, requireData } from "../support/goldens.js";
import { makeShapes } from "../support/shapes.js";

const example = (...labels: number[]): Example => ({ size: 1, labels: new Map(labels.map((label) => [label, 1])) });

/** Mean deviation of each label's share in each subset from the wanted one (Sechidis et al.'s label distribution). */
function distortion(examples: readonly Example[], subsets: ArrayLike<number>, shares: readonly number[]): number {
  const labels = new Set(examples.flatMap((e) => [...e.labels.keys()]));
  let sum = 0;
  for (const label of labels) {
    const all = examples.reduce((n, e) => n + (e.labels.get(label) ?? 0), 0);
    for (const [j, share] of shares.entries()) {
      const own = examples.reduce((n, e, i) => n + (subsets[i] === j ? (e.labels.get(label) ?? 0) : 0), 0);
      sum += Math.abs(own / all - share) / labels.size / shares.length;
    }
  }
  return sum;
}

describe("stratified division", () => {
  it("gives every part its exact share of every label if possible", () => {
    const examples = [0, 1, 2, 3].flatMap((label) => Array.from({ length: 10 }, () => example(label)));
    const subsets = stratify(examples, [0.5, 0.3, 0.2], Random.of(1));
    for (let label = 0; label < 4; label++) {
      const own = Array.from(subsets.subarray(10 * label, 10 * label + 10));
      expect([0, 1, 2].map((j) => own.filter((subset) => subset === j).length)).to.deep.equal([5, 3, 2]);
    }
  });

  it("splits a rare label that a common one hides, and images without labels", () => {
    for (let seed = 0; seed < 50; seed++) {
      const examples = [
        example(0, 1),
        example(0, 1),
        ...Array.from({ length: 30 }, () => example(0)),
        example(),
        example(),
      ];
      const subsets = stratify(examples, [0.5, 0.5], Random.of(seed));
      expect(subsets[0]).to.not.equal(subsets[1]);
      expect(subsets.filter((subset) => subset === 0)).to.have.length(17);
    }
  });

  it("keeps all examples, is a function of the seed, and distorts labels less than a random split", () => {
    const shares = [0.7, 0.3];
    const sets = fc.array(fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { maxLength: 4 }), {
      minLength: 40,
      maxLength: 80,
    });
    let [own, drawn] = [0, 0];
    fc.assert(
      fc.property(sets, fc.nat(), (lists, seed) => {
        const examples = lists.map((labels) => example(...labels));
        const subsets = stratify(examples, shares, Random.of(seed));
        expect(subsets.every((subset) => subset === 0 || subset === 1)).to.equal(true);
        expect(stratify(examples, shares, Random.of(seed))).to.deep.equal(subsets);
        own += distortion(examples, subsets, shares);
        const random = Random.of(seed, "lots");
        drawn += distortion(
          examples,
          Int32Array.from(examples, () => Number(random.next() >= 0.7)),
          shares,
        );
      }),
    );
    expect(own).to.be.lessThan(drawn / 3);
  });
});

describe("data split", () => {
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "densekit-split-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  interface Json {
    readonly images: readonly { readonly id: number; readonly file_name: string }[];
    readonly annotations: readonly { readonly id: number; readonly image_id: number }[];
  }

  it("divides a COCO file without losing anything", async function () {
    const annotations = join(requireData(this, "bccd"), "instances_train.json");
    const whole = readJson<Json & Record<string, unknown>>(annotations);
    const given = join(folder, "given.json");
    await writeFile(given, JSON.stringify({ ...whole, info: { year: 2017 }, licenses: [] }));
    const { sets } = await splitData({
      source: { kind: "coco", name: "data", annotations: given, images: "." },
      output: folder,
      shares: { train: 0.7, val: 0.2, test: 0.1 },
    });
    const parts = ["train", "val", "test"].map((name) =>
      readJson<Json & Record<string, unknown>>(join(folder, `instances_${name}.json`)),
    );
    expect(sets.map(({ images }) => images)).to.deep.equal(parts.map(({ images }) => images.length));
    const byId = (a: { id: number }, b: { id: number }) => a.id - b.id;
    expect(parts.flatMap(({ images }) => images).sort(byId)).to.deep.equal([...whole.images].sort(byId));
    expect(parts.flatMap(({ annotations: a }) => a).sort(byId)).to.deep.equal([...whole.annotations].sort(byId));
    for (const part of parts) {
      expect(part).to.deep.include({ info: { year: 2017 }, licenses: [], categories: whole.categories });
      const ids = new Set(part.images.map(({ id }) => id));
      expect(part.annotations.every(({ image_id }) => ids.has(image_id))).to.equal(true);
    }
    const [train, val] = sets;
    for (const name of Object.keys(train!.classes)) {
      const all = sets.reduce((sum, set) => sum + set.classes[name]!, 0);
      expect(train!.classes[name]! / all, name).to.be.closeTo(0.7, 0.02);
      expect(val!.classes[name]! / all, name).to.be.closeTo(0.2, 0.02);
    }
  });

  it("keeps groups together", async function () {
    const annotations = join(requireData(this, "facade"), "instances_training.json");
    const options = {
      source: { kind: "coco", name: "data", annotations, images: "." },
      output: folder,
      shares: { a: 0.5, b: 0.5 },
      groupBy: "^facade_(?:IMG_)?(\\d+_?\\d{2})",
    } as const;
    const { groups, sets } = await splitData(options);
    expect(groups).to.be.within(2, 95);
    expect(sets.reduce((sum, { images }) => sum + images, 0)).to.equal(96);
    const keys = ["a", "b"].map(
      (name) =>
        new Set(
          readJson<Json>(join(folder, `instances_${name}.json`)).images.map(
            ({ file_name }) => /^facade_(?:IMG_)?(\d+_?\d{2})/.exec(file_name)![1],
          ),
        ),
    );
    expect([...keys[0]!].filter((key) => keys[1]!.has(key))).to.deep.equal([]);
    expect(await userMessage(() => splitData({ ...options, force: true, groupBy: "xyz" }))).to.match(
      /instances_training\.json: the name "facade.*" does not match the pattern xyz$/,
    );
    expect(await userMessage(() => splitData({ ...options, force: true, groupBy: "^fac" }))).to.match(
      /would get no image: there is only 1 group$/,
    );
  });

  it("divides label maps into ADE20K's folders", async () => {
    const data = await makeShapes(10);
    try {
      const { sets } = await splitData({
        source: {
          kind: "labelMaps",
          name: "data",
          images: data.images,
          labelMaps: data.labelMaps,
          classes: ["ground", "disc", "square"],
        },
        output: folder,
        shares: { training: 0.6, validation: 0.4 },
      });
      expect(sets.map(({ images }) => images)).to.deep.equal([6, 4]);
      const names = await Promise.all(["training", "validation"].map((name) => readdir(join(folder, "images", name))));
      expect(names.flat().sort()).to.deep.equal((await readdir(data.images)).sort());
      for (const [i, name] of ["training", "validation"].entries()) {
        expect(await readdir(join(folder, "annotations", name))).to.have.members(names[i]!);
        const map = await readFile(join(folder, "annotations", name, names[i]![0]!));
        expect(map.equals(await readFile(join(data.labelMaps, names[i]![0]!)))).to.equal(true);
      }
    } finally {
      await rm(data.folder, { recursive: true });
    }
  });

  it("with force leaves nothing of the previous split, whatever its parts were called", async () => {
    const data = await makeShapes(10);
    const classes = ["ground", "disc", "square"];
    const maps = { kind: "labelMaps", name: "data", images: data.images, labelMaps: data.labelMaps, classes } as const;
    const split = (more: object = {}) =>
      splitData({ source: maps, output: folder, shares: { train: 0.6, val: 0.4 }, force: true, ...more });
    const names = (name: string) => readdir(join(folder, name)).then((list) => list.sort());
    try {
      await split({ seed: 0 });
      const first = await names("images/val");
      await split({ seed: 3 });
      const [train, val] = [await names("images/train"), await names("images/val")];
      expect(val).to.not.deep.equal(first); // otherwise the test shows nothing
      expect([train.length, val.length]).to.deep.equal([6, 4]);
      expect(train.filter((name) => val.includes(name))).to.deep.equal([]);
      expect([await names("annotations/train"), await names("annotations/val")]).to.deep.equal([train, val]);
      expect(await userMessage(() => split({ shares: { a: 0.5, b: 0.5 }, force: false }))).to.match(
        /train\/\d\.png: already exists; /,
      );
      await split({ shares: { a: 0.5, b: 0.5 } });
      expect(await names("images")).to.deep.equal(["a", "b"]);

      const coco = { kind: "coco", name: "data", annotations: data.annotations, images: "." } as const;
      await split({ source: coco });
      await split({ source: coco, shares: { fit: 0.5, test: 0.5 } });
      expect((await names(".")).filter((name) => !name.startsWith("."))).to.deep.equal([
        "instances_fit.json",
        "instances_test.json",
      ]);
      const again = { ...coco, annotations: join(folder, "instances_fit.json") };
      expect(await userMessage(() => split({ source: again }))).to.contain(
        "instances_fit.json: data split wrote this and now reads it",
      );
      await writeFile(join(folder, "instances_train.json"), "mine");
      expect(await userMessage(() => split({ source: coco }))).to.contain(
        "instances_train.json: data split did not write this, and --force replaces only what it wrote before",
      );
    } finally {
      await rm(data.folder, { recursive: true });
    }
  });

  it("does not pass on the class table of other data", async () => {
    const data = await makeShapes(10);
    const table = (names: string[]) =>
      `Idx\tRatio\tTrain\tVal\tStuff\tName\n${names.map((name, i) => `${i + 1}\t0.1\t1\t1\t0\t${name}`).join("\n")}\n`;
    const objectInfo = join(data.folder, "objectInfo3.txt");
    const split = () =>
      splitData({
        source: { kind: "labelMaps", name: "data", images: data.images, labelMaps: data.labelMaps, objectInfo },
        output: folder,
        shares: { train: 0.6, val: 0.4 },
        force: true,
      });
    try {
      for (const names of [
        ["ground", "disc", "square"],
        ["earth", "coin", "tile"],
      ]) {
        await writeFile(objectInfo, table(names));
        expect(Object.keys((await split()).sets[0]!.classes)).to.deep.equal(names);
        expect(await readFile(join(folder, "objectInfo3.txt"), "utf8")).to.equal(table(names));
      }
      await rm(folder, { recursive: true });
      await mkdir(folder);
      await writeFile(join(folder, "objectInfo3.txt"), table(["mine", "and", "other"]));
      expect(await userMessage(split)).to.contain(
        `objectInfo3.txt: data split did not write this, and it is not ${objectInfo}`,
      );
      await writeFile(join(folder, "objectInfo3.txt"), await readFile(objectInfo));
      await split();
    } finally {
      await rm(data.folder, { recursive: true });
    }
  });

  it("is a command, and explains faults", async () => {
    const data = await makeShapes(10);
    try {
      const args = ["data", "split", "--annotations", data.annotations, "--out", folder];
      const { stdout } = await accepted(args);
      expect(stdout).to.match(/^images with +train +val\nall +8 \(80\.0 %\) +2 \(20\.0 %\)\ndisc /);
      expect(stdout).to.match(/\nval: .*instances_val\.json\n$/);
      expect(await refused(args)).to.match(/instances_train\.json: already exists;/);
      const json = await accepted([...args, "--force", "--json", "--seed", "3"]);
      expect(JSON.parse(json.stdout)).to.deep.include({ groups: 10 });
      const wrong = (...more: string[]) => refused([...args, "--force", ...more], { code: 2 });
      expect(await wrong("--shares", "a=0.5,b=0.6")).to.match(/sum to 1, not to 1\.1$/);
      expect(await wrong("--shares", "a=1.5,b=-0.5")).to.match(/the share of "a" must lie between 0 and 1/);
      expect(await wrong("--shares", "a/b=0.5,b=0.5")).to.match(/"a\/b" cannot be a part's name/);
      expect(await wrong("--shares", "..=0.5,b=0.5")).to.match(/"\.\." cannot be a part's name/);
      expect(await wrong("--group-by", "(")).to.match(/--group-by: not a regular expression/);
    } finally {
      await rm(data.folder, { recursive: true });
    }
  });
});
