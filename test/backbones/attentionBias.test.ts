import { expect } from "chai";
import { resampleOffsetTable } from "../../lib/backbones/attentionBias.js";

describe("tables of attention biases", () => {
  it("are resized with fixed corners, linearly between them", () => {
    // Head 0: |dy| + 10 |dx|, which bilinear resizing scales exactly; head 1 is constant.
    const from = 7;
    const table = new Float32Array(2 * 49).fill(3);
    for (let dy = 0; dy < from; dy++) for (let dx = 0; dx < from; dx++) table[dy * from + dx] = dy + 10 * dx;
    for (const to of [1, 7, 16, 25]) {
      const result = resampleOffsetTable(table, 2, to * to);
      const scale = to === 1 ? 0 : (from - 1) / (to - 1);
      for (let dy = 0; dy < to; dy++) {
        for (let dx = 0; dx < to; dx++) {
          expect(result[dy * to + dx]).to.be.closeTo((dy + 10 * dx) * scale, 1e-4);
          expect(result[(to + dy) * to + dx]).to.equal(3);
        }
      }
    }
    expect(resampleOffsetTable(table, 2, 49)).to.deep.equal(table);
  });
});
