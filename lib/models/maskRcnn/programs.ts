import { type Engine, newArray, type Program, type Tensors } from "../../engines/engine.js";
import { gradients, input, reshape, sizeOf, type TensorType, type Value } from "../../graph/index.js";
import { type Halves, splitGraph } from "../../graph/passes/split.js";
import { Context, type RandomInput } from "../../nn/context.js";
import type { Parameter, ParameterValues } from "../../nn/parameters.js";
import { type Anchors, makeAnchors } from "../../regions/anchors.js";
import { bufferOutputs, GRADIENT, type GradientStore, gradientOutputs, inputsOf } from "../bindings.js";
import type { TrainerOptions } from "../model.js";
import { boxLosses, type LossValues, maskLosses, rpnLosses, total } from "./losses.js";
import type { MaskRcnn } from "./model.js";

export interface Shape {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
}

/** The programs around the host's part of a step, for batches of one shape. */
export interface PyramidPrograms {
  readonly anchors: Anchors;
  /** Images → pyramid and proposal predictions; in training also what the backward half needs. */
  readonly forward: Program;
  /**
   * Gradients of the pyramid → gradients of backbone and neck. Absent in evaluation and when all of these are frozen.
   */
  readonly backward?: Program;
  readonly randomInputs: readonly RandomInput[];
  /** What the host adds up between the halves. */
  readonly pyramidGradient: Readonly<Record<string, TensorType>>;
  dispose(): Promise<void>;
}

/** The program of a head on what the host picked from the pyramid, with the arrays for its input and outputs. */
export interface HeadProgram {
  readonly program: Program;
  /** Its input `FEATURES`. */
  readonly features: Float32Array;
  readonly outputs: Tensors;
  dispose(): Promise<void>;
}

export const PYRAMID = "pyramid/";
export const PYRAMID_GRADIENT = "pyramidGradient/";
export const LOGITS = "logits/";
export const DELTAS = "deltas/";
export const RPN_LOSSES = ["rpnClass", "rpnBox"] as const;

const numbered = (prefix: string, values: readonly Value[]) =>
  Object.fromEntries(values.map((value, i) => [`${prefix}${i}`, value] as const));

/** What the stages of a step share. */
export interface StageOptions extends TrainerOptions {
  readonly model: MaskRcnn;
  readonly trained: readonly Parameter[];
  /** Each image's own padding ends at multiples of this; default the backbone's. */
  readonly imageMultiple?: number;
  /** [classes] of the class loss in training; default all 1. */
  readonly classWeights?: readonly number[] | undefined;
}

export interface CompileOptions extends StageOptions {
  readonly training: boolean;
}

const newContext = ({ training, normMode }: CompileOptions) =>
  training ? Context.training(normMode) : Context.evaluation();

export async function pyramidPrograms(options: CompileOptions, shape: Shape): Promise<PyramidPrograms> {
  const { model, engine, trained } = options;
  const { batch, height, width } = shape;
  const context = newContext(options);
  const pyramid = model.features(input("images", [batch, 3, height, width]), context);
  const { logits, deltas } = model.rpn.forward(pyramid, context);
  const outputs = { ...numbered(PYRAMID, pyramid), ...numbered(LOGITS, logits), ...numbered(DELTAS, deltas) };
  const { anchorScale, anchorRatios } = model.config.rpn;
  const anchors = makeAnchors({ height, width, strides: model.strides, scales: [anchorScale], ratios: anchorRatios });
  const { randomInputs } = context;
  const seeds = pyramid.map((value, i) => ({ value, gradient: input(`${PYRAMID_GRADIENT}${i}`, value.shape) }));
  const pyramidGradient = Object.fromEntries(
    pyramid.map(({ shape, dtype }, i) => [`${PYRAMID_GRADIENT}${i}`, { shape, dtype }] as const),
  );
  const halves = options.training
    ? splitGraph({ ...outputs, ...bufferOutputs(context.updates) }, gradientOutputs(seeds, trained, context))
    : { first: outputs, second: {} };
  const isSmall = batch * height * width <= KEPT_PIXELS;
  return { ...(await compileHalves(engine, halves, isSmall)), anchors, randomInputs, pyramidGradient };
}

/**
 * Backward halves for larger batches release their memory after each step. Keeping it would be a little faster, but at
 * COCO's size it is 4 GB for each of the shapes kept.
 */
const KEPT_PIXELS = 2 ** 20;

async function compileHalves(engine: Engine, { first, second }: Pick<Halves, "first" | "second">, keepMemory: boolean) {
  // The backward half needs the most memory, so the forward half releases its own before that.
  const forward = await engine.compile(first, { keepMemory: false });
  if (Object.keys(second).length === 0) return { forward, dispose: () => forward.dispose() };
  const backward = await engine.compile(second, { keepMemory });
  const dispose = async () => {
    await forward.dispose();
    await backward.dispose();
  };
  return { forward, backward, dispose };
}

/** The input of a head program: neighbourhoods of cells, or pooled RoIs. */
export const FEATURES = "features";
export const FEATURE_GRADIENT = "featureGradient";

/**
 * The region proposal head at sampled cells (see `RpnSamples`), its losses and, in training, their gradients down to the
 * cells' neighbourhoods.
 *
 * @param places the largest number of anchors sampled from the whole batch
 */
export function rpnProgram(options: CompileOptions, places: number): Promise<HeadProgram> {
  const context = newContext(options);
  const patches = input(FEATURES, [places, options.model.channels * 9]);
  return headProgram(options, rpnLosses(options.model, patches, context), patches, context);
}

/**
 * Box head or mask head on pooled RoIs, its losses and, in training, their gradients down to what was pooled.
 *
 * @param places the largest number of RoIs of the whole batch
 */
export function roiProgram(options: CompileOptions, places: number, head: RoiHead): Promise<HeadProgram> {
  const { model } = options;
  const context = newContext(options);
  const size = poolSize(model, head);
  const pooled = input(FEATURES, [places, model.channels * size * size]);
  const rois = reshape(pooled, [places, model.channels, size, size]);
  const losses = (head === "box" ? boxLosses : maskLosses)(model, rois, context);
  return headProgram(options, losses, pooled, context, { keepMemory: head === "box" });
}

/** A head that works on pooled RoIs. */
export type RoiHead = "box" | "mask";

/** Bins along each side of a pooled RoI. */
export function poolSize({ config: { roi } }: MaskRcnn, head: RoiHead): number {
  return head === "box" ? roi.boxPoolSize : roi.maskPoolSize;
}

async function headProgram(
  { engine, trained, training }: CompileOptions,
  losses: LossValues,
  features: Value,
  context: Context,
  compileOptions: { readonly keepMemory?: boolean } = {},
): Promise<HeadProgram> {
  const outputs = training ? { ...losses, ...headGradients(losses, features, trained, context) } : { ...losses };
  const program = await engine.compile(outputs, compileOptions);
  const own = Object.entries(program.outputs).filter(([name]) => !name.startsWith(GRADIENT));
  return {
    program,
    features: new Float32Array(sizeOf(features.shape)),
    outputs: Object.fromEntries(own.map(([name, type]) => [name, newArray(type)])),
    dispose: () => program.dispose(),
  };
}

/** Runs a head on the contents of its `features`. @param into gets the gradients of its parameters */
export function runHead(
  { program, features, outputs }: HeadProgram,
  values: ParameterValues,
  targets: Tensors,
  into?: GradientStore,
): Promise<Tensors> {
  const inputs = inputsOf(program, values, { ...targets, [FEATURES]: features });
  return program.run(inputs, { ...outputs, ...into?.viewsFor(program) });
}

/** Targets by the names of a program's inputs. */
export const prefixed = (prefix: string, targets: object): Tensors =>
  Object.fromEntries(Object.entries(targets).map(([name, data]) => [prefix + name, data]));

function headGradients(losses: LossValues, features: Value, trained: readonly Parameter[], context: Context) {
  const [featureGradient] = gradients(total(losses), [features]);
  return { ...gradientOutputs(total(losses), trained, context), [FEATURE_GRADIENT]: featureGradient! };
}
