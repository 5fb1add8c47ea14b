import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { backboneTitle } from "../lib/backbones/index.js";
import { TASKS } from "../lib/config/schema.js";
import { GRID_STEPS, gridConfig, gridOfBackbones, trainGrid, writeGridData } from "../test/support/grid.js";

/*
 * Trains every variant of every backbone for each task on the photographs of the quick start, a few steps on small images, and
 * prints a row of Markdown for each: the loss at the start and at the end.
 *
 *   npm run grid -- [--task detection] [--backbone "ResNet-50"] [--smallest]
 */

const { values } = parseArgs({
  options: {
    task: { type: "string", multiple: true },
    backbone: { type: "string", multiple: true },
    smallest: { type: "boolean" },
  },
});

const folder = mkdtempSync(join(tmpdir(), "densekit-grid-"));
try {
  await writeGridData(folder);
  console.log(`| backbone | task | loss, first of ${GRID_STEPS} steps | last | s per step |`);
  console.log("| --- | --- | --- | --- | --- |");
  const families = gridOfBackbones();
  const rounds = Math.max(...families.map((variants) => variants.length));
  let rose = 0;
  for (let round = 0; round < (values.smallest === true ? 1 : rounds); round++) {
    for (const backbone of families.flatMap((variants) => variants.slice(round, round + 1))) {
      const title = backboneTitle(backbone);
      if (values.backbone?.includes(title) === false) continue;
      for (const task of TASKS.filter((name) => values.task?.includes(name) !== false)) {
        const { first, last, secondsPerStep } = await trainGrid(gridConfig(task, backbone, folder));
        if (!(last < first)) rose++;
        console.log(`| ${title} | ${task} | ${first.toFixed(3)} | ${last.toFixed(3)} | ${secondsPerStep.toFixed(2)} |`);
      }
      rmSync(join(folder, "runs"), { recursive: true, force: true });
    }
  }
  if (rose > 0) throw new Error(`the loss did not fall ${rose} times`);
} finally {
  rmSync(folder, { recursive: true });
}
