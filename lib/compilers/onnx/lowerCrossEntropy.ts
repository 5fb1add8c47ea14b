import type { Node } from "../../graph/index.js";
import { bilinearMatrix } from "../../graph/operators/resizing.js";
import { type Band, bandOf } from "./band.js";
import { bytesOf, type Emitter } from "./emitter.js";
import { valueInfo } from "./proto.js";

/**
 * The largest number of elements of enlarged logits in a block: few enough for several such tensors to fit the caches.
 */
const BLOCK_ELEMENTS = 2 ** 18;

/**
 * A `Scan` over blocks of output rows. In each block the logits, already enlarged along the height, are enlarged along
 * the width, turned into losses and gradients, and the gradients are brought back; the logits of full size exist for
 * one block at a time. Classes come last, as is best for softmax. Enlarging, a product with a matrix that has two
 * numbers per row, is done in runs of pixels with small, full matrices. The gradient of the pixels' own classes is two
 * numbers per pixel, added where they belong.
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
  const down = bandOf(bilinearMatrix(h, height), height, h);
  const across = bandOf(bilinearMatrix(w, width), width, w);
  const size = { rows, classes, width };
  const reshaped = (x: string, ...shape: number[]) => emit.node("Reshape", [x, emit.int64(shape)]);

  const classesLast = emit.node("Transpose", [logits!], { attributes: { perm: [0, 2, 3, 1] } }); // [B, h, w, K]
  const byRuns = picked(emit, picked(emit, classesLast, down, 1), across, 2); // [B, h', w', K]
  const wide = across.runs * across.span * classes; // w' · K
  const short = reshaped(byRuns, b, down.runs, down.span, wide);
  const tall = emit.node("MatMul", [matrices(emit, down), short]); // [B, runs, H / runs, w' · K]

  // Labels out of range have weight 0, so any class will do for them.
  const last = emit.tensor("last", "int32", [], bytesOf(Int32Array.of(classes - 1)));
  const own = reshaped(emit.node("Min", [labels!, last]), blocks, rows, 1, width);
  const weight = reshaped(weights!, blocks, rows, 1, width);
  const { places, shares } = taps(across, size);
  const [ownLogs, back] = emit.nodeWith(
    2,
    "Scan",
    [
      reshaped(tall, blocks, rows, across.runs, across.span, classes),
      reshaped(weights!, blocks, rows, across.runs, across.length, 1),
      reshaped(emit.node("Add", [own, pixels(emit, size)]), blocks, rows * width),
      reshaped(emit.node("Add", [own, emit.tensor("taps", "int32", [rows, 2, width], bytesOf(places))]), blocks, -1),
      reshaped(emit.node("Mul", [weight, emit.tensor("shares", "float32", [2, width], bytesOf(shares))]), blocks, -1),
    ],
    { attributes: { num_scan_inputs: 5, body: { graph: body(emit, across, size) } } },
  );
  const weighted = emit.node("Mul", [reshaped(ownLogs!, blocks, rows, 1, width), weight]);
  const loss = emit.node("Neg", [emit.node("ReduceSum", [weighted], { attributes: { keepdims: 0 } })]);
  const tallGradient = reshaped(back!, b, down.runs, down.length, wide);
  const backDown = emit.node("MatMul", [turnedMatrices(emit, down), tallGradient]); // [B, runs, span, w' · K]
  const rowsBack = put(emit, reshaped(backDown, b, down.runs * down.span, wide), down, h); // [B, h, w' · K]
  const mapBack = put(emit, reshaped(rowsBack, b, h, across.runs * across.span, classes), across, w);
  return [loss, emit.node("Transpose", [mapBack], { attributes: { perm: [0, 3, 1, 2] } })];
}

interface BlockSize {
  readonly rows: number;
  readonly classes: number;
  readonly width: number;
}

/**
 * logits [rows, runs, span, K], weights [rows, runs, W / runs, 1], for each pixel the place of its own class among the
 * enlarged logits [rows · W], for its two taps their places among the logits and what to add there [rows · 2 · W]
 * → its own class's log probability [rows · W], gradient [rows · runs · span · K].
 */
function body(emit: Emitter, across: Band, { rows, classes, width }: BlockSize) {
  const inner = emit.body();
  const names = ["logits", "weights", "own", "taps", "shares"].map((name) => inner.name(name));
  const [logits, weights, own, places, shares] = names as [string, string, string, string, string];
  const { runs, length, span } = across;
  const flat = emit.int64([-1]);
  const wide = inner.node("MatMul", [matrices(emit, across), logits]); // [rows, runs, W / runs, K]
  const logs = inner.node("LogSoftmax", [wide], { attributes: { axis: 3 } });
  const ownLogs = inner.node("Gather", [inner.node("Reshape", [logs, flat]), own]);
  const softmax = inner.node("Mul", [inner.node("Exp", [logs]), weights]);
  const back = inner.node("MatMul", [turnedMatrices(emit, across), softmax]); // [rows, runs, span, K]
  const gradient = inner.node("ScatterElements", [inner.node("Reshape", [back, flat]), places, shares], {
    attributes: { axis: 0, reduction: "add" },
  });
  return {
    name: "block",
    node: inner.nodes,
    initializer: inner.initializers,
    input: [
      valueInfo(logits, "float32", [rows, runs, span, classes]),
      valueInfo(weights, "float32", [rows, runs, length, 1]),
      valueInfo(own, "int32", [rows * width]),
      valueInfo(places, "int32", [rows * 2 * width]),
      valueInfo(shares, "float32", [rows * 2 * width]),
    ],
    output: [
      valueInfo(ownLogs, "float32", [rows * width]),
      valueInfo(gradient, "float32", [rows * runs * span * classes]),
    ],
  };
}

/** Where a block's pixels start among its enlarged logits [rows, W, K]: [rows, 1, W]. */
function pixels(emit: Emitter, { rows, classes, width }: BlockSize): string {
  const starts = Int32Array.from({ length: rows * width }, (_, pixel) => pixel * classes);
  return emit.tensor("pixels", "int32", [rows, 1, width], bytesOf(starts));
}

/** Where the two columns that make up a pixel start among a block's logits [rows, runs · span, K], and their shares, negative. */
function taps({ runs, length, span, matrices }: Band, { rows, classes, width }: BlockSize) {
  const columns = new Int32Array(2 * width);
  const shares = new Float32Array(2 * width);
  for (let x = 0; x < width; x++) {
    let tap = 0;
    for (let i = 0; i < span; i++) {
      const share = matrices[x * span + i]!;
      if (share === 0) continue;
      columns[tap * width + x] = Math.floor(x / length) * span + i;
      shares[tap++ * width + x] = -share;
    }
  }
  const places = Int32Array.from(
    { length: rows * 2 * width },
    (_, i) => (Math.floor(i / (2 * width)) * runs * span + columns[i % (2 * width)]!) * classes,
  );
  return { places, shares };
}

/** The lines of x along an axis that each run spans, one run after the other. */
function picked(emit: Emitter, x: string, { runs, span, starts }: Band, axis: number): string {
  if (runs === 1) return x;
  const lines = starts.flatMap((start) => Array.from({ length: span }, (_, i) => start + i));
  return emit.node("Gather", [x, emit.int64(lines)], { attributes: { axis } });
}

/** The reverse, runs added where they overlap: [..., runs · span, n] → [..., lines, n]. */
function put(emit: Emitter, x: string, { runs, span, starts }: Band, lines: number): string {
  if (runs === 1) return x;
  const places = new Float32Array(lines * runs * span);
  starts.forEach((start, run) => {
    for (let i = 0; i < span; i++) places[(start + i) * runs * span + run * span + i] = 1;
  });
  return emit.node("MatMul", [emit.tensor("places", "float32", [lines, runs * span], bytesOf(places)), x]);
}

const matrices = (emit: Emitter, band: Band) =>
  emit.tensor("enlarge", "float32", [band.runs, band.length, band.span], bytesOf(band.matrices));

function turnedMatrices(emit: Emitter, { runs, length, span, matrices }: Band): string {
  const turned = matrices.map((_, i) => {
    const [run, column, row] = [Math.floor(i / (length * span)), Math.floor(i / length) % span, i % length];
    return matrices[(run * length + row) * span + column]!;
  });
  return emit.tensor("reduce", "float32", [runs, span, length], bytesOf(turned));
}

/** The largest divisor of `total` whose rows stay within a block. */
function rowsPerBlock(total: number, elementsPerRow: number): number {
  let rows = 1;
  for (let n = 2; n * elementsPerRow <= BLOCK_ELEMENTS && n <= total; n++) if (total % n === 0) rows = n;
  return rows;
}
