import {
  type AttributesOf,
  isOperator,
  meanOperator,
  type Node,
  type Shape,
  sizeOf,
  sumOperator,
} from "../../../graph/index.js";

/**
 * A tensor [N, C, H, W] seen as rows: N · C of them, of H · W elements each. Element-by-element work, with operands
 * that are one number per row, one row for all or one number for all, can be done on one block of rows at a time.
 */
export type OperandKind = "full" | "row" | "column" | "scalar";

/** Whether computing the node again costs less than reading its result from memory. */
export const isCheap = ({ operator: { cheap } }: Node): boolean => cheap === "inBlock" || cheap === "everywhere";

/** How an operand broadcasts to tensors of the shape [N, C, H, W]; undefined if in another way. */
export function operandKind(operand: Shape, [n, c, h, w]: Shape): OperandKind | undefined {
  if (sizeOf(operand) === 1) return "scalar";
  const [a, b, y, x] = [...Array<number>(Math.max(0, 4 - operand.length)).fill(1), ...operand];
  const oneARow = y === 1 && x === 1;
  const allInARow = y === h && x === w;
  if (a === n && b === c && allInARow) return "full";
  if ((a === n || a === 1) && (b === c || b === 1) && oneARow) return "row";
  if (a === 1 && b === 1 && allInARow) return "column";
  return undefined;
}

export interface RowwiseNode {
  /** [N, C, H, W] of the tensors it works on. */
  readonly domain: Shape;
  /** A reduction: `within` if it makes [N, C, 1, 1], one number per row; `across` if those are reduced further. */
  readonly reduces?: "within" | "across";
}

/** How a node can be computed a block of rows at a time, if it can. */
export function rowwise(node: Node): RowwiseNode | undefined {
  if (isOperator(node, sumOperator) || isOperator(node, meanOperator)) {
    const domain = node.inputs[0]!.shape;
    const { axes, keepDims } = node.attributes as AttributesOf<"sum">;
    if (domain.length !== 4 || !axes.includes(2) || !axes.includes(3)) return undefined;
    return { domain, reduces: axes.length === 2 && keepDims ? "within" : "across" };
  }
  const domain = node.outputs[0]!.shape;
  if (node.operator.kind !== "elementwise" || domain.length !== 4) return undefined;
  const kinds = node.inputs.map((input) => operandKind(input.shape, domain));
  return kinds.includes("full") && !kinds.includes(undefined) ? { domain } : undefined;
}

/**
 * The number of rows in a block: the divisor of the number of rows that makes blocks nearest to `elements` in size.
 * Blocks have equal sizes, because the runtime compiles one program for all.
 */
export function blockRows([n, c, h, w]: Shape, elements: number): number {
  const rows = n! * c!;
  const distance = (k: number) => Math.abs(Math.log((k * h! * w!) / elements));
  let best = 1;
  for (let k = 1; k <= rows; k++) if (rows % k === 0 && distance(k) < distance(best)) best = k;
  return best;
}
