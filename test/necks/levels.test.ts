import { expect } from "chai";
import { UserError } from "../../lib/errors.js";
import { input } from "../../lib/graph/index.js";
import { levels } from "../../lib/necks/levels.js";
import { Context } from "../../lib/nn/context.js";
import { ParameterList } from "../../lib/nn/parameters.js";

const inputs = { channels: [16, 16, 16], strides: [4, 8, 16] };

describe("the backbone's maps as levels", () => {
  it("are passed on, plus every second pixel of the coarsest if one more is asked for", () => {
    const list = new ParameterList();
    const maps = [16, 8, 4].map((side, i) => input(`x${i}`, [1, 16, side, side + 1]));
    const plain = levels.make(list.scope(), { channels: 16 }, { inputs, extraLevel: false });
    expect(plain.forward(maps, Context.training())).to.deep.equal(maps);
    expect(plain.strides).to.deep.equal([4, 8, 16]);
    const more = levels.make(list.scope(), { channels: 16 }, { inputs, extraLevel: true });
    expect(more.strides).to.deep.equal([4, 8, 16, 32]);
    expect(more.forward(maps, Context.training()).at(-1)!.shape).to.deep.equal([1, 16, 2, 3]);
    expect(list.all).to.deep.equal([]);
  });

  it("of other widths are refused", () => {
    const widths = { ...inputs, channels: [16, 32, 64] };
    expect(() =>
      levels.make(new ParameterList().scope(), { channels: 16 }, { inputs: widths, extraLevel: false }),
    ).to.throw(
      UserError,
      "model.neck: levels needs maps of 16 channels, but this backbone's have 16, 32, 64; " +
        "set model.neck.type=fpn, or model.neck.channels to the backbone's",
    );
  });
});
