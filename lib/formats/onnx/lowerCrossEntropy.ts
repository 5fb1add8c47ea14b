import type { Node } from "../../graph/index.js";
import { bilinearMatrix } from "../../graph/operators/resizing.js";
import { bytesOf, type Emitter } from "./emitter.js";
import { valueInfo } from "./proto.js";

/** Elements of enlarged logits a block may have: few enough for several such tensors to fit the caches. */
const BLOCK_ELEMENTS = 2 ** 18;

/**
 * A `Scan` over blocks of output rows. In each block the logits, already enlarged along the height, are enlarged along
 * the width, turned into losses and gradients, and the gradients are brought back to the small width; the logits of
 * full size exist for one block at a time.
 */
export function lowerResizedCrossEntropy(
  emit: Emitter,
  [logits, labels, weights]: readonly string[],
  node: Node<Record<string, never>>,
): readonly string[] {
  const [b, classes, h, w] = node.inputs[0]!.shape as [number, number, number, number];
  const [, height, width] = node.inputs[1]!.shape as [number, number, number];
  const rows = rowsPerBlock(b * height, classes * width);
  const blocks = (b * height) / rows;
  const constant = (name: string, data: Float32Array, shape: readonly number[]) =>
    emit.tensor(name, "float32", shape, bytesOf(data));
  const vertical = bilinearMatrix(h, height); // [H, h]
  const horizontal = bilinearMatrix(w, width); // [W, w]

  const byRow = emit.node("Transpose", [logits!], { attributes: { perm: [0, 2, 1, 3] } }); // [B, h, K, w]
  const flat = emit.node("Reshape", [byRow, emit.int64([b, h, classes * w])]);
  const tall = emit.node("MatMul", [constant("rows", vertical, [height, h]), flat]); // [B, H, K · w]
  const shared = {
    widen: constant("columns", transposed(horizontal, width, w), [w, width]),
    narrow: constant("columns", horizontal, [width, w]),
  };
  const [losses, narrow] = emit.nodeWith(
    2,
    "Scan",
    [
      emit.node("Reshape", [tall, emit.int64([blocks, rows, classes, w])]),
      emit.node("Reshape", [labels!, emit.int64([blocks, rows, 1, width])]),
      emit.node("Reshape", [weights!, emit.int64([blocks, rows, 1, width])]),
    ],
    { attributes: { num_scan_inputs: 3, body: { graph: body(emit, shared, { rows, classes, w, width }) } } },
  );
  const loss = emit.node("ReduceSum", [losses!], { attributes: { keepdims: 0 } });
  const tallGradient = emit.node("Reshape", [narrow!, emit.int64([b, height, classes * w])]);
  const back = emit.node("MatMul", [constant("rows", transposed(vertical, height, h), [h, height]), tallGradient]);
  const rowsBack = emit.node("Reshape", [back, emit.int64([b, h, classes, w])]);
  return [loss, emit.node("Transpose", [rowsBack], { attributes: { perm: [0, 2, 1, 3] } })];
}

interface BlockSize {
  readonly rows: number;
  readonly classes: number;
  readonly w: number;
  readonly width: number;
}

/** logits [rows, K, w], labels [rows, 1, W], weights [rows, 1, W] → loss [], gradient [rows, K, w]. */
function body(emit: Emitter, shared: Record<"widen" | "narrow", string>, { rows, classes, w, width }: BlockSize) {
  const inner = emit.body();
  const [logits, labels, weights] = ["logits", "labels", "weights"].map((name) => inner.name(name)) as [
    string,
    string,
    string,
  ];
  const axis = inner.int64([1]);
  const wide = inner.node("MatMul", [logits, shared.widen]); // [rows, K, W]
  const largest = inner.node("ReduceMax", [wide, axis]); // [rows, 1, W]
  const exponentials = inner.node("Exp", [inner.node("Sub", [wide, largest])]);
  const sums = inner.node("ReduceSum", [exponentials, axis]);
  // Labels out of range weigh nothing; any class will do for them.
  const last = inner.tensor("last", "int32", [], bytesOf(Int32Array.of(classes - 1)));
  const own = inner.node("Min", [labels, last]);
  const ownLogits = inner.node("GatherElements", [wide, own], { attributes: { axis: 1 } });
  const perPixel = inner.node("Sub", [inner.node("Add", [inner.node("Log", [sums]), largest]), ownLogits]);
  const loss = inner.node("ReduceSum", [inner.node("Mul", [perPixel, weights])], { attributes: { keepdims: 0 } });
  const softmax = inner.node("Mul", [exponentials, inner.node("Div", [weights, sums])]);
  const gradient = inner.node("ScatterElements", [softmax, own, inner.node("Neg", [weights])], {
    attributes: { axis: 1, reduction: "add" },
  });
  const narrow = inner.node("MatMul", [gradient, shared.narrow]); // [rows, K, w]
  return {
    name: "block",
    node: inner.nodes,
    initializer: inner.initializers,
    input: [
      valueInfo(logits, "float32", [rows, classes, w]),
      valueInfo(labels, "int32", [rows, 1, width]),
      valueInfo(weights, "float32", [rows, 1, width]),
    ],
    output: [valueInfo(loss, "float32", []), valueInfo(narrow, "float32", [rows, classes, w])],
  };
}

/** The largest divisor of `total` whose rows stay within a block. */
function rowsPerBlock(total: number, elementsPerRow: number): number {
  let rows = 1;
  for (let n = 2; n * elementsPerRow <= BLOCK_ELEMENTS && n <= total; n++) if (total % n === 0) rows = n;
  return rows;
}

function transposed(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(matrix.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) result[j * rows + i] = matrix[i * columns + j]!;
  return result;
}
