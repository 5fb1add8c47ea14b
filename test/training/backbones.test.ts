import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { backboneTitle } from "../../lib/backbones/index.js";
import { TASKS } from "../../lib/config/schema.js";
import { GRID_STEPS, gridConfig, gridOfBackbones, trainGrid, writeGridData } from "../support/grid.js";

// `npm run grid` does the same for every variant.
describe(`in ${GRID_STEPS} steps on photographs the loss falls`, function () {
  this.timeout(600_000); // seconds each; on a machine with ten times the work it can do, minutes
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "backbones-"));
    await writeGridData(folder);
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const [smallest] of gridOfBackbones()) {
    for (const task of TASKS) {
      it(`of ${backboneTitle(smallest!)}, ${task}`, async () => {
        const { first, last } = await trainGrid(gridConfig(task, smallest!, folder));
        expect(last, `first ${first}`).to.be.below(0.85 * first);
      });
    }
  }
});
