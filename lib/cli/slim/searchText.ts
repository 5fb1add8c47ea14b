import { milliseconds, percent, signed } from "../../profile/format.js";
import { backboneOverrides } from "../../slimming/result.js";
import { showCost } from "../../slimming/targets.js";
import type { SlimmedNetwork, SlimSearchResult } from "../../slimming/types.js";
import { table as columns } from "../table.js";

/** The networks found as a table, and the commands to continue with. */
export function describeSearch({ networks, kind, by, page }: SlimSearchResult): string {
  const isMeasured = networks.some(({ measured }) => measured !== undefined);
  const head = [
    "",
    "target",
    "widths",
    "depths",
    "MB3D",
    "MMAC",
    "M params",
    "predicted",
    ...(isMeasured ? ["measured", ""] : []),
    by,
  ];
  const rows = networks.map((network) => {
    const { method, target = "", size, macs, parameters, cost, measured } = network;
    const time =
      measured === undefined ? ["", ""] : [`${milliseconds(measured.ms)} ms`, signed(cost / measured.ms - 1)];
    return [
      ...[method, target, size.widths.join("-"), size.depths.join("-"), String(size.attentionBlocks)],
      ...[(macs / 1e6).toFixed(1), (parameters / 1e6).toFixed(3), showCost(kind, cost)],
      ...(isMeasured ? time : []),
      by === "accuracy" ? percent(network.accuracy) : (network.loss ?? Number.NaN).toFixed(4),
    ];
  });
  const first = networks.find(({ config }) => config !== undefined);
  return [
    columns([head, ...rows]),
    `${by === "accuracy" ? "Accuracy" : "Loss"} is measured with the supernet's weights on held-out images, before training.`,
    ...(first === undefined ? [] : commands(first)),
    page,
  ].join("\n");
}

function commands({ config, weights, size }: SlimmedNetwork): string[] {
  const set = backboneOverrides({ size, weights: weights! })
    .map((text) => `--set '${text}'`)
    .join(" ");
  return [
    "",
    "To train one, from the weights it has in the supernet or from scratch:",
    `  densekit train ${config}`,
    `  densekit train ${config} --set model.backbone.weights=null`,
    "To put it under Mask R-CNN or Semantic FPN:",
    `  densekit train mask-rcnn_efficientformer-nano_fpn128_300_fruits-nuts ${set}`,
    `  densekit train semantic-fpn_efficientformer-nano_fpn128_300_facade ${set}`,
    "",
  ];
}
