import { UserError } from "../../errors.js";
import { elementCount } from "../tensor.js";
import { isKind, isList, type PickleValue, type TorchTensor } from "./values.js";

/** Something at a place in the nested containers of a file. */
export interface Found<T> {
  /** Keys and indices from the outermost container on. */
  readonly path: readonly string[];
  readonly value: T;
}

export interface Contents {
  readonly tensors: readonly Found<TorchTensor>[];
  /** What is neither tensor nor container, described: values of settings, objects of unknown classes. */
  readonly others: readonly Found<string>[];
}

const LIMITS = { visits: 300_000, depth: 100 } as const;
/** How many bytes of tensors a file may declare: shared and expanded ones may come to more than the file itself. */
const allowance = (size: number): number => 16 * size + (64 << 20);

/** Gathers the tensors of nested dictionaries and lists. @throws UserError when there are absurdly many or large ones */
export function contentsOf(root: PickleValue, source: { readonly path: string; readonly size: number }): Contents {
  const tensors: Found<TorchTensor>[] = [];
  const others: Found<string>[] = [];
  const above = new Set<PickleValue>();
  let visits = 0;
  let bytes = 0;
  const visit = (value: PickleValue, path: readonly string[]): void => {
    if (++visits > LIMITS.visits || path.length > LIMITS.depth || above.has(value)) {
      throw new UserError(`${source.path}: its containers are nested without end, or hold too many values`);
    }
    if (isKind(value, "tensor")) {
      bytes += elementCount(value.shape) * value.type.bytes;
      if (bytes > allowance(source.size)) throw tooLarge(source);
      if (value.type.dtype === undefined) others.push({ path, value: describe(value) });
      else tensors.push({ path, value });
      return;
    }
    const children = childrenOf(value);
    if (children === undefined) {
      others.push({ path, value: describe(value) });
      return;
    }
    above.add(value);
    for (const [key, child] of children) visit(child, [...path, key]);
    above.delete(value);
  };
  visit(root, []);
  return { tensors, others };
}

/** What a dictionary holds, and a list that holds more than settings. */
function childrenOf(value: PickleValue): Iterable<readonly [key: string, value: PickleValue]> | undefined {
  if (isKind(value, "dict")) return [...value.entries].map(([key, child]) => [keyText(key), child] as const);
  if (isList(value) && value.items.some((item) => typeof item === "object" && item !== null)) {
    return value.items.map((child, i) => [String(i), child] as const);
  }
  return undefined;
}

function keyText(key: PickleValue): string {
  return typeof key === "object" && key !== null ? describe(key) : String(key);
}

function tooLarge({ path, size }: { readonly path: string; readonly size: number }): UserError {
  return new UserError(
    `${path}: its tensors claim far more memory than its ${size} bytes can hold; refused as damaged or made to do harm`,
  );
}

const LONGEST_TEXT = 60;

function describe(value: PickleValue): string {
  if (typeof value === "string") {
    return JSON.stringify(value.length > LONGEST_TEXT ? `${value.slice(0, LONGEST_TEXT)}…` : value);
  }
  if (value === null || typeof value !== "object") return value === null ? "None" : String(value);
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  switch (value.kind) {
    case "list":
    case "tuple":
      return describeList(value.items);
    case "dict":
      return `a dictionary of ${value.entries.size}`;
    case "global":
      return `the name ${value.name}`;
    case "opaque":
      return `an object of ${value.name}, not read`;
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
