import { Cache } from "../../engines/cache.js";
import type { Engine, Program, Tensors } from "../../engines/engine.js";
import { compileForInference } from "../../engines/inference.js";
import type { Value } from "../../graph/index.js";
import { pasteMasks } from "../../masks/paste.js";
import { Context } from "../../nn/context.js";
import type { ParameterValues } from "../../nn/parameters.js";
import { inputsOf } from "../bindings.js";
import type { Detections, Detector, InferenceBatch } from "../predictions.js";
import { type DetectionValues, detectionGraph } from "./detectionGraph.js";
import type { MaskRcnn } from "./model.js";

/** Shapes of batches whose programs are kept. */
const PROGRAMS_KEPT = 4;

export interface DetectorOptions {
  readonly model: MaskRcnn;
  readonly values: ParameterValues;
  readonly engine: Engine;
  /**
   * True: the parameters are built into the programs, which are then fastest; what changes them afterwards is not seen.
   * False: every run takes the parameters as they are, for use during training.
   */
  readonly folded: boolean;
}

/** Finds objects with a Mask R-CNN. Everything up to the mask probabilities is one program; masks are pasted here. */
export function detector({ model, values, engine, folded }: DetectorOptions): Detector {
  const programs = new Cache<Program>(PROGRAMS_KEPT);

  const compile = async (batch: number, height: number, width: number): Promise<Program> => {
    const context = folded ? Context.inference(values) : Context.evaluation();
    const { pictures } = detectionGraph(model, context, { batch, height, width });
    const outputs = Object.assign({}, ...pictures.map(named));
    return folded ? compileForInference(engine, outputs) : engine.compile(outputs);
  };

  return {
    async detect({ images, height, width, meta }: InferenceBatch): Promise<readonly Detections[]> {
      const batch = meta.length;
      const program = await programs.get(`${batch}x${height}x${width}`, () => compile(batch, height, width));
      const given = {
        images,
        sizes: Float32Array.from(meta.flatMap((one) => [one.width, one.height, one.width, one.height])),
        scales: Float32Array.from(meta.flatMap(({ scaleFactor: [x, y] }) => [x, y, x, y])),
      };
      const outputs = await program.run(inputsOf(program, values, given));
      const { maskThreshold } = model.config.test;
      return meta.map(({ originalHeight, originalWidth }, i) =>
        readDetections(outputs, i, { height: originalHeight, width: originalWidth, threshold: maskThreshold }),
      );
    },
    dispose: () => programs.dispose(),
  };
}

const named = (values: DetectionValues, picture: number): Record<string, Value> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`${name}/${picture}`, value as Value]));

function readDetections(
  outputs: Tensors,
  picture: number,
  size: { readonly height: number; readonly width: number; readonly threshold: number },
): Detections {
  const count = outputs[`count/${picture}`]![0]!;
  const boxes = (outputs[`boxes/${picture}`] as Float32Array).slice(0, 4 * count);
  const found = {
    boxes,
    scores: (outputs[`scores/${picture}`] as Float32Array).slice(0, count),
    labels: (outputs[`labels/${picture}`] as Int32Array).slice(0, count),
  };
  const probabilities = outputs[`masks/${picture}`];
  if (!(probabilities instanceof Float32Array)) return found;
  const side = Math.sqrt(probabilities.length / outputs[`scores/${picture}`]!.length);
  const masks = pasteMasks({ masks: probabilities.subarray(0, count * side * side), size: side, boxes, ...size });
  return { ...found, masks };
}
