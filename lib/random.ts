/**
 * A seeded, counter-based random generator: draw i is a hash of (key, i), so its whole state is two integers and a
 * stream can be made for any (seed, epoch, image) without drawing the ones before it.
 *
 * The mixer is the two-round multiply-xorshift hash "lowbias32" found by Ellis and Wellons (2018).
 */
export class Random {
  private constructor(
    private readonly key: number,
    private counter: number,
  ) {}

  /** The stream named by these integers or strings; equal names give equal streams. */
  static of(...name: readonly (number | string)[]): Random {
    let key = 0x811c9dc5;
    for (const part of name) key = mix(Math.imul(key, 31) + (typeof part === "number" ? mix(part) : fnv1a(part)), 1);
    return new Random(key, 0);
  }

  /** The stream of this name under this stream's current state; drawing from it does not advance this one. */
  child(...name: readonly (number | string)[]): Random {
    return Random.of(this.key, this.counter, ...name);
  }

  static fromState(state: readonly [key: number, counter: number]): Random {
    return new Random(state[0], state[1]);
  }

  /** What `fromState` needs to continue from here. */
  get state(): [key: number, counter: number] {
    return [this.key, this.counter];
  }

  private bits(): number {
    const bits = mix(this.counter, this.key);
    this.counter = (this.counter + 1) >>> 0;
    return bits;
  }

  /** Uniform in [0, 1), 32 random bits. */
  next(): number {
    return this.bits() / 4294967296;
  }

  /** Uniform in [low, high). */
  uniform(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  /** A whole number, uniform in 0 … n − 1. */
  integer(n: number): number {
    return Math.floor(this.next() * n);
  }

  /** Normal with mean 0 and standard deviation 1 (Box–Muller, one of the pair). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()));
    return radius * Math.cos(2 * Math.PI * this.next());
  }

  /** Normal, redrawn until within ± `bound` standard deviations. */
  truncatedNormal(bound = 2): number {
    for (;;) {
      const x = this.normal();
      if (Math.abs(x) <= bound) return x;
    }
  }

  /** Shuffles in place (Fisher–Yates) and returns the same array. */
  shuffle<T extends Int32Array | unknown[]>(items: T): T {
    const list: { [index: number]: unknown } = items;
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const kept = list[i];
      list[i] = list[j];
      list[j] = kept;
    }
    return items;
  }

  /** `count` distinct indices from 0 … n − 1 in random order; all of them if count ≥ n. */
  choose(n: number, count: number): Int32Array {
    return this.shuffle(Int32Array.from({ length: n }, (_, i) => i)).slice(0, count);
  }
}

function mix(i: number, seed = 0): number {
  let x = (Math.imul(i, 0x9e3779b9) + seed) | 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0xd35a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** A draw from Beta(α, α), made of two gamma draws. */
export function betaOf(alpha: number, random: Random): number {
  const [a, b] = [gammaOf(alpha, random), gammaOf(alpha, random)];
  return a + b === 0 ? 0.5 : a / (a + b);
}

/** A draw from Gamma(shape, 1) by Marsaglia and Tsang (2000), with their boost for shapes below 1. */
function gammaOf(shape: number, random: Random): number {
  if (shape < 1) return gammaOf(shape + 1, random) * (1 - random.next()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = random.normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random.next()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}
