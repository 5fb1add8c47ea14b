import type { AttributesOf, Node } from "../../graph/index.js";
import type { Emitter } from "./emitter.js";
import { ELEMENT_TYPES } from "./proto.js";
import type { Target } from "./target.js";

const cast = (emit: Emitter, x: string, type: "int32" | "int64") =>
  emit.node("Cast", [x], { attributes: { to: ELEMENT_TYPES[type] } });

export function lowerTopK(
  emit: Emitter,
  [x]: readonly string[],
  node: Node<AttributesOf<"topK">>,
  { sizes }: Target,
): readonly string[] {
  const k = sizes.isFree(node.inputs[0]!, node.inputs[0]!.shape.length - 1)
    ? emit.node("Min", [
        sizes.vector(emit, node, ({ attributes }) => [attributes.k]),
        sizes.vector(emit, node, ({ inputs }) => [inputs[0]!.shape.at(-1)!]),
      ])
    : emit.int64([node.outputs[0]!.shape.at(-1)!]);
  const [values, indices] = emit.nodeWith(2, "TopK", [x!, k], { attributes: { axis: -1, largest: 1, sorted: 1 } });
  return [values!, cast(emit, indices!, "int32")];
}

/** ONNX returns the kept boxes' group and index; they are marked in a mask. */
export function lowerNonMaximumSuppression(
  emit: Emitter,
  [boxes, scores]: readonly string[],
  node: Node<AttributesOf<"nonMaximumSuppression">>,
): string {
  const { iouThreshold, scoreThreshold, maxKept } = node.attributes;
  const selected = emit.node("NonMaxSuppression", [
    boxes!,
    emit.node("Unsqueeze", [scores!, emit.int64([1])]),
    emit.int64([maxKept]),
    emit.float(iouThreshold),
    emit.float(scoreThreshold),
  ]); // int64 [kept, 3]: group, 0, box
  const places = emit.node("Gather", [selected, emit.int64([0, 2])], { attributes: { axis: 1 } }); // [kept, 2]
  const count = emit.node("Gather", [emit.node("Shape", [selected]), emit.int64([0])]);
  const none = emit.node("Expand", [emit.bool(false), emit.node("Shape", [scores!])]);
  return emit.node("ScatterND", [none, places, emit.node("Expand", [emit.bool(true), count])]);
}

/** Each level pools the RoIs that belong to it; the results are put back into the order of the RoIs. */
export function lowerRoiAlign(emit: Emitter, inputs: readonly string[], node: Node<AttributesOf<"roiAlign">>): string {
  const { outputSize, scales, samplingRatio } = node.attributes;
  const [rois, images, levels] = inputs.slice(-3) as [string, string, string];
  const pool = (level: number, boxes: string, batch: string) =>
    emit.node("RoiAlign", [inputs[level]!, boxes, cast(emit, batch, "int64")], {
      attributes: {
        coordinate_transformation_mode: "half_pixel",
        mode: "avg",
        output_height: outputSize[0],
        output_width: outputSize[1],
        sampling_ratio: samplingRatio,
        spatial_scale: { float: scales[level]! },
      },
    });
  if (scales.length === 1) return pool(0, rois, images);

  const members = scales.map((_, level) => {
    const here = emit.node("Equal", [levels, cast(emit, emit.int64([level], []), "int32")]);
    return emit.node("Reshape", [emit.node("NonZero", [here]), emit.int64([-1])]); // int64 [R_level]
  });
  const pooled = members.map((rows, level) =>
    pool(level, emit.node("Gather", [rois, rows]), emit.node("Gather", [images, rows])),
  );
  const order = emit.node("Concat", members, { attributes: { axis: 0 } });
  const stacked = emit.node("Concat", pooled, { attributes: { axis: 0 } });
  // The number of RoIs is read from the tensor: after `truncate` there are fewer than the static shape says.
  const count = emit.node("Gather", [emit.node("Shape", [order]), emit.int64([0], [])]);
  const places = emit.node("Range", [emit.int64([0], []), count, emit.int64([1], [])]);
  const inverse = emit.node("ScatterElements", [places, order, places], { attributes: { axis: 0 } });
  return emit.node("Gather", [stacked, inverse], { attributes: { axis: 0 } });
}

export function lowerTruncate(emit: Emitter, [x, count]: readonly string[]): string {
  return emit.node("Slice", [x!, emit.int64([0]), cast(emit, count!, "int64"), emit.int64([0])]);
}

export function lowerRestore(
  emit: Emitter,
  [x]: readonly string[],
  node: Node<AttributesOf<"restore">>,
  { sizes }: Target,
): string {
  const { shape } = node.outputs[0]!;
  const none = shape.slice(1).map(() => 0);
  const rows = emit.node("Slice", [emit.node("Shape", [x!]), emit.int64([0]), emit.int64([1])]);
  const places = sizes.vector(emit, node, ({ outputs }) => [outputs[0]!.shape[0]!]);
  const missing = emit.node("Sub", [places, rows]);
  // Sides of every axis, not only the first: see `pad`.
  const after = none.length === 0 ? [missing] : [missing, emit.int64(none)];
  const pads = emit.node("Concat", [emit.int64([0, ...none]), ...after], { attributes: { axis: 0 } });
  const padded = emit.node("Pad", [x!, pads]);
  return emit.node("Reshape", [padded, sizes.shape(emit, node, ({ outputs }) => outputs[0]!.shape)]);
}
