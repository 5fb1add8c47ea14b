import { expect } from "chai";
import fc from "fast-check";
import { operators } from "../../lib/graph/index.js";
import { checkSamples } from "./check.js";
import { onEveryEngine } from "./engines.js";
import type { Sample } from "./operators/sample.js";
import { suites } from "./operators/suites.js";
import { transposed } from "./operators/transposed.js";

const SAMPLES_A_PROGRAM = 10;
const PROGRAMS = 3;

describe("operators", () => {
  it("are all tested", () => {
    expect([...Object.keys(suites), "input", "constant"]).to.have.members(Object.keys(operators));
  });

  onEveryEngine(
    (name) => `on ${name}`,
    (engine, { slow = false, movesAxes = false }) => {
      const check = (samples: fc.Arbitrary<Sample>, change = (sample: Sample) => sample) =>
        fc.assert(
          fc.asyncProperty(fc.array(samples, { minLength: SAMPLES_A_PROGRAM, maxLength: SAMPLES_A_PROGRAM }), (drawn) =>
            checkSamples(engine(), drawn.map(change)),
          ),
          { seed: 20_240_229, numRuns: slow ? 1 : PROGRAMS, endOnFailure: true },
        );
      for (const [operator, samples] of Object.entries(suites)) {
        it(`${operator}: outputs, expansion and gradient`, () => check(samples));
        if (movesAxes) it(`${operator} between transpositions`, () => check(samples, transposed));
      }
    },
  );
});
