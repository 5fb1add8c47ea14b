import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { goldenFolder } from "../../test/support/goldens.js";
import { call, dict, integer, op, pickle, tensor, text, torchZip, tuple } from "../../test/support/pickles.js";

/** A checkpoint: names, metadata, a view, and a separate storage for each tensor. */
const ROOT = dict(
  text("meta"),
  dict(text("epoch"), integer(12), text("CLASSES"), tuple(text("cat"), text("dog"))),
  text("state_dict"),
  call(
    "collections.OrderedDict",
    tuple(
      tuple(text("conv.weight"), tensor({ count: 12, shape: [3, 2], strides: [1, 3], offset: 2 })),
      tuple(text("conv.bias"), tensor({ key: "1" })),
      tuple(text("note"), call("_codecs.encode", text("bytes"), text("latin1"))),
    ),
  ),
);
const STORAGES = { "0": new Uint8Array(48), "1": new Uint8Array(16) };

/** PyTorch's format since 1.6: ours by hand, and recorded ones if they are beside the checkout. */
export function zipSeeds(): readonly Uint8Array[] {
  return [torchZip(pickle(ROOT), STORAGES), ...recorded("zip_")];
}

/** The format before it. */
export function legacySeeds(): readonly Uint8Array[] {
  const storage = (bytes: Uint8Array): Buffer => {
    const count = Buffer.alloc(8);
    count.writeBigUInt64LE(BigInt(bytes.length / 4));
    return Buffer.concat([count, bytes]);
  };
  const keys = pickle(tuple(text("0"), text("1")));
  const own = Buffer.concat([legacyFile(ROOT), keys, ...Object.values(STORAGES).map(storage)]);
  return [own, ...recorded("legacy_")];
}

/** The part before the list of storages, with any object. */
export function legacyFile(content: Buffer): Buffer {
  const magic = Buffer.concat([op(0x8a, 10), Buffer.from("6cfc9c46f9206aa85019", "hex")]);
  const facts = dict(text("little_endian"), op(0x88));
  return Buffer.concat([magic, integer(1001), facts, content].map((part) => pickle(part)));
}

function recorded(prefix: string): Uint8Array[] {
  const folder = goldenFolder("checkpoint_layouts");
  if (folder === undefined) return [];
  const names = readdirSync(folder).filter((name) => name.startsWith(prefix) && name.endsWith(".pth"));
  return names.sort().map((name) => readFileSync(join(folder, name)));
}
