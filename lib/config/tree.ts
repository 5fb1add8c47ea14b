import { isAlias, isMap, isScalar, isSeq, LineCounter, type ParsedNode, parseDocument } from "yaml";
import { UserError } from "../errors.js";

/** Where a value was written. */
export interface Origin {
  /** What messages call the place: `configs/a.yaml:12:5` or `--set a.b=1`. */
  readonly place: string;
  /** The folder relative paths count from. */
  readonly folder: string;
}

/** A value and its origin; mappings and lists are trees themselves, so that every value keeps its own origin. */
export type Tree = TreeMap | TreeList | TreeScalar;

export interface TreeMap {
  readonly kind: "map";
  readonly origin: Origin;
  readonly entries: ReadonlyMap<string, { readonly keyOrigin: Origin; readonly value: Tree }>;
}

export interface TreeList {
  readonly kind: "list";
  readonly origin: Origin;
  readonly items: readonly Tree[];
}

export interface TreeScalar {
  readonly kind: "scalar";
  readonly origin: Origin;
  readonly value: unknown;
}

/** @throws UserError with the place where the text is no valid YAML */
export function parseYaml(text: string, name: string, folder: string): Tree {
  const lines = new LineCounter();
  const at = (offset: number): Origin => {
    const { line, col } = lines.linePos(offset);
    return { place: `${name}:${line}:${col}`, folder };
  };
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const fault = document.errors[0];
  if (fault !== undefined) throw new UserError(`${at(fault.pos[0]).place}: no valid YAML: ${fault.message}`);
  const within = new Set<unknown>();
  const convert = (node: ParsedNode | null, fallback: Origin): Tree => {
    if (node === null) return { kind: "scalar", origin: fallback, value: null };
    const origin = at(node.range[0]);
    if (isAlias(node)) {
      const target = node.resolve(document);
      if (target === undefined || within.has(target)) {
        throw new UserError(`${origin.place}: the alias *${node.source} does not lead to a value`);
      }
      return convert(target as ParsedNode, origin);
    }
    within.add(node);
    const tree = convertCollection(node, origin);
    within.delete(node);
    return tree;
  };
  const convertCollection = (node: ParsedNode, origin: Origin): Tree => {
    if (isSeq(node)) {
      return { kind: "list", origin, items: node.items.map((item) => convert(item as ParsedNode, origin)) };
    }
    if (!isMap(node)) return { kind: "scalar", origin, value: isScalar(node) ? node.value : undefined };
    const entries = new Map<string, { keyOrigin: Origin; value: Tree }>();
    for (const { key, value } of node.items) {
      const keyOrigin = at((key as ParsedNode).range[0]);
      if (!isScalar(key) || key.value === null) throw new UserError(`${keyOrigin.place}: a key must be plain text`);
      entries.set(safeKey(String(key.value), keyOrigin), { keyOrigin, value: convert(value as ParsedNode, keyOrigin) });
    }
    return { kind: "map", origin, entries };
  };
  return convert(document.contents, { place: name, folder });
}

/** A tree over plain data; every value has the same origin. Undefined properties count as absent. */
export function treeOf(value: unknown, origin: Origin): Tree {
  if (Array.isArray(value)) return { kind: "list", origin, items: value.map((item) => treeOf(item, origin)) };
  if (typeof value !== "object" || value === null) return { kind: "scalar", origin, value };
  const entries = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .map(([key, item]) => [safeKey(key, origin), { keyOrigin: origin, value: treeOf(item, origin) }] as const);
  return { kind: "map", origin, entries: new Map(entries) };
}

function safeKey(key: string, origin: Origin): string {
  if (key === "__proto__") throw new UserError(`${origin.place}: "__proto__" cannot be a key`);
  return key;
}

/** The plain data of a tree. */
export function plainOf(tree: Tree): unknown {
  if (tree.kind === "scalar") return tree.value;
  if (tree.kind === "list") return tree.items.map(plainOf);
  return Object.fromEntries([...tree.entries].map(([key, { value }]) => [key, plainOf(value)]));
}

/**
 * `over` laid over `base`: mappings are merged key by key, everything else is replaced, lists whole. A mapping whose
 * `type` is another than the base's replaces it, since the keys of one kind mean nothing to the other.
 */
export function merge(base: Tree, over: Tree): Tree {
  if (base.kind !== "map" || over.kind !== "map" || isOtherType(base, over)) return over;
  const entries = new Map(base.entries);
  for (const [key, entry] of over.entries) {
    const below = entries.get(key);
    entries.set(key, below === undefined ? entry : { ...entry, value: merge(below.value, entry.value) });
  }
  return { kind: "map", origin: over.origin, entries };
}

function isOtherType(base: TreeMap, over: TreeMap): boolean {
  const [a, b] = [base, over].map((map) => map.entries.get("type")?.value);
  return a?.kind === "scalar" && b?.kind === "scalar" && b.value !== null && a.value !== b.value;
}

/** Without the keys whose value is null: that is how a config deletes what a base set. */
export function withoutNulls(tree: Tree): Tree {
  if (tree.kind === "list") return { ...tree, items: tree.items.map(withoutNulls) };
  if (tree.kind === "scalar") return tree;
  const kept = [...tree.entries].filter(([, { value }]) => value.kind !== "scalar" || value.value !== null);
  return {
    ...tree,
    entries: new Map(kept.map(([key, entry]) => [key, { ...entry, value: withoutNulls(entry.value) }])),
  };
}

/** The origin of what stands at a path; of the nearest thing above it if nothing does. */
export function originAt(tree: Tree, path: readonly PropertyKey[], of: "key" | "value" = "value"): Origin {
  let { origin } = tree;
  let current: Tree | undefined = tree;
  for (const step of path) {
    if (current?.kind === "map") {
      const entry: { keyOrigin: Origin; value: Tree } | undefined = current.entries.get(String(step));
      if (entry === undefined) return origin;
      origin = of === "key" ? entry.keyOrigin : entry.value.origin;
      current = entry.value;
    } else if (current?.kind === "list") {
      current = current.items[Number(step)];
      if (current === undefined) return origin;
      origin = current.origin;
    } else {
      return origin;
    }
  }
  return origin;
}
