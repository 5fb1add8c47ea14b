import { expect } from "chai";
import { Random } from "../lib/random.js";

const draws = (random: Random) => Array.from({ length: 5 }, () => random.next());

describe("random streams", () => {
  it("are the same for the same name and differ for others", () => {
    expect(draws(Random.of(1, "a"))).to.deep.equal(draws(Random.of(1, "a")));
    const names = [[1, "a"], [1, "b"], [2, "a"], ["a", 1], [1]] as const;
    expect(new Set(names.map((name) => Random.of(...name).next()))).to.have.length(names.length);
  });

  it("continue from their state", () => {
    const random = Random.of("x");
    draws(random);
    const again = Random.fromState(random.state);
    expect(draws(again)).to.deep.equal(draws(random));
  });

  it("have children that neither advance them nor depend on each other", () => {
    const random = Random.of("x");
    const first = draws(random.child("mask", 1));
    expect(draws(random.child("mask", 2))).to.not.deep.equal(first);
    expect(draws(random.child("mask", 1))).to.deep.equal(first);
    const next = draws(random);
    expect(next).to.deep.equal(draws(Random.of("x")));
    expect(draws(random.child("mask", 1)), "further on").to.not.deep.equal(first);
  });

  it("are uniform, and normal with the given moments", () => {
    const random = Random.of("moments");
    const n = 20_000;
    const mean = (f: () => number) => Array.from({ length: n }, f).reduce((a, b) => a + b) / n;
    expect(mean(() => random.uniform(-1, 3))).to.be.closeTo(1, 5 * (4 / Math.sqrt(12 * n)));
    expect(mean(() => random.normal())).to.be.closeTo(0, 5 / Math.sqrt(n));
    expect(mean(() => random.normal() ** 2)).to.be.closeTo(1, 5 * Math.sqrt(2 / n));
  });
});
