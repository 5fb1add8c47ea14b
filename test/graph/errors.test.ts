import { expect } from "chai";
import {
  add,
  averagePool,
  batchNorm,
  broadcastShapes,
  broadcastTo,
  channelScale,
  concat,
  constant,
  conv2d,
  GraphError,
  gather,
  gradients,
  input,
  inScope,
  matMul,
  nonMaximumSuppression,
  operators,
  pad,
  record,
  reshape,
  resizeBilinear,
  roiAlign,
  slice,
  softmaxCrossEntropy,
  sum,
  topK,
  transpose,
  truncate,
  where,
} from "../../lib/graph/index.js";

const f = (...shape: number[]) => input("f", shape);
const int = (...shape: number[]) => input("i", shape, "int32");
const map = f(1, 4, 6, 6);

const wrong: Readonly<Record<string, readonly [build: () => unknown, message: string]>> = {
  "shapes that do not broadcast": [
    () => add(f(2, 3), f(4)),
    "add(float32[2,3], float32[4]): shapes [2,3] and [4] do not broadcast",
  ],
  "operands of two dtypes": [
    () => add(f(2), int(2)),
    "add(float32[2], int32[2]): operands of one dtype, not float32 and int32",
  ],
  "a condition that is not bool": [
    () => where(f(2), f(2), f(2)),
    "where(float32[2], float32[2], float32[2]): the condition is bool",
  ],
  "branches of two dtypes": [
    () => where(input("b", [2], "bool"), f(2), int(2)),
    "branches of one dtype, not float32 and int32",
  ],
  "a reshape to another size": [() => reshape(f(2, 3), [4]), "reshape(float32[2,3]): 6 elements do not fill [4]"],
  "an invalid order": [() => transpose(f(2, 3), [0, 0]), "transpose(float32[2,3]): 0,0 is no order of its axes"],
  "a broadcast that shrinks": [() => broadcastTo(f(2, 3), [2, 1]), "[2,3] does not broadcast to [2,1]"],
  "parts that do not fit": [
    () => concat([f(2, 3), f(2, 4)], 0),
    "concat(float32[2,3], float32[2,4]): inputs must agree but in axis 0",
  ],
  "parts of two dtypes": [() => concat([f(2), int(2)], 0), "inputs must agree but in axis 0"],
  "a slice past the end": [() => slice(f(5), { axis: 0, start: 2, end: 7 }), "slice(float32[5]): 2:7:1 of 5 elements"],
  "an empty slice": [() => slice(f(5), { axis: 0, start: 2, end: 2 }), "2:2:1 of 5 elements"],
  "negative padding": [() => pad(f(5), { axis: 0, before: -1 }), "padding is not negative"],
  "an axis beyond the rank": [() => sum(f(2, 3), { axes: [2] }), "axis 2 of a tensor of rank 2"],
  "an axis named twice": [() => sum(f(2, 3), { axes: [1, -1] }), "axes 1,-1 name one axis twice"],
  "float indices": [() => gather(f(3), f(2), 0), "gather(float32[3], float32[2]): indices are int32, not float32"],
  "indices that do not fit the updates": [
    () => record(operators.scatterAdd, [f(3, 2), int(2)], { axis: 0, size: 4 }),
    "indices [2] do not fit axis 0 of the updates",
  ],
  "data that do not fill a constant": [() => constant([1, 2, 3], [2]), "constant(): 3 numbers for the shape [2]"],
  "a vector in a matrix product": [
    () => matMul(f(3), f(3, 2)),
    "matMul(float32[3], float32[3,2]): operands have two axes or more",
  ],
  "inner sizes that differ": [
    () => matMul(f(2, 3), f(4, 5)),
    "matMul(float32[2,3], float32[4,5]): inner sizes 3 and 4 differ",
  ],
  "a kernel of other channels": [
    () => conv2d(map, f(8, 3, 3, 3), undefined),
    "conv2d(float32[1,4,6,6], float32[8,3,3,3]): 4 input channels a group, the kernel has 3",
  ],
  "outputs that do not divide into groups": [
    () => conv2d(map, f(3, 2, 3, 3), undefined, { groups: 2 }),
    "3 outputs in 2 groups",
  ],
  "a bias of another length": [() => conv2d(map, f(8, 4, 3, 3), f(7)), "a bias of 8 numbers"],
  "a convolution of tokens": [
    () => conv2d(f(1, 4, 6), f(8, 4, 3, 3), undefined),
    "x is [N, C, H, W] and w [O, C / groups, kh, kw]",
  ],
  "pooling of tokens": [() => averagePool(f(1, 4, 6), { kernel: 2 }), "averagePool(float32[1,4,6]): x is [N, C, H, W]"],
  "a gradient of pooling windows that overlap": [
    () => gradients(sum(averagePool(map, { kernel: 3, stride: 2 })), [map]),
    "strided average pooling has a gradient only for windows that tile the input",
  ],
  "resizing tokens": [() => resizeBilinear(f(1, 4, 6), [2, 2]), "x is [N, C, H, W]"],
  "a scale of another length": [
    () => channelScale(map, f(3)),
    "channelAffine(float32[1,4,6,6], float32[3], float32[3]): a scale of 4 numbers",
  ],
  "gamma of another length": [() => batchNorm(map, f(3), f(4)), "gamma and beta have a number a channel"],
  "a top-k of zero": [() => topK(f(2, 3), 0), "topK(float32[2,3]): the 0 largest of [2,3]"],
  "boxes without corners": [
    () => nonMaximumSuppression(f(1, 5, 3), f(1, 5), { iouThreshold: 0.5, scoreThreshold: 0, maxKept: 5 }),
    "boxes are [G, n, 4]",
  ],
  "scores of other boxes": [
    () => nonMaximumSuppression(f(1, 5, 4), f(1, 4), { iouThreshold: 0.5, scoreThreshold: 0, maxKept: 5 }),
    "scores are [G, n]",
  ],
  "levels without maps": [
    () =>
      roiAlign(
        [map],
        { boxes: f(2, 4), images: int(2), levels: int(2) },
        { outputSize: [7, 7], scales: [1, 0.5], samplingRatio: 0 },
      ),
    "2 levels, then rois, images and levels",
  ],
  "labels of another shape": [() => softmaxCrossEntropy(f(2, 5, 7), int(2, 6)), "labels are int32[2,7]"],
  "a float count": [() => truncate(f(2, 5), f(1)), "count is int32[1]"],
};

describe("mistakes in graphs", () => {
  for (const [what, [build, message]] of Object.entries(wrong)) {
    it(what, () => {
      expect(build).to.throw(GraphError, message);
    });
  }

  it("name the scope they are in", () => {
    const build = () => inScope("backbone", () => inScope("backbone.stem", () => add(f(2), f(3))));
    expect(build).to.throw(GraphError, "add(float32[2], float32[3]) in backbone.stem: shapes");
  });

  it("leave the scope behind them", () => {
    expect(() => inScope("a", () => add(f(2), f(3)))).to.throw(GraphError);
    expect(add(f(2), f(2)).node.scope).to.equal("");
  });
});

describe("broadcastShapes", () => {
  const cases: readonly (readonly [a: number[], b: number[], result: number[]])[] = [
    [[], [], []],
    [[], [3], [3]],
    [[1], [1], [1]],
    [[2, 1], [3], [2, 3]],
    [
      [1, 4],
      [5, 1, 1],
      [5, 1, 4],
    ],
    [
      [0, 1],
      [1, 3],
      [0, 3],
    ],
    [[1], [0], [0]],
  ];
  for (const [a, b, result] of cases) {
    it(`[${a}] and [${b}] to [${result}]`, () => {
      expect(broadcastShapes(a, b)).to.deep.equal(result);
      expect(broadcastShapes(b, a)).to.deep.equal(result);
    });
  }
});
