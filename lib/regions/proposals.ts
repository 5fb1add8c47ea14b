import type { AnchorLevel, Anchors } from "./anchors.js";
import { gatherBoxes } from "./boxes.js";
import { decodeDeltas, RPN_CODING } from "./deltas.js";
import { groupedNms } from "./nms.js";
import { topK } from "./topk.js";

/** The region proposal head's output for one image on one level. */
export interface LevelPrediction {
  /** [perCell, height, width] objectness before the sigmoid. */
  readonly logits: Float32Array;
  /** [perCell * 4, height, width] deltas of anchor a in channels 4a … 4a + 3. */
  readonly deltas: Float32Array;
}

export interface ProposalOptions {
  /** Proposals are clipped to this size in pixels: the image without its padding. */
  readonly height: number;
  readonly width: number;
  /** How many of each level, the best ones, go into suppression. */
  readonly perLevel: number;
  /** The largest number that remains from all levels together. */
  readonly perImage: number;
  /** IoU above which a proposal is suppressed by a better one of its level. */
  readonly iouThreshold: number;
  /** Proposals are kept only if wider and higher than this, in pixels. */
  readonly minSize: number;
}

export interface Proposals {
  /** [n * 4] xyxy, image pixels, best first. */
  readonly boxes: Float32Array;
  /** [n] objectness, 0 … 1. */
  readonly scores: Float32Array;
}

/**
 * Region proposals of one image (Faster R-CNN with a feature pyramid): the best anchors of each level, moved by their
 * deltas, clipped, suppressed within their level, and the best of what remains.
 *
 * @param predictions one for each level of `anchors`
 */
export function rpnProposals(
  predictions: readonly LevelPrediction[],
  anchors: Anchors,
  options: ProposalOptions,
): Proposals {
  const { iouThreshold, minSize, perImage } = options;
  const boxes: number[] = [];
  const logits: number[] = [];
  const groups: number[] = [];
  anchors.levels.forEach((level, l) => {
    const best = bestOfLevel(predictions[l]!, level, anchors, options);
    for (let i = 0; i < best.logits.length; i++) {
      const left = best.boxes[4 * i]!;
      const top = best.boxes[4 * i + 1]!;
      const right = best.boxes[4 * i + 2]!;
      const bottom = best.boxes[4 * i + 3]!;
      if (!(right - left > minSize && bottom - top > minSize)) continue;
      boxes.push(left, top, right, bottom);
      logits.push(best.logits[i]!);
      groups.push(l);
    }
  });
  const flat = Float32Array.from(boxes);
  const kept = groupedNms({
    boxes: flat,
    scores: Float32Array.from(logits),
    groups: Int32Array.from(groups),
    iouThreshold,
    maxKept: perImage,
  });
  return {
    boxes: gatherBoxes(flat, kept),
    scores: Float32Array.from(kept, (i) => 1 / (1 + Math.exp(-logits[i]!))),
  };
}

/** The best anchors of a level, decoded and clipped. */
function bestOfLevel(
  prediction: LevelPrediction,
  level: AnchorLevel,
  anchors: Anchors,
  options: ProposalOptions,
): { boxes: Float32Array; logits: Float32Array } {
  const { perCell } = anchors;
  const cells = level.height * level.width;
  const scores = new Float32Array(cells * perCell); // [height, width, perCell], the order of the anchors
  for (let a = 0; a < perCell; a++) {
    for (let cell = 0; cell < cells; cell++) scores[cell * perCell + a] = prediction.logits[a * cells + cell]!;
  }
  const best = topK(scores, options.perLevel);
  const boxes = new Float32Array(best.length * 4);
  const deltas = new Float32Array(best.length * 4);
  best.forEach((flat, i) => {
    const a = flat % perCell;
    const cell = (flat - a) / perCell;
    const from = 4 * (level.offset + flat);
    for (let j = 0; j < 4; j++) {
      boxes[4 * i + j] = anchors.boxes[from + j]!;
      deltas[4 * i + j] = prediction.deltas[(4 * a + j) * cells + cell]!;
    }
  });
  decodeDeltas({ boxes, deltas, coding: RPN_CODING, clip: options, out: boxes });
  return { boxes, logits: Float32Array.from(best, (flat) => scores[flat]!) };
}
