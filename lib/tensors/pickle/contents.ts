import { UserError } from "../../errors.js";
import { extentOf } from "../strided.js";
import { elementCount } from "../tensor.js";
import { isKind, isList, type PickleDict, type PickleList, type PickleValue, type TorchTensor } from "./values.js";

/** Something found in the nested containers of a file. */
export interface Found<T> {
  /** Keys and indices from the outermost container inwards; things in one container share one list. */
  readonly group: readonly string[];
  /** The last key; "" for the file itself. */
  readonly name: string;
  readonly value: T;
}

export interface Contents {
  readonly tensors: readonly Found<TorchTensor>[];
  /** Descriptions of what is neither tensor nor container: values of settings, objects of unknown classes. */
  readonly others: readonly FoundOther[];
}

export interface FoundOther extends Found<string> {
  /** The element type of a tensor that cannot be read. */
  readonly type?: string;
}

const LIMITS = { visits: 300_000, depth: 100 } as const;
/**
 * How many bytes of tensors a file may declare: shared and expanded ones may come to more than the file itself. The
 * range they span in their storages counts, because that is read.
 */
const allowance = (size: number): number => 16 * size + (64 << 20);
/** How many characters all names in it may have, including the keys before them. */
const nameAllowance = (size: number): number => 4 * size + (1 << 20);

/**
 * Collects the tensors in nested dictionaries and lists.
 *
 * @throws UserError when there are absurdly many or large ones
 */
export function contentsOf(root: PickleValue, source: { readonly path: string; readonly size: number }): Contents {
  const tensors: Found<TorchTensor>[] = [];
  const others: FoundOther[] = [];
  const above = new Set<PickleValue>();
  const holdsMore = listsOfMore();
  let visits = 0;
  let bytes = 0;
  let characters = 0;
  /** @param before characters of the group's keys */
  const visit = (value: PickleValue, group: readonly string[], name: string, before: number): void => {
    visits++;
    characters += before + name.length;
    const tooMany = visits > LIMITS.visits || characters > nameAllowance(source.size);
    if (tooMany || group.length > LIMITS.depth || above.has(value)) {
      throw new UserError(`${source.path}: its containers are nested endlessly, or hold too many values`);
    }
    if (isKind(value, "tensor")) {
      const { shape, strides, type } = value;
      bytes += Math.max(elementCount(shape), extentOf(shape, strides)) * type.bytes;
      if (bytes > allowance(source.size)) throw tooLarge(source);
      if (type.dtype === undefined) others.push({ group, name, type: type.name, value: describe(value) });
      else tensors.push({ group, name, value });
      return;
    }
    const children = childrenOf(value, holdsMore);
    if (children === undefined) {
      others.push({ group, name, value: describe(value) });
      return;
    }
    above.add(value);
    const own = value === root ? [] : [...group, name];
    for (const [key, child] of children) visit(child, own, key, before + name.length + 1);
    above.delete(value);
  };
  visit(root, [], "", 0);
  return { tensors, others };
}

/** Finds the lists that have more than settings. Each is visited once, however often it is referred to. */
function listsOfMore(): (list: PickleList) => boolean {
  const known = new Map<PickleList, boolean>();
  return (list) => {
    let answer = known.get(list);
    if (answer === undefined) {
      answer = list.items.some((item) => typeof item === "object" && item !== null);
      known.set(list, answer);
    }
    return answer;
  };
}

/** The entries of a dictionary, or of a list that has more than settings. */
function* entriesOf(value: PickleDict | PickleList): Generator<readonly [key: string, value: PickleValue]> {
  if (value.kind === "dict") for (const [key, child] of value.entries) yield [keyText(key), child];
  else for (const [i, child] of value.items.entries()) yield [String(i), child];
}

function childrenOf(value: PickleValue, holdsMore: (list: PickleList) => boolean) {
  const isContainer = isKind(value, "dict") || (isList(value) && holdsMore(value));
  return isContainer ? entriesOf(value) : undefined;
}

function keyText(key: PickleValue): string {
  return typeof key === "object" && key !== null ? describe(key) : String(key);
}

function tooLarge({ path, size }: { readonly path: string; readonly size: number }): UserError {
  return new UserError(
    `${path}: its tensors claim far more memory than its ${size} bytes can hold; refused as damaged or malicious`,
  );
}

const LONGEST_TEXT = 60;

const LONGEST_NAME = 200;
const shortened = (text: string, most = LONGEST_TEXT): string =>
  text.length > most ? `${text.slice(0, most)}…` : text;

function describe(value: PickleValue): string {
  if (typeof value === "string") return JSON.stringify(shortened(value));
  if (value === null || typeof value !== "object") return value === null ? "None" : shortened(String(value));
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  switch (value.kind) {
    case "list":
    case "tuple":
      return describeList(value.items);
    case "dict":
      return `a dictionary of ${value.entries.size}`;
    case "global":
      return `the name ${shortened(value.name, LONGEST_NAME)}`;
    case "opaque":
      return `an object of ${shortened(value.name, LONGEST_NAME)}, not read`;
    case "storage":
      return `a bare storage of ${value.type.name}, not read`;
    case "tensor":
      return `a tensor of ${value.type.name} [${value.shape.join(", ")}], which cannot be read`;
  }
}

function describeList(items: readonly PickleValue[]): string {
  const shown = 6;
  const texts = items.slice(0, shown).map((item) => (isList(item) ? `${item.items.length} values` : describe(item)));
  return `[${texts.join(", ")}${items.length > shown ? `, … ${items.length} in all` : ""}]`;
}
