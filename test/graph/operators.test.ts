import { expect } from "chai";
import fc from "fast-check";
import { operators } from "../../lib/graph/index.js";
import { checkSamples } from "./check.js";
import { engines } from "./engines.js";
import { suites } from "./operators/suites.js";

const SAMPLES_A_PROGRAM = 10;
const PROGRAMS = 3;

describe("operators", () => {
  it("are all tested", () => {
    expect([...Object.keys(suites), "input", "constant"]).to.have.members(Object.keys(operators));
  });

  for (const { name, make, slow = false } of engines) {
    describe(`on ${name}`, () => {
      const engine = make();
      for (const [operator, samples] of Object.entries(suites)) {
        it(`${operator}: outputs, expansion and gradient`, async () => {
          const some = fc.array(samples, {
            minLength: SAMPLES_A_PROGRAM,
            maxLength: SAMPLES_A_PROGRAM,
          });
          await fc.assert(
            fc.asyncProperty(some, (drawn) => checkSamples(engine, drawn)),
            { seed: 20_240_229, numRuns: slow ? 1 : PROGRAMS, endOnFailure: true },
          );
        });
      }
    });
  }
});
