import { adaptersOf } from "../../backbones/index.js";
import type { ClassificationConfig } from "../../config/schema.js";
import type { ClassificationBatch } from "../../datasets/loader/batch.js";
import type { Engine } from "../../engines/engine.js";
import { UserError } from "../../errors.js";
import { localFile } from "../../hub/index.js";
import type { Teacher } from "../../models/classifier/distillation.js";
import { classifierModel } from "../../models/classifier/model.js";
import { imageLogits } from "../../models/classifier/predictor.js";
import { ParameterValues } from "../../nn/parameters.js";
import { openTensorFile } from "../../tensorfiles/open.js";
import { fillFrom } from "../../weights/load.js";
import { planLoad } from "../../weights/plan.js";
import { requireAll } from "../../weights/report.js";
import { counted } from "../../words.js";
import { fromMetadata } from "../description.js";

type Distillation = NonNullable<ClassificationConfig["model"]["head"]["distillation"]>;

/**
 * @returns a function that makes the teacher for an engine
 * @throws UserError when it cannot be read or has other classes
 */
export async function openTeacher(
  { teacher, cache }: Distillation,
  classes: readonly string[],
): Promise<(engine: Engine) => Teacher> {
  if (teacher.type === "onnx") {
    const made = await onnxTeacher(teacher.file, classes, cache ? CACHED : DISTORTED);
    return () => made;
  }
  const model = classifierModel(teacher.backbone, classes.length);
  const values = new ParameterValues(model.parameters);
  const file = await openTensorFile(await localFile(teacher.weights));
  try {
    checkClasses(teacher.weights, fromMetadata(file.metadata, teacher.weights)?.classes, classes);
    const plan = planLoad({ file, wanted: model.parameters, adapters: adaptersOf(teacher.backbone) });
    const head = plan.reshaped.find(({ wanted, found }) => wanted[0] === classes.length && found[0] !== classes.length);
    if (head !== undefined) throw otherClasses(teacher.weights, head.found[0]!, classes.length);
    requireAll(plan);
    await fillFrom(file, plan, values);
  } finally {
    await file.close();
  }
  return (engine) => {
    const { predict, dispose } = imageLogits({ model, values, engine, folded: true });
    return {
      async logits(batch) {
        return joined(await predict(batch));
      },
      dispose,
    };
  };
}

/** Rows of equal length one after the other. */
export function joined(rows: readonly Float32Array[]): Float32Array {
  const length = rows[0]?.length ?? 0;
  const all = new Float32Array(rows.length * length);
  for (const [i, row] of rows.entries()) all.set(row, i * length);
  return all;
}

/** How a teacher's file can be made to fit what it is given. */
const DISTORTED =
  "export it with free batch, height and width, or set data.batchSize and the size in data.transforms to its";
const CACHED = "export it with batch 1 or a free one, and free height and width or those of data.transforms.test";

async function onnxTeacher(path: string, classes: readonly string[], remedy: string): Promise<Teacher> {
  const { openOnnxFile } = await import("../../engines/onnxruntime/onnxFile.js"); // loads its runtime only when it is used
  const file = await openOnnxFile(path);
  const [input, ...others] = Object.keys(file.inputs);
  const [output] = Object.keys(file.outputs);
  if (input === undefined || output === undefined || others.length > 0) {
    await file.dispose();
    throw new UserError(
      `${path}: a teacher must take only images, this one takes ${Object.keys(file.inputs).join(", ")}`,
    );
  }
  const takes = file.inputs[input]!.shape;
  try {
    const own = ownMetadata(file.metadata);
    if (own?.isPostprocessed) {
      throw new UserError(
        `${path}: exported with --postprocess: a teacher must return logits, and these are probabilities; export it without`,
      );
    }
    checkClasses(path, own?.classes, classes);
    const found = file.outputs[output]!.shape.at(-1);
    if (typeof found === "number" && found !== classes.length) throw otherClasses(path, found, classes.length);
  } catch (error) {
    await file.dispose();
    throw error;
  }
  return {
    async logits({ images, height, width, labels }: ClassificationBatch) {
      const shape = [labels.length, 3, height, width];
      if (!fits(takes, shape)) {
        throw new UserError(
          `${path}: this teacher takes ${takes.map((side) => side ?? "?").join(" × ")}, training gives it ${shape.join(" × ")} (images, channels, height, width); ${remedy}`,
        );
      }
      const found = (await file.run({ [input]: { dtype: "float32", shape, data: images } }))[output]!;
      if (found.data.length !== labels.length * classes.length) {
        throw otherClasses(path, found.data.length / labels.length, classes.length);
      }
      return found.data as Float32Array;
    },
    dispose: () => file.dispose(),
  };
}

/** What densekit's own export says of a file; undefined for files of others, whatever theirs says under the same keys. */
function ownMetadata({ densekit, classes, settings }: Readonly<Record<string, string>>) {
  if (densekit === undefined || classes === undefined || settings === undefined) return undefined;
  try {
    const { postprocess }: { readonly postprocess?: unknown } = JSON.parse(settings);
    return { classes: JSON.parse(classes) as readonly string[], isPostprocessed: postprocess === true };
  } catch {
    return undefined;
  }
}

/** Whether a file's input accepts a shape; free sides of the input have names instead of numbers. */
const fits = (takes: readonly (number | string | undefined)[], shape: readonly number[]): boolean =>
  takes.length === shape.length && takes.every((side, i) => typeof side !== "number" || side === shape[i]);

function checkClasses(path: string, found: readonly string[] | undefined, classes: readonly string[]): void {
  if (found === undefined) return;
  if (found.length !== classes.length) throw otherClasses(path, found.length, classes.length);
  const other = found.findIndex((name, k) => name !== classes[k]);
  if (other < 0) return;
  throw new UserError(
    `${path}: the teacher's class ${other} is "${found[other]}", that of the data "${classes[other]}"; ` +
      "set data.classes to the teacher's, in its order",
  );
}

function otherClasses(path: string, found: number, wanted: number): UserError {
  return new UserError(
    `${path}: a teacher of ${counted(found, "class", "classes")}, but the data has ${wanted}; they must be the same`,
  );
}
