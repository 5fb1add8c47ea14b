import { expect } from "chai";
import type { ClassificationBatch, SegmentationBatch } from "../../lib/datasets/loader/batch.js";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import { gradients, input, mul, scalar, softmaxCrossEntropy, sum, type Value } from "../../lib/graph/index.js";
import { focal } from "../../lib/heads/losses/focal.js";
import { classLossOf } from "../../lib/heads/losses/index.js";
import type { ClassDecisions } from "../../lib/heads/losses/loss.js";
import type { ClassifierModel } from "../../lib/models/classifier/model.js";
import { classifierTrainer } from "../../lib/models/classifier/trainer.js";
import { boxInputs } from "../../lib/models/maskRcnn/targets.js";
import type { SemanticFpn } from "../../lib/models/semanticFpn/model.js";
import { semanticTrainer } from "../../lib/models/semanticFpn/trainer.js";
import type { Context } from "../../lib/nn/context.js";
import { type Parameter, ParameterValues } from "../../lib/nn/parameters.js";
import { Random } from "../../lib/random.js";

const engine = onnxRuntimeEngine();
const GAMMAS = [0, 0.5, 1, 2, 3.5];

const focalLoss = (gamma: number | undefined) =>
  gamma === undefined ? undefined : classLossOf({ type: "focal", gamma });

/** (1 − p)^γ · −log p of each class, in double precision. */
function focalOf(logits: readonly number[], gamma = 0): number[] {
  const most = Math.max(...logits);
  const all = logits.reduce((total, x) => total + Math.exp(x - most), 0);
  return logits.map((x) => {
    const logP = x - most - Math.log(all);
    return (1 - Math.exp(logP)) ** gamma * -logP;
  });
}

/** Central differences of a function of many numbers. */
function slopes(at: readonly number[], of: (x: readonly number[]) => number, step = 1e-5): number[] {
  return at.map((_, i) => {
    const moved = (by: number) => of(at.map((value, j) => (i === j ? value + by : value)));
    return (moved(step) - moved(-step)) / (2 * step);
  });
}

const expectNear = (found: ArrayLike<number>, wanted: readonly number[], tolerance = 2e-5): void => {
  for (const [i, value] of wanted.entries())
    expect(found[i], `${i}`).to.be.closeTo(value, tolerance * (1 + Math.abs(value)));
};

describe("the focal loss", () => {
  const [n, k] = [6, 4];
  const random = Random.of("focal");
  const logits = Array.from({ length: n * k }, () => 3 * random.normal());
  const labels = Int32Array.from({ length: n }, () => random.integer(k));
  const weights = Float32Array.from({ length: n }, () => random.next());
  const row = (x: readonly number[], i: number) => x.slice(i * k, (i + 1) * k);
  const graph = (gamma: number) => {
    const x = input("x", [n, k, 1]);
    const perRow = focal(softmaxCrossEntropy(x, input("labels", [n, 1], "int32")), gamma);
    const loss = sum(mul(perRow, input("weights", [n, 1])));
    return { loss, gradient: gradients(loss, [x])[0]! };
  };
  const run = async (outputs: Readonly<Record<string, Value>>, x: readonly number[], given = { labels, weights }) => {
    const program = await engine.compile(outputs);
    try {
      return (await program.run({ x: Float32Array.from(x), ...given })) as Readonly<Record<string, Float32Array>>;
    } finally {
      await program.dispose();
    }
  };

  for (const gamma of GAMMAS) {
    it(`has the paper's values and the slopes of them, γ = ${gamma}`, async () => {
      const wanted = (x: readonly number[]) =>
        Array.from(labels).reduce((total, label, i) => total + weights[i]! * focalOf(row(x, i), gamma)[label]!, 0);
      const found = await run(graph(gamma), logits);
      expectNear(found.loss!, [wanted(logits)]);
      expectNear(found.gradient!, slopes(logits, wanted), 1e-4);
    });
  }

  it("is the cross-entropy itself without γ", () => {
    const x = softmaxCrossEntropy(input("x", [n, k, 1]), input("labels", [n, 1], "int32"));
    expect(focal(x, 0)).to.equal(x);
  });

  it("stays finite for the certain, the certainly wrong, and where there is no class", async () => {
    const extreme = [500, -500, 0, 0, -500, 500, 0, 0, ...Array(k * (n - 2)).fill(-400)];
    const given = { labels: Int32Array.of(0, 0, 9, 9, 9, 9), weights: Float32Array.of(1, 1, 0, 0, 0, 0) };
    for (const gamma of [0.5, 2]) {
      const { loss, gradient } = await run(graph(gamma), extreme, given);
      expectNear(loss!, [1000]); // the first costs nothing
      expect(Array.from(gradient!).every(Number.isFinite), `${gradient}`).to.equal(true);
      expect(gradient![4]).to.be.closeTo(-1, 1e-5);
    }
  });
});

/** A model whose output is its only parameter. */
function constantModel(shape: readonly number[], start: readonly number[]) {
  const parameter: Parameter = { name: "x", shape: [...shape], role: "weight", initialise: () => {} };
  const values = new ParameterValues([parameter]);
  values.flat.set(start);
  const options = { values, engine, normMode: () => "batch" as const, frozen: () => false };
  return { parameters: [parameter], options, forward: (_: Value, context: Context) => context.value(parameter) };
}

const stepOptions = (size: number) => ({ random: Random.of(1), gradients: new Float32Array(size) });

describe("weights of classes", () => {
  it("count in a label map's loss, focal or not", async () => {
    const random = Random.of("map");
    const [classes, small, side] = [3, 2, 4];
    const start = Array.from({ length: classes * small * small }, () => 2 * random.normal());
    const labels = Uint8Array.from({ length: side * side }, (_, i) => (i % 5 === 4 ? 255 : random.integer(classes)));
    const valid = labels.filter((label) => label !== 255).length;
    const batch: SegmentationBatch = {
      kind: "segmentation",
      images: new Float32Array(3 * side * side),
      height: side,
      width: side,
      indices: Int32Array.of(0),
      meta: [],
      labels,
      labelMaps: [],
    };
    // Bilinear by two with half-pixel centres: 3/4 of the nearer and 1/4 of the other pixel, the edge repeated.
    const enlarged = (x: readonly number[], c: number, py: number, px: number): number => {
      const ends = (p: number) => {
        const at = Math.min(Math.max((p + 0.5) / 2 - 0.5, 0), small - 1);
        const low = Math.floor(at);
        return [low, Math.min(low + 1, small - 1), at - low] as const;
      };
      const [[y0, y1, v], [x0, x1, u]] = [ends(py), ends(px)];
      const get = (yy: number, xx: number) => x[(c * small + yy) * small + xx]!;
      return (1 - v) * ((1 - u) * get(y0, x0) + u * get(y0, x1)) + v * ((1 - u) * get(y1, x0) + u * get(y1, x1));
    };
    for (const [classWeights, focalGamma] of [
      [undefined, 2],
      [[1, 3, 0.5], undefined],
      [[1, 3, 0.5], 1.5],
    ] as const) {
      const wanted = (weighted: readonly number[] | undefined) => (x: readonly number[]) => {
        let total = 0;
        for (const [i, label] of labels.entries()) {
          if (label === 255) continue;
          const own = Array.from({ length: classes }, (_, c) => enlarged(x, c, Math.floor(i / side), i % side));
          total += ((weighted?.[label] ?? 1) * focalOf(own, focalGamma)[label]!) / valid;
        }
        return total;
      };
      const { options, ...model } = constantModel([1, classes, small, small], start);
      const trainer = semanticTrainer({
        ...options,
        model: { ...model, classes } as unknown as SemanticFpn,
        averageOverAllPixels: false,
        classWeights,
        classLoss: focalLoss(focalGamma),
      });
      const given = stepOptions(start.length);
      const { loss } = await trainer.step(batch, given);
      expectNear([loss!], [wanted(classWeights)(start)]);
      expectNear(given.gradients, slopes(start, wanted(classWeights)), 1e-4);
      // Validation tells the loss of every pixel.
      expectNear([(await trainer.losses(batch, Random.of(1))).loss!], [wanted(undefined)(start)]);
      await trainer.dispose();
    }
  });

  it("count in a classifier's focal loss", async () => {
    const random = Random.of("classes");
    const [images, classes] = [4, 3];
    const start = Array.from({ length: images * classes }, () => 2 * random.normal());
    const labels = Int32Array.of(0, 2, 1, 2);
    const classWeights = [2, 1, 0.5];
    const weight = labels.reduce((total, label) => total + classWeights[label]!, 0);
    const wanted = (x: readonly number[]) =>
      Array.from(labels).reduce((total, label, i) => {
        const losses = focalOf(x.slice(i * classes, (i + 1) * classes), 2);
        return (
          total +
          losses.reduce(
            (sum, loss, c) => sum + (classWeights[c]! * (0.1 / 3 + (c === label ? 0.9 : 0)) * loss) / weight,
            0,
          )
        );
      }, 0);
    const { options, ...model } = constantModel([images, classes], start);
    const trainer = classifierTrainer({
      ...options,
      model: { ...model, classes } as unknown as ClassifierModel,
      labelSmoothing: 0.1,
      classWeights,
      classLoss: focalLoss(2),
      mixing: { mixup: 0, cutmix: 0, probability: 1, switchProbability: 0.5 },
    });
    const side = 2;
    const batch: ClassificationBatch = {
      kind: "classification",
      images: new Float32Array(images * 3 * side * side),
      height: side,
      width: side,
      indices: Int32Array.of(0, 1, 2, 3),
      meta: [],
      labels,
    };
    const given = stepOptions(start.length);
    expectNear([(await trainer.step(batch, given)).class!], [wanted(start)]);
    expectNear(given.gradients, slopes(start, wanted), 1e-4);
    await trainer.dispose();
  });

  it("and a loss may be computed from scores and right classes", async () => {
    const random = Random.of("own");
    const [images, classes] = [3, 4];
    const start = Array.from({ length: images * classes }, () => 2 * random.normal());
    const batch: ClassificationBatch = {
      kind: "classification",
      images: new Float32Array(images * 3),
      height: 1,
      width: 1,
      indices: Int32Array.of(0, 1, 2),
      meta: [],
      labels: Int32Array.of(3, 0, 1),
    };
    const found = [];
    for (const classLoss of [
      undefined,
      ({ crossEntropy }: ClassDecisions) => mul(crossEntropy, scalar(1)),
      ({ logits, labels }: ClassDecisions) => softmaxCrossEntropy(logits, labels),
    ]) {
      const { options, ...model } = constantModel([images, classes], start);
      const trainer = classifierTrainer({
        ...options,
        model: { ...model, classes } as unknown as ClassifierModel,
        labelSmoothing: 0.2,
        classLoss,
        mixing: { mixup: 0, cutmix: 0, probability: 1, switchProbability: 0.5 },
      });
      const given = stepOptions(start.length);
      const loss = (await trainer.step(batch, given)).class!;
      found.push([loss, ...given.gradients]);
      await trainer.dispose();
    }
    for (const other of found.slice(1)) expectNear(other, found[0]!);
  });

  it("count for the regions of a box head, whose background has 1", () => {
    const targets = {
      rois: new Float32Array(16),
      positives: 2,
      labels: Int32Array.of(1, 0, 2, 2),
      deltas: new Float32Array(8),
      matched: Int32Array.of(0, 1),
    };
    const layout = { places: 5, classes: 2, levels: 4, finestScale: 56 };
    expect(Array.from(boxInputs([targets], layout).weights)).to.deep.equal([0.25, 0.25, 0.25, 0.25, 0]);
    const { weights, deltaWeights } = boxInputs([targets], { ...layout, classWeights: [2, 0.5] });
    expect(Array.from(weights)).to.deep.equal([0.125, 0.5, 0.25, 0.25, 0]);
    expect(Array.from(deltaWeights), "boxes count as before").to.deep.equal([0.25, 0.25, 0, 0, 0]);
  });
});
