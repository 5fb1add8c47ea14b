/*
 * How other programs' names become ours, which are the authors': those of EfficientFormer's and PoolFormer's own
 * checkpoints, torchvision's for ResNet, MMDetection's and MMSegmentation's (2.x, 3.x; 0.x, 1.x) for whole models.
 */

import { allBackbones } from "../backbones/index.js";
import type { Naming, Rows } from "../nn/weightNames.js";

/** Prefixes of models wrapped by training code; removed if every name begins with one. */
export const WRAPPERS = ["module.", "_orig_mod.", "model."] as const;

/** Tensors that no output depends on: counters, tables of indices, copies for other purposes. */
export const NOT_NEEDED: readonly RegExp[] = [
  /\bnum_batches_tracked$/,
  /\battention_bias_idxs(_seg)?$/,
  /^data_preprocessor\./,
  /^auxiliary_head\./,
  /^ema_/,
];

const COCO_UNUSED = [12, 26, 29, 30, 45, 66, 68, 69, 71, 83];
/** COCO's category ids go to 90, of which ten were never used; these are those of its 80 classes. */
export const COCO_IDS: readonly number[] = Array.from({ length: 90 }, (_, i) => i + 1).filter(
  (id) => !COCO_UNUSED.includes(id),
);

/** The file's row for each of our classes, if row 0 is the background. */
function classRows(found: number, wanted: number): readonly number[] | undefined {
  if (found === wanted + 1) return Array.from({ length: wanted }, (_, i) => i + 1);
  return found === 91 && wanted === COCO_IDS.length ? COCO_IDS : undefined;
}

const perClass: Rows = classRows;
const backgroundLast: Rows = (found, wanted) => {
  const rows = classRows(found, wanted - 1);
  return rows && [...rows, 0];
};
const fourPerClass: Rows = (found, wanted) =>
  classRows(found / 4, wanted / 4)?.flatMap((row) => [0, 1, 2, 3].map((k) => 4 * row + k));

const torchvisionMaskRcnn: Naming = {
  name: "torchvision's Mask R-CNN",
  mark: /^roi_heads\.box_predictor\.cls_score\.weight$/,
  renames: [
    [/^backbone\.body\./, "backbone."],
    // Before torchvision 0.13 convolutions were not in a list of their own.
    [/^backbone\.fpn\.inner_blocks\.(\d+)\.(?:0\.)?(weight|bias)$/, "neck.lateral_convs.$1.conv.$2"],
    [/^backbone\.fpn\.layer_blocks\.(\d+)\.(?:0\.)?(weight|bias)$/, "neck.fpn_convs.$1.conv.$2"],
    [/^rpn\.head\.conv\.(?:0\.0\.)?(weight|bias)$/, "rpn_head.rpn_conv.$1"],
    [/^rpn\.head\.cls_logits\./, "rpn_head.rpn_cls."],
    [/^rpn\.head\.bbox_pred\./, "rpn_head.rpn_reg."],
    [/^roi_heads\.box_head\.fc6\./, "roi_head.bbox_head.shared_fcs.0."],
    [/^roi_heads\.box_head\.fc7\./, "roi_head.bbox_head.shared_fcs.1."],
    [/^roi_heads\.box_predictor\.cls_score\./, "roi_head.bbox_head.fc_cls."],
    [/^roi_heads\.box_predictor\.bbox_pred\./, "roi_head.bbox_head.fc_reg."],
    [/^roi_heads\.mask_head\.(\d+)\.0\.(weight|bias)$/, "roi_head.mask_head.convs.$1.conv.$2"],
    [/^roi_heads\.mask_head\.mask_fcn(\d+)\./, ([number]) => `roi_head.mask_head.convs.${Number(number) - 1}.conv.`],
    [/^roi_heads\.mask_predictor\.conv5_mask\./, "roi_head.mask_head.upsample."],
    [/^roi_heads\.mask_predictor\.mask_fcn_logits\./, "roi_head.mask_head.conv_logits."],
  ],
  rows: [
    [/\bbbox_head\.fc_cls\./, backgroundLast],
    [/\bbbox_head\.fc_reg\./, fourPerClass],
    [/\bmask_head\.conv_logits\./, perClass],
  ],
};

/** Names that are already ours. */
const asTheyAre = (name: string, mark: RegExp): Naming => ({ name, mark, renames: [] });

/** The first one whose mark is among a file's names applies. */
export const namings = (): readonly Naming[] => [
  ...allBackbones().flatMap(({ namings }) => namings),
  torchvisionMaskRcnn,
  asTheyAre("a whole model in MMDetection's or MMSegmentation's names", /^(neck|decode_head|rpn_head|roi_head)\./),
  ...allBackbones().map(({ published: { name, mark } }) => asTheyAre(name, mark)),
];
