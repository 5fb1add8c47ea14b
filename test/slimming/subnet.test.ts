import { expect } from "chai";
import { backboneTitle, makeBackbone, makeClassifier } from "../../lib/backbones/index.js";
import type { Engine } from "../../lib/engines/engine.js";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import { gradients, input, mul, sizeOf, sum, type Value } from "../../lib/graph/index.js";
import { Context } from "../../lib/nn/context.js";
import { ParameterList, type ParameterScope, ParameterValues } from "../../lib/nn/parameters.js";
import { Random } from "../../lib/random.js";
import { type Architecture, architectureOf, nameOf, sizeOfArchitecture } from "../../lib/slimming/architecture.js";
import { keptOf } from "../../lib/slimming/kept.js";
import { imitateSubnet, subnetWeights } from "../../lib/slimming/subnet.js";
import { uniform } from "../../tools/prng.js";
import { backboneConfig } from "../support/backboneGoldens.js";
import { userMessage } from "../support/failure.js";
import { expectClose, expectWithin, fillFromPrng } from "../support/tensors.js";

const SIZE = { widths: [32, 48, 48, 64], depths: [2, 1, 3, 2], attentionBlocks: 4 } as const;
const SHAPE = [2, 3, 64, 96];
const IMAGES = uniform("subnet:images", sizeOf(SHAPE), -2, 2);

type Forward = (x: Value, context: Context) => readonly Value[];
type Make = (scope: ParameterScope, config: ReturnType<typeof backboneConfig.parse>) => Forward;

const MAKE: Readonly<Record<string, Make>> = {
  dense: (scope, config) => makeBackbone(scope, config, { imageSide: 128 }).forward,
  classifier: (scope, config) => makeClassifier(scope, config, { imageSide: 224, classes: 5 }).forwardHeads!,
};

function made(make: Make, type: string, size: object) {
  const list = new ParameterList();
  const forward = make(list.scope("backbone"), backboneConfig.parse({ type, size }));
  return { forward, values: new ParameterValues(list.all) };
}

/** A supernet with weights, layer scales and running statistics of order 1, and α and τ as after training. */
function supernet(make: Make) {
  const { forward, values } = made(make, "efficientformerSupernet", SIZE);
  const isOwn = (name: string) => /\.(alpha\.\d\.\d|temperature|kept\.\d)$/.test(name);
  fillFromPrng(
    values,
    values.parameters.filter(({ name }) => !isOwn(name)),
    "subnet",
  );
  for (const { name } of values.buffers.filter((buffer) => isOwn(buffer.name))) values.view(name).fill(1);
  for (const { name, shape } of values.trainable.filter(({ role }) => role === "alpha")) {
    values.view(name).set(uniform(`subnet:${name}`, shape[0]!, -0.5, 0.5));
  }
  return { forward, values };
}

interface Model {
  readonly forward: Forward;
  readonly values: ParameterValues;
}

/** A model's outputs in inference mode. */
async function answers(engine: Engine, { forward, values }: Model): Promise<Float32Array[]> {
  const outputs = forward(input("x", SHAPE), Context.inference(values));
  const program = await engine.compile(Object.fromEntries(outputs.map((output, i) => [`${i}`, output])));
  const found = await program.run({ x: IMAGES });
  await program.dispose();
  return outputs.map((_, i) => found[`${i}`] as Float32Array);
}

/** The network of an architecture by itself, with weights from the supernet. */
function subnet(make: Make, values: ParameterValues, architecture: Architecture): Model {
  const own = made(make, "efficientformer", sizeOfArchitecture(architecture));
  const weights = subnetWeights(values, SIZE, architecture);
  expect([...weights].map(([name, { shape }]) => [name, shape])).to.have.deep.members(
    own.values.parameters.map(({ name, shape }) => [name, shape]),
  );
  for (const [name, { data }] of weights) own.values.view(name).set(data as Float32Array);
  return own;
}

/** Architectures that drop any blocks, have attention from any block on, and are narrower in any stage. */
function someArchitectures(count: number): Architecture[] {
  const random = Random.of("subnet", "architectures");
  const full = architectureOf(SIZE);
  return Array.from({ length: count }, () => {
    const attending = random.integer(SIZE.attentionBlocks + 1);
    const whole = architectureOf({ ...SIZE, attentionBlocks: attending });
    const paths = whole.paths.map((stage) => {
      const left = random.integer(stage.length);
      return stage.map((path, block) => (block !== left && random.next() < 0.5 ? "identity" : path));
    });
    const widths = full.widths.map((width) => 16 * (1 + random.integer(width / 16))) as [
      number,
      number,
      number,
      number,
    ];
    return { widths, paths };
  });
}

describe("networks of a supernet", () => {
  const engine = onnxRuntimeEngine();

  for (const [what, make] of Object.entries(MAKE)) {
    it(`${what}: with one choice each, it is the EfficientFormer of those blocks, to 1e-6`, async () => {
      const { forward, values } = supernet(make);
      const architecture = architectureOf(SIZE);
      const own = await answers(engine, subnet(make, values, architecture));
      const forced = new ParameterValues(values.parameters);
      forced.flat.set(values.flat);
      forced.flatBuffers.set(values.flatBuffers);
      for (const [stage, paths] of architecture.paths.entries()) {
        for (const [block, path] of paths.entries()) {
          const alpha = forced.view(`backbone.alpha.${stage * 2}.${block}`).fill(0);
          alpha[path === "MB4D" ? 0 : 1] = 200;
        }
      }
      const found = await answers(engine, { forward, values: forced });
      for (const [i, output] of found.entries()) expectClose(output, own[i]!, 1e-6, `output ${i}`);
    });

    it(`${what}: as τ goes to 0 the mixture becomes the path of the largest α`, async () => {
      const { forward, values } = supernet(make);
      // α of MB4D, MB3D, identity: the first block of each stage is kept, every second of the others is dropped.
      const paths = architectureOf({ ...SIZE, attentionBlocks: 2 }).paths.map((stage) =>
        stage.map((path, block) => (block % 2 === 1 ? "identity" : path)),
      );
      for (const [stage, list] of paths.entries()) {
        for (const [block, path] of list.entries()) {
          const alpha = values.view(`backbone.alpha.${stage * 2}.${block}`);
          const best = path === "identity" ? alpha.length - 1 : path === "MB4D" ? 0 : 1;
          alpha.set(alpha.map((_, i) => (i === best ? 0.5 : 0.1 * i)));
        }
      }
      const own = await answers(engine, subnet(make, values, { widths: SIZE.widths, paths }));
      const distances: number[] = [];
      for (const temperature of [1, 0.1, 0.02, 0.001]) {
        values.view("backbone.temperature").fill(temperature);
        const found = await answers(engine, { forward, values });
        distances.push(Math.max(...found.map((output, i) => farthest(output, own[i]!))));
      }
      for (const [i, distance] of distances.slice(1).entries()) expect(distance).to.be.below(distances[i]!);
      expect(distances[0]).to.be.above(0.01);
      expect(distances.at(-1)).to.be.below(1e-6);
    });

    it(`${what}: one program computes any of them by its parameters, to 1e-5`, async () => {
      const { forward, values } = supernet(make);
      const into = new ParameterValues(values.parameters);
      const outputs = forward(input("x", SHAPE), Context.evaluation());
      const program = await engine.compile(Object.fromEntries(outputs.map((output, i) => [`${i}`, output])));
      const chosen = [architectureOf(SIZE), ...someArchitectures(12)];
      expect(chosen.some(({ paths }) => paths[2]!.includes("MB3D"))).to.equal(true);
      for (const architecture of chosen) {
        const own = await answers(engine, subnet(make, values, architecture));
        imitateSubnet(values, SIZE, architecture, into);
        const given = Object.keys(program.inputs).map((name) => [name, name === "x" ? IMAGES : into.view(name)]);
        const found = await program.run(Object.fromEntries(given));
        for (const [i, expected] of own.entries()) {
          const output = found[`${i}`] as Float32Array;
          const kept = what === "dense" ? keptOf(values, SIZE, architecture).channels[i]! : undefined;
          const compared = kept === undefined ? output : channelsOf(output, SIZE.widths[i]!, kept);
          expectClose(compared, expected, 1e-5, `${nameOf(architecture)}, output ${i}`);
          if (kept === undefined) continue;
          const rest = Int32Array.from({ length: SIZE.widths[i]! }, (_, c) => c).filter((c) => !kept.includes(c));
          expectWithin(
            channelsOf(output, SIZE.widths[i]!, rest),
            new Float32Array((output.length / SIZE.widths[i]!) * rest.length),
            0,
            "the others",
          );
        }
      }
      await program.dispose();
    });
  }

  it("α has the gradient of finite differences, with noise and statistics of the batch", async () => {
    const { forward, values } = supernet(MAKE.classifier!);
    values.view("backbone.temperature").fill(0.7);
    // With initial layer scales there is nothing to measure; with layer scales of order 1, α matter.
    const context = Context.training();
    const images = input("x", SHAPE);
    const [logits] = forward(images, context) as [Value];
    const loss = sum(mul(logits, input("weights", logits.shape)));
    const alphas = values.trainable.filter(({ role }) => role === "alpha");
    expect(alphas).to.have.length(8);
    const found = gradients(
      loss,
      alphas.map((alpha) => context.value(alpha)),
    );
    const program = await engine.compile({ loss, ...Object.fromEntries(found.map((value, i) => [`${i}`, value!])) });
    const random = Random.of("subnet", "noise");
    const noise = Object.fromEntries(
      context.randomInputs.map(({ name, shape, draw }) => {
        const drawn = new Float32Array(sizeOf(shape));
        draw(drawn, random.child(name));
        return [name, drawn];
      }),
    );
    expect(Object.keys(noise)).to.have.members(alphas.map(({ name }) => `${name}.noise`));
    const given: Record<string, Float32Array> = {
      x: IMAGES,
      weights: uniform("subnet:weights", sizeOf(logits.shape), -1, 1),
      ...noise,
    };
    const inputs = Object.fromEntries(
      Object.keys(program.inputs).map((name) => [name, given[name] ?? values.view(name)]),
    );
    const lossNow = async () => (await program.run(inputs)).loss![0]!;
    const own = await program.run(inputs);
    const analytic = alphas.map((_, i) => Float32Array.from(own[`${i}`] as Float32Array));
    const scale = Math.max(...analytic.flatMap((row) => [...row].map(Math.abs)));
    expect(scale).to.be.above(0.01);
    const step = 1 / 64;
    for (const [i, { name }] of alphas.entries()) {
      const view = values.view(name);
      for (let k = 0; k < view.length; k++) {
        const before = view[k]!;
        view[k] = before + step;
        const above = await lossNow();
        view[k] = before - step;
        const below = await lossNow();
        view[k] = before;
        expect(analytic[i]![k], `${name}[${k}]`).to.be.closeTo((above - below) / (2 * step), 3e-3 * scale);
      }
    }
    await program.dispose();
  });

  it("keeps the channels that vary most and are read most", () => {
    const { values } = supernet(MAKE.classifier!);
    const narrow = { ...architectureOf(SIZE), widths: [16, 48, 48, 64] } as const;
    const scale = values.view("backbone.patch_embed.4.weight").fill(0.5);
    const readers = ["network.0.0.mb4d.mlp.fc1", "network.0.1.mb4d.mlp.fc1", "network.1.proj"];
    for (const reader of readers) values.view(`backbone.${reader}.weight`).fill(0.1);
    const expected = Array.from({ length: 16 }, (_, i) => (i * 7) % 32).sort((a, b) => a - b);
    for (const channel of expected) scale[channel] = -0.6;
    expect([...keptOf(values, SIZE, narrow).channels[0]!]).to.deep.equal(expected);
    scale.fill(-0.6);
    expect([...keptOf(values, SIZE, narrow).channels[0]!], "the first among equals").to.deep.equal(
      expected.map((_, i) => i),
    );
    // A single reader of any scale suffices: its weights are compared only with each other.
    const reader = values.view("backbone.network.0.1.mb4d.mlp.fc1.weight").fill(1e-3);
    for (const channel of expected) for (let row = 0; row < 128; row++) reader[row * 32 + channel] = -2e-3;
    expect([...keptOf(values, SIZE, narrow).channels[0]!]).to.deep.equal(expected);
    const without = { ...narrow, paths: [["MB4D", "identity"], ...narrow.paths.slice(1)] } as const;
    expect([...keptOf(values, SIZE, without).channels[0]!], "a block that is dropped reads nothing").to.deep.equal(
      expected.map((_, i) => i),
    );
  });

  it("refuses architectures that are not in the supernet", async () => {
    const { values } = supernet(MAKE.classifier!);
    const full = architectureOf(SIZE);
    const refused = (change: Partial<Architecture>) =>
      userMessage(() => subnetWeights(values, SIZE, { ...full, ...change }));
    expect(await refused({ widths: [32, 40, 48, 64] })).to.equal(
      "stage 2 is to be 40 wide; expected a multiple of 16 of at most 48",
    );
    expect(await refused({ widths: [48, 48, 48, 64] })).to.equal(
      "stage 1 is to be 48 wide; expected a multiple of 16 of at most 32",
    );
    expect(await refused({ paths: [["MB4D"], ...full.paths.slice(1)] })).to.equal(
      "stage 1 has 2 MetaPaths, but 1 are chosen",
    );
    expect(await refused({ paths: [["identity", "identity"], ...full.paths.slice(1)] })).to.equal(
      "stage 1 has no block left; keep one",
    );
    const [one, two, three] = full.paths;
    expect(await refused({ paths: [one!, ["MB3D"], three!, full.paths[3]!] })).to.equal(
      "block 3 of the network is to be MB3D, which only the last 4 may be",
    );
    expect(await refused({ paths: [one!, two!, ["MB4D", "MB3D", "MB4D"], full.paths[3]!] })).to.equal(
      "block 6 of the network is MB4D after an MB3D; MB3D come last",
    );
  });

  it("is named a supernet", () => {
    const config = backboneConfig.parse({ type: "efficientformerSupernet", size: SIZE });
    expect(backboneTitle(config)).to.equal("EfficientFormer supernet 32-48-48-64, 2-1-3-2 blocks, 4 MB3D");
  });
});

/** The largest difference, relative to the largest value. */
function farthest(actual: Float32Array, expected: Float32Array): number {
  const scale = expected.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  return actual.reduce((a, x, i) => Math.max(a, Math.abs(x - expected[i]!)), 0) / scale;
}

/** Selects channels of maps [B, channels, …]. */
function channelsOf(maps: Float32Array, channels: number, chosen: Int32Array): Float32Array {
  const area = maps.length / (SHAPE[0]! * channels);
  const parts = Array.from({ length: SHAPE[0]! }, (_, b) =>
    Array.from(chosen, (c) => maps.subarray((b * channels + c) * area, (b * channels + c + 1) * area)),
  ).flat();
  const all = new Float32Array(parts.length * area);
  for (const [i, part] of parts.entries()) all.set(part, i * area);
  return all;
}
