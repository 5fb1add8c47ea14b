import { check, inScope, type Node, record, sameShape, type Value } from "../value.js";

export type Outputs = Readonly<Record<string, Value>>;

/**
 * What a value is replaced by, written with values of the graph being rewritten; undefined to keep it. It is called
 * from the outputs downwards, and again on its own result until it keeps it; only then on the inputs of what it kept.
 */
export type Rule = (value: Value) => Value | undefined;

const TOO_MANY_STEPS = 1000;

/**
 * The same graph with values replaced by the rule. Parts without a replacement stay the same nodes, so that unchanged
 * outputs mean that no rule applied. Replacements carry the scope of what they replace.
 */
export function rewrite(outputs: Outputs, rule: Rule): Outputs {
  const kept = new Map<Value, Value>();
  const rebuilt = new Map<Node, readonly Value[]>();

  const settle = (value: Value): Value => {
    const known = kept.get(value);
    if (known !== undefined) return known;
    const settled = applyUntilKept(rule, value);
    kept.set(value, settled);
    return settled;
  };
  const result = (value: Value): Value => {
    const { node, index } = settle(value);
    return rebuilt.get(node)![index]!;
  };

  for (const output of Object.values(outputs)) {
    // An explicit stack, because graphs of training steps are deeper than the call stack.
    const stack: { readonly node: Node; next: number }[] = [{ node: settle(output).node, next: 0 }];
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      if (rebuilt.has(top.node)) {
        stack.pop();
        continue;
      }
      const input = top.node.inputs[top.next++];
      if (input !== undefined) {
        const { node } = settle(input);
        if (!rebuilt.has(node)) stack.push({ node, next: 0 });
      } else {
        rebuilt.set(top.node, withInputs(top.node, top.node.inputs.map(result)));
        stack.pop();
      }
    }
  }
  return mapOutputs(outputs, result);
}

function applyUntilKept(rule: Rule, value: Value): Value {
  let settled = value;
  for (let steps = 0; ; steps++) {
    const replacement = inScope(value.node.scope, () => rule(settled));
    if (replacement === undefined || replacement === settled) return settled;
    const fits = sameShape(replacement.shape, value.shape) && replacement.dtype === value.dtype;
    check(fits, () => `${settled.node.operator.name} replaced by a tensor of another type`);
    check(steps < TOO_MANY_STEPS, () => `a rule that never ends on ${value.node.operator.name}`);
    settled = replacement;
  }
}

/** The outputs of the node with other inputs; the node's own outputs if the inputs are the same. */
export function withInputs(node: Node, inputs: readonly Value[]): readonly Value[] {
  if (inputs.every((input, i) => input === node.inputs[i])) return node.outputs;
  return record(node.operator, inputs, node.attributes, node.scope);
}

export function mapOutputs(outputs: Outputs, map: (value: Value) => Value): Outputs {
  return Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, map(value)]));
}

/** Whether two sets of outputs are the same values. */
export function sameOutputs(a: Outputs, b: Outputs): boolean {
  return Object.entries(a).every(([name, value]) => b[name] === value);
}
