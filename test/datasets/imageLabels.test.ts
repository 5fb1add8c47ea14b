import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { openImageLabels } from "../../lib/datasets/imageLabels.js";
import { encodePng } from "../../lib/images/encode.js";
import { noiseImage } from "../pixels/images.js";
import { userMessage } from "../support/failure.js";

describe("images with one class each", () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), "densekit-labels-"));
    const image = await encodePng(noiseImage(4, 4));
    for (const name of ["train/b/1.png", "train/b/deep/er/0.png", "train/a/2.png", "val/x y.png", "val/z.png"]) {
      await mkdir(dirname(join(root, name)), { recursive: true });
      await writeFile(join(root, name), image);
    }
    await mkdir(join(root, "train/empty"));
    await writeFile(join(root, "train/a/notes.txt"), "no image");
  });
  after(() => rm(root, { recursive: true }));

  const listed = async (name: string, text: string, classes?: string[]) => {
    const labels = join(root, name);
    await writeFile(labels, text);
    const dataset = await openImageLabels({ images: join(root, "val"), labels, ...(classes && { classes }) });
    return { classes: dataset.classes, images: dataset.images.map(({ file }, i) => [file, dataset.labels[i]]) };
  };

  it("come from folders, with images at any depth", async () => {
    const dataset = await openImageLabels({ images: join(root, "train") });
    expect(dataset.classes, "a folder without images too").to.deep.equal(["a", "b", "empty"]);
    expect(dataset.images.map(({ file }) => file)).to.deep.equal([
      join("a", "2.png"),
      join("b", "1.png"),
      join("b", "deep", "er", "0.png"),
    ]);
    expect([...dataset.labels]).to.deep.equal([0, 1, 1]);
    expect(await dataset.load(2)).to.include({ label: 1 });
  });

  it("come from CSV, text and JSON lists alike", async () => {
    const images = [
      ["z.png", 1],
      ["x y.png", 0],
    ];
    const expected = { classes: ["cat", "dog"], images };
    expect(await listed("a.csv", "z.png,dog\nx y.png,cat\n")).to.deep.equal(expected);
    expect(await listed("b.csv", '\ufefflabel,file\r\n"dog","z.png"\r\ncat,x y.png\r\n')).to.deep.equal(expected);
    expect(await listed("c.txt", "z.png dog\nx y.png cat\n")).to.deep.equal(expected);
    expect(await listed("d.json", '[{"file":"z.png","label":"dog"},{"file":"x y.png","label":"cat"}]')).to.deep.equal(
      expected,
    );
    expect(await listed("e.json", '{"z.png":"dog","x y.png":"cat"}')).to.deep.equal(expected);
    // Class numbers with names given elsewhere, and a list of labels only, like ImageNet's.
    expect(await listed("f.txt", "z.png 1\nx y.png 0\n", ["cat", "dog"])).to.deep.equal(expected);
    expect(await listed("g.txt", "cat\ndog\n")).to.deep.equal({ ...expected, images: [...images].reverse() });
  });

  it("have folders' names for classes, never their places", async () => {
    const folder = join(root, "train", "b", "deep"); // er
    expect(await userMessage(() => openImageLabels({ images: folder, classes: ["cat", "dog"] }))).to.contain(
      `the class "er" of ${join("er", "0.png")} is none of the 2 (cat, dog)`,
    );
    const numbered = join(root, "numbered");
    await mkdir(join(numbered, "1"), { recursive: true });
    await writeFile(join(numbered, "1", "0.png"), await encodePng(noiseImage(4, 4)));
    expect(await userMessage(() => openImageLabels({ images: numbered, classes: ["cat", "dog"] }))).to.equal(
      `${numbered}: the class "1" of ${join("1", "0.png")} is none of the 2 (cat, dog)`,
    );
  });

  it("name a list's faults, and where they are", async () => {
    const told = (name: string, text: string, classes?: string[]) => userMessage(() => listed(name, text, classes));
    const path = (name: string) => join(root, name);
    expect(await told("h.csv", "z.png,dog\nx y.png\n")).to.equal(
      `${path("h.csv")}, line 2: expected a file and its label, found "x y.png"`,
    );
    expect(await told("i.csv", 'z.png,"dog\n')).to.contain(`${path("i.csv")}: not valid CSV: `);
    expect(await told("j.json", '[{"file":"z.png"}]')).to.equal(
      `${path("j.json")}, [0]: expected { "file": "a.jpg", "label": "name" }`,
    );
    expect(await told("k.json", "{")).to.contain(`${path("k.json")}: not valid JSON: `);
    expect(await told("l.txt", "z.png dog\nz.png cat\n")).to.equal(
      `${path("l.txt")}, line 2: z.png is already listed in line 1`,
    );
    expect(await told("m.txt", "cat\n")).to.contain("1 label without file names, but");
    expect(await told("n.csv", "z.png,dog\ny.png,cat\n")).to.contain(
      `${join(root, "val", "y.png")}: this image of ${path("n.csv")} (image 2) is missing`,
    );
    expect(await told("o.csv", "z.png,dog\nx y.png,cats\n", ["cat", "dog"])).to.equal(
      `${path("o.csv")}: the class "cats" of x y.png is none of the 2 (cat, dog); did you mean "cat"?`,
    );
    expect(await told("q.csv", "z.png,3\nx y.png,2\n", ["1", "3", "5"]), "the third class, by its place").to.equal(
      `${path("q.csv")}: the class "2" of x y.png is none of the 3 (1, 3, 5); did you mean "1"?`,
    );
    expect(await told("r.csv", "z.png,2\nx y.png,0\n", ["cat", "dog"])).to.contain('the class "2" of z.png is none of');
    expect(await told("p.xml", "")).to.contain("a list of labels is a .csv, .txt or .json file");
    expect(await userMessage(() => openImageLabels({ images: join(root, "train/empty") }))).to.equal(
      `${join(root, "train/empty")}: there are no images here; expected a folder for each class`,
    );
  });
});
