import { expect } from "chai";
import { efficientFormerClassifier } from "../../lib/backbones/efficientformer.js";
import { EFFICIENTFORMER_SIZES, type EfficientFormerSize } from "../../lib/backbones/efficientformerSizes.js";
import { nodeCosts } from "../../lib/graph/cost.js";
import { input, sizeOf } from "../../lib/graph/index.js";
import { rearrange } from "../../lib/graph/passes/optimise.js";
import { Context } from "../../lib/nn/context.js";
import { ParameterList, ParameterValues } from "../../lib/nn/parameters.js";
import { architectureOf, sizeOfArchitecture, withPath } from "../../lib/slimming/architecture.js";
import { costOf } from "../../lib/slimming/costs.js";
import { partName, partsOf, partsOfSpace } from "../../lib/slimming/parts.js";
import { searchSpace } from "../../lib/slimming/space.js";
import { countedCosts } from "../../lib/slimming/work.js";
import { failureOf } from "./support.js";

const SETTING = { batch: 2, size: { height: 64, width: 96 }, classes: 7 };
const SMALL: EfficientFormerSize = { widths: [16, 32, 48, 64], depths: [2, 1, 3, 2], attentionBlocks: 3 };

/** Counted in the graph of the whole network. */
function wholeCost(size: EfficientFormerSize) {
  const list = new ParameterList();
  const { forward } = efficientFormerClassifier(list.scope("backbone"), { size, classes: SETTING.classes });
  const values = new ParameterValues(list.all);
  values.flat.fill(0.5);
  values.flatBuffers.fill(0.5);
  const { height, width } = SETTING.size;
  const images = input("images", [SETTING.batch, 3, height, width]);
  const costs = nodeCosts(rearrange({ logits: forward(images, Context.inference(values)) }), {
    isParameter: () => false,
  });
  const sum = (figures: readonly number[]) => figures.reduce((a, b) => a + b, 0);
  return {
    macs: sum(costs.map(({ macs }) => macs)),
    memory: sum(costs.map(({ bytesWritten }) => bytesWritten)),
    parameters: sum(list.all.map(({ role, shape }) => (role === "buffer" ? 0 : sizeOf(shape)))),
  };
}

describe("the parts of a network", () => {
  for (const [name, size] of [
    ["with MB3D in two stages", SMALL],
    ["with MB3D in the last stage", { ...SMALL, attentionBlocks: 1 }],
    ["with MB4D alone", { ...SMALL, attentionBlocks: 0 }],
  ] as const) {
    it(`add up to the cost of the network ${name}`, () => {
      const whole = wholeCost(size);
      const parts = partsOfSpace(searchSpace(size));
      for (const kind of ["macs", "parameters", "memory"] as const) {
        expect(costOf(architectureOf(size), countedCosts(kind, parts, SETTING)), kind).to.equal(whole[kind]);
      }
    });
  }

  it("are all among those of the space, whatever is removed", () => {
    const names = partsOfSpace(searchSpace(SMALL)).map(partName);
    expect(new Set(names).size).to.equal(names.length);
    const fewer = withPath({ ...architectureOf(SMALL), widths: [16, 16, 32, 16] }, 3, 0, "identity");
    expect(names).to.include.members(partsOf(fewer).map(partName));
    expect(names).not.to.include("MB3D 2 32");
  });

  it("keep the order of blocks: MB3D are the last", () => {
    const architecture = architectureOf(EFFICIENTFORMER_SIZES.l3);
    expect(sizeOfArchitecture(architecture)).to.deep.equal(EFFICIENTFORMER_SIZES.l3);
    expect(architecture.paths.map((stage) => stage.filter((path) => path === "MB3D").length)).to.deep.equal([
      0, 0, 0, 4,
    ]);
  });

  it("refuse widths that are not multiples of 16", () => {
    expect(failureOf(() => searchSpace(EFFICIENTFORMER_SIZES.nano))).to.equal(
      "stage 1 is 24 wide, and widths are searched in multiples of 16; set model.backbone.size with a width of 32, " +
        "in place of 24-48-96-128, 2-2-4-2 blocks, 1 MB3D",
    );
  });
});
