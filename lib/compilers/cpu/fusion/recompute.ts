import { consumersOf, type Node, type Shape, sameShape, type Value } from "../../../graph/index.js";
import type { Cluster } from "./clusters.js";
import { isCheap, operandKind, rowwise } from "./rows.js";

/** The largest number of nodes to compute twice to save one tensor in memory. */
const MOST_DUPLICATES = 4;

/** A graph cut into clusters, and the values they take from each other. */
export class Surroundings {
  private readonly consumers: ReadonlyMap<Value, readonly Node[]>;
  private readonly places: ReadonlyMap<Node, number>;
  private readonly ends: ReadonlySet<Value>;
  private readonly clusters = new Map<Node, Cluster>();

  constructor(outputs: readonly Value[], order: readonly Node[], clusters: readonly Cluster[]) {
    this.consumers = consumersOf(order);
    this.places = new Map(order.map((node, i) => [node, i]));
    this.ends = new Set(outputs);
    for (const cluster of clusters) for (const node of cluster.nodes) this.clusters.set(node, cluster);
  }

  place(node: Node): number {
    return this.places.get(node)!;
  }

  /** Whether only these nodes use the value. */
  isOnlyFor(value: Value, isTaker: (node: Node) => boolean): boolean {
    return !this.ends.has(value) && (this.consumers.get(value) ?? []).every(isTaker);
  }

  /** Whether a node outside all clusters uses the value, so that it must be in memory. */
  isStored(value: Value): boolean {
    return !this.isOnlyFor(value, (node) => this.clusters.has(node));
  }

  /** Whether the value is likely to be in memory for others than this cluster. */
  isStoredForOthers(value: Value, cluster: Cluster): boolean {
    const own = this.clusters.get(value.node);
    const familiar = (node: Node) => this.clusters.get(node) === own || this.clusters.get(node) === cluster;
    return own === undefined || !this.isOnlyFor(value, familiar);
  }
}

interface Plan {
  readonly chain: ReadonlySet<Node>;
  /** The nodes of the chain that are then computed nowhere else. */
  readonly moved: ReadonlySet<Node>;
  /** Tensors that the cluster would read in addition. */
  readonly fresh: ReadonlySet<Value>;
}

/**
 * Nodes of other clusters that this one should compute itself instead of reading their results: those made for it
 * alone, and cheap ones if their own operands are read here anyway or are one tensor read instead of another. For
 * example, a normalised map is computed again from the map wherever it is used, in the backward half too, and never
 * kept.
 */
export function recomputed(cluster: Cluster, around: Surroundings): ReadonlySet<Node> {
  const { domain, nodes } = cluster;
  const added = new Set<Node>();
  const moved = new Set<Node>();
  const here = (node: Node) => nodes.has(node) || added.has(node);
  const onlyHere = (node: Node) => nodes.has(node) || moved.has(node);
  const read = new Set([...nodes].flatMap((node) => fullInputs(node, domain)).filter(({ node }) => !here(node)));
  const stops = [(value: Value) => around.isStored(value), (value: Value) => around.isStoredForOthers(value, cluster)];

  for (const value of [...read]) {
    for (const isEnd of stops) {
      const plan = follow(value, { domain, here, onlyHere, read, isEnd }, around);
      if (plan === undefined || plan.fresh.size > (isEnd(value) ? 0 : 1)) continue;
      read.delete(value);
      for (const node of plan.chain) added.add(node);
      for (const node of plan.moved) moved.add(node);
      for (const input of plan.fresh) read.add(input);
      break;
    }
  }
  return added;
}

const fullInputs = (node: Node, domain: Shape) =>
  node.inputs.filter((input) => operandKind(input.shape, domain) === "full");

interface Here {
  readonly domain: Shape;
  readonly here: (node: Node) => boolean;
  readonly onlyHere: (node: Node) => boolean;
  readonly read: ReadonlySet<Value>;
  /** Where to stop looking further back. */
  readonly isEnd: (value: Value) => boolean;
}

/** What it takes to compute `value` here; undefined if that is impossible or too expensive. */
function follow(value: Value, { domain, here, onlyHere, read, isEnd }: Here, around: Surroundings): Plan | undefined {
  const chain = new Set<Node>();
  const moved = new Set<Node>();
  const fresh = new Set<Value>();
  const pending = new Set([value]);
  while (pending.size > 0) {
    // The last in the graph's order: all its users have been visited.
    const next = [...pending].reduce((a, b) => (around.place(b.node) > around.place(a.node) ? b : a));
    pending.delete(next);
    const moves = around.isOnlyFor(next, (node) => onlyHere(node) || moved.has(node));
    const kind = moves || isCheap(next.node) ? rowwise(next.node) : undefined;
    const possible = kind !== undefined && kind.reduces === undefined && sameShape(kind.domain, domain);
    if (!possible && next === value) return undefined;
    if (!possible || (next !== value && !moves && isEnd(next))) {
      fresh.add(next);
      continue;
    }
    chain.add(next.node);
    if (moves) moved.add(next.node);
    for (const input of fullInputs(next.node, domain)) {
      if (!here(input.node) && !chain.has(input.node) && !read.has(input)) pending.add(input);
    }
  }
  return chain.size - moved.size > MOST_DUPLICATES ? undefined : { chain, moved, fresh };
}
