import { type Node, record, type Value } from "../value.js";

/**
 * Builds the outputs again with some values replaced. `replacement` is asked about a value before anything it is made
 * from, so what stands only behind replaced values is not built and not asked about.
 */
export function substitute<Name extends string>(
  outputs: Readonly<Record<Name, Value>>,
  replacement: (value: Value) => Value | undefined,
): Record<Name, Value> {
  const replaced = new Map<Value, Value | undefined>();
  const ask = (value: Value) => {
    if (!replaced.has(value)) replaced.set(value, replacement(value));
    return replaced.get(value);
  };
  const rebuilt = new Map<Node, readonly Value[]>();
  const current = (value: Value) => ask(value) ?? rebuilt.get(value.node)?.[value.index];

  const build = (root: Value): Value => {
    const stack = ask(root) === undefined ? [root.node] : [];
    while (stack.length > 0) {
      const node = stack.at(-1)!;
      const missing = rebuilt.has(node) ? undefined : node.inputs.find((input) => current(input) === undefined);
      if (missing !== undefined) {
        stack.push(missing.node);
        continue;
      }
      stack.pop();
      if (!rebuilt.has(node))
        rebuilt.set(
          node,
          rebuild(
            node,
            node.inputs.map((input) => current(input)!),
          ),
        );
    }
    return current(root)!;
  };
  const names = Object.keys(outputs) as Name[];
  return Object.fromEntries(names.map((name) => [name, build(outputs[name])])) as Record<Name, Value>;
}

/** The node on other inputs; itself where they are the same. */
function rebuild(node: Node, inputs: readonly Value[]): readonly Value[] {
  if (inputs.every((input, i) => input === node.inputs[i])) return node.outputs;
  return record(node.operator, inputs, node.attributes, node.scope);
}
