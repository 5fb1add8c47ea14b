import { isAlias, isMap, isScalar, isSeq, LineCounter, type ParsedNode, parseDocument } from "yaml";
import { UserError } from "../errors.js";

/** Where a value was written. */
export interface Origin {
  /** The place, as messages name it: `configs/a.yaml:12:5` or `--set a.b=1`. */
  readonly place: string;
  /** The folder that relative paths are relative to. */
  readonly folder: string;
}

/** A value and its origin; mappings and lists contain trees, so that every value keeps its own origin. */
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

/** Far more than configs have; the parser's time and memory grow with these. */
export const YAML_LIMITS = { bytes: 512 << 10, values: 100_000, depth: 100 } as const;

/**
 * An alias is the tree of what it names, not a copy of it. Keys that occur twice in a mapping are errors.
 *
 * @throws UserError with the place where the text is not valid YAML, or has an absurd size or depth
 */
export function parseYaml(text: string, name: string, folder: string): Tree {
  if (text.length > YAML_LIMITS.bytes) throw tooLong(name, text.length);
  const lines = new LineCounter();
  const at = (offset: number): Origin => {
    const { line, col } = lines.linePos(offset);
    return { place: `${name}:${line}:${col}`, folder };
  };
  const document = parsed(text, lines, name);
  const fault = document.errors[0];
  if (fault !== undefined) {
    if (fault.code === "MULTIPLE_DOCS") {
      throw new UserError(`${at(fault.pos[0]).place}: a second YAML document starts; a config is one document`);
    }
    const isDepth = /call stack/.test(fault.message); // the parser catches its own overflow
    throw new UserError(`${at(fault.pos[0]).place}: not valid YAML: ${isDepth ? "nested too deeply" : fault.message}`);
  }
  // Otherwise a value with an unknown tag would be read as the plain text or mapping.
  const tag = document.warnings.find(({ code }) => code === "TAG_RESOLVE_FAILED");
  if (tag !== undefined) {
    throw new UserError(`${at(tag.pos[0]).place}: not valid YAML: ${tag.message}; tags are not needed, remove it`);
  }
  return converter(at)(document.contents as ParsedNode | null, { place: name, folder });
}

export function tooLong(name: string, bytes: number): UserError {
  return new UserError(`${name}: ${bytes} bytes of YAML; ${YAML_LIMITS.bytes} can be read: is this another file?`);
}

/** The parser's own recursion is limited too. Unique keys are checked later: the parser's check takes n² steps. */
function parsed(text: string, lineCounter: LineCounter, name: string): ReturnType<typeof parseDocument> {
  try {
    return parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: false });
  } catch (error) {
    if (error instanceof RangeError) throw new UserError(`${name}: not valid YAML: nested too deeply`);
    throw new UserError(`${name}: not valid YAML: ${error instanceof Error ? error.message : error}`);
  }
}

/** A tree and the number of its values with aliases expanded, which is how often readers visit them. */
interface Sized {
  readonly tree: Tree;
  readonly values: number;
}

/** Makes trees from nodes, each anchored one once: an alias is the tree of the last anchor before it. */
function converter(at: (offset: number) => Origin): (node: ParsedNode | null, fallback: Origin) => Tree {
  const anchors = new Map<string, Sized | "open">();
  let values = 0;
  let depth = 0;
  const count = (more: number, { place }: Origin): void => {
    values += more;
    if (values > YAML_LIMITS.values) {
      throw new UserError(`${place}: with aliases expanded, the file has more than ${YAML_LIMITS.values} values`);
    }
  };
  const aliased = (source: string, origin: Origin): Tree => {
    const target = anchors.get(source);
    if (target === undefined || target === "open") {
      throw new UserError(`${origin.place}: the alias *${source} does not lead to a value`);
    }
    count(target.values, origin);
    return target.tree;
  };
  const convert = (node: ParsedNode | null, fallback: Origin): Tree => {
    const origin = node === null ? fallback : at(node.range[0]);
    if (node !== null && isAlias(node)) return aliased(node.source, origin);
    count(1, origin);
    if (node === null) return { kind: "scalar", origin, value: null };
    if (++depth > YAML_LIMITS.depth) {
      throw new UserError(`${origin.place}: nested more than ${YAML_LIMITS.depth} levels deep`);
    }
    const before = values - 1;
    if (node.anchor) anchors.set(node.anchor, "open");
    const tree = collection(node, origin);
    if (node.anchor) anchors.set(node.anchor, { tree, values: values - before });
    depth--;
    return tree;
  };
  const collection = (node: ParsedNode, origin: Origin): Tree => {
    if (isSeq(node)) {
      return { kind: "list", origin, items: node.items.map((item) => convert(item as ParsedNode, origin)) };
    }
    if (!isMap(node)) return { kind: "scalar", origin, value: isScalar(node) ? node.value : undefined };
    const entries = new Map<string, { keyOrigin: Origin; value: Tree }>();
    for (const { key, value } of node.items) {
      const keyOrigin = at((key as ParsedNode).range[0]);
      if (!isScalar(key) || key.value === null) throw new UserError(`${keyOrigin.place}: a key must be plain text`);
      const name = safeKey(String(key.value), keyOrigin);
      if (entries.has(name)) throw new UserError(`${keyOrigin.place}: not valid YAML: Map keys must be unique`);
      entries.set(name, { keyOrigin, value: convert(value as ParsedNode, keyOrigin) });
    }
    return { kind: "map", origin, entries };
  };
  return convert;
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

/** @throws UserError for the one text that cannot be the key of a plain object */
export function safeKey(key: string, origin: Origin, exitCode: 1 | 2 = 1): string {
  if (key === "__proto__") throw new UserError(`${origin.place}: "__proto__" cannot be a key`, exitCode);
  return key;
}

/** The plain data of a tree. */
export function plainOf(tree: Tree): unknown {
  if (tree.kind === "scalar") return tree.value;
  if (tree.kind === "list") return tree.items.map(plainOf);
  return Object.fromEntries([...tree.entries].map(([key, { value }]) => [key, plainOf(value)]));
}

/**
 * `over` merged over `base`: mappings are merged key by key, everything else is replaced, lists as a whole. A mapping
 * with a different `type` replaces the base's, because the keys of one kind mean nothing to another.
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

/** The origin of the value at a path, or of the nearest value above it if there is none. */
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
