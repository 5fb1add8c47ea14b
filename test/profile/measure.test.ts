import { expect } from "chai";
import {
  CLOCKS,
  type Contender,
  contenderOf,
  type MeasureOptions,
  measureInTurn,
  ratio,
  sumOf,
  timedRuns,
} from "../../lib/profile/measure.js";
import { halfWidth } from "../../lib/profile/statistics.js";
import { watchWaiting } from "../../lib/profile/waiting.js";

/** Takes the listed times, visit after visit, and repeats the last entry. */
function scripted(name: string, visits: readonly (readonly number[])[], log: string[] = []): Contender {
  let next = 0;
  return {
    name,
    async visit() {
      log.push(name);
      return visits[Math.min(next++, visits.length - 1)]!;
    },
  };
}

describe("profile/measure", () => {
  it("visits the contenders in turn, with an untimed first round, and takes each visit's median", async () => {
    const log: string[] = [];
    const a = scripted("a", [[99], [1, 3, 2], [4], [6]], log);
    const b = scripted("b", [[99], [10], [20, 30], [30]], log);
    const [first, second] = await measureInTurn([a, b], { rounds: 3, seconds: 0 });
    expect(log.join("")).to.equal("abababab");
    expect(first).to.deep.include({ name: "a", ms: [2, 4, 6], runs: 5 });
    expect(second).to.deep.include({ name: "b", ms: [10, 25, 30], runs: 4 });
    expect(first!.latency.median).to.equal(4);
  });

  it("adds rounds until the estimates are good enough, and no more than allowed", async () => {
    const noisy = () => scripted("noisy", [[1], [1], [9], [1], [9], [1], [5]]);
    const isEnough: MeasureOptions["isEnough"] = (timings) =>
      timings.every(({ latency, ms }) => ms.length >= 5 && halfWidth(latency) < 0.01);
    const [given] = await measureInTurn([noisy()], { rounds: 5, mostRounds: 40, seconds: 0, isEnough });
    expect(given!.ms.length).to.be.within(10, 39);
    const [never] = await measureInTurn([noisy()], { rounds: 5, mostRounds: 8, seconds: 0, isEnough: () => false });
    expect(never!.ms).to.have.length(8);
  });

  it("pairs the rounds in ratios and sums: a machine that slows down slows all", () => {
    const slowing = { ms: [10, 20, 40, 80, 160, 320] };
    const other = { ms: slowing.ms.map((ms) => 2 * ms) };
    const found = ratio(other, slowing);
    expect(found).to.include({ median: 2, low: 2, high: 2 });
    expect(halfWidth(found)).to.equal(0);
  });

  it("sums contenders round by round", async () => {
    const timings = await measureInTurn([scripted("a", [[1]]), scripted("b", [[1], [2], [4]])], {
      rounds: 2,
      seconds: 0,
    });
    expect(sumOf(timings).median).to.equal((3 + 5) / 2);
  });

  it("continues if a contender has no more timings", async () => {
    const [failed, other] = await measureInTurn([scripted("failed", [[1], []]), scripted("other", [[2]])], {
      rounds: 2,
      seconds: 0,
      pauseMs: 0,
    });
    expect(failed!.latency.median).to.be.NaN;
    expect(other!.latency.median).to.equal(2);
  });

  it("stops when aborted", async () => {
    const controller = new AbortController();
    const stopping: Contender = {
      name: "stopping",
      async visit() {
        controller.abort(new Error("enough"));
        return [1];
      },
    };
    const failure = await measureInTurn([stopping], { rounds: 3, seconds: 0, signal: controller.signal }).catch(
      (error: unknown) => error,
    );
    expect(failure).to.be.instanceOf(Error).with.property("message", "enough");
  });

  it("extends intervals down to the time without waiting for a processor", async () => {
    const steady = [[1], [20], [21], [20], [21], [20], [21], [20], [21]];
    const waiting = { ...scripted("waiting", steady), waited: () => 15 };
    const [alone, starved] = await measureInTurn([scripted("alone", steady), waiting], {
      rounds: 8,
      seconds: 0,
      pauseMs: 0,
    });
    expect(alone!.latency).to.include({ median: 20.5, low: 20, high: 21 });
    expect(starved!.latency).to.include({ median: 20.5, low: 5.5, high: 21 });
  });

  it("measures how long threads waited for a processor, if the system counts it", function () {
    if (process.platform !== "linux") this.skip();
    const waited = watchWaiting();
    const until = performance.now() + 20;
    while (performance.now() < until);
    expect(waited()).to.be.within(0, 60_000);
  });

  it("uses the given clock: the processor's stands still while a program waits", async () => {
    const waiting = () => new Promise<void>((resolve) => setTimeout(resolve, 60));
    const [wall] = await timedRuns(waiting, 0.001);
    const times = await timedRuns(waiting, 0, CLOCKS.processor);
    expect(wall).to.be.above(50);
    expect(times[0]).to.be.below(wall! / 2);
  });

  it("times each run of a program but the first of a visit", async () => {
    let runs = 0;
    const contender = contenderOf("program", async () => void runs++);
    const times = await contender.visit(0.001);
    expect(times.length).to.equal(runs - 1);
    expect(Math.min(...times)).to.be.at.least(0);
  });
});
