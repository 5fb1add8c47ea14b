import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import { defaultThreads, shared, startPool } from "../lib/threads.js";

const WORKER = new URL("../lib/evaluation/worker.js", import.meta.url);

describe("threads", () => {
  it("may be ended while they still load their modules", async () => {
    for (let delay = 0; delay < 400; delay += 80) {
      const pool = startPool(WORKER, 3);
      await setTimeout(delay);
      await pool.close(); // would end the whole process
    }
  });

  it("throw the signal's reason, before and while they work", async () => {
    const pool = startPool(WORKER, 1, AbortSignal.abort(new Error("enough")));
    const outcome = await pool.run("labelMaps", { pairs: [] }).catch((error: Error) => error.message);
    expect(outcome).to.equal("enough");
    await pool.close();
  });

  it("share memory", () => {
    expect(defaultThreads()).to.be.at.least(1);
    const numbers = shared(Float64Array.of(1, 2.5));
    expect(numbers.buffer).to.be.instanceOf(SharedArrayBuffer);
    expect([...numbers]).to.deep.equal([1, 2.5]);
    expect([...shared(Int32Array.of(-3))]).to.deep.equal([-3]);
  });
});
