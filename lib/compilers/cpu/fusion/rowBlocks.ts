import type { Operator, Shape, TensorType, Value } from "../../../graph/index.js";

export interface RowBlocksAttributes {
  /** [N, C, H, W] of the whole tensors. */
  readonly domain: Shape;
  /** Rows in a block; a divisor of N · C. */
  readonly rows: number;
  /** The block's part of the tensors [rows, H · W] and of the row operands [rows, 1]. */
  readonly blocks: readonly Value[];
  /** The values that are the same for all blocks. */
  readonly shared: readonly Value[];
  /** Computed from the above: [rows, H · W] or [rows, 1] each. */
  readonly results: readonly Value[];
}

/**
 * A small program over rows, run on one block of rows at a time, so that intermediate results stay in the caches
 * instead of going through memory tensor by tensor. Inputs: the blocks' tensors [N, C, H, W] or [N, C, 1, 1], then the
 * shared ones; outputs [N, C, H, W] or [N, C, 1, 1].
 */
export const rowBlocksOperator: Operator<RowBlocksAttributes> = {
  name: "rowBlocks",
  infer: (_, { domain, results }) =>
    results.map(
      ({ shape, dtype }): TensorType => ({ shape: shape[1] === 1 ? [...domain.slice(0, 2), 1, 1] : domain, dtype }),
    ),
};
