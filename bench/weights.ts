import { parameterValue } from "../tools/prng.js";

/** As in bench/peers/weights.py: some scores pass the threshold, boxes stay near their anchors. */
const GAINS: Readonly<Record<string, number>> = {
  "rpn_head.rpn_reg.weight": 0.12,
  "roi_head.bbox_head.fc_cls.weight": 3,
  "roi_head.bbox_head.fc_reg.weight": 2,
  "roi_head.mask_head.conv_logits.weight": 3,
  "decode_head.conv_seg.weight": 4,
};

/**
 * The benchmark's value of a parameter or running statistic; undefined for buffers that follow from the architecture.
 *
 * @param name as in the official checkpoint of the case's model: without `backbone.` for a backbone alone
 */
export function benchWeight(name: string, shape: readonly number[]): Float32Array | undefined {
  return parameterValue("bench", name, shape, GAINS[name] ?? 1);
}
