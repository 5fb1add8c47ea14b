import { constant, input, type Shape, type Value } from "../graph/index.js";
import type { Random } from "../random.js";
import type { Parameter, ParameterValues } from "./parameters.js";

/** New running statistics a training step leaves behind: the named buffer takes the value after the step. */
export interface BufferUpdate {
  readonly buffer: Parameter;
  readonly value: Value;
}

/** A random tensor a training step takes as an input, drawn anew for every step. */
export interface RandomInput {
  readonly name: string;
  readonly shape: Shape;
  readonly draw: (values: Float32Array, random: Random) => void;
}

/**
 * Whether batch norm takes the statistics of the batch (and updates the running ones) or the running ones. "batchAlone" is
 * "batch" as an operator of its own even where it could be part of a convolution's kernel: slower, for comparisons.
 */
export type NormMode = "batch" | "batchAlone" | "running";

/**
 * What a forward pass may know besides its input: how to get parameters, whether it trains, and where random masks
 * and running statistics come from. Nothing of this is global.
 */
export class Context {
  readonly updates: BufferUpdate[] = [];
  readonly randomInputs: RandomInput[] = [];
  private readonly values = new Map<string, Value>();

  private constructor(
    readonly training: boolean,
    private readonly bind: (parameter: Parameter) => Value,
    private readonly normModeOf: (parameterName: string) => NormMode,
  ) {}

  /** For training: every parameter is an input of the graph, so that gradients can be taken. */
  static training(normModeOf: (parameterName: string) => NormMode = () => "batch"): Context {
    return new Context(true, ({ name, shape }) => input(name, shape), normModeOf);
  }

  /** For inference: the parameters are constants, to be folded into each other. */
  static inference(values: ParameterValues): Context {
    const bind = ({ name, shape }: Parameter) => constant(values.view(name), shape, "float32", name);
    return new Context(false, bind, () => "running");
  }

  /** For inference whose parameters change, such as validation during training: they are inputs of the graph. */
  static evaluation(): Context {
    return new Context(
      false,
      ({ name, shape }) => input(name, shape),
      () => "running",
    );
  }

  /** The parameter as a value; the same one whenever it is asked for. */
  value(parameter: Parameter): Value {
    const known = this.values.get(parameter.name);
    if (known !== undefined) return known;
    const value = this.bind(parameter);
    this.values.set(parameter.name, value);
    return value;
  }

  normMode(parameter: Parameter): NormMode {
    return this.training ? this.normModeOf(parameter.name) : "running";
  }

  /** A mask that is 1 / keep with probability `keep` and else 0, drawn anew each step. */
  dropMask(name: string, shape: Shape, keep: number): Value {
    const draw = (values: Float32Array, random: Random) => {
      for (let i = 0; i < values.length; i++) values[i] = random.next() < keep ? 1 / keep : 0;
    };
    this.randomInputs.push({ name, shape, draw });
    return input(name, shape);
  }
}
