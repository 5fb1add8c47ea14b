import { setTimeout as pause } from "node:timers/promises";
import { expect } from "chai";
import { Cache } from "../../lib/engines/cache.js";
import { Random } from "../../lib/random.js";

/** Makes slow programs that fail if they run after disposal, and counts the live ones. */
function factory() {
  const told = { living: 0, most: 0, made: 0 };
  const make = async (key: string, ms = 2) => {
    told.living++;
    told.made++;
    told.most = Math.max(told.most, told.living);
    await pause(ms);
    let disposed = false;
    return {
      async run(): Promise<string> {
        await pause(ms);
        if (disposed) throw new Error(`${key} ran after it was disposed of`);
        return key;
      },
      async dispose(): Promise<void> {
        if (disposed) throw new Error(`${key} was disposed of twice`);
        disposed = true;
        await pause(ms);
        told.living--;
      },
    };
  };
  return { told, make };
}

type Program = Awaited<ReturnType<ReturnType<typeof factory>["make"]>>;

describe("the cache of programs", () => {
  it("never disposes of running programs, and keeps no more than its limit, with concurrent requests", async () => {
    const { told, make } = factory();
    const cache = new Cache<Program>(4);
    const random = Random.of(1, "cache");
    const keys = Array.from({ length: 300 }, () => `shape ${random.integer(20)}`);
    const asks = keys.map(async (key, i) => {
      await pause(i % 7);
      return cache.use(
        key,
        () => make(key),
        (program) => program.run(),
      );
    });
    expect(await Promise.all(asks)).to.deep.equal(keys);
    expect(told.most).to.equal(4);
    await cache.dispose();
    expect(told.living).to.equal(0);
  });

  it("evicts the least recently used", async () => {
    const { told, make } = factory();
    const cache = new Cache<Program>(2);
    const ask = (key: string) =>
      cache.use(
        key,
        () => make(key),
        (program) => program.run(),
      );
    for (const key of ["a", "b", "a", "c", "a"]) await ask(key);
    expect(told.made).to.equal(3);
    await ask("b");
    expect(told.made).to.equal(4);
    await cache.dispose();
  });

  it("reports a failed compilation only to those who asked for it, and tries again for the next", async () => {
    const { make } = factory();
    const cache = new Cache<Program>(1);
    const broken = async (): Promise<Program> => {
      await pause(5);
      throw new Error("A cannot be made");
    };
    const run = (program: Program) => program.run();
    const [a, b] = await Promise.allSettled([cache.use("A", broken, run), cache.use("B", () => make("B"), run)]);
    expect(a).to.have.nested.property("reason.message", "A cannot be made");
    expect(b).to.have.property("value", "B");
    expect(await cache.use("A", () => make("A"), run)).to.equal("A");
    await cache.dispose();
  });

  it("waits for running programs on disposal, may be disposed of twice, and gives no programs afterwards", async () => {
    const { told, make } = factory();
    const cache = new Cache<Program>(2);
    const run = (program: Program) => program.run();
    const running = cache.use("a", () => make("a", 20), run);
    await pause(25);
    await Promise.all([cache.dispose(), cache.dispose()]);
    expect(told.living).to.equal(0);
    expect(await running).to.equal("a");
    await cache.dispose();
    const late = await cache.use("b", () => make("b"), run).catch((error: unknown) => String(error));
    expect(late).to.contain("after the cache was disposed");
  });
});
