import { expect } from "chai";
import { deit, deitClassifier } from "../../lib/backbones/deit.js";
import { positionAdapter } from "../../lib/backbones/positions.js";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import { nodeCosts, totalCost } from "../../lib/graph/cost.js";
import { gradients, input, mul, sum, type Value } from "../../lib/graph/index.js";
import { isFrozen } from "../../lib/models/backbone.js";
import { Context } from "../../lib/nn/context.js";
import { ParameterList, ParameterValues } from "../../lib/nn/parameters.js";
import { planLoad } from "../../lib/weights/plan.js";
import { integers, parameterValue, uniform } from "../../tools/prng.js";
import { fileOf, nameList } from "../support/nameLists.js";
import { expectClose } from "../support/tensors.js";

const SMALL = { variant: "small", distilled: true, dropPath: 0 } as const;
const PLAIN = { ...SMALL, distilled: false } as const;
const TINY = { ...PLAIN, variant: "tiny" } as const;
const LISTS = [
  ["timm_deit_small_distilled_patch16_224", SMALL],
  ["timm_deit_tiny_patch16_224", TINY],
] as const;
const OWN = /^(simfp_|norm\.|head)/; // parts that only one of the two forms has

function dense(config: typeof SMALL | typeof PLAIN | typeof TINY) {
  const list = new ParameterList();
  return { list, backbone: deit(list.scope(), config) };
}

function classifier(config: typeof SMALL | typeof PLAIN | typeof TINY) {
  const list = new ParameterList();
  return { list, ...deitClassifier(list.scope(), { ...config, classes: 1000 }) };
}

describe("DeiT", () => {
  for (const [file, config] of LISTS) {
    it(`has the names and shapes of ${file}, as a classifier and dense`, () => {
      const official = nameList(file);
      const { list } = classifier(config);
      expect(list.all.map(({ name, shape }) => [name, shape])).to.have.deep.members(official.slice());
      const { loads, missing, unexpected, naming } = planLoad({ file: fileOf(official), wanted: list.all });
      expect({ missing, unexpected, naming }).to.deep.equal({
        missing: [],
        unexpected: [],
        naming: "timm's and the authors' DeiT",
      });
      expect(loads).to.have.length(official.length);
      const shared = dense(config).list.all.filter(({ name }) => !OWN.test(name));
      expect(shared.map(({ name, shape }) => [name, shape])).to.have.deep.members(
        official.filter(([name]) => !OWN.test(name)),
      );
    });
  }

  it("has the published parameters and multiply-adds", () => {
    const whole = classifier(PLAIN);
    const x = (side: number) => input("x", [1, 3, side, side]);
    const inference = (list: ParameterList) => Context.inference(new ParameterValues(list.all));
    const cost = totalCost({ logits: whole.forward(x(224), inference(whole.list)) });
    expect(cost.parameters / 1e6).to.be.closeTo(22.05, 0.0051);
    expect(cost.macs / 1e9).to.be.closeTo(4.599, 0.00051);
    // Dense, with others' counts: without the pyramid, and with a position table made for 512².
    const { list, backbone } = dense(PLAIN);
    const maps = backbone.forward(x(512), inference(list));
    const parts = nodeCosts(Object.fromEntries(maps.map((map, i) => [`${i}`, map])));
    const trunk = parts.filter(({ node }) => !node.scope.startsWith("simfp_"));
    expect(trunk.reduce((n, { macs }) => n + macs, 0) / 1e9).to.be.closeTo(31.75, 0.0051);
    const places = list.all.filter(({ name }) => !OWN.test(name)).reduce((n, { shape }) => n + sizeOf(shape), 0);
    const norm = 2 * 384;
    expect((places + norm + (32 * 32 - 14 * 14) * 384) / 1e6).to.be.closeTo(21.98, 0.0051);
  });

  it("returns the mean of both heads, or the logits of its only head", () => {
    const both = classifier(SMALL);
    const context = Context.inference(new ParameterValues(both.list.all));
    const heads = both.forwardHeads!(input("x", [2, 3, 32, 48]), context);
    expect(heads.map(({ shape }) => shape)).to.deep.equal([
      [2, 1000],
      [2, 1000],
    ]);
    expect(classifier(PLAIN).forwardHeads).to.equal(undefined);
  });

  it("trains its position embedding at other sizes", async () => {
    const { list, backbone } = dense(TINY);
    const context = Context.training();
    const positions = context.value(list.get("pos_embed")!);
    const maps = backbone.forward(input("x", [1, 3, 64, 96]), context);
    const weights = input("weights", maps[2]!.shape);
    const [gradient] = gradients(sum(mul(maps[2]!, weights)), [positions]) as [Value];
    const program = await onnxRuntimeEngine().compile({ gradient, map: maps[2]! });
    const fed = Object.entries(program.inputs).map(([name, { shape }]) => {
      const length = sizeOf(shape);
      return [name, parameterValue("deit", name, shape) ?? uniform(name, length, -1, 1)] as const;
    });
    const feeds = Object.fromEntries(fed);
    const loss = async (table: Float32Array) => {
      const { map } = await program.run({ ...feeds, pos_embed: table });
      return (map as Float32Array).reduce((total, y, i) => total + y * feeds.weights![i]!, 0);
    };
    const table = feeds.pos_embed!;
    const found = (await program.run(feeds)).gradient as Float32Array;
    // A step along the normalised gradient raises the loss by the gradient's norm.
    const length = Math.hypot(...found);
    const moved = (step: number) => table.map((x, i) => x + (step * found[i]!) / length);
    const slope = ((await loss(moved(1e-2))) - (await loss(moved(-1e-2)))) / 2e-2;
    await program.dispose();
    expect(slope / length).to.be.closeTo(1, 0.01);
    // Every patch's row gets a gradient, and so does the class token's.
    for (let row = 0; row < 197; row++) {
      expect(Math.hypot(...found.subarray(192 * row, 192 * (row + 1))), `row ${row}`).to.be.greaterThan(0);
    }
  });

  it("resizes position embeddings for other sizes like timm, and drops a token that it lacks", () => {
    const shape = [1, 2 + 24 * 24, 8];
    const find = (name: string) => (name === "pos_embed" ? shape : undefined);
    const adapted = (wanted: readonly number[]) => {
      const how = positionAdapter.adapt({ name: "pos_embed", shape: wanted }, find);
      return how === undefined || how === "initial"
        ? undefined
        : how.change(uniform("positions", sizeOf(shape), -1, 1));
    };
    const resized = adapted([1, 2 + 14 * 14, 8])!;
    // From timm 1.0.31's resample_abs_pos_embed.
    const picked = [
      -0.428304, -0.151946, -0.183838, 0.00651832, -0.503134, -0.160988, 0.258973, 0.636793, -0.162715, 0.439138,
      -0.201501, -0.408988,
    ];
    const places = integers("positions:picked", picked.length, resized.length);
    expectClose(
      Array.from(places, (i) => resized[i]!),
      picked,
      2e-6,
      "resized",
    );
    expect(Math.hypot(...resized)).to.be.closeTo(11.0815905, 1e-5);
    const withoutTeacher = adapted([1, 1 + 14 * 14, 8])!;
    expect([...withoutTeacher.subarray(8)]).to.deep.equal([...resized.subarray(16)]);
    expect([...withoutTeacher.subarray(0, 8)]).to.deep.equal([...resized.subarray(0, 8)]);
    expect(adapted([1, 2 + 14 * 14, 16])).to.equal(undefined);
    expect(adapted([1, 14 * 14, 8])).to.equal(undefined);
    const plain = positionAdapter.adapt({ name: "pos_embed", shape: [1, 198, 8] }, () => [1, 197, 8]);
    expect(plain, "no row for the distillation token").to.equal(undefined);
  });

  it("has no class token with windows, and reads the same weights", () => {
    const list = new ParameterList();
    deit(list.scope(), { ...SMALL, window: 14 });
    const whole = dense(SMALL).list.all.map(({ name }) => name);
    const own = list.all.map(({ name }) => name);
    expect(whole.filter((name) => !own.includes(name))).to.deep.equal(["cls_token", "dist_token"]);
    expect(own.filter((name) => !whole.includes(name))).to.deep.equal([]);
    const file = fileOf(nameList("timm_deit_small_distilled_patch16_224"));
    const { missing, reshaped } = planLoad({ file, wanted: list.all });
    expect(missing.filter((name) => !name.startsWith("simfp_"))).to.deep.equal([]);
    expect(reshaped).to.deep.equal([]);
  });

  it("freezes the embedding, and a quarter of the blocks per stage", () => {
    const list = new ParameterList();
    const backbone = deit(list.scope("backbone"), SMALL);
    const frozen = (frozenStages: number) => {
      const is = isFrozen(backbone, { frozenStages });
      const names = list.all.map(({ name }) => name.slice("backbone.".length)).filter((name) => is(`backbone.${name}`));
      return [...new Set(names.map((name) => /^blocks\.\d+|^\w+/.exec(name)![0]))];
    };
    const stem = ["cls_token", "dist_token", "pos_embed", "patch_embed"];
    expect(frozen(0)).to.deep.equal([]);
    expect(frozen(1)).to.deep.equal([...stem, "blocks.0", "blocks.1", "blocks.2"]);
    expect(frozen(4)).to.have.length(stem.length + 12);
  });

  it("does not decay its tokens and positions", () => {
    const roles = classifier(SMALL).list.all.filter(({ role }) => role === "embedding");
    expect(roles.map(({ name }) => name)).to.deep.equal(["cls_token", "dist_token", "pos_embed"]);
  });

  it("reports the sizes it takes", () => {
    const { list, forward } = classifier(SMALL);
    const context = Context.inference(new ParameterValues(list.all));
    expect(() => forward(input("x", [1, 3, 224, 220]), context)).to.throw(
      "images of 224 × 220; sides must be multiples of 16",
    );
    const { list: own, backbone } = dense(SMALL);
    expect(() =>
      backbone.forward(input("x", [1, 3, 48, 64]), Context.inference(new ParameterValues(own.all))),
    ).to.throw("images of 48 × 64; sides must be multiples of 32");
  });
});

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}
