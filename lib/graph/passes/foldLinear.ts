import { reshape } from "../operators/broadcasting.js";
import { add, mul } from "../operators/elementwise.js";
import { matMul } from "../operators/matmul.js";
import { slice, transpose } from "../operators/shaping.js";
import { consumersOf, nodesInOrder } from "../traverse.js";
import { type Node, sizeOf, type Value } from "../value.js";
import { constantTest, countUses, madeBy, nameOf } from "./patterns.js";
import { type Outputs, rewrite } from "./rewrite.js";
import { firstOf } from "./simplify.js";

/**
 * Folds constant factors of tokens (layer scale, the scale of attention logits) into the weight and the bias of the
 * linear layer they come from, and the affine of a layer norm into the linear layer after it. A linear layer whose
 * outputs are only ever used in slices (queries, keys and values) becomes one layer per slice, so that each can have its
 * own factor and no slice is copied.
 */
export function foldLinear(outputs: Outputs): Outputs {
  const graph: Graph = {
    isConstant: constantTest(outputs),
    uses: countUses(outputs),
    consumers: consumersOf(nodesInOrder(Object.values(outputs))),
    isOutput: new Set(Object.values(outputs)),
  };
  return rewrite(outputs, firstOf(narrowing(graph), scaling(graph), absorbing(graph)));
}

/** What the rules ask of the graph. */
interface Graph {
  readonly isConstant: ReturnType<typeof constantTest>;
  readonly uses: ReturnType<typeof countUses>;
  readonly consumers: ReturnType<typeof consumersOf>;
  readonly isOutput: ReadonlySet<Value>;
}

/** Whether a factor or summand is one number, or one number for each index of the last axis. */
function alongLastAxis(vector: Value, x: Value): boolean {
  const size = sizeOf(vector.shape);
  return size === 1 || (size === x.shape.at(-1) && vector.shape.at(-1) === size);
}

/** Splits operands of a commutative operator into the one that varies and the constant one. */
function constantOperand(value: Value, isConstant: (value: Value) => boolean): [x: Value, constant: Value] | undefined {
  const [a, b] = value.node.inputs as [Value, Value];
  if (isConstant(b) && !isConstant(a)) return [a, b];
  return isConstant(a) && !isConstant(b) ? [b, a] : undefined;
}

function scaling({ isConstant, uses }: Graph) {
  return (value: Value): Value | undefined => {
    if (madeBy(value, "mul") === undefined) return undefined;
    const operands = constantOperand(value, isConstant);
    if (operands === undefined) return undefined;
    const [x, factor] = operands;
    if (x.shape.length !== value.shape.length || !alongLastAxis(factor, x)) return undefined;
    return scaled(x, reshape(factor, sizeOf(factor.shape) === 1 ? [] : [sizeOf(factor.shape)]));
  };

  /** x · factor with the factor moved into constants that x is made from; undefined if there are none. */
  function scaled(x: Value, factor: Value): Value | undefined {
    if (uses(x) !== 1) return undefined;
    switch (nameOf(x)) {
      case "add":
        return scaledSum(x, factor);
      case "matMul":
        return scaledProduct(x, factor);
      case "reshape":
      case "transpose":
        return scaledShape(x, factor);
      default:
        return undefined;
    }
  }

  function scaledSum(x: Value, factor: Value): Value | undefined {
    const operands = constantOperand(x, isConstant);
    if (operands === undefined || !alongLastAxis(operands[1], x)) return undefined;
    const rest = scaled(operands[0], factor);
    return rest && add(rest, mul(operands[1], factor));
  }

  function scaledProduct(x: Value, factor: Value): Value | undefined {
    const { inputs, attributes } = madeBy(x, "matMul")!;
    const [a, b] = inputs as [Value, Value];
    if (isConstant(b)) {
      const columns =
        attributes.transposeB && factor.shape.length > 0 ? reshape(factor, [factor.shape[0]!, 1]) : factor;
      return matMul(a, mul(b, columns), attributes);
    }
    if (factor.shape.length > 0) return undefined;
    const left = scaled(a, factor);
    if (left !== undefined) return matMul(left, b, attributes);
    const right = scaled(b, factor);
    return right && matMul(a, right, attributes);
  }

  function scaledShape(x: Value, factor: Value): Value | undefined {
    const [source] = x.node.inputs as [Value];
    const order = madeBy(x, "transpose")?.attributes.order;
    const lastStays = order === undefined ? source.shape.at(-1) === x.shape.at(-1) : order.at(-1) === order.length - 1;
    if (factor.shape.length > 0 && !lastStays) return undefined;
    const rest = scaled(source, factor);
    return rest && (order === undefined ? reshape(rest, x.shape) : transpose(rest, order));
  }
}

/** Linear layers that take over the affine before them, and one bias instead of two. */
function absorbing({ isConstant, uses, consumers, isOutput }: Graph) {
  return (value: Value): Value | undefined => shiftedProduct(value) ?? oneBias(value);

  /** (γ · x + β) w = x (γ · w) + β w */
  function shiftedProduct(value: Value): Value | undefined {
    if (!isLinear(value.node)) return undefined;
    const { inputs, attributes } = madeBy(value, "matMul")!;
    const [rows, w] = inputs as [Value, Value];
    const affine = madeBy(rows, "reshape")?.inputs[0] ?? rows;
    if (!isUsedByLinear(affine)) return undefined;
    const [scaled, shift] = withVector(affine, "add") ?? [];
    if (scaled === undefined || uses(scaled) !== 1) return undefined;
    const [x, scale] = withVector(scaled, "mul") ?? [];
    if (x === undefined) return undefined;
    const weight = mul(w, attributes.transposeB ? scale! : reshape(scale!, [sizeOf(scale!.shape), 1]));
    const bias = matMul(reshape(shift!, [1, sizeOf(shift!.shape)]), w, attributes);
    return add(matMul(reshape(x, rows.shape), weight, attributes), reshape(bias, [sizeOf(bias.shape)]));
  }

  /** Whether nothing but linear layers uses it, some of them as rows. */
  function isUsedByLinear(tokens: Value): boolean {
    const users = consumers.get(tokens) ?? [];
    const areRows = (value: Value): boolean =>
      madeBy(value, "reshape") !== undefined && value.shape.at(-1) === tokens.shape.at(-1) && isUsedByLinear(value);
    const every = users.every((user) => isLinear(user) || areRows(user.outputs[0]!));
    return users.length > 0 && every && !isOutput.has(tokens);
  }

  /** Tokens times a constant matrix. */
  function isLinear({ outputs: [value] }: Node): boolean {
    const { inputs, attributes } = madeBy(value!, "matMul") ?? {};
    const w = inputs?.[1];
    return w !== undefined && isConstant(w) && w.shape.length === 2 && !attributes!.transposeA;
  }

  /** (x + b) + c = x + (b + c) */
  function oneBias(value: Value): Value | undefined {
    const [sum, outer] = withVector(value, "add") ?? [];
    if (sum === undefined || uses(sum) !== 1) return undefined;
    const [x, inner] = withVector(sum, "add") ?? [];
    return x && add(x, add(inner!, outer!));
  }

  /** The operands of a sum or product of tokens and a constant with a number for each index of the last axis. */
  function withVector(value: Value, name: "add" | "mul"): [x: Value, vector: Value] | undefined {
    const operands = madeBy(value, name) && constantOperand(value, isConstant);
    if (operands === undefined) return undefined;
    const [x, vector] = operands;
    return vector.shape.length === 1 && vector.shape[0] === x.shape.at(-1) && x.shape.length > 1 ? operands : undefined;
  }
}

/** The part start … end − 1 of every run of `size` indices of the last axis. */
interface Part {
  readonly size: number;
  readonly start: number;
  readonly end: number;
}

function narrowing({ isConstant, consumers, isOutput }: Graph) {
  return (value: Value): Value | undefined => {
    const node = madeBy(value, "slice");
    if (node === undefined) return undefined;
    const [x] = node.inputs as [Value];
    const { axis, start, end, step } = node.attributes;
    const last = x.shape.length - 1;
    const onlySliced = consumers.get(x)?.every((consumer) => {
      const other = consumer.outputs[0]!;
      return madeBy(other, "slice")?.attributes.axis === last;
    });
    if (axis !== last || step !== 1 || !onlySliced || isOutput.has(x)) return undefined;
    return narrowed(x, { size: x.shape[last]!, start, end }, true);
  };

  /** The same part of what x is made from; undefined unless that is a linear layer that is not used elsewhere. */
  function narrowed(x: Value, part: Part, sliced = false): Value | undefined {
    if (!sliced && (isOutput.has(x) || consumers.get(x)?.length !== 1)) return undefined;
    switch (nameOf(x)) {
      case "transpose": {
        const { order } = madeBy(x, "transpose")!.attributes;
        if (order.at(-1) !== order.length - 1) return undefined;
        const source = narrowed(x.node.inputs[0]!, part);
        return source && transpose(source, order);
      }
      case "reshape":
        return narrowedReshape(x, part);
      case "add": {
        const operands = constantOperand(x, isConstant);
        if (operands === undefined || operands[1].shape.length !== 1 || !alongLastAxis(operands[1], x))
          return undefined;
        const source = narrowed(operands[0], part);
        return source && add(source, partOf(operands[1], 0, part));
      }
      case "matMul": {
        const { inputs, attributes } = madeBy(x, "matMul")!;
        const [a, w] = inputs as [Value, Value];
        if (!isConstant(w) || w.shape.length !== 2) return undefined;
        return matMul(a, partOf(w, attributes.transposeB ? 0 : 1, part), attributes);
      }
      default:
        return undefined;
    }
  }

  /** Through a reshape that splits the last axis or leaves it unchanged. */
  function narrowedReshape(x: Value, part: Part): Value | undefined {
    const [source] = x.node.inputs as [Value];
    if (x.shape.at(-1)! % part.size !== 0 || source.shape.at(-1)! % x.shape.at(-1)! !== 0) return undefined;
    const rest = narrowed(source, part);
    const runs = x.shape.at(-1)! / part.size;
    return rest && reshape(rest, x.shape.with(-1, runs * (part.end - part.start)));
  }
}

/** The part of every run along one axis of a constant. */
function partOf(x: Value, axis: number, { size, start, end }: Part): Value {
  const runs = x.shape[axis]! / size;
  const split = reshape(x, [...x.shape.slice(0, axis), runs, size, ...x.shape.slice(axis + 1)]);
  const part = slice(split, { axis: axis + 1, start, end });
  return reshape(part, x.shape.with(axis, runs * (end - start)));
}
