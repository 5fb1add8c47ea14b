import { expect } from "chai";
import { lowerings } from "../../lib/compilers/onnx/lowerings.js";
import { LOWERINGS } from "../../lib/compilers/tensorflow/lowerings.js";
import { type OperatorName, operators } from "../../lib/graph/index.js";

const tables = { onnx: lowerings, ...LOWERINGS };

describe("the lowering tables", () => {
  for (const [target, table] of Object.entries(tables)) {
    it(`of ${target} decompose the operators that have a decomposition`, () => {
      const decomposed = (Object.keys(table) as (keyof typeof table)[]).filter((name) => table[name] === "decompose");
      expect(decomposed).to.include.members(["batchNorm", "channelAffine"]);
      expect(decomposed.filter((name: OperatorName) => operators[name].decompose === undefined)).to.deep.equal([]);
    });

    it(`of ${target} have every operator, and no other`, () => {
      expect(["input", "constant", ...Object.keys(table)]).to.have.members(Object.keys(operators));
    });
  }
});
