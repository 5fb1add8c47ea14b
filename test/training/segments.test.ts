import { expect } from "chai";
import type { Parameter } from "../../lib/nn/parameters.js";
import { createSegments } from "../../lib/training/segments.js";

describe("segments", () => {
  const initialise = () => undefined;
  const parameters: Parameter[] = [
    { name: "backbone.stem.weight", shape: [2, 3], role: "weight", initialise },
    { name: "backbone.stem.bias", shape: [2], role: "bias", initialise },
    { name: "backbone.norm.weight", shape: [2], role: "norm", initialise },
    { name: "backbone.layer_scale_1", shape: [2], role: "layerScale", initialise },
    { name: "head.weight", shape: [4], role: "weight", initialise },
  ];

  it("does not decay norms, biases and layer scales, unless asked to", () => {
    expect(createSegments(parameters, { optimizer: { decayNormsAndBiases: false, multipliers: [] } })).to.deep.equal([
      { offset: 0, length: 6, lrScale: 1, decay: true },
      { offset: 6, length: 6, lrScale: 1, decay: false },
      { offset: 12, length: 4, lrScale: 1, decay: true },
    ]);
    expect(createSegments(parameters, { optimizer: { decayNormsAndBiases: true, multipliers: [] } })).to.deep.equal([
      { offset: 0, length: 16, lrScale: 1, decay: true },
    ]);
  });

  it("takes the longest matching multiplier, and 0 for frozen parameters", () => {
    const multipliers = [
      { match: "backbone", lr: 0.1 },
      { match: "backbone.stem", lr: 0.5 },
    ];
    const options = {
      optimizer: { decayNormsAndBiases: true, multipliers },
      isFrozen: (name: string) => name.endsWith("layer_scale_1"),
    };
    expect(createSegments(parameters, options)).to.deep.equal([
      { offset: 0, length: 8, lrScale: 0.5, decay: true },
      { offset: 8, length: 2, lrScale: 0.1, decay: true },
      { offset: 10, length: 2, lrScale: 0, decay: true },
      { offset: 12, length: 4, lrScale: 1, decay: true },
    ]);
  });

  it("multiplies the layer's scale by the multiplier; frozen parameters stay frozen", () => {
    const options = {
      optimizer: { decayNormsAndBiases: true, multipliers: [{ match: "backbone.stem", lr: 0.5 }] },
      layerScale: (name: string) => (name.startsWith("backbone.") ? 0.25 : 1),
      isFrozen: (name: string) => name.endsWith("layer_scale_1"),
    };
    expect(createSegments(parameters, options)).to.deep.equal([
      { offset: 0, length: 8, lrScale: 0.125, decay: true },
      { offset: 8, length: 2, lrScale: 0.25, decay: true },
      { offset: 10, length: 2, lrScale: 0, decay: true },
      { offset: 12, length: 4, lrScale: 1, decay: true },
    ]);
  });

  it("refuses a multiplier that matches nothing, and matches only whole words", () => {
    const optimizer = { decayNormsAndBiases: false, multipliers: [{ match: "back", lr: 0.1 }] };
    expect(() => createSegments(parameters, { optimizer })).to.throw(
      'training.optimizer.multipliers: there is no part "back"; the model\'s parts are backbone, head',
    );
  });
});
