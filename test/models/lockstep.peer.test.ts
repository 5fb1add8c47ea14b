import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { requirePython } from "../support/python.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url)); // from dist/test/models
const STEPS = 3;
/** Of a loss or of the gradient's norm: rounding, which grows from step to step. */
const TOLERANCE = 1e-4;

describe("a training of boxes", () => {
  it("takes the steps of one written in PyTorch by the same rules", function () {
    const python = requirePython(this, ["torch", "torchvision", "safetensors"]);
    this.timeout(300_000);
    const record = mkdtempSync(join(tmpdir(), "densekit-lockstep-"));
    try {
      const config = join(ROOT, "examples/quickstart/quickstart.yaml");
      const script = join(ROOT, "dist/bench/lockstep/record.js");
      const settings = ["--set", "model.head.mask=false", "--set", "engine.threads=1"];
      const options = ["--train", "--steps", `${STEPS}`, "--out", record, ...settings];
      execFileSync(process.execPath, [script, config, ...options], { cwd: ROOT, stdio: "pipe" });
      const peer = [join(ROOT, "bench/peers/detection.py"), record, "--samples", "recorded"];
      const told = execFileSync(python, peer, { encoding: "utf8", stdio: "pipe" });
      const lines = told.split("\n").filter((line) => line.startsWith("step "));
      expect(lines).to.have.length(STEPS);
      for (const line of lines) {
        const apart = [...line.matchAll(/(\w+) [\d.]+ \(([^)]+)\)/g)].map(
          ([, name, by]) => [name, Number(by)] as const,
        );
        expect(apart.map(([name]) => name)).to.deep.equal(["rpnClass", "rpnBox", "boxClass", "box", "gradientNorm"]);
        for (const [name, by] of apart) expect(by, `${name} in ${line}`).to.be.at.most(TOLERANCE);
      }
      expect(told).to.not.contain("of the other kind").and.to.not.contain("assigned otherwise");
    } finally {
      rmSync(record, { recursive: true, force: true });
    }
  });
});
