import { dict, global, integer, op, pickle, raw, tensor, text, tuple } from "./pickles.js";
import { zipOf } from "./zip.js";

/* Weights files of a few kilobytes or megabytes that try to take all memory or never to end. */

export interface HostileFile {
  readonly format: "pth" | "npz";
  readonly make: () => Uint8Array;
  /** Of the message that refuses it; undefined if it is read at no cost. */
  readonly refusal?: string;
}

const times = (count: number, ...parts: Buffer[]): Buffer => {
  const part = Buffer.concat(parts);
  return Buffer.concat(Array.from({ length: count }, () => part));
};
const put = (index: number): Buffer => op(0x71, index);
const get = (index: number): Buffer => op(0x68, index);
const drop = op(0x30);
const append = raw("a");
const reduce = raw("R");
const list = raw("]");
const none = raw("N");
/** Memoises a value. */
const kept = (index: number, ...value: Buffer[]): Buffer => Buffer.concat([...value, put(index), drop]);

/** Repeated text compresses a thousand to one. */
const packed = (...parts: Buffer[]): Buffer =>
  zipOf([{ name: "a/data.pkl", content: pickle(...parts), deflate: true }]);
const plain = (...parts: Buffer[]): Buffer => zipOf([{ name: "a/data.pkl", content: pickle(...parts) }]);

const FAR_MORE = "expands its bytes far beyond what they can hold";
const TOO_MANY = "nested endlessly, or hold too many values";
const numbers = (count: number): Buffer => Buffer.concat(Array.from({ length: count }, (_, i) => integer(i)));
const pairs = (count: number): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, i) => Buffer.concat([integer(i), none])));

const encodeBomb = (count: number): Buffer[] => [
  kept(0, global("_codecs.encode")),
  kept(1, text("x".repeat(100_000)), text("latin1"), op(0x86)),
  list,
  times(count, get(0), get(1), reduce, append),
];

const legacy = (keys: Buffer): Buffer =>
  Buffer.concat([
    pickle(Buffer.concat([op(0x8a, 10), Buffer.from("6cfc9c46f9206aa85019", "hex")])),
    ...[integer(1001), dict(), dict(), keys].map((part) => pickle(part)),
  ]);

const deflatedStorages = (megabytes: number, tensors: readonly Buffer[]): Buffer =>
  zipOf([
    { name: "a/data.pkl", content: pickle(tuple(...tensors)), deflate: true },
    ...["0", "1"].map((key) => ({ name: `a/data/${key}`, content: Buffer.alloc(megabytes * 1e6), deflate: true })),
  ]);

const eightMegabytes = Buffer.alloc(8_000_000);
const halfMegabyte = Buffer.alloc(500_000);

export const HOSTILE_TENSORS: Readonly<Record<string, HostileFile>> = {
  "bytes of a text, over and over": { format: "pth", make: () => packed(...encodeBomb(50_000)), refusal: FAR_MORE },
  "copies of a dictionary": {
    format: "pth",
    make: () =>
      plain(
        kept(0, global("collections.OrderedDict")),
        kept(1, raw("}("), pairs(50_000), raw("u"), op(0x85)),
        list,
        times(100_000, get(0), get(1), reduce, append),
      ),
    refusal: FAR_MORE,
  },
  "twenty million containers": {
    format: "pth",
    make: () => packed(raw("]"), times(9_000_000, raw("}0"))),
    refusal: "holds more than 1000000 containers and names",
  },
  "tuples in tuples": {
    format: "pth",
    make: () => plain(raw(")"), times(4_900_000, op(0x85))),
    refusal: "holds more than 1000000 containers and names",
  },
  "integers read and dropped": {
    format: "pth",
    make: () => packed(times(9_000_000, op(0x8a, 1, 5), drop), none),
    refusal: "has more than 8000000 instructions",
  },
  "integers of 256 bytes": {
    format: "pth",
    make: () => packed(times(250_000, op(0x8b, 0, 1, 0, 0), Buffer.alloc(256, 0x7f), drop), none),
    refusal: "holds no tensors",
  },
  "large integers read and dropped": {
    format: "pth",
    make: () => packed(times(3_900_000, op(0x8a, 8, 1, 2, 3, 4, 5, 6, 7, 8), drop), none),
    refusal: "holds more than 2000000 values",
  },
  "dictionaries of one entry": {
    format: "pth",
    make: () => packed(raw("]"), times(3_000_000, raw("}NNsa"))),
    refusal: "holds more than 2000000 values",
  },
  "values kept, and kept again": {
    format: "pth",
    make: () => packed(list, times(19_000_000, op(0x94))),
    refusal: "holds more than 2000000 values",
  },
  "instructions without end": {
    format: "pth",
    make: () => packed(times(20_000_000, raw("N0")), none),
    refusal: "has more than 8000000 instructions",
  },
  "names of half a megabyte": {
    format: "pth",
    make: () =>
      plain(
        kept(0, text("x".repeat(500_000))),
        kept(1, op(0x29)),
        list,
        times(100_000, get(0), get(0), op(0x93), get(1), reduce, append),
      ),
    refusal: "names a class by a text of absurd length",
  },
  "a function that rebuilds by itself": {
    format: "pth",
    make: () => {
      const rebuild = global("torch._tensor._rebuild_from_type_v2");
      return plain(rebuild, kept(0, list), get(0), rebuild, append, none, append, get(0), append, reduce);
    },
    refusal: "holds no tensors",
  },
  "a large dictionary beside every tensor": {
    format: "pth",
    make: () =>
      plain(
        kept(0, global("torch._utils._rebuild_tensor_v2")),
        kept(
          1,
          raw("((X\x07\0\0\0storage"),
          global("torch.FloatStorage"),
          text("0"),
          text("cpu"),
          integer(4),
          raw("tQ"),
          integer(0),
          op(0x29),
          op(0x29),
          op(0x89),
          raw("}"),
          raw("}("),
          pairs(60_000),
          raw("u"),
          raw("t"),
        ),
        list,
        times(200_000, get(0), get(1), reduce, append),
      ),
    refusal: FAR_MORE,
  },
  "shapes of a hundred thousand axes": {
    format: "pth",
    make: () =>
      plain(
        kept(0, global("torch._utils._rebuild_tensor_v2")),
        kept(2, raw("("), numbers(100_000), raw("t")),
        kept(
          1,
          raw("((X\x07\0\0\0storage"),
          global("torch.FloatStorage"),
          text("0"),
          text("cpu"),
          integer(4),
          raw("tQ"),
          integer(0),
          get(2),
          get(2),
          op(0x89),
          raw("}"),
          raw("t"),
        ),
        list,
        times(100_000, get(0), get(1), reduce, append),
      ),
    refusal: "makes a tensor of 100000 axes",
  },
  "a list that is referred to everywhere": {
    format: "pth",
    make: () => plain(kept(0, list, raw("("), times(1_000_000, none), raw("e")), list, times(250_000, get(0), append)),
    refusal: "holds no tensors",
  },
  "a long key at every depth": {
    format: "pth",
    make: () =>
      plain(
        kept(0, text("k".repeat(200_000))),
        ...Array.from({ length: 90 }, () => Buffer.concat([raw("}"), get(0)])),
        tensor(),
        times(90, raw("s")),
      ),
    refusal: TOO_MANY,
  },
  "integers written out": {
    format: "pth",
    make: () =>
      packed(
        kept(0, op(0x8a, 255), Buffer.alloc(255, 0x7f)),
        op(0x29),
        put(1),
        drop,
        raw("}("),
        times(1, none, none),
        raw("u"),
        raw("0]"),
        times(250_000, get(0), append),
      ),
    refusal: "holds no tensors",
  },
  "bytes as keys of storages": {
    format: "pth",
    make: () =>
      legacy(
        Buffer.concat([
          kept(0, op(0x42, 0x40, 0x42, 0x0f, 0), Buffer.alloc(1_000_000)),
          list,
          times(100_000, get(0), append),
        ]),
      ),
    refusal: "lists a storage by something that is not a key",
  },
  "a pickle of zeros": {
    format: "pth",
    make: () => zipOf([{ name: "a/data.pkl", content: Buffer.alloc(100_000_000), deflate: true }]),
    refusal: "more than the",
  },
  "a storage of zeros": {
    format: "pth",
    make: () => deflatedStorages(100, [tensor({ count: 4 })]),
    refusal: "more than the",
  },
  "two storages in turn": {
    format: "pth",
    make: () =>
      deflatedStorages(
        60,
        Array.from({ length: 2000 }, (_, i) => tensor({ key: String(i % 2) })),
      ),
    refusal: "far more unpacking",
  },
  "one storage for all": {
    format: "pth",
    make: () =>
      deflatedStorages(
        60,
        Array.from({ length: 2000 }, (_, i) => tensor({ count: 3000, offset: i })),
      ),
  },
  "two elements a file apart": {
    format: "pth",
    make: () =>
      zipOf([
        {
          name: "a/data.pkl",
          content: pickle(
            kept(0, tensor({ count: 1_000_000, shape: [2], strides: [999_999] })),
            list,
            times(100_000, get(0), append),
          ),
        },
        { name: "a/data/0", content: Buffer.alloc(4_000_000) },
      ]),
    refusal: "claim far more memory",
  },
  "one value, expanded": {
    format: "pth",
    make: () =>
      zipOf([
        { name: "a/data.pkl", content: pickle(tuple(tensor({ shape: [1e6, 1e6], strides: [0, 0] }))) },
        { name: "a/data/0", content: Buffer.alloc(16) },
      ]),
    refusal: "claim far more memory",
  },
  "members that overlap": { format: "npz", make: () => overlapping(60_000), refusal: "its members overlap" },
  "arrays of zeros": {
    format: "npz",
    make: () => zipOf([{ name: "a.npy", content: Buffer.alloc(100_000_000), deflate: true }]),
    refusal: "its arrays claim more than",
  },
  "members that hide what they unpack to": {
    format: "npz",
    make: () =>
      zipOf(
        Array.from({ length: 400 }, (_, i) => ({
          name: `${i}.npy`,
          content: eightMegabytes,
          deflate: true,
          claimed: 100,
        })),
      ),
    refusal: "not a .npy file",
  },
};

/** Many names for one member, which unpacks to half a megabyte. */
function overlapping(count: number): Buffer {
  const one = zipOf([{ name: "0.npy", content: halfMegabyte, deflate: true }]);
  const start = one.readUInt32LE(one.length - 6);
  const entry = one.subarray(start, one.length - 22);
  const entries = Array.from({ length: count }, (_, i) => {
    const copy = Buffer.concat([entry.subarray(0, 46), Buffer.from(`${i}.npy`)]);
    copy.writeUInt16LE(copy.length - 46, 28);
    return copy;
  });
  const directory = Buffer.concat(entries);
  const end = Buffer.from(one.subarray(one.length - 22));
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(directory.length, 12);
  return Buffer.concat([one.subarray(0, start), directory, end]);
}
