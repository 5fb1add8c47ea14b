import type { Node, Value } from "../../graph/index.js";
import { madeBy } from "../../graph/passes/patterns.js";
import type { RowBlocksAttributes } from "../cpu/fusion/rowBlocks.js";
import type { Emitter } from "./emitter.js";
import { valueInfo } from "./proto.js";

/** Writes the nodes that compute `results`, given the names of their inputs; returns the names of the results. */
export type WriteBody = (body: Emitter, given: ReadonlyMap<Value, string>, results: readonly Value[]) => string[];

/** A `Scan` over blocks [blocks, rows, …]: its slices are views, and its results are written where they belong. */
export function lowerRowBlocks(
  emit: Emitter,
  inputs: readonly string[],
  { attributes, outputs }: Node<RowBlocksAttributes>,
  writeBody: WriteBody,
): readonly string[] {
  const { domain, rows, blocks, shared, results } = attributes;
  const count = (domain[0]! * domain[1]!) / rows;
  const inBlocks = blocks.map(({ shape }, i) => emit.node("Reshape", [inputs[i]!, emit.int64([count, ...shape])]));

  const body = emit.body();
  const parts = blocks.map(({ node }) => body.name((node.attributes as { name: string }).name));
  const given = new Map([
    ...blocks.map((value, i) => [value, parts[i]!] as const),
    ...shared.map((value, i) => [value, inputs[blocks.length + i]!] as const),
  ]);
  // Results are written in the shape in which they are made, because a reshape would be a copy.
  const made = results.map((value) => madeBy(value, "reshape")?.inputs[0] ?? value);
  const named = writeBody(body, given, made);
  const info = (values: readonly Value[], names: readonly string[]) =>
    values.map(({ dtype, shape }, i) => valueInfo(names[i]!, dtype, shape));
  const scanned = emit.nodeWith(results.length, "Scan", inBlocks, {
    attributes: {
      num_scan_inputs: blocks.length,
      body: {
        graph: {
          name: "block",
          node: body.nodes,
          initializer: body.initializers,
          input: info(blocks, parts),
          output: info(made, named),
        },
      },
    },
  });
  return scanned.map((name, i) => emit.node("Reshape", [name, emit.int64(outputs[i]!.shape)]));
}
