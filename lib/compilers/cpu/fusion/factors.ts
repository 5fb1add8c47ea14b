import {
  type AttributesOf,
  add,
  addOperator,
  apply,
  isOperator,
  mul,
  mulOperator,
  type Node,
  negOperator,
  reshape,
  type Shape,
  scalar,
  sub,
  subOperator,
  sumOperator,
  type Value,
} from "../../../graph/index.js";
import { type Outputs, rewrite } from "../../../graph/passes/rewrite.js";
import { operandKind, rowwise } from "./rows.js";

/**
 * Moves factors that are the same along whole rows out of the element-by-element work: if rows are added up they
 * multiply the sums instead, and several of them become one.
 */
export function gatherFactors(outputs: Outputs): Outputs {
  const rules = [factorOfSum, factorOfFactor, factorOfAffine, factorOfDifference];
  return rewrite(outputs, (value) => {
    for (const rule of rules) {
      const simpler = rule(value);
      if (simpler !== undefined) return simpler;
    }
    return undefined;
  });
}

interface Scaled {
  readonly x: Value;
  readonly factor: Value;
}

/** The value as x · factor, with one factor per row or one for all. */
function scaled(value: Value): Scaled | undefined {
  const { node, shape } = value;
  if (!isOperator(node, mulOperator) || rowwise(node) === undefined) return undefined;
  const [a, b] = node.inputs as [Value, Value];
  if (isFactor(b, shape)) return { x: a, factor: b };
  return isFactor(a, shape) ? { x: b, factor: a } : undefined;
}

function isFactor(value: Value, domain: Shape): boolean {
  const kind = operandKind(value.shape, domain);
  return kind === "row" || kind === "scalar";
}

/** The value as x + shift, with one shift per row or one for all. */
function affine({ node, shape }: Value): { readonly x: Value; readonly shift: Value } | undefined {
  const [x, shift] = node.inputs;
  return isOperator(node, addOperator) && isFactor(shift!, shape) ? { x: x!, shift: shift! } : undefined;
}

/** (x · a) · b = x · (a · b) */
function factorOfFactor(value: Value): Value | undefined {
  const outer = scaled(value);
  const inner = outer && scaled(outer.x);
  return inner && mul(inner.x, mul(inner.factor, outer.factor));
}

/** (x · a + b) · c = x · (a · c) + b · c */
function factorOfAffine(value: Value): Value | undefined {
  const outer = scaled(value);
  const sum = outer && affine(outer.x);
  const inner = sum && scaled(sum.x);
  return inner && add(mul(inner.x, mul(inner.factor, outer.factor)), mul(sum.shift, outer.factor));
}

/** x − x · a = x · (1 − a) */
function factorOfDifference(value: Value): Value | undefined {
  const isDifference = isOperator(value.node, subOperator);
  if (!isDifference && !isOperator(value.node, addOperator)) return undefined;
  const [x, b] = value.node.inputs as [Value, Value];
  const taken = isDifference ? b : negated(b);
  const inner = taken && scaled(taken);
  return inner?.x === x ? mul(x, sub(scalar(1), inner.factor)) : undefined;
}

const negated = ({ node }: Value): Value | undefined => (isOperator(node, negOperator) ? node.inputs[0] : undefined);

/** Σ x · a = a · Σ x, Σ (x · a) · y = a · Σ x · y and Σ (x · a + b) · y = a · Σ x · y + b · Σ y. */
function factorOfSum(value: Value): Value | undefined {
  if (!isOperator(value.node, sumOperator) || rowwise(value.node) === undefined) return undefined;
  const node = value.node as Node<AttributesOf<"sum">>;
  const total = (terms: Value) => apply(sumOperator, [terms], node.attributes);
  const terms = node.inputs[0]!;
  const direct = scaled(terms);
  if (direct !== undefined) {
    const factor = reducedFactor(direct.factor, node);
    return factor && mul(total(direct.x), factor);
  }
  if (!isOperator(terms.node, mulOperator)) return undefined;
  const [left, right] = terms.node.inputs as [Value, Value];
  return sumOfProduct(left, right) ?? sumOfProduct(right, left);

  function sumOfProduct(a: Value, y: Value): Value | undefined {
    const { x, shift } = affine(a) ?? { x: a };
    const inner = scaled(x);
    const factor = inner && reducedFactor(inner.factor, node);
    if (inner === undefined || factor === undefined) return undefined;
    const product = mul(total(mul(inner.x, y)), factor);
    if (shift === undefined) return product;
    const offset = reducedFactor(shift, node);
    return offset && add(product, mul(total(y), offset));
  }
}

/** The factor in the shape that multiplies the sums; undefined if it varies along a summed axis. */
function reducedFactor(factor: Value, { attributes: { axes }, outputs }: Node<AttributesOf<"sum">>): Value | undefined {
  const shape = [...Array<number>(4 - Math.min(4, factor.shape.length)).fill(1), ...factor.shape];
  if (shape.length !== 4 || axes.some((axis) => shape[axis] !== 1)) return undefined;
  if (outputs[0]!.shape.length === 4) return factor;
  return reshape(
    factor,
    shape.filter((_, i) => !axes.includes(i)),
  );
}
