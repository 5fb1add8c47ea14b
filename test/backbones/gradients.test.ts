import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { makeClassifier } from "../../lib/backbones/index.js";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import { gradients, input, mean, reshape, softmaxCrossEntropy, type Value, zeros } from "../../lib/graph/index.js";
import { Context } from "../../lib/nn/context.js";
import { ParameterList } from "../../lib/nn/parameters.js";
import { integers, parameterValue, uniform } from "../../tools/prng.js";
import { backboneConfig } from "../support/backboneGoldens.js";
import { readJson } from "../support/goldens.js";

interface Sampled {
  readonly name: string;
  readonly shape: readonly number[];
  readonly mean: number;
  readonly norm: number;
  readonly values: readonly number[];
}

/** What bench/peers/gradients.py writes: a training step of a published classifier. */
interface Golden {
  readonly config: object;
  readonly gains: Readonly<Record<string, number>>;
  readonly shape: readonly [number, number, number, number];
  readonly loss: number;
  readonly gradients: readonly Sampled[];
  readonly statistics: readonly Sampled[];
}

const PREFIX = "golden"; // as in the script
const CLASSES = 1000;
const FOLDER = fileURLToPath(new URL("../../../test/backbones/gradients/", import.meta.url)); // from dist/test/backbones
const TOLERANCE = 1e-3;

const lengthOf = (values: Iterable<number>): number => {
  let squares = 0;
  for (const x of values) squares += x * x;
  return Math.sqrt(squares);
};

/**
 * Compares the norm, and the recorded elements as a vector, with a tolerance relative to their own lengths; where these few
 * elements are zeros, relative to the average length of as many elements.
 */
function expectSampled(actual: ArrayLike<number>, { name, norm, values }: Sampled): void {
  const all = Array.from(actual);
  expect(lengthOf(all), `norm of ${name}`).to.be.closeTo(norm, TOLERANCE * norm);
  const picked = Array.from(integers(`${PREFIX}:${name}`, values.length, all.length), (i) => all[i]!);
  const apart = lengthOf(picked.map((x, i) => x - values[i]!));
  const scale = Math.max(lengthOf(values), norm * Math.sqrt(values.length / all.length));
  expect(apart / scale, `${name}: ${picked} for ${values}`).to.be.at.most(TOLERANCE);
}

describe("a training step of a classifier", function () {
  this.timeout(120_000);
  for (const file of readdirSync(FOLDER)) {
    it(`of ${file.replace(/\.json$/, "")} has PyTorch's loss, gradients and batch statistics`, async () => {
      const golden = readJson<Golden>(FOLDER + file);
      const list = new ParameterList();
      const classifier = makeClassifier(list.scope(), backboneConfig.parse(golden.config), {
        imageSide: 224,
        classes: CLASSES,
      });
      const { shape } = golden;
      const context = Context.training();
      const logits = classifier.forward(input("images", shape), context);
      const labels = input("labels", [shape[0], 1], "int32");
      const loss = mean(softmaxCrossEntropy(reshape(logits, [shape[0], CLASSES, 1]), labels), { axes: [0, 1] });
      const trained = list.all.filter(({ role }) => role !== "buffer");
      const found = gradients(
        loss,
        trained.map((parameter) => context.value(parameter)),
      );
      const outputs: Record<string, Value> = { loss };
      // Without a gradient the loss does not depend on it, so the golden values must be zero.
      for (const [i, { name, shape: own }] of trained.entries()) outputs[`gradient ${name}`] = found[i] ?? zeros(own);
      for (const { buffer, value } of context.updates) outputs[`statistic ${buffer.name}`] = value;
      const program = await onnxRuntimeEngine().compile(outputs);
      const weights = list.all.map(({ name, shape: own }) => {
        const gain = Object.entries(golden.gains).find(([end]) => name.endsWith(end))?.[1] ?? 1;
        return [name, parameterValue(PREFIX, name, own)!.map((x) => gain * x)] as const;
      });
      const pixels = shape.reduce((a, b) => a * b, 1);
      const results = await program.run({
        ...Object.fromEntries(weights),
        images: uniform(`${PREFIX}:images`, pixels, -2, 2),
        labels: integers(`${PREFIX}:labels`, shape[0], CLASSES),
      });
      await program.dispose();
      expect(results.loss![0]).to.be.closeTo(golden.loss, 1e-4 * golden.loss);
      expect(golden.gradients.map(({ name }) => name)).to.have.members(trained.map(({ name }) => name));
      const statistics = context.updates.map(({ buffer }) => buffer.name);
      expect(golden.statistics.map(({ name }) => name)).to.have.members(statistics);
      const whole = lengthOf(golden.gradients.map(({ norm }) => norm));
      for (const each of golden.gradients) {
        const actual = results[`gradient ${each.name}`]!;
        // No loss depends on a bias before a norm or a softmax: both sides have noise there.
        if (each.norm < 1e-12 * whole) expect(lengthOf(actual), each.name).to.be.at.most(1e-5 * whole);
        else expectSampled(actual, each);
      }
      for (const each of golden.statistics) expectSampled(results[`statistic ${each.name}`]!, each);
    });
  }
});
