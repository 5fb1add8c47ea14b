/*
 * How other programs' names become this one's, which are the authors': those of EfficientFormer's and PoolFormer's own
 * checkpoints, torchvision's for ResNet, MMDetection's and MMSegmentation's (2.x, 3.x; 0.x, 1.x) for whole models.
 */

/** Which row of a file's tensor each row of the model's comes from; undefined where the numbers of rows do not match. */
export type Rows = (found: number, wanted: number) => readonly number[] | undefined;

/** Names by which training code wraps a model; taken off where every name begins so. */
export const WRAPPERS = ["module.", "_orig_mod.", "model."] as const;

/** Tensors that hold nothing a model is computed from: counters, tables of indices, copies for other purposes. */
export const NOT_NEEDED: readonly RegExp[] = [
  /\bnum_batches_tracked$/,
  /\battention_bias_idxs(_seg)?$/,
  /^data_preprocessor\./,
  /^auxiliary_head\./,
  /^ema_/,
];

export interface Naming {
  /** Whose names these are, for messages. */
  readonly name: string;
  /** A name that only such files have. */
  readonly mark: RegExp;
  /** Applied one after another to each name, every one that matches. */
  readonly renames: readonly (readonly [pattern: RegExp, replacement: string | Renamer])[];
  /** Tensors whose rows are in another order than ours; by our names. */
  readonly rows?: readonly (readonly [pattern: RegExp, rows: Rows])[];
}

/** Makes the new text from the match's groups and from all names of the file. */
export type Renamer = (groups: readonly string[], names: readonly string[]) => string;

/** Stages stand at even places of `network`, what joins them at odd ones. */
const stagePlace = ([stage]: readonly string[]): string => `network.${2 * Number(stage)}.`;
const joinPlace = ([stage]: readonly string[]): string => `network.${2 * Number(stage) - 1}.`;

const timmEfficientFormer: Naming = {
  name: "timm's EfficientFormer",
  mark: /^(backbone\.)?stages\.0\.blocks\.0\.ls1\.gamma$/,
  renames: [
    [/\bstem\.conv1\./, "patch_embed.0."],
    [/\bstem\.norm1\./, "patch_embed.1."],
    [/\bstem\.conv2\./, "patch_embed.3."],
    [/\bstem\.norm2\./, "patch_embed.4."],
    [/\bstages\.(\d+)\.downsample\.conv\./, (groups) => `${joinPlace(groups)}proj.`],
    [/\bstages\.(\d+)\.downsample\.norm\./, (groups) => `${joinPlace(groups)}norm.`],
    [/\bstages\.(\d+)\.blocks\./, stagePlace],
    [/\bls([12])\.gamma$/, "layer_scale_$1"],
    [/\bhead_dist\./, "dist_head."],
  ],
};

/** The last stage's attention blocks are numbered on their own; the authors count on, past an entry for the switch to tokens. */
const attentionPlace: Renamer = ([block], names) => {
  const before = /\blast_stage\.meta4D_layers\.blocks\.(\d+)\.layer_scale_1$/;
  const convolutional = names.filter((name) => before.test(name)).length;
  return `network.6.${convolutional + 1 + Number(block)}.`;
};

const transformersEfficientFormer: Naming = {
  name: "transformers' EfficientFormer",
  mark: /^(efficientformer\.)?encoder\.intermediate_stages\.0\.meta4D_layers\.blocks\.0\.layer_scale_1$/,
  renames: [
    [/^efficientformer\./, ""],
    [/^patch_embed\.convolution1\./, "patch_embed.0."],
    [/^patch_embed\.batchnorm_before\./, "patch_embed.1."],
    [/^patch_embed\.convolution2\./, "patch_embed.3."],
    [/^patch_embed\.batchnorm_after\./, "patch_embed.4."],
    [/^encoder\.last_stage\.meta3D_layers\.blocks\.(\d+)\./, attentionPlace],
    [/^encoder\.last_stage\.meta4D_layers\.blocks\./, "network.6."],
    [/^encoder\.intermediate_stages\.(\d+)\.meta4D_layers\.blocks\./, "network.$1."],
    [/^encoder\.intermediate_stages\.(\d+)\.projection\./, "network.$1.proj."],
    [/^encoder\.intermediate_stages\.(\d+)\.norm\./, "network.$1.norm."],
    [/\bmlp\.(?:convolution1|linear_in)\./, "mlp.fc1."],
    [/\bmlp\.(?:convolution2|linear_out)\./, "mlp.fc2."],
    [/\bmlp\.batchnorm_before\./, "mlp.norm1."],
    [/\bmlp\.batchnorm_after\./, "mlp.norm2."],
    [/\btoken_mixer\.projection\./, "token_mixer.proj."],
    [/\blayernorm([12])\./, "norm$1."],
    [/^layernorm\./, "norm."],
    [/^classifier\./, "head."],
    [/^distillation_classifier\./, "dist_head."],
  ],
};

const timmPoolFormer: Naming = {
  name: "timm's PoolFormer",
  mark: /^(backbone\.)?stages\.0\.blocks\.0\.layer_scale1\.scale$/,
  renames: [
    [/\bstem\.conv\./, "patch_embed.proj."],
    [/\bstages\.(\d+)\.downsample\.conv\./, (groups) => `${joinPlace(groups)}proj.`],
    [/\bstages\.(\d+)\.blocks\./, stagePlace],
    [/\blayer_scale([12])\.scale$/, "layer_scale_$1"],
    [/^head\.norm\./, "norm."],
    [/^head\.fc\./, "head."],
  ],
};

const COCO_UNUSED = [12, 26, 29, 30, 45, 66, 68, 69, 71, 83];
/** COCO's category ids go to 90, of which ten were never used; these are those of its 80 classes. */
export const COCO_IDS: readonly number[] = Array.from({ length: 90 }, (_, i) => i + 1).filter(
  (id) => !COCO_UNUSED.includes(id),
);

/** The file's rows of each class of ours, where row 0 is the background. */
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

/** Names that are ours already. */
const asTheyAre = (name: string, mark: RegExp): Naming => ({ name, mark, renames: [] });

/** The first whose mark is among a file's names. */
export const NAMINGS: readonly Naming[] = [
  timmEfficientFormer,
  transformersEfficientFormer,
  timmPoolFormer,
  torchvisionMaskRcnn,
  asTheyAre("a whole model in MMDetection's or MMSegmentation's names", /^(neck|decode_head|rpn_head|roi_head)\./),
  asTheyAre("the authors' EfficientFormer", /^(backbone\.)?patch_embed\.0\.weight$/),
  asTheyAre("the authors' PoolFormer", /^(backbone\.)?patch_embed\.proj\.weight$/),
  asTheyAre("torchvision's ResNet", /^(backbone\.)?layer1\.0\.conv1\.weight$/),
];
