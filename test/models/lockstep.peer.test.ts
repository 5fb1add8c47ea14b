import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { requirePython } from "../support/python.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url)); // from dist/test/models
const STEPS = 3;
/** For a loss or the gradient's norm: rounding errors, which grow from step to step. */
const TOLERANCE = 1e-4;
/** For normalised pixels: decoders and resizers round differently. */
const GREY_LEVEL = 0.0176;

const CONFIG = join(ROOT, "examples/quickstart/quickstart.yaml");
const SETTINGS = ["--set", "model.head.mask=false", "--set", "engine.threads=1"];

/** The folder of a recorded training run of a few steps. */
function recorded(options: readonly string[]): string {
  const record = mkdtempSync(join(tmpdir(), "densekit-lockstep-"));
  const script = join(ROOT, "dist/bench/lockstep/record.js");
  const all = [script, CONFIG, "--steps", `${STEPS}`, "--out", record, ...SETTINGS, ...options];
  execFileSync(process.execPath, all, { cwd: ROOT, stdio: "pipe" });
  return record;
}

/** The peer's line for each step of a record, and its whole output. */
function repeated(python: string, record: string, options: readonly string[]): { lines: string[]; told: string } {
  const peer = [join(ROOT, "bench/peers/detection.py"), record, ...options];
  const told = execFileSync(python, peer, { encoding: "utf8", stdio: "pipe" });
  return { told, lines: told.split("\n").filter((line) => line.startsWith("step ")) };
}

describe("a training run of boxes", () => {
  it("takes the same steps as an implementation in PyTorch", function () {
    const python = requirePython(this, ["torch", "torchvision", "safetensors"]);
    this.timeout(300_000);
    const record = recorded(["--train"]);
    try {
      const { lines, told } = repeated(python, record, ["--samples", "recorded"]);
      expect(lines).to.have.length(STEPS);
      for (const line of lines) {
        const apart = [...line.matchAll(/(\w+) [\d.]+ \(([^)]+)\)/g)].map(
          ([, name, by]) => [name, Number(by)] as const,
        );
        expect(apart.map(([name]) => name)).to.deep.equal(["rpnClass", "rpnBox", "boxClass", "box", "gradientNorm"]);
        for (const [name, by] of apart) expect(by, `${name} in ${line}`).to.be.at.most(TOLERANCE);
      }
      expect(told).to.not.contain("the other label").and.to.not.contain("assigned differently");
      for (const [line, ours, of, theirs] of told.matchAll(/(\d+) of (\d+) proposals are missing here, (\d+) of/g)) {
        expect(Math.max(Number(ours), Number(theirs)), line).to.be.at.most(0.01 * Number(of));
      }
    } finally {
      rmSync(record, { recursive: true, force: true });
    }
  });

  it("has the same pixels and boxes as PIL and OpenCV", function () {
    const python = requirePython(this, ["torch", "torchvision", "safetensors", "cv2", "PIL"]);
    this.timeout(300_000);
    const transforms = "data.transforms.train=[{type: resize, scale: [256, 192]}, {type: randomFlip}]";
    const record = recorded(["--set", transforms]);
    try {
      const { told } = repeated(python, record, ["--pixels", "bytes"]);
      const apart = [...told.matchAll(/image values differ by ([\d.]+) at most, boxes by ([\d.]+)/g)];
      expect(apart).to.have.length(STEPS);
      for (const [line, pixels, boxes] of apart) {
        expect(Number(pixels), line).to.be.at.most(GREY_LEVEL);
        expect(Number(boxes), line).to.equal(0);
      }
    } finally {
      rmSync(record, { recursive: true, force: true });
    }
  });
});
