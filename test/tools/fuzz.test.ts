import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { Random } from "../../lib/random.js";
import { LIMITS } from "../../tools/fuzz/limits.js";
import { runFuzz } from "../../tools/fuzz/run.js";
import { TARGETS } from "../../tools/fuzz/targets.js";
import { TARGETS as FAULTY_TARGETS, FOURTH, SEED } from "../support/faultyTargets.js";

const TABLE = new URL("../../tools/fuzz/targets.js", import.meta.url).href;
const FAULTY = new URL("../support/faultyTargets.js", import.meta.url).href;

describe("damaged and absurd inputs", () => {
  let saveTo: string;
  before(() => {
    saveTo = mkdtempSync(join(tmpdir(), "densekit-fuzz-test-"));
  });
  after(() => rmSync(saveTo, { recursive: true, force: true }));

  for (const name of Object.keys(TARGETS)) {
    it(`give a result or an error that says what is wrong: ${name}`, async () => {
      const result = await runFuzz({ table: TABLE, name, seed: 20, count: 400, saveTo });
      expect(result.failures.map(({ index, message }) => `${index}: ${message}`)).to.deep.equal([]);
      // Both must happen, otherwise nothing was tested.
      expect(result.accepted, "accepted").to.be.greaterThan(0);
      expect(result.refused, "refused").to.be.greaterThan(0);
      expect(result.accepted + result.refused).to.equal(400);
    });
  }

  const failuresOf = async (name: string, seconds = LIMITS.seconds) => {
    const limits = { seconds, bytes: LIMITS.bytes };
    const result = await runFuzz({ table: FAULTY, name, seed: SEED, count: 8, limits, saveTo });
    expect(result.inputs).to.equal(8);
    return result;
  };

  it("are noticed when they throw, hang, die or fill the memory; the input is saved, and the others are tried", async () => {
    const expected = {
      throws: /^TypeError: input 3/,
      rejects: /^RangeError: nobody waits for 3/,
      hangs: /^time: more than 0.3 s$/,
      waits: /^time: waited for more than 2.4 s$/,
      dies: /^the process died \(SIGABRT\)/,
      grows: /^memory: more than 600 MB$/,
      "grows at once": /^memory: more than 600 MB$/,
    };
    expect(Object.keys(FAULTY_TARGETS)).to.include.members(Object.keys(expected));
    for (const [name, message] of Object.entries(expected)) {
      const { failures, accepted, refused } = await failuresOf(name, /hangs|waits/.test(name) ? 0.3 : undefined);
      expect(failures, name).to.have.length(1);
      expect(failures[0]!.index, name).to.equal(FOURTH);
      expect(failures[0]!.message, name).to.match(message);
      const { target } = await FAULTY_TARGETS[name]!();
      const input = (await target.open("")).make(Random.of(SEED, "fuzz", name, FOURTH));
      expect(readFileSync(failures[0]!.file), name).to.deep.equal(Buffer.from(input));
      expect(accepted + refused, name).to.be.within(7, 8);
    }
  });

  it("are not blamed for memory that earlier inputs left behind", async () => {
    const { failures, accepted, mostBytes } = await failuresOf("leaks");
    expect(failures).to.deep.equal([]);
    expect(accepted).to.equal(8);
    expect(mostBytes).to.be.within(300e6, LIMITS.bytes);
  });
});
