import { check, type Node, nodesInOrder, type Value } from "../../../graph/index.js";
import { commonSubexpressions } from "../../../graph/passes/commonSubexpressions.js";
import { mapOutputs, type Outputs, withInputs } from "../../../graph/passes/rewrite.js";
import { expand } from "../../onnx/expand.js";
import { buildBlocks } from "./build.js";
import { type Cluster, findClusters } from "./clusters.js";
import { gatherFactors } from "./factors.js";
import { recomputed, Surroundings } from "./recompute.js";

export interface FuseOptions {
  /** Elements a block should have: enough to share among threads, few enough for several tensors to fit the caches. */
  readonly blockElements?: number;
  /** Tensors of fewer elements are left alone. */
  readonly leastElements?: number;
}

/** What is computed together: a node, or a cluster with the nodes it recomputes for itself. */
interface Unit {
  readonly members: ReadonlySet<Node>;
  /** The members that are needed. */
  readonly live: Set<Node>;
  /** The values that others use. */
  readonly outputs: Set<Value>;
  readonly inputs: Set<Value>;
  readonly cluster?: Cluster;
}

/** Gathers element-by-element operators and the reductions beside them into row-block programs (see `rowBlocks.ts`). */
export function fuse(graph: Outputs, options: FuseOptions = {}): Outputs {
  const outputs = commonSubexpressions(gatherFactors(expand(graph)));
  const { blockElements = 2 ** 18, leastElements = 2 ** 18 } = options;
  const order = nodesInOrder(Object.values(outputs));
  const units = unitsOf(outputs, order, findClusters(order, leastElements));
  markNeeded(Object.values(outputs), units);

  const made = new Map<Value, Value>();
  const result = (value: Value) => made.get(value)!;
  for (const unit of inDependencyOrder(Object.values(outputs), units)) {
    if (unit.cluster === undefined) {
      for (const node of unit.members) {
        const values = withInputs(node, node.inputs.map(result));
        for (const [i, output] of node.outputs.entries()) made.set(output, values[i]!);
      }
    } else {
      const nodes = order.filter((node) => unit.live.has(node));
      const wanted = [...unit.outputs];
      const values = buildBlocks({ domain: unit.cluster.domain, nodes, wanted, outside: result, blockElements });
      for (const [i, value] of wanted.entries()) made.set(value, values[i]!);
    }
  }
  return mapOutputs(outputs, result);
}

type UnitOf = (value: Value) => Unit;

function unitsOf(outputs: Outputs, order: readonly Node[], clusters: readonly Cluster[]): UnitOf {
  const around = new Surroundings(Object.values(outputs), order, clusters);
  const unitOf = new Map<Node, Unit>();
  const unit = (members: ReadonlySet<Node>): Unit => ({
    members,
    live: new Set(),
    outputs: new Set(),
    inputs: new Set(),
  });
  for (const cluster of clusters) {
    const whole = { ...unit(new Set([...cluster.nodes, ...recomputed(cluster, around)])), cluster };
    for (const node of cluster.nodes) unitOf.set(node, whole);
  }
  for (const node of order) if (!unitOf.has(node)) unitOf.set(node, unit(new Set([node])));
  return (value) => unitOf.get(value.node)!;
}

/** Finds, from the outputs backwards, what is needed of each unit and what it needs from others. */
function markNeeded(outputs: readonly Value[], unitOf: UnitOf): void {
  const wanted = [...outputs];
  for (let value = wanted.pop(); value !== undefined; value = wanted.pop()) {
    const unit = unitOf(value);
    if (unit.outputs.has(value)) continue;
    unit.outputs.add(value);
    const nodes = [value.node];
    for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
      if (unit.live.has(node)) continue;
      unit.live.add(node);
      for (const input of node.inputs) {
        if (unit.members.has(input.node)) nodes.push(input.node);
        else {
          unit.inputs.add(input);
          wanted.push(input);
        }
      }
    }
  }
}

function inDependencyOrder(outputs: readonly Value[], unitOf: UnitOf): Unit[] {
  const begun = new Set<Unit>();
  const done = new Set<Unit>();
  const order: Unit[] = [];
  for (const output of outputs) {
    begun.add(unitOf(output));
    const stack = [{ unit: unitOf(output), inputs: [...unitOf(output).inputs] }];
    while (stack.length > 0) {
      const { unit, inputs } = stack.at(-1)!;
      const next = inputs.pop();
      if (next !== undefined && !done.has(unit)) {
        const before = unitOf(next);
        if (done.has(before)) continue;
        check(!begun.has(before), () => "two clusters of operators need each other's results");
        begun.add(before);
        stack.push({ unit: before, inputs: [...before.inputs] });
        continue;
      }
      stack.pop();
      if (!done.has(unit)) {
        done.add(unit);
        order.push(unit);
      }
    }
  }
  return order;
}
