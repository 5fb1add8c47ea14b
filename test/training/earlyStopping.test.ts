import { expect } from "chai";
import type { Watched } from "../../lib/runs/state.js";
import { reasonToStop, watch } from "../../lib/training/earlyStopping.js";

interface Options {
  readonly metric?: "loss" | "mIoU";
  readonly patience: number;
  readonly minDelta?: number;
}

const configOf = ({ minDelta = 0, ...options }: Options) => ({
  earlyStopping: { minDelta, ...options },
  checkpoint: { best: "mIoU" as const },
});

/** The number of the validation after which training stops, and the reason. */
function stopOf(
  options: Options,
  figures: readonly (number | undefined)[],
): [validations: number, why: string] | undefined {
  const config = configOf(options);
  let watched: Watched | undefined;
  for (const [i, figure] of figures.entries()) {
    const name = options.metric ?? "mIoU";
    const metrics: Record<string, number> = figure === undefined ? {} : { [name]: figure };
    watched = watch(config, watched, { step: 10 * (i + 1), metrics });
    const why = reasonToStop(config, watched);
    if (why !== undefined) return [i + 1, why];
  }
  return undefined;
}

describe("early stopping", () => {
  it("waits for a better value, by default of the best checkpoint's metric, and restarts its count after one", () => {
    expect(stopOf({ patience: 2 }, [0.1, 0.2, 0.2, 0.3, 0.3, 0.25, 0.9])).to.deep.equal([
      6,
      "mIoU was not above the 0.3000 of step 40 in 2 validations since",
    ]);
    expect(stopOf({ patience: 1 }, [0.5, 0.5])).to.deep.equal([
      2,
      "mIoU was not above the 0.5000 of step 10 in 1 validation since",
    ]);
    expect(stopOf({ patience: 2 }, [0.1, 0.1, 0.2, 0.2, 0.3])).to.equal(undefined);
  });

  it("treats a lower loss as better", () => {
    expect(stopOf({ metric: "loss", patience: 2 }, [3, 2, 1, 2, 1.5, 0.1])).to.deep.equal([
      5,
      "loss was not below the 1.000 of step 30 in 2 validations since",
    ]);
  });

  it("needs more than minDelta above the best, so that small improvements add up", () => {
    expect(stopOf({ patience: 2, minDelta: 0.1 }, [0.5, 0.55, 0.59, 0.9])).to.deep.equal([
      3,
      "mIoU was not more than 0.1 above the 0.5000 of step 10 in 2 validations since",
    ]);
    expect(stopOf({ patience: 3, minDelta: 0.1 }, [0.5, 0.55, 0.61, 0.65, 0.72])).to.equal(undefined);
    expect(stopOf({ metric: "loss", patience: 1, minDelta: 0.5 }, [2, 1.6])).to.deep.equal([
      2,
      "loss was not more than 0.5 below the 2.000 of step 10 in 1 validation since",
    ]);
  });

  it("never treats an undefined value as better", () => {
    for (const none of [undefined, Number.NaN, -1]) {
      expect(stopOf({ patience: 2 }, [none, none, 0.4])).to.deep.equal([2, "mIoU was not defined in 2 validations"]);
      expect(stopOf({ patience: 2 }, [0.2, none, none])).to.deep.equal([
        3,
        "mIoU was not above the 0.2000 of step 10 in 2 validations since",
      ]);
    }
  });

  it("starts over if another metric is watched, and does nothing if it is off", () => {
    const before: Watched = { metric: "loss", best: { value: 1, step: 10 }, waited: 9 };
    const config = configOf({ patience: 2 });
    expect(reasonToStop(config, before)).to.equal(undefined);
    const next = watch(config, before, { step: 20, metrics: { mIoU: 0.5 } });
    expect(next).to.deep.equal({ metric: "mIoU", best: { value: 0.5, step: 20 }, waited: 0 });
    const off = { checkpoint: { best: "mIoU" as const } };
    expect(watch(off, before, { step: 20, metrics: { mIoU: 0.5 } })).to.equal(undefined);
    expect(reasonToStop(off, before)).to.equal(undefined);
  });
});
