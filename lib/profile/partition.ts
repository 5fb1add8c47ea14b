import {
  input,
  inputOperator,
  isOperator,
  type Node,
  nodesInOrder,
  restoreOperator,
  truncateOperator,
  type Value,
} from "../graph/index.js";
import { constantTest } from "../graph/passes/patterns.js";
import { type Outputs, rewrite } from "../graph/passes/rewrite.js";
import type { Place } from "./places.js";

/** A graph's operators grouped by place. */
export interface Partition {
  /** In the order of the graph. */
  readonly places: readonly Place[];
  readonly placeOf: (node: Node) => Place | undefined;
  /** The place whose operators use the named parameter. */
  readonly placeOfParameter: (name: string) => Place | undefined;
}

/**
 * Assigns a place to every operator that runs on each call. An operator recorded between modules belongs to the last of the
 * places that its inputs come from, as an activation belongs to its convolution; before the first module, to the places that
 * use it. Everything between `truncate` and `restore` is one block, because tensors there are shorter than their shapes say.
 */
export function partition(outputs: Outputs, placeOf: (path: string) => Place | undefined): Partition {
  const isConstant = constantTest(outputs);
  const nodes = nodesInOrder(Object.values(outputs)).filter((node) => isRun(node, isConstant));
  const found = new Map<Node, { readonly place: Place; readonly at: number }>();
  for (const [at, node] of nodes.entries()) {
    const own = placeOf(node.scope);
    if (own !== undefined) found.set(node, { place: own, at });
    else {
      const before = node.inputs.flatMap(({ node: one }) => found.get(one) ?? []);
      const last = before.reduce<(typeof before)[number] | undefined>((a, b) => (a && a.at > b.at ? a : b), undefined);
      if (last !== undefined) found.set(node, { place: last.place, at });
    }
  }
  for (const node of nodes.toReversed()) {
    const place = found.get(node)?.place;
    if (place === undefined) continue;
    for (const { node: before } of node.inputs) {
      if (!found.has(before) && isRun(before, isConstant)) found.set(before, { place, at: 0 });
    }
  }
  for (const region of truncatedRegions(nodes)) {
    const place = placeOfMost(region, (node) => found.get(node)?.place);
    if (place !== undefined) for (const node of region) found.set(node, { place, at: 0 });
  }
  const places = new Map<string, Place>();
  for (const node of nodes) {
    const place = found.get(node)?.place;
    if (place !== undefined) places.set(keyOf(place), place);
  }
  const all = [...places.values()];
  return {
    places: all,
    placeOf: (node) => found.get(node)?.place,
    placeOfParameter(name) {
      const place = placeOf(name);
      if (place === undefined || places.has(keyOf(place))) return place;
      return places.get(keyOf({ ...place, block: place.stage })) ?? all.find(({ stage }) => stage === place.stage);
    },
  };
}

const keyOf = ({ stage, block }: Place): string => `${stage}\n${block}`;

/** The operators of each region from `truncate` to `restore`, inclusive. @param nodes in the order of the graph */
function truncatedRegions(nodes: readonly Node[]): Iterable<Set<Node>> {
  const regionOf = new Map<Node, Set<Node>>();
  for (const node of nodes) {
    const within = node.inputs.map(({ node: before }) => before).filter((before) => isShortened(before, regionOf));
    if (within.length === 0 && !isOperator(node, truncateOperator)) continue;
    const region = new Set([node]);
    for (const before of within) for (const member of regionOf.get(before)!) region.add(member);
    for (const member of region) regionOf.set(member, region);
  }
  return new Set(regionOf.values());
}

/** Whether its output may be shorter than its shape says. */
const isShortened = (node: Node, regionOf: ReadonlyMap<Node, unknown>): boolean =>
  regionOf.has(node) && !isOperator(node, restoreOperator);

/** The stage with most of the multiply-adds, as one block. */
function placeOfMost(nodes: Iterable<Node>, placeOf: (node: Node) => Place | undefined): Place | undefined {
  const macs = new Map<string, number>();
  for (const node of nodes) {
    const stage = placeOf(node)?.stage;
    if (stage !== undefined) macs.set(stage, (macs.get(stage) ?? 0) + (node.operator.macs?.(node) ?? 0));
  }
  const [most] = [...macs].sort(([, a], [, b]) => b - a);
  return most && { stage: most[0], block: most[0] };
}

function isRun(node: Node, isConstant: (value: Value) => boolean): boolean {
  return !isOperator(node, inputOperator) && !node.outputs.every(isConstant);
}

/** A part of a graph as a graph of its own. */
export interface Cut {
  readonly outputs: Outputs;
  /** The values of the whole graph that its inputs stand for, by name. */
  readonly taken: Readonly<Record<string, Value>>;
  /** The values of the whole graph that its outputs equal. */
  readonly given: Readonly<Record<string, Value>>;
}

/** Cuts out the operators that `belongs` selects; values that cross the border become inputs and outputs. */
export function cut(whole: Outputs, belongs: (node: Node) => boolean): Cut {
  const isConstant = constantTest(whole);
  const given = new Map<Value, string>();
  const give = (value: Value) => {
    if (belongs(value.node) && !given.has(value)) given.set(value, `out/${given.size}`);
  };
  for (const value of Object.values(whole)) give(value);
  for (const node of nodesInOrder(Object.values(whole))) {
    if (!belongs(node)) for (const value of node.inputs) give(value);
  }
  const taken = new Map<Value, string>();
  const named = (values: ReadonlyMap<Value, string>) =>
    Object.fromEntries(Array.from(values, ([value, name]) => [name, value]));
  const outputs = rewrite(named(given), (value) => {
    if (belongs(value.node) || isConstant(value) || isStandIn(value)) return undefined;
    const name = taken.get(value) ?? `in/${taken.size}`;
    taken.set(value, name);
    return input(name, value.shape, value.dtype);
  });
  return { outputs, taken: named(taken), given: named(given) };
}

/** An input that stands for a value of the whole graph. */
const isStandIn = ({ node }: Value): boolean =>
  isOperator(node, inputOperator) && (node.attributes as { readonly name: string }).name.startsWith("in/");
