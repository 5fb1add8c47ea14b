import { expect } from "chai";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import { input } from "../../lib/graph/index.js";
import { fpn } from "../../lib/necks/fpn.js";
import { NECKS } from "../../lib/necks/index.js";
import { Context } from "../../lib/nn/context.js";
import { ParameterList, ParameterValues } from "../../lib/nn/parameters.js";
import { goldens } from "../support/goldens.js";
import { expectTableOf } from "../support/kinds.js";
import { expectClose, fillFromPrng, type PrngInput, prngInput } from "../support/tensors.js";

interface Golden {
  readonly cases: readonly {
    readonly name: string;
    readonly weights_prefix: string;
    readonly weights: readonly (readonly [name: string, shape: readonly number[]])[];
    readonly inputs: readonly PrngInput[];
    readonly num_outs: number;
    readonly outputs: readonly string[];
    readonly shapes: readonly (readonly number[])[];
  }[];
}

it("the table of necks has the files of their folder", () => {
  expectTableOf("necks", NECKS, ["neck.ts"]);
});

describe("the feature pyramid", () => {
  const sets = goldens("fpn").flatMap(({ place, open }) =>
    ["even", "odd", "seg4"].map((name) => ({ place, open, name })),
  );
  for (const { place, open, name } of sets) {
    it(`gives the reference's levels: ${name}, ${place}`, async function () {
      const { json, array } = open(this);
      const golden = json<Golden>("cases.json").cases.find((one) => one.name === name)!;
      const list = new ParameterList();
      const channels = golden.inputs.map(({ shape }) => shape[1]!);
      const inputs = { channels, strides: channels.map((_, i) => 4 << i) };
      const neck = fpn.make(list.scope(), { channels: 16 }, { inputs, extraLevel: golden.num_outs > channels.length });
      expect(neck.strides).to.have.length(golden.num_outs);
      const byName = new Map(list.all.map((parameter) => [parameter.name, parameter.shape]));
      expect(byName).to.deep.equal(new Map(golden.weights));

      const values = new ParameterValues(list.all);
      fillFromPrng(values, list.all, golden.weights_prefix);
      const maps = golden.inputs.map(({ shape }, i) => input(`x${i}`, shape));
      const levels = neck.forward(maps, Context.inference(values));
      expect(levels.map(({ shape }) => shape)).to.deep.equal(golden.shapes);
      const program = await onnxRuntimeEngine().compile(Object.fromEntries(levels.map((level, i) => [i, level])));
      const actual = await program.run(Object.fromEntries(golden.inputs.map((one, i) => [`x${i}`, prngInput(one)])));
      golden.outputs.forEach((file, i) => {
        const stored = array(file);
        expectClose(stored.of(actual[i]!), stored.expected, 1e-5, file);
      });
      await program.dispose();
    });
  }
});
