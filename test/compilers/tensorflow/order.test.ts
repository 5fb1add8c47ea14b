import { expect } from "chai";
import fc from "fast-check";
import {
  identityOrder,
  type Order,
  rearrange,
  reshapedOrder,
  stored,
  transposedOrder,
  withoutAxes,
} from "../../../lib/compilers/tensorflow/order.js";
import { sizeOf } from "../../../lib/graph/index.js";

const shapeAndOrder = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }).chain((shape) => {
  const axes = identityOrder(shape.length);
  return fc.tuple(fc.constant(shape), fc.shuffledSubarray([...axes], { minLength: shape.length }));
});

/** The element at an index of the axes in a tensor stored in an order. */
function element(data: Int32Array, shape: readonly number[], order: Order, index: readonly number[]): number {
  let at = 0;
  for (const axis of order) at = at * shape[axis]! + index[axis]!;
  return data[at]!;
}

/** The index of the nth element in row-major order. */
function indexOf(n: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  let rest = n;
  for (const size of [...shape].reverse()) {
    index.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return index;
}

const counting = (n: number) => Int32Array.from({ length: n }, (_, i) => i);

describe("the order of axes in a TensorFlow graph", () => {
  it("rearranges elements so that each index finds its own", () => {
    fc.assert(
      fc.property(shapeAndOrder, ([shape, order]) => {
        const data = counting(sizeOf(shape));
        const moved = rearrange(data, shape, order);
        for (const n of data) expect(element(moved, shape, order, indexOf(n, shape))).to.equal(n);
      }),
    );
  });

  it("gives the order after a reshape that moves nothing", () => {
    const call = shapeAndOrder.chain(([shape, order]) => {
      const n = sizeOf(shape);
      const merged =
        shape.length > 1
          ? [
              [shape[0]! * shape[1]!, ...shape.slice(2)],
              [...shape.slice(0, -2), shape.at(-2)! * shape.at(-1)!],
            ]
          : [];
      const targets = [shape, [n], [1, ...shape], [...shape, 1], ...merged, [...shape].reverse()];
      return fc.tuple(fc.constant(shape), fc.constant(order), fc.constantFrom(...targets));
    });
    let told = 0;
    fc.assert(
      fc.property(call, ([shape, order, target]) => {
        const found = reshapedOrder(shape, order, target);
        if (found === undefined) return;
        told++;
        const moved = rearrange(counting(sizeOf(shape)), shape, order);
        for (let n = 0; n < moved.length; n++) {
          expect(element(moved, target, found, indexOf(n, target))).to.equal(n);
        }
      }),
    );
    expect(told).to.be.greaterThan(20);
    expect(reshapedOrder([2, 8, 3, 5], [0, 2, 3, 1], [2, 8, 15]), "tokens of channels last").to.deep.equal([0, 2, 1]);
    expect(reshapedOrder([2, 8, 3, 5], [0, 2, 3, 1], [2, 120]), "channels and rows are apart").to.equal(undefined);
  });

  it("follows transpositions and dropped axes", () => {
    expect(transposedOrder([0, 2, 3, 1], [0, 2, 3, 1]), "to channels last").to.deep.equal([0, 1, 2, 3]);
    expect(withoutAxes([0, 2, 3, 1], [2])).to.deep.equal([0, 2, 1]);
    expect(stored([2, 3, 4, 5], [0, 2, 3, 1])).to.deep.equal([2, 4, 5, 3]);
  });
});
