import { expect } from "chai";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import { distillationTargets } from "../../lib/models/classifier/distillation.js";
import { mixBatch } from "../../lib/models/classifier/mixing.js";
import { classifierModel } from "../../lib/models/classifier/model.js";
import { imageLogits, probabilitiesOf } from "../../lib/models/classifier/predictor.js";
import { targetsOf } from "../../lib/models/classifier/targets.js";
import { classifierTrainer } from "../../lib/models/classifier/trainer.js";
import { ParameterValues } from "../../lib/nn/parameters.js";
import { betaOf, Random } from "../../lib/random.js";

const NO_MIXING = { mixup: 0, cutmix: 0, probability: 1, switchProbability: 0.5 };

describe("targets of a classifier", () => {
  it("are smoothed, mixed and weighted as in PyTorch's cross-entropy", () => {
    const rows = (targets: Float32Array) => [...targets].map((x) => Number(x.toFixed(6)));
    expect(rows(targetsOf(Int32Array.of(1, 0), { classes: 2, labelSmoothing: 0.2, own: 1 }))).to.deep.equal([
      0.05, 0.45, 0.45, 0.05,
    ]);
    expect(rows(targetsOf(Int32Array.of(1, 0), { classes: 2, labelSmoothing: 0, own: 0.75 }))).to.deep.equal([
      0.125, 0.375, 0.375, 0.125,
    ]);
    const weighted = { classes: 2, labelSmoothing: 0, own: 1, classWeights: [1, 3] };
    expect(rows(targetsOf(Int32Array.of(1, 0), weighted))).to.deep.equal([0, 0.75, 0.25, 0]);
  });
});

describe("mixing a batch", () => {
  /** Images of a constant value each, [4, 3, 8, 8]. */
  const batch = () => ({
    images: Float32Array.from({ length: 4 * 192 }, (_, i) => Math.floor(i / 192)),
    height: 8,
    width: 8,
  });

  it("by weight keeps the sum of each pair", () => {
    const { images, ...size } = batch();
    const own = mixBatch({ images, ...size }, { ...NO_MIXING, mixup: 0.8 }, Random.of("mix"));
    expect(own).to.be.within(0, 1).and.not.equal(1);
    for (const [i, value] of [0, 1, 2, 3].entries()) {
      expect(images[i * 192]).to.be.closeTo(own * value + (1 - own) * (3 - value), 1e-6);
      expect(new Set(images.subarray(i * 192, (i + 1) * 192)).size).to.equal(1);
    }
  });

  it("by a rectangle swaps it, and returns the share of the image that is left", () => {
    for (let seed = 0; seed < 20; seed++) {
      const { images, ...size } = batch();
      const own = mixBatch({ images, ...size }, { ...NO_MIXING, cutmix: 1 }, Random.of("cut", seed));
      for (const i of [0, 1, 2, 3]) {
        const pixels = images.subarray(i * 192, (i + 1) * 192);
        expect(pixels.filter((value) => value === i).length / 192).to.be.closeTo(own, 1e-12);
        expect(pixels.every((value) => value === i || value === 3 - i)).to.equal(true);
      }
    }
  });

  it("happens for the given share of batches", () => {
    const random = Random.of("share");
    const mixed = Array.from({ length: 400 }, () =>
      mixBatch(batch(), { ...NO_MIXING, mixup: 1, probability: 0.25 }, random),
    ).filter((own) => own < 1);
    expect(mixed.length).to.be.within(70, 130);
    expect(mixBatch(batch(), NO_MIXING, random)).to.equal(1);
  });

  it("draws from a beta distribution: mean 1/2, variance 1 / (4 (2 α + 1))", () => {
    for (const alpha of [0.2, 1, 3]) {
      const random = Random.of("beta", alpha);
      const draws = Array.from({ length: 20_000 }, () => betaOf(alpha, random));
      const mean = draws.reduce((a, b) => a + b, 0) / draws.length;
      const variance = draws.reduce((sum, x) => sum + (x - mean) ** 2, 0) / draws.length;
      expect(mean).to.be.closeTo(0.5, 0.01);
      expect(variance).to.be.closeTo(1 / (4 * (2 * alpha + 1)), 0.004);
    }
  });
});

describe("distillation", () => {
  const logits = Float32Array.of(2, 0, -1, 0.5, 0.5, 3);
  const teacher = { logits: async () => logits, dispose: async () => undefined };
  const batch = {
    kind: "classification",
    images: new Float32Array(),
    height: 0,
    width: 0,
    indices: new Int32Array(),
  } as const;
  const given = { ...batch, meta: [], labels: Int32Array.of(0, 0) };

  it("hard distillation learns the teacher's best class", async () => {
    const options = { teacher, type: "hard", weight: 0.5, temperature: 3 } as const;
    const found = await distillationTargets(given, 3, options);
    expect([...found.teacher]).to.deep.equal([0.25, 0, 0, 0, 0, 0.25]);
    expect(found.entropy).to.equal(0);
  });

  it("mixes a teacher's outputs for unmixed images like the images", async () => {
    const unmixed = { ...teacher, unmixed: true };
    const hard = { teacher: unmixed, type: "hard", weight: 0.5, temperature: 3 } as const;
    expect([...(await distillationTargets(given, 3, hard, 0.75)).teacher]).to.deep.equal([
      ...[0.1875, 0, 0.0625],
      ...[0.0625, 0, 0.1875],
    ]);
    const soft = { teacher: unmixed, type: "soft", weight: 1, temperature: 1 } as const;
    const found = await distillationTargets(given, 3, soft, 0.75);
    const [p, q] = [probabilitiesOf(logits.subarray(0, 3), 1), probabilitiesOf(logits.subarray(3), 1)];
    let entropy = 0;
    for (const k of [0, 1, 2]) {
      const [one, other] = [0.75 * p[k]! + 0.25 * q[k]!, 0.75 * q[k]! + 0.25 * p[k]!];
      expect(found.teacher[k]).to.be.closeTo(one / 6, 1e-7);
      expect(found.teacher[3 + k]).to.be.closeTo(other / 6, 1e-7);
      entropy -= (one * Math.log(one) + other * Math.log(other)) / 6;
    }
    expect(found.entropy).to.be.closeTo(entropy, 1e-6);
    const seen = await distillationTargets(given, 3, { ...hard, teacher }, 0.75); // it saw the mixed images
    expect([...seen.teacher]).to.deep.equal([0.25, 0, 0, 0, 0, 0.25]);
  });

  it("soft distillation is the Kullback–Leibler divergence, scaled as in DeiT", async () => {
    const [temperature, weight] = [3, 0.7];
    const found = await distillationTargets(given, 3, { teacher, type: "soft", weight, temperature });
    const student = [Float32Array.of(0, 1, 2), Float32Array.of(1, 1, -1)];
    let loss = -found.entropy;
    let expected = 0;
    for (const [i, row] of student.entries()) {
      const p = probabilitiesOf(logits.subarray(3 * i, 3 * i + 3), temperature);
      const q = probabilitiesOf(row, temperature);
      for (const k of [0, 1, 2]) {
        loss -= found.teacher[3 * i + k]! * Math.log(q[k]!);
        expected += (weight * temperature ** 2 * p[k]! * Math.log(p[k]! / q[k]!)) / 6;
      }
    }
    expect(loss).to.be.closeTo(expected, 1e-6);
    expect(expected).to.be.above(0.1);
  });
});

describe("a classifier's training step", function () {
  this.timeout(60_000);
  const model = classifierModel(
    {
      ...{ type: "efficientformer", variant: "nano", dropPath: 0, layerScaleInit: 0.1, attentionBias: "zeros" },
      ...{ frozenStages: 0, batchNorm: "evaluation" },
    },
    3,
  );
  const values = new ParameterValues(model.parameters);
  values.initialise((name) => Random.of("step", name));
  const engine = onnxRuntimeEngine();
  const random = Random.of("images");
  const meta = [0, 1].map((id) => ({
    ...{ id, file: `${id}`, originalWidth: 32, originalHeight: 32, width: 32, height: 32, flipped: false },
    scaleFactor: [1, 1] as const,
  }));
  const batch = () => ({
    ...{ kind: "classification" as const, height: 32, width: 32, indices: Int32Array.of(0, 1), meta },
    images: Float32Array.from({ length: 2 * 3 * 32 * 32 }, () => random.normal()),
    labels: Int32Array.of(2, 0),
  });

  it("has the loss of its logits, and the gradients of that loss", async () => {
    const options = { engine, model, values, labelSmoothing: 0, mixing: NO_MIXING };
    const trainer = classifierTrainer({ ...options, normMode: () => "running", frozen: () => false });
    const given = batch();
    const predictor = imageLogits({ model, values, engine, folded: false });
    const rows = await predictor.predict(given);
    const loss = rows.reduce((sum, row, i) => sum - Math.log(probabilitiesOf(row)[given.labels[i]!]!) / 2, 0);
    expect((await trainer.losses(given, Random.of("x"))).class).to.be.closeTo(loss, 1e-5);

    const gradients = new Float32Array(values.flat.length);
    const before = await trainer.step(given, { random: Random.of("a"), gradients });
    const norm = gradients.reduce((sum, g) => sum + g * g, 0);
    expect(norm).to.be.above(0);
    // A small step against the gradient lowers the loss by the slope times the step.
    const step = 1e-3 / Math.sqrt(norm);
    for (const [i, gradient] of gradients.entries()) values.flat[i]! -= step * gradient;
    const after = await trainer.step(given, { random: Random.of("a"), gradients: new Float32Array(gradients.length) });
    for (const [i, gradient] of gradients.entries()) values.flat[i]! += step * gradient;
    expect((before.class! - after.class!) / (step * norm)).to.be.closeTo(1, 0.1);
    await trainer.dispose();
    await predictor.dispose();
  });
});
