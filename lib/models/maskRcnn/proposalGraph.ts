import {
  add,
  axisSize,
  cast,
  concat,
  constant,
  div,
  gather,
  less,
  minimum,
  mul,
  nonMaximumSuppression,
  reshape,
  scalar,
  slice,
  sub,
  topK,
  transpose,
  type Value,
  where,
} from "../../graph/index.js";
import { baseAnchors } from "../../regions/anchors.js";
import { decodeBoxes, gatherRows, sidesOf } from "./boxGraph.js";
import type { MaskRcnn } from "./model.js";

/** The score of places without a box; every real logit is far higher. */
const NOTHING = -1e9;
const ANYTHING = -1e8;

export interface ProposalValues {
  /** [B, n, 4] xyxy in pixels of the network's input, best first; unused places have arbitrary boxes. */
  readonly boxes: Value;
  /** bool [B, n, 1]: whether the place holds a proposal. */
  readonly valid: Value;
}

interface Scored {
  /** [B, k, 4] */
  readonly boxes: Value;
  /** [B, k] */
  readonly scores: Value;
}

/**
 * The region proposals of a batch as part of the graph, as `rpnProposals` in lib/regions makes them on the host.
 *
 * @param logits for each level [B, anchors, H_l, W_l]; @param deltas for each level [B, 4 · anchors, H_l, W_l]
 * @param sizes [B, 4] width, height, width, height of each image without padding
 */
export function proposalGraph(
  model: MaskRcnn,
  logits: readonly Value[],
  deltas: readonly Value[],
  sizes: Value,
): ProposalValues {
  const { nms, maxPerImage } = model.config.rpn;
  const batch = sizes.shape[0]!;
  const kept = model.strides.map((stride, l) => {
    const best = bestOfLevel(model, stride, { logits: logits[l]!, deltas: deltas[l]!, sizes });
    const isKept = nonMaximumSuppression(best.boxes, best.scores, {
      iouThreshold: nms,
      scoreThreshold: ANYTHING,
      maxKept: maxPerImage,
    });
    return { boxes: best.boxes, scores: where(isKept, best.scores, scalar(NOTHING)) };
  });
  const boxes = concat(
    kept.map((level) => level.boxes),
    1,
  );
  const scores = concat(
    kept.map((level) => level.scores),
    1,
  );
  const { values, indices } = topK(scores, maxPerImage);
  const valid = reshape(less(scalar(ANYTHING), values), [batch, values.shape[1]!, 1]);
  return { boxes: gatherRows(boxes, indices), valid };
}

/** The best anchors of a level, decoded and clipped; boxes without area get no score. */
function bestOfLevel(
  model: MaskRcnn,
  stride: number,
  { logits, deltas, sizes }: { readonly logits: Value; readonly deltas: Value; readonly sizes: Value },
): Scored {
  const { testPerLevel, minSize } = model.config.rpn;
  const [batch, anchors, height, width] = logits.shape as [number, number, number, number];
  const count = height * width * anchors;
  const flat = reshape(transpose(logits, [0, 2, 3, 1]), [batch, count]); // in the order y, x, shape
  const perAnchor = reshape(transpose(deltas, [0, 2, 3, 1]), [batch, count, 4]);
  const { values, indices } = topK(flat, testPerLevel); // [B, k]
  const own = anchorsAt(model, stride, axisSize(logits, 3), indices);
  const boxes = decodeBoxes(own, gatherRows(perAnchor, indices), [1, 1, 1, 1], reshape(sizes, [batch, 1, 4]));
  const sides = sidesOf(boxes);
  const shorter = minimum(slice(sides, { axis: 2, end: 1 }), slice(sides, { axis: 2, start: 1 }));
  const scores = where(less(scalar(minSize), reshape(shorter, values.shape)), values, scalar(NOTHING));
  return { boxes, scores };
}

/**
 * The anchors of one level with the indices [B, k], in the order y, x, shape → [B, k, 4]; exactly the numbers of
 * `makeAnchors` in lib/regions, without a table of all anchors in the model.
 */
function anchorsAt(model: MaskRcnn, stride: number, width: Value, indices: Value): Value {
  const { anchorScale, anchorRatios } = model.config.rpn;
  const bases = baseAnchors(stride, { scales: [anchorScale], ratios: anchorRatios });
  const [batch, k] = indices.shape as [number, number];
  const [cells, shapes] = divided(indices, scalar(bases.length / 4, "int32"));
  const [y, x] = divided(cells, width);
  const shift = (cell: Value) => reshape(mul(cast(cell, "float32"), scalar(stride)), [batch, k, 1]);
  const shifts = [shift(x), shift(y)];
  return add(gather(constant(bases, [bases.length / 4, 4]), shapes, 0), concat([...shifts, ...shifts], 2));
}

/** Quotient and remainder of non-negative whole numbers. */
function divided(x: Value, by: Value): readonly [quotient: Value, remainder: Value] {
  const quotient = div(x, by);
  return [quotient, sub(x, mul(quotient, by))];
}
