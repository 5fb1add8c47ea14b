import { expect } from "chai";
import { resNet } from "../../lib/backbones/resnet.js";
import { isFrozen } from "../../lib/models/backbone.js";
import { ParameterList } from "../../lib/nn/parameters.js";
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
