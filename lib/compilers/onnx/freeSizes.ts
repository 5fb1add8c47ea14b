import {
  type ConstantAttributes,
  constantOperator,
  GraphError,
  isOperator,
  type Node,
  nodesInOrder,
  type Value,
} from "../../graph/index.js";
import type { Outputs } from "../../graph/passes/rewrite.js";
import { behindTruncate } from "./behindTruncate.js";
import type { Emitter } from "./emitter.js";
import type { Sizes } from "./target.js";

/** The same number in each build, such as a height; free where the entries differ. */
type Numbers = readonly number[];

const isFree = (numbers: Numbers): boolean => numbers.some((n) => n !== numbers[0]);

/**
 * Free sizes, found by recording one graph at several sizes. The builds are alike node by node; a number that is not
 * the same in all of them depends on the sizes. It is written as the size of an existing tensor, as a product of such
 * sizes, or as half of one rounded up or twice that, if the numbers agree in every build. Because the sizes of the
 * builds are primes or different enough, odd and even, no two sizes with different meanings agree by chance; any other
 * number is refused.
 */
export class FreeSizes implements Sizes {
  private readonly twins = new Map<Node, readonly Node[]>();
  private readonly known = new Map<
    string,
    { readonly numbers: Numbers; readonly tensor: string; readonly axis: number }
  >();
  private readonly written = new Map<string, string>();
  private readonly truncated: ReadonlySet<Node>;

  constructor(readonly builds: readonly Outputs[]) {
    const orders = builds.map((build) => nodesInOrder(Object.values(build)));
    this.truncated = behindTruncate(orders[0]!);
    const places = orders.map((order) => new Map(order.map((node, i) => [node, i])));
    for (const [i, node] of orders[0]!.entries()) {
      const twins = orders.map((order) => order[i]);
      for (const [b, twin] of twins.entries()) {
        if (twin === undefined || !alike(node, twin, places[0]!, places[b]!)) throw different(node, twin);
      }
      if (orders.some((order) => order.length !== orders[0]!.length)) throw different(node, undefined);
      this.twins.set(node, twins as Node[]);
    }
  }

  /** The sizes of a value in all builds. */
  numbersOf(value: Value, axis: number): Numbers {
    return this.read(value.node, (node) => node.outputs[value.index]!.shape[axis]!);
  }

  isFree(value: Value, axis: number): boolean {
    return isFree(this.numbersOf(value, axis));
  }

  register(value: Value, tensor: string): void {
    if (this.truncated.has(value.node)) return;
    for (let axis = 0; axis < value.shape.length; axis++) {
      const numbers = this.numbersOf(value, axis);
      if (isFree(numbers) && !this.known.has(`${numbers}`)) this.known.set(`${numbers}`, { numbers, tensor, axis });
    }
  }

  vector<A>(emit: Emitter, node: Node<A>, read: (node: Node<A>) => readonly number[]): string {
    return this.concatenated(emit, this.entries(node, read));
  }

  shape<A>(emit: Emitter, node: Node<A>, read: (node: Node<A>) => readonly number[]): string {
    const entries = this.entries(node, read);
    const last = entries.findLastIndex(isFree);
    return this.concatenated(
      emit,
      entries.map((numbers, i) => (i === last ? [-1] : numbers)),
    );
  }

  fixed<A>(node: Node<A>, read: (node: Node<A>) => readonly number[]): readonly number[] | undefined {
    const entries = this.entries(node, read);
    return entries.some(isFree) ? undefined : entries.map((numbers) => numbers[0]!);
  }

  /** A number of all builds as an int64 [1] tensor. */
  number(emit: Emitter, numbers: Numbers): string {
    if (!isFree(numbers)) return emit.int64([numbers[0]!]);
    const key = `${numbers}`;
    const name = this.written.get(key) ?? this.expression(emit, numbers);
    this.written.set(key, name);
    return name;
  }

  private expression(emit: Emitter, numbers: Numbers): string {
    const source = this.known.get(`${numbers}`);
    if (source !== undefined) {
      return emit.node("Gather", [emit.node("Shape", [source.tensor]), emit.int64([source.axis])]);
    }
    for (const { numbers: factor } of this.known.values()) {
      const rest = numbers.map((n, i) => n / factor[i]!);
      if (!rest.every(Number.isInteger)) continue;
      if (!isFree(rest) || this.known.has(`${rest}`)) {
        return emit.node("Mul", [this.number(emit, factor), this.number(emit, rest)]);
      }
    }
    const half = this.half(emit, numbers);
    if (half !== undefined) return half;
    throw new GraphError(
      `no size the graph has, no product of two and no half of one is ${numbers.join(", ")} at the sizes tried`,
    );
  }

  /** Numbers that are halves of a known size, rounded up, or twice that. */
  private half(emit: Emitter, numbers: Numbers): string | undefined {
    for (const { numbers: whole } of this.known.values()) {
      const halves = whole.map((n) => Math.ceil(n / 2));
      const times = [1, 2].find((factor) => halves.every((n, i) => n * factor === numbers[i]));
      if (times === undefined) continue;
      const more = emit.node("Add", [this.number(emit, whole), emit.int64([1])]);
      const half = emit.node("Div", [more, emit.int64([2])]);
      return times === 1 ? half : emit.node("Mul", [half, emit.int64([2])]);
    }
    return undefined;
  }

  private concatenated(emit: Emitter, entries: readonly Numbers[]): string {
    if (!entries.some(isFree)) return emit.int64(entries.map((numbers) => numbers[0]!));
    const parts = entries.map((numbers) => this.number(emit, numbers));
    return parts.length === 1 ? parts[0]! : emit.node("Concat", parts, { attributes: { axis: 0 } });
  }

  private entries<A>(node: Node<A>, read: (node: Node<A>) => readonly number[]): readonly Numbers[] {
    // Nodes made while writing have no twins and no free sizes. Twins have the attributes of the node's own operator.
    const perBuild = (this.twins.get(node as Node) as readonly Node<A>[] | undefined)?.map(read) ?? [read(node)];
    return perBuild[0]!.map((_, i) => perBuild.map((numbers) => numbers[i]!));
  }

  private read(node: Node, read: (node: Node) => number): Numbers {
    return this.twins.get(node)?.map(read) ?? [read(node)];
  }
}

/** Whether nodes of two builds are the same except for sizes. */
function alike(a: Node, b: Node, placesA: ReadonlyMap<Node, number>, placesB: ReadonlyMap<Node, number>): boolean {
  const place = (places: ReadonlyMap<Node, number>) => (value: Value) => `${places.get(value.node)}.${value.index}`;
  if (a.operator.name !== b.operator.name) return false;
  if (a.inputs.map(place(placesA)).join() !== b.inputs.map(place(placesB)).join()) return false;
  if (a.outputs.some((output, i) => output.shape.length !== b.outputs[i]?.shape.length)) return false;
  if (isOperator(a, constantOperator)) return sameData(a, b);
  // Builds may differ in sizes, which the lowerings ask for.
  return a.operator.sized !== undefined || JSON.stringify(a.attributes) === JSON.stringify(b.attributes);
}

function sameData(a: Node, b: Node): boolean {
  const [x, y] = [a, b].map((node) => (node.attributes as ConstantAttributes).data);
  return x === y || (x!.length === y!.length && x!.every((element, i) => Object.is(element, y![i])));
}

function different(node: Node, twin: Node | undefined): GraphError {
  const other = twin === undefined ? "nothing" : twin.operator.name;
  return new GraphError(
    `at another size there is ${other} in the place of ${node.operator.name} in ${node.scope || "the graph"}; ` +
      `its sizes cannot be left free`,
  );
}
