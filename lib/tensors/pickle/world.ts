import { bytesOfLatin1 } from "../text.js";
import type { PickleWorld, Spend } from "./pickle.js";
import { PickleError } from "./pickleReader.js";
import { elementTypeOf, storageTypeOf } from "./storages.js";
import {
  isKind,
  isList,
  type PickleDict,
  type PickleOpaque,
  type PickleValue,
  type StorageType,
  type TorchStorage,
  type TorchTensor,
} from "./values.js";

/* The meaning of the names in PyTorch's files. Everything not listed here becomes a placeholder with its name. */

const MOST_AXES = 64;
const LONGEST_KEY = 200;

/** Modules and functions that no weights need, and through which a malicious file would run a program. */
const HARMFUL_MODULES =
  /^(os|posix|nt|subprocess|sys|shutil|socket|pty|runpy|importlib|ctypes|commands|webbrowser|asyncio|multiprocessing|code|pdb|timeit|cProfile)(\.|$)/;
const HARMFUL_BUILTINS = ["eval", "exec", "execfile", "compile", "__import__", "open", "input", "breakpoint"];

function isHarmful(name: string): boolean {
  const builtin = /^(?:builtins|__builtin__)\.(.*)$/.exec(name)?.[1];
  if (builtin !== undefined) return HARMFUL_BUILTINS.includes(builtin);
  return HARMFUL_MODULES.test(name);
}

export const torchWorld: PickleWorld = {
  call(callee, args, spend) {
    if (isHarmful(callee)) {
      throw new PickleError(
        `asks to run ${callee}, which no weights need: the file is malicious, or not a weights file. ` +
          "Nothing was run; do not load it with other programs",
      );
    }
    const known = Object.hasOwn(KNOWN, callee) ? KNOWN[callee] : undefined;
    return known?.(args, spend) ?? { kind: "opaque", name: callee };
  },
  persistent,
};

type Known = (args: readonly PickleValue[], spend: Spend) => PickleValue | undefined;

const dict: Known = ([content], spend) => {
  const result: PickleDict = { kind: "dict", entries: new Map() };
  spend(isKind(content, "dict") ? content.entries.size : isList(content) ? content.items.length : 0);
  if (isKind(content, "dict")) for (const [key, value] of content.entries) result.entries.set(key, value);
  if (isList(content)) {
    for (const pair of content.items) {
      if (isList(pair) && pair.items.length === 2) result.entries.set(pair.items[0]!, pair.items[1]!);
    }
  }
  return result;
};
const items: Known = ([content]) => ({ kind: "tuple", items: isList(content) ? content.items : [] });

const REBUILD_FROM_TYPE = "torch._tensor._rebuild_from_type_v2";

const KNOWN: Readonly<Record<string, Known>> = {
  "collections.OrderedDict": dict,
  "collections.Counter": dict,
  "collections.defaultdict": ([, content], spend) => dict(content === undefined ? [] : [content], spend),
  "builtins.dict": dict,
  "__builtin__.dict": dict,
  "builtins.set": items,
  "__builtin__.set": items,
  "builtins.frozenset": items,
  "torch.Size": items,
  "torch.nn.parameter.Parameter": ([data]) => (isKind(data, "tensor") ? data : undefined),
  "torch._utils._rebuild_parameter": ([data]) => data,
  "torch._utils._rebuild_parameter_with_state": ([data]) => data,
  // What it rebuilds is never itself rebuilt in the same way, except in a file made to run for ever.
  [REBUILD_FROM_TYPE]: ([rebuild, , parts], spend) =>
    isKind(rebuild, "global") && rebuild.name !== REBUILD_FROM_TYPE && isList(parts)
      ? torchWorld.call(rebuild.name, parts.items, spend)
      : undefined,
  "torch._utils._rebuild_tensor": (args) => rebuildTensor(args, undefined),
  "torch._utils._rebuild_tensor_v2": (args, spend) =>
    isMarked(args[6], spend) ? undefined : rebuildTensor(args, undefined),
  "torch._utils._rebuild_tensor_v3": (args, spend) => {
    const dtype = args[6];
    return isMarked(args[7], spend) || !isKind(dtype, "global")
      ? undefined
      : rebuildTensor(args, elementTypeOf(dtype.name));
  },
  // Python 2 and protocol 2 write bytes as text with the name of a codec.
  "_codecs.encode": ([text, codec], spend) => {
    if (typeof text !== "string" || codec !== "latin1") return undefined;
    spend(text.length);
    return bytesOfLatin1(text);
  },
};

/** Whether a tensor is marked as conjugated or negated: its values then differ from its bytes. */
function isMarked(metadata: PickleValue | undefined, spend: Spend): boolean {
  if (!isKind(metadata, "dict")) return false;
  spend(metadata.entries.size);
  return [...metadata.entries.values()].includes(true);
}

/** `torch._utils._rebuild_tensor*(storage, offset, size, stride, …)` */
function rebuildTensor(args: readonly PickleValue[], elements: StorageType | undefined): TorchTensor | PickleOpaque {
  const [storage, offset, size, stride] = args;
  if (isKind(storage, "opaque")) return storage;
  if (!isKind(storage, "storage")) throw new PickleError("makes a tensor of something that is not a storage");
  const shape = sizes(size, "shape");
  const strides = sizes(stride, "strides");
  if (shape.length !== strides.length) {
    throw new PickleError(`makes a tensor of ${shape.length} axes with ${strides.length} strides`);
  }
  if (!isSize(offset)) throw new PickleError("makes a tensor that begins nowhere");
  const tensor: TorchTensor = { kind: "tensor", storage, type: elements ?? storage.type, shape, strides, offset };
  checkReach(tensor);
  return tensor;
}

/** Every element must be in the storage. Products and sums may be rounded, but never to something that fits. */
function checkReach({ storage, type, shape, strides, offset }: TorchTensor): void {
  const count = shape.reduce((product, size) => product * size, 1);
  if (count === 0) return;
  const reach = shape.reduce((last, size, i) => last + (size - 1) * strides[i]!, offset) + 1;
  if (!Number.isSafeInteger(count) || reach * type.bytes > storage.bytes) {
    throw new PickleError(
      `makes a tensor [${shape.join(", ")}] that reaches past its storage of ${storage.bytes} bytes; the file is damaged`,
    );
  }
}

function sizes(value: PickleValue | undefined, what: string): number[] {
  if (isList(value) && value.items.length > MOST_AXES) {
    throw new PickleError(`makes a tensor of ${value.items.length} axes`);
  }
  if (!isList(value) || !value.items.every(isSize)) throw new PickleError(`makes a tensor without valid ${what}`);
  return value.items;
}

function isSize(value: PickleValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** `("storage", class, key, place, elements[, (view key, offset, elements)])` */
function persistent(id: PickleValue): PickleValue {
  const [what, storageClass, key, , count, view] = isList(id) ? id.items : [];
  if (what === "module" && storageClass !== undefined) {
    return { kind: "global", name: isKind(storageClass, "global") ? storageClass.name : "a module" };
  }
  if (what !== "storage" || !isKind(storageClass, "global")) throw new PickleError("refers to data in an unknown way");
  const type = storageTypeOf(storageClass.name);
  if (type === undefined) throw new PickleError(`refers to a storage of the unknown class ${storageClass.name}`);
  if ((typeof key !== "string" && typeof key !== "number") || !isSize(count)) {
    throw new PickleError("refers to a storage without a key and a size");
  }
  if (typeof key === "string" && key.length > LONGEST_KEY)
    throw new PickleError("refers to a storage by an absurd key");
  const wholeBytes = count * type.bytes;
  if (!Number.isSafeInteger(wholeBytes)) throw new PickleError(`refers to a storage of ${count} values`);
  const whole: TorchStorage = {
    kind: "storage",
    key: String(key),
    type,
    byteOffset: 0,
    bytes: wholeBytes,
    wholeBytes,
  };
  if (view === undefined || view === null) return whole;
  const [, offset, length] = isList(view) ? view.items : [];
  if (!isSize(offset) || !isSize(length) || offset + length > count) {
    throw new PickleError("refers to a part of a storage that is not in it");
  }
  return { ...whole, byteOffset: offset * type.bytes, bytes: length * type.bytes };
}
