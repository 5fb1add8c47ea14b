import { GraphError, sizeOf, type TensorType } from "../graph/index.js";

/**
 * Arrays of which only one set is in use at a time, such as the outputs of forward halves for several batch shapes: all
 * sets share the same memory, which is as large as the largest set.
 */
export class SharedArrays {
  private numbers = new Float32Array(0);

  /** An array for each tensor, with undefined contents. The arrays of the previous call must no longer be used. */
  for(types: Readonly<Record<string, TensorType>>): Record<string, Float32Array> {
    const named = Object.entries(types);
    const stray = named.find(([, { dtype }]) => dtype !== "float32");
    if (stray !== undefined) throw new GraphError(`${stray[0]} is ${stray[1].dtype}, not float32`);
    const needed = named.reduce((sum, [, { shape }]) => sum + raised(sizeOf(shape)), 0);
    if (this.numbers.length < needed) this.numbers = new Float32Array(needed);
    let from = 0;
    return Object.fromEntries(
      named.map(([name, { shape }]) => {
        const array = this.numbers.subarray(from, from + sizeOf(shape));
        from += raised(array.length);
        return [name, array];
      }),
    );
  }
}

/** Arrays begin at multiples of a cache line, which is 16 numbers. */
const raised = (length: number): number => Math.ceil(length / 16) * 16;
