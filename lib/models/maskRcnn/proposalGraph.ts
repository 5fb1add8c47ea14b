import {
  concat,
  constant,
  gather,
  int32Indices,
  less,
  minimum,
  nonMaximumSuppression,
  reshape,
  scalar,
  slice,
  topK,
  transpose,
  type Value,
  where,
} from "../../graph/index.js";
import { type AnchorLevel, type Anchors, makeAnchors } from "../../regions/anchors.js";
import { decodeBoxes, sidesOf } from "./boxGraph.js";
import type { MaskRcnn } from "./model.js";

/** Scores of places without a box; every real logit is far above. */
const NOTHING = -1e9;
const ANYTHING = -1e8;

export interface ProposalValues {
  /** [n, 4] xyxy in pixels of the network's input, best first; places left over hold any box. */
  readonly boxes: Value;
  /** bool [n, 1]: whether the place holds a proposal. */
  readonly valid: Value;
}

interface Scored {
  /** [k, 4] */
  readonly boxes: Value;
  /** [k] */
  readonly scores: Value;
}

/**
 * The region proposals of one picture as part of the graph, as `rpnProposals` in lib/regions makes them on the host.
 *
 * @param logits a level [1, anchors, H_l, W_l]; @param deltas a level [1, 4 · anchors, H_l, W_l]
 * @param size [4] width, height, width, height of the picture without padding
 */
export function proposalGraph(
  model: MaskRcnn,
  logits: readonly Value[],
  deltas: readonly Value[],
  { height, width, size }: { readonly height: number; readonly width: number; readonly size: Value },
): ProposalValues {
  const { anchorScale, anchorRatios, maxPerPicture } = model.config.rpn;
  const anchors = makeAnchors({ height, width, strides: model.strides, scales: [anchorScale], ratios: anchorRatios });
  const kept = anchors.levels.map((level, l) => {
    const best = bestOfLevel(model, anchors, level, { logits: logits[l]!, deltas: deltas[l]!, size });
    return suppress(best, model.config.rpn.nms, maxPerPicture);
  });
  const boxes = concat(
    kept.map((level) => level.boxes),
    0,
  );
  const scores = concat(
    kept.map((level) => level.scores),
    0,
  );
  const places = Math.min(maxPerPicture, scores.shape[0]!);
  const { values, indices } = topK(scores, places);
  return { boxes: gather(boxes, indices, 0), valid: reshape(less(scalar(ANYTHING), values), [places, 1]) };
}

/** The best anchors of a level, decoded and clipped; boxes without area score nothing. */
function bestOfLevel(
  model: MaskRcnn,
  anchors: Anchors,
  { height, width, offset }: AnchorLevel,
  { logits, deltas, size }: { readonly logits: Value; readonly deltas: Value; readonly size: Value },
): Scored {
  const { testPerLevel, minSize } = model.config.rpn;
  const count = height * width * anchors.perCell;
  const k = Math.min(testPerLevel, count);
  const flat = reshape(transpose(logits, [0, 2, 3, 1]), [count]); // in the order of the anchors
  const perAnchor = reshape(transpose(deltas, [0, 2, 3, 1]), [count, 4]);
  const { values, indices } = topK(flat, k);
  const own = constant(anchors.boxes.slice(4 * offset, 4 * (offset + count)), [count, 4]);
  const boxes = decodeBoxes(gather(own, indices, 0), gather(perAnchor, indices, 0), [1, 1, 1, 1], size);
  const sides = sidesOf(boxes);
  const shorter = minimum(slice(sides, { axis: 1, end: 1 }), slice(sides, { axis: 1, start: 1 }));
  const scores = where(less(scalar(minSize), reshape(shorter, [k])), values, scalar(NOTHING));
  return { boxes, scores };
}

/** Non-maximum suppression of one group; places left over score nothing. */
function suppress({ boxes, scores }: Scored, iouThreshold: number, maxKept: number): Scored {
  const n = scores.shape[0]!;
  const { kept, count } = nonMaximumSuppression(reshape(boxes, [1, n, 4]), reshape(scores, [1, n]), {
    iouThreshold,
    scoreThreshold: ANYTHING,
    maxKept,
  });
  return {
    boxes: gather(boxes, kept, 0),
    scores: where(within(kept, count), gather(scores, kept, 0), scalar(NOTHING)),
  };
}

/** bool [n]: which places come before `count`. */
export function within(places: Value, count: Value): Value {
  return less(int32Indices(Array.from({ length: places.shape[0]! }, (_, i) => i)), count);
}
