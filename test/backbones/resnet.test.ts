import { expect } from "chai";
import { resNet } from "../../lib/backbones/resnet.js";
import { input } from "../../lib/graph/index.js";
import { isFrozen } from "../../lib/models/backbone.js";
import { semanticFpn } from "../../lib/models/semanticFpn/model.js";
import { Context } from "../../lib/nn/context.js";
import { ParameterList, ParameterValues } from "../../lib/nn/parameters.js";
import { namedMaps } from "../../lib/tasks/graphs.js";
import { backboneConfig } from "../support/backboneGoldens.js";
import { nameList } from "../support/nameLists.js";

describe("ResNet", () => {
  for (const variant of [18, 50] as const) {
    it(`has torchvision's parameters, ${variant}`, () => {
      const list = new ParameterList();
      resNet(list.scope(), { variant, style: "pytorch" });
      const official = nameList(`torchvision_resnet${variant}`).filter(([name]) => !/^fc\.|num_batches/.test(name));
      expect(list.all.map(({ name, shape }) => [name, shape])).to.have.deep.members(official.slice());
    });
  }

  it("dilates its last stages instead of striding", () => {
    const mapsOf = (outputStride: 8 | 16 | 32) => {
      const list = new ParameterList();
      const backbone = resNet(list.scope(), { variant: 50, style: "pytorch", outputStride });
      const maps = backbone.forward(input("x", [1, 3, 64, 96]), Context.inference(new ParameterValues(list.all)));
      return { strides: backbone.strides, sizes: maps.map(({ shape }) => shape.slice(2)) };
    };
    const at = (strides: readonly number[]) => ({
      strides,
      sizes: strides.map((stride) => [64 / stride, 96 / stride]),
    });
    expect(mapsOf(32)).to.deep.equal(at([4, 8, 16, 32]));
    expect(mapsOf(16)).to.deep.equal(at([4, 8, 16, 16]));
    expect(mapsOf(8)).to.deep.equal(at([4, 8, 8, 8]));
  });

  it("if dilated, gives maps of one stride to a semantic head and exported files", () => {
    const backbone = backboneConfig.parse({ type: "resnet", variant: 50, outputStride: 8 });
    const head = {
      type: "semanticFpn",
      channels: 16,
      dropout: 0,
      classifierStd: 1,
      averageOverAllPixels: false,
    } as const;
    const model = semanticFpn({ backbone, neck: { type: "fpn", channels: 8 }, head }, 3);
    const context = Context.inference(new ParameterValues(model.parameters));
    const images = input("x", [1, 3, 64, 96]);
    expect(model.forward(images, context).shape).to.deep.equal([1, 3, 16, 24]);
    // Each head branch doubles its map once, from stride 8 to 4: one convolution.
    const convolutions = model.parameters.filter(({ name }) =>
      /^decode_head\.scale_heads\.\d\.\d\.conv\.weight$/.test(name),
    );
    expect(convolutions.map(({ name }) => name.split(".").slice(2, 4).join("."))).to.deep.equal([
      "0.0",
      "1.0",
      "2.0",
      "3.0",
    ]);
    const maps = namedMaps("c", model.backbone.strides, model.backbone.forward)(images, context);
    expect(Object.entries(maps).map(([name, { shape }]) => [name, shape[2]])).to.deep.equal([
      ["c2", 16],
      ["c3", 8],
      ["c4", 8],
      ["c5", 8],
    ]);
  });

  it("reports the variants that can dilate", () => {
    const wrong = backboneConfig.safeParse({ type: "resnet", variant: 34, outputStride: 8 });
    expect(wrong.error?.issues.map(({ path, message }) => [path, message])).to.deep.equal([
      [["outputStride"], "8 needs blocks of three convolutions: variant 50 or 101, not 34"],
    ]);
  });

  it("freezes the stem and as many stages as asked for", () => {
    const list = new ParameterList();
    const backbone = resNet(list.scope("backbone"), { variant: 18, style: "pytorch" });
    const modules = (frozenStages: number) => {
      const frozen = isFrozen(backbone, { frozenStages });
      return new Set(list.all.filter(({ name }) => frozen(name)).map(({ name }) => name.split(".")[1]));
    };
    expect([...modules(0)]).to.deep.equal([]);
    expect([...modules(2)]).to.deep.equal(["conv1", "bn1", "layer1", "layer2"]);
    expect([...modules(4)]).to.deep.equal(["conv1", "bn1", "layer1", "layer2", "layer3", "layer4"]);
  });
});
