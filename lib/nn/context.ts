import { constant, input, type Shape, type Value } from "../graph/index.js";
import type { Random } from "../random.js";
import type { Parameter, ParameterValues } from "./parameters.js";

/** New running statistics from a training step: the named buffer gets the value after the step. */
export interface BufferUpdate {
  readonly buffer: Parameter;
  readonly value: Value;
}

/** A random tensor that a training step takes as an input, drawn again for every step. */
export interface RandomInput {
  readonly name: string;
  readonly shape: Shape;
  readonly draw: (values: Float32Array, random: Random) => void;
}

/**
 * Whether batch norm uses the statistics of the batch (and updates the running ones) or the running ones. "batchAlone"
 * is "batch" as a separate operator even where it could be part of a convolution's kernel: slower, for comparisons.
 */
export type NormMode = "batch" | "batchAlone" | "running";

/**
 * What a forward pass may know besides its input: how to get parameters, whether it is training, and where random masks
 * and running statistics come from. None of this is global.
 */
export class Context {
  readonly updates: BufferUpdate[] = [];
  readonly randomInputs: RandomInput[] = [];
  private readonly values = new Map<string, Value>();

  private constructor(
    readonly training: boolean,
    private readonly bind: (parameter: Parameter) => Value,
    private readonly normModeOf: (parameterName: string) => NormMode,
    /** Whether the new statistics of batch norms are those of the batch alone, with nothing of the running ones. */
    readonly calibrating = false,
  ) {}

  /** For training: every parameter is an input of the graph, so that gradients can be taken. */
  static training(normModeOf: (parameterName: string) => NormMode = () => "batch"): Context {
    return new Context(true, ({ name, shape }) => input(name, shape), normModeOf);
  }

  /** For inference: the parameters are constants, so that they can be folded. */
  static inference(values: ParameterValues): Context {
    const bind = ({ name, shape }: Parameter) => constant(values.view(name), shape, "float32", name);
    return new Context(false, bind, () => "running");
  }

  /** For inference with parameters that change, such as validation during training: they are inputs of the graph. */
  static evaluation(): Context {
    return new Context(
      false,
      ({ name, shape }) => input(name, shape),
      () => "running",
    );
  }

  /** For new running statistics: as `evaluation`, but for the batch norms, which use and give the batch's statistics. */
  static calibration(normModeOf: (parameterName: string) => NormMode): Context {
    return new Context(false, ({ name, shape }) => input(name, shape), normModeOf, true);
  }

  /** The parameter as a value; the same value on every call. */
  value(parameter: Parameter): Value {
    const known = this.values.get(parameter.name);
    if (known !== undefined) return known;
    const value = this.bind(parameter);
    this.values.set(parameter.name, value);
    return value;
  }

  normMode(parameter: Parameter): NormMode {
    return this.normModeOf(parameter.name);
  }

  /** A mask that is 1 / keep with probability `keep`, otherwise 0, drawn again for each step. */
  dropMask(name: string, shape: Shape, keep: number): Value {
    const draw = (values: Float32Array, random: Random) => {
      for (let i = 0; i < values.length; i++) values[i] = random.next() < keep ? 1 / keep : 0;
    };
    return this.random({ name, shape, draw });
  }

  /** Numbers uniform in 0 … 1, drawn anew each step. */
  noise(name: string, shape: Shape): Value {
    const draw = (values: Float32Array, random: Random) => {
      for (let i = 0; i < values.length; i++) values[i] = random.next();
    };
    return this.random({ name, shape, draw });
  }

  private random(drawn: RandomInput): Value {
    this.randomInputs.push(drawn);
    return input(drawn.name, drawn.shape);
  }
}
