import {
  apply,
  check,
  type DType,
  isOperator,
  type Operator,
  type Shape,
  sizeOf,
  type TensorData,
  type Value,
} from "../value.js";

/** Of `inputOperator`. */
export interface InputAttributes {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A tensor given at run time. Two inputs of a graph with the same name are the same tensor. */
export const inputOperator: Operator<InputAttributes> = {
  name: "input",
  sized: "shape",
  infer: (_, { shape, dtype }) => [{ shape, dtype }],
};

/** Of `constantOperator`. */
export interface ConstantAttributes {
  readonly data: TensorData;
  readonly shape: Shape;
  readonly dtype: DType;
  /** Where the data came from, such as a parameter's name, to be kept in exported files. */
  readonly name?: string;
}

/** A tensor known when the graph is built. */
export const constantOperator: Operator<ConstantAttributes> = {
  name: "constant",
  infer: (_, { data, shape, dtype }) => {
    check(data.length === sizeOf(shape), () => `${data.length} numbers for the shape [${shape}]`);
    return [{ shape, dtype }];
  },
};

/** A tensor given at run time, by its name. Two of the same name are the same tensor. */
export function input(name: string, shape: Shape, dtype: DType = "float32"): Value {
  return apply(inputOperator, [], { name, shape, dtype });
}

/** A constant tensor; `data` is kept by reference and must not change. */
export function constant(data: TensorData | readonly number[], shape: Shape, dtype?: DType, name?: string): Value {
  const typed = isTyped(data) ? data : dtype === "int32" ? Int32Array.from(data) : Float32Array.from(data);
  const found = dtype ?? (typed instanceof Float32Array ? "float32" : typed instanceof Int32Array ? "int32" : "uint8");
  return apply(constantOperator, [], { data: typed, shape, dtype: found, ...(name === undefined ? {} : { name }) });
}

function isTyped(data: TensorData | readonly number[]): data is TensorData {
  return ArrayBuffer.isView(data);
}

/** A scalar constant of shape []. */
export function scalar(x: number, dtype: "float32" | "int32" = "float32"): Value {
  return constant([x], [], dtype);
}

/** A constant tensor with every element `x`. */
export function filled(shape: Shape, x: number): Value {
  return constant(new Float32Array(sizeOf(shape)).fill(x), shape);
}

/** The data of a constant, or undefined for any other value. */
export function constantData(value: Value): TensorData | undefined {
  if (!isOperator(value.node, constantOperator)) return undefined;
  return (value.node.attributes as ConstantAttributes).data;
}

/** A constant vector of int32 indices. */
export function int32Indices(indices: readonly number[]): Value {
  return constant(Int32Array.from(indices), [indices.length]);
}
