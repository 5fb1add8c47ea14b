import type { Random } from "../../lib/random.js";

/** Values that often break readers: signs, powers of two and their neighbours. */
const EDGES = [0, 1, 2, 0x7f, 0x80, 0xff];

/** A damaged copy: bits, bytes, words or runs changed, cut, repeated or moved; sometimes several of these. */
export function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  let result: Uint8Array = Uint8Array.from(bytes);
  const times = 1 + random.integer(4);
  for (let i = 0; i < times && result.length > 0; i++)
    result = MUTATIONS[random.integer(MUTATIONS.length)]!(result, random);
  return result;
}

type Mutation = (bytes: Uint8Array, random: Random) => Uint8Array;

const MUTATIONS: readonly Mutation[] = [
  (bytes, random) => {
    const at = random.integer(bytes.length);
    bytes[at] = bytes[at]! ^ (1 << random.integer(8));
    return bytes;
  },
  (bytes, random) => {
    bytes[random.integer(bytes.length)] = random.integer(256);
    return bytes;
  },
  (bytes, random) => {
    bytes[random.integer(bytes.length)] = EDGES[random.integer(EDGES.length)]!;
    return bytes;
  },
  (bytes, random) => {
    const at = random.integer(bytes.length);
    const end = Math.min(bytes.length, at + 1 + random.integer(8));
    return bytes.fill(EDGES[random.integer(EDGES.length)]!, at, end);
  },
  (bytes, random) => bytes.slice(0, random.integer(bytes.length)),
  (bytes, random) => {
    const [from, to] = [random.integer(bytes.length), random.integer(bytes.length)];
    return bytes.copyWithin(to, from, from + random.integer(64));
  },
  (bytes, random) => {
    const at = random.integer(bytes.length);
    const length = random.integer(32);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at)]);
  },
  (bytes, random) => {
    const at = random.integer(bytes.length);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random.integer(32))]);
  },
];
