import {
  type AttributesOf,
  apply,
  broadcastTo,
  constant,
  constantData,
  input,
  isOperator,
  meanOperator,
  mul,
  type Node,
  record,
  reshape,
  type Shape,
  scalar,
  sizeOf,
  sum,
  sumOperator,
  type Value,
} from "../../../graph/index.js";
import { rowBlocksOperator } from "./rowBlocks.js";
import { blockRows, operandKind, rowwise } from "./rows.js";

export interface BlocksRequest {
  readonly domain: Shape;
  /** The nodes to compute by blocks, each after those it takes its inputs from. */
  readonly nodes: readonly Node[];
  readonly wanted: readonly Value[];
  /** Finds a value that none of the nodes makes in the graph being built. */
  readonly outside: (value: Value) => Value;
  readonly blockElements: number;
}

/** Records the nodes as one row-block program and returns the requested values, complete. */
export function buildBlocks(request: BlocksRequest): readonly Value[] {
  const { domain, nodes, wanted } = request;
  const rows = blockRows(domain, request.blockElements);
  const operands = new Operands(request, rows);
  for (const node of nodes)
    operands.define(
      node,
      inBlock(
        node,
        node.inputs.map((value) => operands.of(value)),
      ),
    );

  const results = wanted.map((value) => operands.of(value));
  const { blocks, shared } = operands;
  const outputs = record(
    rowBlocksOperator,
    [...blocks, ...shared].map(([whole]) => whole),
    { domain, rows, blocks: blocks.map(([, part]) => part), shared: shared.map(([, part]) => part), results },
    nodes.at(-1)!.scope,
  );
  return wanted.map((value, i) => complete(value, outputs[i]!));
}

/** The node on a block: elements stay elements, a reduction leaves one number per row. */
function inBlock(node: Node, inputs: readonly Value[]): Value {
  const reduces = rowwise(node)?.reduces;
  if (reduces === undefined) return apply(node.operator, inputs, node.attributes);
  const operator = reduces === "within" ? (node as Node<AttributesOf<"sum">>).operator : sumOperator;
  return apply(operator, inputs, { axes: [1], keepDims: true });
}

/** The remaining work on a result of all blocks: adding up a reduction's rows. */
function complete(value: Value, result: Value): Value {
  const { node } = value;
  if (rowwise(node)?.reduces !== "across") return reshape(result, value.shape);
  const { axes } = node.attributes as AttributesOf<"sum">;
  const across = axes.filter((axis) => axis < 2);
  const total = across.length === 0 ? result : sum(result, { axes: across, keepDims: true });
  const count = sizeOf(node.inputs[0]!.shape) / sizeOf(value.shape);
  const scaled = isOperator(node, meanOperator) ? mul(total, scalar(1 / count)) : total;
  return reshape(scaled, value.shape);
}

type Operand = readonly [whole: Value, part: Value];

/** The values of one block, made on first use. */
class Operands {
  readonly blocks: Operand[] = [];
  readonly shared: Operand[] = [];
  private readonly known = new Map<Value, Value>();

  constructor(
    private readonly request: BlocksRequest,
    private readonly rows: number,
  ) {}

  define(node: Node, value: Value): void {
    this.known.set(node.outputs[0]!, value);
  }

  of(value: Value): Value {
    const known = this.known.get(value);
    if (known !== undefined) return known;
    const part = this.part(value);
    this.known.set(value, part);
    return part;
  }

  private part(value: Value): Value {
    const { domain, outside } = this.request;
    const [n, c, h, w] = domain as [number, number, number, number];
    const kind = operandKind(value.shape, domain);
    const data = constantData(value);
    const taken = (list: Operand[], whole: Value, shape: Shape) => {
      const part = input(`${list === this.blocks ? "block" : "shared"}${list.length}`, shape, value.dtype);
      list.push([whole, part]);
      return part;
    };
    if (kind === "full") return taken(this.blocks, outside(value), [this.rows, h * w]);
    if (kind === "scalar") {
      return data === undefined ? taken(this.shared, reshape(outside(value), []), []) : constant(data, [], value.dtype);
    }
    if (kind === "row") return taken(this.blocks, broadcastTo(outside(value), [n, c, 1, 1]), [this.rows, 1]);
    return taken(this.shared, reshape(outside(value), [1, h * w]), [1, h * w]);
  }
}
