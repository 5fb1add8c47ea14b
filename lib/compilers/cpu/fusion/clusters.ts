import { consumersOf, type Node, type Shape, sameShape, sizeOf, type Value } from "../../../graph/index.js";
import { behindTruncate } from "../../onnx/behindTruncate.js";
import { rowwise } from "./rows.js";

/** Nodes to be computed together, a block of rows at a time. */
export interface Cluster {
  readonly domain: Shape;
  readonly nodes: Set<Node>;
}

interface Growing extends Cluster {
  /** The index of its first node in the graph's order. */
  start: number;
  end: number;
}

/**
 * Groups row-wise nodes into clusters, as large as possible without a cluster depending on itself through nodes
 * outside.
 *
 * @param order the nodes of the graph, each after the nodes it takes its inputs from
 * @param least tensors with fewer elements stay in the caches anyway and are left alone
 */
export function findClusters(order: readonly Node[], least: number): readonly Cluster[] {
  const grouping = new Grouping(order);
  const truncated = behindTruncate(order);
  for (const node of order) {
    const kind = rowwise(node);
    if (kind === undefined || sizeOf(kind.domain) < least || truncated.has(node)) continue;
    grouping.add(node, kind.domain);
    for (const input of node.inputs) grouping.join(input.node, node);
  }
  // Nodes that read the same tensor are better computed together too.
  for (const consumers of grouping.consumers.values()) {
    for (const consumer of consumers.slice(1)) grouping.join(consumers[0]!, consumer);
  }
  return grouping.clusters().filter(({ nodes }) => nodes.size > 1);
}

class Grouping {
  readonly consumers: ReadonlyMap<Value, readonly Node[]>;
  private readonly place: ReadonlyMap<Node, number>;
  private readonly clusterOf = new Map<Node, Growing>();
  /** The clusters of more than one node. */
  private readonly wide = new Set<Growing>();

  constructor(order: readonly Node[]) {
    this.consumers = consumersOf(order);
    this.place = new Map(order.map((node, i) => [node, i]));
  }

  clusters(): readonly Cluster[] {
    return [...new Set(this.clusterOf.values())];
  }

  add(node: Node, domain: Shape): void {
    const at = this.place.get(node)!;
    this.clusterOf.set(node, { domain, nodes: new Set([node]), start: at, end: at });
  }

  /** Merges two nodes' clusters if that is possible. */
  join(a: Node, b: Node): void {
    const first = this.clusterOf.get(a);
    const second = this.clusterOf.get(b);
    if (first === undefined || second === undefined || first === second) return;
    if (!sameShape(first.domain, second.domain)) return;
    const [small, large] = first.nodes.size < second.nodes.size ? [first, second] : [second, first];
    const union = (node: Node) => small.nodes.has(node) || large.nodes.has(node);
    const end = Math.max(small.end, large.end);
    if (this.dependsOnItself([...small.nodes, ...large.nodes], union, this.wayBack(end))) return;
    for (const node of small.nodes) {
      large.nodes.add(node);
      this.clusterOf.set(node, large);
    }
    this.wide.delete(small);
    this.wide.add(large);
    large.start = Math.min(small.start, large.start);
    large.end = end;
  }

  /**
   * The last index in the graph's order from which a path can lead back to `end`: from later nodes only through
   * clusters that span it, such as one of the backward half that has nodes of the forward half.
   */
  private wayBack(end: number): number {
    let last = end;
    for (const { start, end: over } of [...this.wide].sort((a, b) => a.start - b.start)) {
      if (start > last) break;
      last = Math.max(last, over);
    }
    return last;
  }

  /**
   * Whether a path leaves the nodes and comes back to them, treating other clusters as units.
   *
   * @param last from later indices in the graph's order no path leads back
   */
  private dependsOnItself(nodes: readonly Node[], isMember: (node: Node) => boolean, last: number): boolean {
    const seen = new Set<Node | Growing>();
    const stack: Node[] = [];
    const leave = (node: Node, member: boolean): boolean => {
      // A sum over several rows is only complete when all blocks are done: using it counts as a path through the
      // outside.
      const complete = member && rowwise(node)?.reduces !== "across";
      for (const output of node.outputs) {
        for (const next of this.consumers.get(output) ?? []) {
          if (isMember(next)) {
            if (!complete) return true;
          } else {
            const cluster = this.clusterOf.get(next);
            const unit = cluster ?? next;
            if (seen.has(unit) || (cluster?.start ?? this.place.get(next)!) > last) continue;
            seen.add(unit);
            stack.push(...(cluster?.nodes ?? [next]));
          }
        }
      }
      return false;
    };
    for (const node of nodes) if (leave(node, true)) return true;
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) if (leave(node, false)) return true;
    return false;
  }
}
