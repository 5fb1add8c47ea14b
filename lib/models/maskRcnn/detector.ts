import { Cache } from "../../engines/cache.js";
import type { Engine, Program, Tensors } from "../../engines/engine.js";
import { compileForInference } from "../../engines/inference.js";
import { input, type TensorData } from "../../graph/index.js";
import { pasteMasks } from "../../masks/paste.js";
import { Context } from "../../nn/context.js";
import type { ParameterValues } from "../../nn/parameters.js";
import { inputsOf } from "../bindings.js";
import type { Detections, Detector, InferenceBatch } from "../predictions.js";
import { detectionGraph } from "./detectionGraph.js";
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
    const outputs = {
      ...detectionGraph(model, context, {
        images: input("images", [batch, 3, height, width]),
        sizes: input("sizes", [batch, 4]),
        scales: input("scales", [batch, 4]),
      }),
    };
    // During training the step's programs hold memory of their own.
    return folded ? compileForInference(engine, outputs) : engine.compile(outputs, { keepMemory: false });
  };

  return {
    async detect({ images, height, width, meta }: InferenceBatch): Promise<readonly Detections[]> {
      const batch = meta.length;
      const given = {
        images,
        sizes: Float32Array.from(meta.flatMap((one) => [one.width, one.height, one.width, one.height])),
        scales: Float32Array.from(meta.flatMap(({ scaleFactor: [x, y] }) => [x, y, x, y])),
      };
      const outputs = await programs.use(
        `${batch}x${height}x${width}`,
        () => compile(batch, height, width),
        (program) => program.run(inputsOf(program, values, given)),
      );
      const { maskThreshold } = model.config.test;
      return meta.map(({ originalHeight, originalWidth }, i) =>
        readDetections(outputs, i, { height: originalHeight, width: originalWidth, threshold: maskThreshold }),
      );
    },
    dispose: () => programs.dispose(),
  };
}

function readDetections(
  outputs: Tensors,
  picture: number,
  size: { readonly height: number; readonly width: number; readonly threshold: number },
): Detections {
  const places = outputs.scores!.length / outputs.count!.length;
  const count = outputs.count![picture]!;
  const rows = <T extends TensorData>(data: T, perRow: number) =>
    data.slice(picture * places * perRow, (picture * places + count) * perRow) as T;
  const boxes = rows(outputs.boxes as Float32Array, 4);
  const scores = rows(outputs.scores as Float32Array, 1);
  const found = { boxes, scores, labels: rows(outputs.labels as Int32Array, 1) };
  const probabilities = outputs.masks;
  if (!(probabilities instanceof Float32Array)) return found;
  const cells = probabilities.length / outputs.scores!.length;
  const masks = pasteMasks({ masks: rows(probabilities, cells), size: Math.sqrt(cells), boxes, ...size });
  return { ...found, masks };
}
