import type { SampleMeta } from "../../datasets/types.js";
import type { Engine, Tensors } from "../../engines/engine.js";
import type { ModelFile, SizedTensors } from "../../engines/modelFile.js";
import { type InputAttributes, inputOperator, isOperator, nodesInOrder, type TensorData } from "../../graph/index.js";
import type { Normalisation } from "../../images/normalise.js";
import type { ExportSettings } from "../settings.js";
import { inputsFor, runFile } from "./run.js";

/**
 * An engine on which a detector or a segmenter whose parameters are not folded in runs an exported file in the place of
 * its own graph, so that the file is measured by the very code that measures the model.
 */
export function fileEngine(file: ModelFile, settings: ExportSettings, normalisation: Normalisation): Engine {
  return {
    name: "exported file",
    async compile(outputs) {
      const inputs = nodesInOrder(Object.values(outputs)).flatMap((node) =>
        isOperator(node, inputOperator) ? [node.attributes as InputAttributes] : [],
      );
      const given = new Set(["images", "sizes", "scales"]);
      const [batch, , height, width] = inputs.find(({ name }) => name === "images")!.shape as [
        number,
        number,
        number,
        number,
      ];
      return {
        inputs: Object.fromEntries(inputs.filter(({ name }) => given.has(name)).map((input) => [input.name, input])),
        outputs,
        async run({ images, sizes, scales }) {
          const meta = Array.from({ length: batch }, (_, i) => metaOf(i, { height, width }, sizes, scales));
          const pictures = { images: images as Float32Array, height, width, meta };
          const whole = filledUp(pictures, settings.batch);
          return answers(await runFile(file, inputsFor(whole, settings, normalisation)), batch);
        },
        dispose: async () => undefined,
      };
    },
  };
}

type Pictures = Parameters<typeof inputsFor>[0];

/** What the graph's inputs say of picture i: `sizes` and `scales` are [B, 4], x, y, x, y. */
function metaOf(
  i: number,
  { height, width }: { readonly height: number; readonly width: number },
  sizes: TensorData | undefined,
  scales: TensorData | undefined,
): SampleMeta {
  const own = { width: sizes?.[4 * i] ?? width, height: sizes?.[4 * i + 1] ?? height };
  const scale = [scales?.[4 * i] ?? 1, scales?.[4 * i + 1] ?? 1] as const;
  return {
    id: i,
    file: "",
    ...own,
    originalWidth: Math.round(own.width / scale[0]),
    originalHeight: Math.round(own.height / scale[1]),
    scaleFactor: scale,
    flipped: false,
  };
}

/** The last picture repeated until a file of a fixed batch has enough. */
function filledUp(pictures: Pictures, batch: ExportSettings["batch"]): Pictures {
  const missing = batch === "free" ? 0 : batch - pictures.meta.length;
  if (missing <= 0) return pictures;
  const last = pictures.images.slice(-pictures.images.length / pictures.meta.length);
  const images = new Float32Array(pictures.images.length + missing * last.length);
  images.set(pictures.images);
  for (let i = 0; i < missing; i++) images.set(last, pictures.images.length + i * last.length);
  return {
    ...pictures,
    images,
    meta: [...pictures.meta, ...Array.from({ length: missing }, () => pictures.meta.at(-1)!)],
  };
}

/** The file's outputs as the graph's: without the pictures that filled up, and logits with the classes last. */
function answers(outputs: SizedTensors, batch: number): Tensors {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { data, shape }]) => {
      const own = data.subarray(0, (data.length / shape[0]!) * batch) as TensorData;
      return [name, name === "logits" ? classesLast(own as Float32Array, shape) : own];
    }),
  );
}

/** [B, K, h, w] → [B, h, w, K] */
export function classesLast(logits: Float32Array, [, classes, height, width]: readonly number[]): Float32Array {
  const plane = height! * width!;
  const result = new Float32Array(logits.length);
  for (let start = 0; start < logits.length; start += classes! * plane) {
    for (let k = 0; k < classes!; k++) {
      for (let i = 0; i < plane; i++) result[start + i * classes! + k] = logits[start + k * plane + i]!;
    }
  }
  return result;
}
