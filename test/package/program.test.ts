import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url)); // from dist/test/package

describe("the example of a program", function () {
  this.timeout(300_000);
  const output = join(tmpdir(), `densekit-program-${process.pid}`);
  after(() => rmSync(output, { recursive: true, force: true }));

  it("trains with a transform and a hook of its own, predicts and exports, in 40 lines", () => {
    const lines = readFileSync(join(ROOT, "examples/program/program.ts"), "utf8").trimEnd().split("\n");
    expect(lines.length).to.be.at.most(42);
    const script = join(ROOT, "dist/examples/program/program.js");
    const changes = ["training.steps=2", "training.evaluateEvery=1", "data.val.limit=2", `output=${output}`];
    const { stdout, stderr, status } = spawnSync(process.execPath, [script, ...changes], {
      cwd: ROOT,
      encoding: "utf8",
    });
    expect(`${status} ${stderr}`).to.equal("0 ");
    expect(stdout).to.match(/^step 1 of 2: box AP 0\.\d{3}\nstep 2 of 2: box AP 0\.\d{3}\n/);
    expect(stdout).to.contain("exported ");
    expect(readFileSync(join(output, "config.yaml"), "utf8")).to.contain("type: grain");
    expect(JSON.parse(readFileSync(join(output, "found.json"), "utf8"))).to.be.an("array");
    for (const file of ["found.jpg", "model.onnx"]) expect(statSync(join(output, file)).size).to.be.above(1000);
  });
});
