import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { LIMITS, overLimit } from "../../tools/fuzz/limits.js";
import { measuredCommand } from "../support/commandCost.js";
import { HOSTILE_SETS } from "../support/hostileAnnotations.js";

/** The cost includes the program and its libraries, in a process of its own. */
describe("hostile annotation files below 5 MB", function () {
  this.timeout(300_000);
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "densekit-hostile-sets-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  for (const [name, { write, runs }] of Object.entries(HOSTILE_SETS)) {
    it(`are read or refused within the limits: ${name}`, async () => {
      await write(folder);
      for (const { args, code, says } of runs) {
        const line = args(folder);
        const { stdout, stderr, cost, code: ended } = await measuredCommand(line);
        const told = `${line.slice(0, 2).join(" ")}: ${stdout.slice(0, 1000)} … ${stderr.slice(-1000)}`;
        if (cost === undefined) throw new Error(`not finished within the limits of time and memory: ${told}`);
        expect(overLimit(LIMITS, cost), told).to.equal(undefined);
        expect(ended, told).to.equal(code);
        expect(says.test(stdout + stderr), `${says}: ${told}`).to.equal(true);
        expect(stderr).to.not.match(/\n\s+at .*:\d+:\d+/);
      }
    });
  }
});
