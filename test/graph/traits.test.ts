import { expect } from "chai";
import fc from "fast-check";
import { type OperatorName, operators, type Traits } from "../../lib/graph/index.js";
import type { Sample } from "./operators/sample.js";
import { suites } from "./operators/suites.js";
import { atBroadcast, build, type Tensor } from "./reference/tensor.js";

type Tested = keyof typeof suites;

/** Samples of the operators whose trait has this value. */
function having<Name extends keyof Traits>(
  trait: Name,
  value: Traits[Name],
): (readonly [Tested, fc.Arbitrary<Sample>])[] {
  const names = (Object.keys(suites) as Tested[]).filter((name: OperatorName) => operators[name][trait] === value);
  return names.map((name) => [name, suites[name]]);
}

const turned = ({ shape, data }: Tensor): Tensor => ({ shape, data: data.slice().reverse() });

describe("the traits of operators", () => {
  const elementwise = having("kind", "elementwise");
  const spreading = having("kind", "spreading");

  it("are set for some", () => {
    expect(elementwise.length).to.be.greaterThan(20);
    expect(spreading.map(([name]) => name)).to.have.members(["broadcastTo", "repeat"]);
  });

  for (const [name, samples] of elementwise) {
    it(`${name} is elementwise: permuting all operands permutes the result`, () => {
      fc.assert(
        fc.property(samples, ({ operands, reference }) => {
          const [result] = reference(operands.map(({ tensor }) => tensor));
          const whole = operands.map(({ tensor }) => build(result!.shape, (index) => atBroadcast(tensor, index)));
          expect(reference(whole)[0]!.data).to.deep.equal(result!.data);
          expect(reference(whole.map(turned))[0]!.data).to.deep.equal(turned(result!).data);
        }),
      );
    });
  }

  for (const [name, samples] of spreading) {
    it(`${name} broadcasts: the result has every element equally often`, () => {
      fc.assert(
        fc.property(samples, ({ operands: [x], reference }) => {
          const [{ data }] = reference([x!.tensor]) as [Tensor];
          const times = data.length / x!.tensor.data.length;
          const ascending = (a: number, b: number) => a - b;
          const expected = [...x!.tensor.data].flatMap((element) => Array<number>(times).fill(element));
          expect([...data].sort(ascending)).to.deep.equal(expected.sort(ascending));
        }),
      );
    });
  }
});
