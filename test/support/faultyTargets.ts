import { Random } from "../../lib/random.js";
import type { FuzzSession, FuzzTargets } from "../../tools/fuzz/target.js";

/* Faulty targets, to check that faults are noticed: at the fourth input of seed 1, or a little at each. */

export const SEED = 1;
export const FOURTH = 3;

const kept: Uint8Array[] = [];
const grow = (megabytes: number): void => void kept.push(new Uint8Array(megabytes * 1e6).fill(1));
const nothing = (): void => undefined;
const forEver = (step: () => void): never => {
  for (;;) step();
};

const FAULTS: Readonly<Record<string, () => void | Promise<void>>> = {
  throws() {
    throw new TypeError(`input ${FOURTH}`);
  },
  rejects: () => void Promise.reject(new RangeError(`nobody waits for ${FOURTH}`)),
  hangs: () => forEver(nothing),
  waits: () => new Promise(nothing),
  dies: () => process.abort(),
  grows: () => forEver(() => grow(1)),
  "grows at once": () => grow(1000),
};

const session = (attempt: FuzzSession["attempt"]): FuzzSession => ({
  make: (random) => Buffer.from(String(random.next())),
  attempt,
});

export const TARGETS: FuzzTargets = Object.fromEntries(
  [...Object.keys(FAULTS), "leaks"].map((name) => {
    const fourth = String(Random.of(SEED, "fuzz", name, FOURTH).next());
    const attempt: FuzzSession["attempt"] = (input) => {
      if (name === "leaks") grow(200);
      else if (Buffer.from(input).toString() === fourth) return FAULTS[name]!();
    };
    return [name, async () => ({ target: { about: "a fault", open: () => session(attempt) } })];
  }),
);
