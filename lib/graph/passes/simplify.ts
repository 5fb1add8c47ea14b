import { reshape } from "../operators/broadcasting.js";
import { constantData } from "../operators/leaves.js";
import { transpose } from "../operators/shaping.js";
import { sameShape, type Value } from "../value.js";
import { madeBy, nameOf } from "./patterns.js";
import { type Outputs, type Rule, rewrite } from "./rewrite.js";

/** Drops operators that do nothing (x + 0, x · 1, …) and merges reshapes and transposes that follow each other. */
export function simplify(outputs: Outputs): Outputs {
  return rewrite(outputs, firstOf(neutralOperand, neutralAffine, mergeReshapes, mergeTransposes, doubleNegation));
}

/** The result of the first rule that has one. */
export function firstOf(...rules: readonly Rule[]): Rule {
  return (value) => {
    for (const rule of rules) {
      const replacement = rule(value);
      if (replacement !== undefined) return replacement;
    }
    return undefined;
  };
}

function isFilledWith(value: Value, x: number): boolean {
  return constantData(value)?.every((element) => element === x) ?? false;
}

/** x + 0, 0 + x, x − 0, x · 1, 1 · x and x / 1. */
function neutralOperand(value: Value): Value | undefined {
  const [a, b] = value.node.inputs;
  const orElse = (kept: Value, other: Value, neutral: number) =>
    sameShape(kept.shape, value.shape) && isFilledWith(other, neutral) ? kept : undefined;
  switch (nameOf(value)) {
    case "add":
      return orElse(a!, b!, 0) ?? orElse(b!, a!, 0);
    case "sub":
      return orElse(a!, b!, 0);
    case "mul":
      return orElse(a!, b!, 1) ?? orElse(b!, a!, 1);
    case "div":
      return orElse(a!, b!, 1);
    default:
      return undefined;
  }
}

function neutralAffine(value: Value): Value | undefined {
  const affine = madeBy(value, "channelAffine");
  if (affine === undefined) return undefined;
  const [x, scale, shift] = affine.inputs;
  return isFilledWith(scale!, 1) && isFilledWith(shift!, 0) ? x : undefined;
}

function mergeReshapes(value: Value): Value | undefined {
  const outer = madeBy(value, "reshape");
  if (outer === undefined) return undefined;
  const [x] = outer.inputs;
  if (sameShape(x!.shape, value.shape)) return x;
  const inner = madeBy(x!, "reshape");
  return inner && reshape(inner.inputs[0]!, value.shape);
}

function mergeTransposes(value: Value): Value | undefined {
  const outer = madeBy(value, "transpose");
  if (outer === undefined) return undefined;
  const [x] = outer.inputs;
  const { order } = outer.attributes;
  if (order.every((axis, i) => axis === i)) return x;
  const inner = madeBy(x!, "transpose");
  return (
    inner &&
    transpose(
      inner.inputs[0]!,
      order.map((axis) => inner.attributes.order[axis]!),
    )
  );
}

function doubleNegation(value: Value): Value | undefined {
  const inner = madeBy(value, "neg")?.inputs[0];
  return inner && madeBy(inner, "neg")?.inputs[0];
}
