import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { countPresent, setWork } from "../../lib/datasets/work.js";
import { UserError } from "../../lib/errors.js";

/** The budget left before work is refused, to a hundredth. */
function room(work: ReturnType<typeof setWork>): number {
  for (let spent = 0; ; spent += 1e6) {
    if (spent > 1e11) return spent;
    try {
      work.spend(1e6, "object");
    } catch (error) {
      expect(error).to.be.instanceOf(UserError);
      return spent;
    }
  }
}

describe("the work limit on the masks of a data set", () => {
  afterEach(() => {
    delete process.env.DENSEKIT_MAX_WORK;
  });

  it("grows with its files and images, whose sizes are read once when needed", () => {
    const base = room(setWork());
    const withFile = setWork();
    withFile.addFile(450e6);
    // COCO's training set: 860,000 objects in 450 MB, outlines of about 300 columns and 30 points.
    expect(room(withFile)).to.be.greaterThan(860_000 * (150 + 8 * 30 + 6 * 300));
    const withImages = setWork();
    for (let i = 0; i < 100; i++) withImages.addImage();
    withImages.addImage({ width: 4000, height: 3000 });
    expect(room(withImages)).to.be.greaterThan(base + 100 * 3e6 + 2e7);
    let asked = 0;
    const lazy = setWork(() => {
      asked++;
      return 1000;
    });
    lazy.spend(1e6, "object");
    expect(asked).to.equal(0);
    expect(room(lazy)).to.be.greaterThan(base + 1000 * 3e6);
    expect(asked).to.equal(1);
    expect(lazy.isSpent).to.equal(true);
  });

  it("is reported with the object's name and advice; the environment may set another limit", () => {
    const work = setWork();
    expect(() => work.spend(9e7, "a.json: annotation 7")).to.throw(
      UserError,
      "a.json: annotation 7: up to here there is more work than allowed for a file of this size and its images (90 of 80 " +
        "million units): its objects are very large, or very many; split the file, or, if this is intended, set the " +
        "environment variable DENSEKIT_MAX_WORK=900000000",
    );
    process.env.DENSEKIT_MAX_WORK = "900000000";
    const wider = setWork();
    wider.spend(9e8, "object");
    expect(() => wider.spend(1, "object")).to.throw(UserError);
    process.env.DENSEKIT_MAX_WORK = "much";
    expect(() => setWork()).to.throw(
      UserError,
      'the environment variable DENSEKIT_MAX_WORK must be a number of units, not "much"',
    );
  });

  it("counts each existing image once", () => {
    const folder = mkdtempSync(join(tmpdir(), "densekit-work-"));
    try {
      writeFileSync(join(folder, "a.png"), "");
      writeFileSync(join(folder, "b.png"), "");
      expect(countPresent(folder, ["a.png", "a.png", "b.png", "c.png", "d\0.png"])).to.equal(2);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
