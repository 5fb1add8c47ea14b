import { Cache } from "../../engines/cache.js";
import type { Engine, Program } from "../../engines/engine.js";
import { compileForInference } from "../../engines/inference.js";
import { input, transpose } from "../../graph/index.js";
import type { LabelMap } from "../../images/picture.js";
import { Context } from "../../nn/context.js";
import type { ParameterValues } from "../../nn/parameters.js";
import { inputsOf } from "../bindings.js";
import type { InferenceBatch, Segmenter } from "../predictions.js";
import { labelMapOf } from "./labelMap.js";
import type { SemanticFpn } from "./model.js";

/** Shapes whose programs are kept. */
const PROGRAMS_KEPT = 8;

export interface SegmenterOptions {
  readonly model: SemanticFpn;
  readonly values: ParameterValues;
  readonly engine: Engine;
  /**
   * True: the parameters' present values are built into the programs, which run faster. False: they are inputs, so the
   * programs follow a model in training.
   */
  readonly folded: boolean;
}

export function segmenter({ model, values, engine, folded }: SegmenterOptions): Segmenter {
  const programs = new Cache<Program>(PROGRAMS_KEPT);

  const compile = (pictures: number, height: number, width: number): Promise<Program> => {
    const context = folded ? Context.inference(values) : Context.evaluation();
    const logits = model.forward(input("images", [pictures, 3, height, width]), context);
    const outputs = { logits: transpose(logits, [0, 2, 3, 1]) }; // [B, rows, columns, classes]
    return folded ? compileForInference(engine, outputs) : engine.compile(outputs);
  };

  return {
    async segment({ images, height, width, meta }: InferenceBatch): Promise<readonly LabelMap[]> {
      const shape = `${meta.length}x${height}x${width}`;
      const { outputs, program } = await programs.use(
        shape,
        () => compile(meta.length, height, width),
        async (program) => ({ program, outputs: await program.run(inputsOf(program, values, { images })) }),
      );
      const [, rows, columns, classes] = program.outputs.logits!.shape as [number, number, number, number];
      const logits = outputs.logits as Float32Array; // [B, rows, columns, classes]
      const plane = classes * rows * columns;
      return meta.map((picture, i) =>
        labelMapOf(
          { logits: logits.subarray(i * plane, (i + 1) * plane), classes, height: rows, width: columns },
          {
            input: { width, height },
            valid: { width: picture.width, height: picture.height },
            output: { width: picture.originalWidth, height: picture.originalHeight },
          },
        ),
      );
    },
    dispose: () => programs.dispose(),
  };
}
