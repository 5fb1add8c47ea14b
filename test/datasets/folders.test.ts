import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { findMissing } from "../../lib/datasets/folders.js";

describe("missing images", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "densekit-folders-"));
    await mkdir(join(folder, "sub"));
    for (const name of ["a.png", "U\u0308bung.png", "per%20cent.png", "sub/b.png", "brackets[1].png"]) {
      await writeFile(join(folder, name), "");
    }
  });
  after(() => rm(folder, { recursive: true }));

  const hintFor = async (file: string) => (await findMissing(folder, [{ id: 1, file }]))[0]?.hint;

  it("are reported with what was probably meant", async () => {
    for (const found of ["a.png", "./sub//b.png", "brackets[1].png", "U\u0308bung.png"]) {
      expect(await hintFor(found), found).to.equal(undefined);
    }
    for (const [file, hint] of [
      ["A.PNG", /^there is a\.png$/],
      [
        "\u00dcbung.png",
        /which looks the same: its accents are decomposed \(NFD\), those of the annotation composed \(NFC\)/,
      ],
      ["per cent.png", /^there is per%20cent\.png$/],
      ["sub\\b.png", /^there is sub\/b\.png: separate folders with \/, not \\$/],
      ["/data/a.png", /^the name is absolute; it must be relative to the images folder$/],
      ["C:\\data\\a.png", /^the name is absolute; /],
      ["http://images.cocodataset.org/val2017/a.png", /^the name is a URL; /],
      ["nosub/a.png", /^there is no folder .*nosub$/],
      ["other.png", /^check the images folder$/],
    ] as const) {
      expect(await hintFor(file), file).to.match(hint);
    }
  });

  it("in a folder that is missing do not hide others", async () => {
    const files = ["nosub/a.png", "other.png", "a.png", "sub/c.png"];
    const missing = await findMissing(
      folder,
      files.map((file, id) => ({ id, file })),
    );
    expect(missing.map(({ file }) => file)).to.deep.equal(["nosub/a.png", "other.png", "sub/c.png"]);
  });
});
