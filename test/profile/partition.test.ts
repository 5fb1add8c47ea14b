import { expect } from "chai";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import { nodesInOrder, type TensorData, type Value } from "../../lib/graph/index.js";
import { backboneNames, findModel } from "../../lib/profile/model.js";
import { drawParameters, openNetwork, record } from "../../lib/profile/network.js";
import { partition } from "../../lib/profile/partition.js";
import { placesOf } from "../../lib/profile/places.js";
import { partsOf } from "../../lib/profile/programs.js";
import { prepareSubject } from "../../lib/profile/subject.js";

const SIZE = { height: 64, width: 64 };

describe("profile/places", () => {
  it("finds stages and blocks by the backbone's own stages", () => {
    const placeOf = placesOf({
      backbone: { stages: [["stem"], ["stages.0"], ["stages.1", "join"]] },
      graphs: { backbone: () => ({}), model: () => ({}), postprocess: () => ({}) },
    });
    const at = (path: string) => {
      const place = placeOf(path);
      return place && `${place.stage}: ${place.block}`;
    };
    expect(at("backbone.stem.conv1")).to.equal("stem: stem");
    expect(at("backbone.stages.0.3.mlp.fc1.weight")).to.equal("stage 1: stages.0.3");
    expect(at("backbone.stages.1.blocks.2.conv")).to.equal("stage 2: stages.1.blocks.2");
    expect(at("backbone.stages.1.downsample.norm")).to.equal("stage 2: stages.1");
    expect(at("backbone.join.proj")).to.equal("stage 2: join");
    expect(at("backbone.norm0")).to.equal("outputs: outputs");
    expect(at("neck.fpn_convs.2.conv")).to.equal("neck: neck.fpn_convs.2");
    expect(at("roi_head.mask_head.convs.1.conv")).to.equal("roi_head.mask_head: roi_head.mask_head.convs.1");
    expect(at("roi_head.bbox_head.fc_cls")).to.equal("roi_head.bbox_head: roi_head.bbox_head");
    expect(at("backbone")).to.equal(undefined);
    expect(at("")).to.equal(undefined);
  });
});

describe("profile/partition", () => {
  for (const name of backboneNames()) {
    it(`gives every operator of ${name} a place, and no block is most of the model`, async () => {
      const network = await openNetwork(findModel(name, []), 10);
      const { outputs } = record(network, 1, { height: 224, width: 224 });
      const parted = partition(outputs, placesOf(network.task));
      const stages = [...new Set(parted.places.map(({ stage }) => stage))];
      expect(stages).to.deep.equal(["stem", "stage 1", "stage 2", "stage 3", "stage 4", "head"]);
      expect(parted.places.length).to.be.above(8);
      const { blocks } = partsOf(outputs, parted);
      const own = blocks.map(({ has }) => nodesInOrder(Object.values(outputs)).filter(has).length);
      const all = own.reduce((a, b) => a + b, 0);
      expect(Math.max(...own)).to.be.below(all / 2);
    });
  }

  it("has stages for neck and heads of a whole task", async () => {
    const network = await openNetwork(findModel("mask-rcnn_efficientformer-nano_fpn128_300_bccd", []));
    expect(network.task.description).to.deep.include({ masks: true }).and.have.property("classes").with.length(80);
    const { outputs } = record(network, 1, { height: 64, width: 64 });
    const parted = partition(outputs, placesOf(network.task));
    const { stages, blocks } = partsOf(outputs, parted);
    // Everything in between is shorter than its shape says, and cannot be passed from one program to another.
    const shortened = blocks.flatMap(({ cut }) => Object.values({ ...cut.taken, ...cut.given }));
    expect(shortened.filter(({ node }) => node.operator.name === "truncate")).to.deep.equal([]);
    expect(blocks.filter(({ stage }) => stage === "roi_head.mask_head").map(({ name }) => name)).to.deep.equal([
      "roi_head.mask_head",
    ]);
    const parameter = "roi_head.mask_head.convs.1.conv.weight";
    expect(parted.placeOfParameter(parameter)).to.deep.include({ block: "roi_head.mask_head" });
    expect(stages.map(({ name }) => name)).to.have.members([
      ...["stem", "stage 1", "stage 2", "stage 3", "stage 4", "outputs", "neck", "rpn_head"],
      ...["roi_head.bbox_head", "roi_head.mask_head"],
    ]);
    const all = nodesInOrder(Object.values(outputs)).filter((node) => node.operator.name === "conv2d");
    const own = stages.flatMap(({ has }) => all.filter(has));
    expect(own).to.have.length(all.length);
  });

  it("cuts a model into blocks that together give the model's outputs", async () => {
    const network = await openNetwork(findModel("efficientformer-nano", []), 7);
    drawParameters(network);
    const engine = onnxRuntimeEngine({ threads: 1 });
    const subject = await prepareSubject(network, { engine, batch: 2, size: SIZE, totalOnly: false });
    try {
      const { graph, inputs, blocks } = subject;
      const known = new Map<Value, TensorData>();
      for (const node of nodesInOrder(Object.values(graph))) {
        if (node.operator.name === "input") known.set(node.outputs[0]!, inputs.images!);
      }
      for (const { cut } of blocks) {
        const given = Object.fromEntries(Object.entries(cut.taken).map(([name, value]) => [name, known.get(value)!]));
        const program = await engine.compile(cut.outputs, { partOf: graph });
        const found = await program.run(given);
        await program.dispose();
        for (const [name, value] of Object.entries(cut.given)) known.set(value, found[name]!);
      }
      const program = await engine.compile(graph);
      const { logits } = await program.run(inputs);
      await program.dispose();
      const pieced = known.get(graph.logits!)!;
      expect(pieced).to.have.length(14);
      for (const [i, value] of pieced.entries()) expect(value).to.be.closeTo(logits![i]!, 1e-4);
    } finally {
      await subject.dispose();
    }
  });
});
