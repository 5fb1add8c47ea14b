import { expect } from "chai";
import {
  CLASSIFICATION_TRANSFORMS,
  completeTransforms,
  TRANSFORMS,
  type TransformInput,
} from "../../../lib/datasets/transforms/index.js";
import { userMessage } from "../../support/failure.js";
import { expectTableOf } from "../../support/kinds.js";

describe("the table of transforms", () => {
  it("has every file of their folder, named after its transform's type", () => {
    expectTableOf("datasets/transforms", [...TRANSFORMS, ...CLASSIFICATION_TRANSFORMS], ["transform.ts"]);
  });

  it("fills in a step's defaults, and nothing twice", () => {
    const steps = completeTransforms([{ type: "randomFlip" }, { type: "pad", width: 3, height: 2 }]);
    expect(steps).to.deep.equal([
      { type: "randomFlip", probability: 0.5, direction: "horizontal" },
      { type: "pad", width: 3, height: 2 },
    ]);
    expect(completeTransforms(steps)).to.deep.equal(steps);
  });

  it("names the faults of steps given by a program", async () => {
    const wrong = [{ type: "randomFlip", probability: 2 }] as const satisfies TransformInput[];
    expect(await userMessage(() => completeTransforms(wrong))).to.equal(
      "transforms: ✖ Too big: expected number to be <=1\n  → at [0].probability",
    );
  });
});
