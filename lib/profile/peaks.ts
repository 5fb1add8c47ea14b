import type { Engine, Program } from "../engines/engine.js";
import { constant, input, matMul, mul, scalar } from "../graph/index.js";
import { Random } from "../random.js";
import type { Clock, Contender, Timing } from "./measure.js";
import { entrantOf } from "./programs.js";
import type { Peaks } from "./types.js";

/** Rows and columns of the matrices: 9 MB each, 7.2 GFLOP per product. */
const SIDE = 1536;
/** Elements copied: 64 MB, larger than caches. */
const COPIED = 2 ** 24;

/** The programs that measure the roofs. */
export interface PeakPrograms {
  readonly contenders: readonly [product: Contender, copy: Contender];
  dispose(): Promise<void>;
}

/** A large product with a constant matrix, as in a layer, and a pass over memory that computes next to nothing. */
export async function preparePeaks(engine: Engine, clock: Clock): Promise<PeakPrograms> {
  const random = Random.of("profile", "peaks");
  const matrix = () => Float32Array.from({ length: SIDE * SIDE }, () => random.uniform(-1, 1));
  const product = matMul(input("a", [SIDE, SIDE]), constant(matrix(), [SIDE, SIDE], "float32", "b"));
  const copy = mul(input("x", [COPIED]), scalar(2));
  const made: Program[] = [];
  const prepared = async (
    name: string,
    outputs: Parameters<Engine["compile"]>[0],
    inputs: Parameters<Program["run"]>[0],
  ) => {
    const program = await engine.compile(outputs);
    made.push(program);
    return entrantOf(name, program, inputs, clock).contender;
  };
  return {
    contenders: [
      await prepared("matrix product", { product }, { a: matrix() }),
      await prepared("copy", { copy }, { x: new Float32Array(COPIED).fill(1) }),
    ],
    async dispose() {
      for (const program of made) await program.dispose();
    },
  };
}

/** @param product timing of the matrix product @param copy timing of the copy */
export function peaksOf(product: Timing, copy: Timing): Peaks {
  return {
    flopsPerSecond: (2 * SIDE ** 3) / (product.latency.median / 1000),
    bytesPerSecond: (2 * 4 * COPIED) / (copy.latency.median / 1000),
  };
}

/** The operations per second that the roofs allow for this many operations and bytes. */
export function roofOf({ flopsPerSecond, bytesPerSecond }: Peaks, flops: number, bytes: number): number {
  return Math.min(flopsPerSecond, (bytesPerSecond * flops) / bytes);
}
