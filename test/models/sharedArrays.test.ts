import { expect } from "chai";
import { SharedArrays } from "../../lib/models/sharedArrays.js";

const float32 = (...shape: number[]) => ({ shape, dtype: "float32" }) as const;

describe("arrays that share memory", () => {
  it("are disjoint within a set, and overlap between sets", () => {
    const shared = new SharedArrays();
    const large = shared.for({ a: float32(3, 5), b: float32(), c: float32(40) });
    expect(Object.entries(large).map(([name, { length }]) => [name, length])).to.deep.equal([
      ["a", 15],
      ["b", 1],
      ["c", 40],
    ]);
    Object.values(large).forEach((array, i) => {
      array.fill(i);
    });
    expect([large.a![14], large.b![0], large.c![0]]).to.deep.equal([0, 1, 2]);
    const small = shared.for({ d: float32(7) });
    expect(small.d!.buffer).to.equal(large.a!.buffer);
    expect(shared.for({ e: float32(1000) }).e).to.have.length(1000);
  });

  it("hold only float32", () => {
    expect(() => new SharedArrays().for({ n: { shape: [2], dtype: "int32" } })).to.throw("n is int32, not float32");
  });
});
