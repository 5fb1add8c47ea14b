import type { FeatureLevel, RoiAlignOptions } from "../../../regions/roiAlign.js";
import { type MaskRcnn, roiStrides } from "../model.js";
import { poolSize, type RoiHead, type Shape } from "../programs.js";

/** The maps of the pyramid of a batch, or their gradients, [B, channels, H / stride, W / stride] each. */
export function pyramidLevels(
  { strides }: MaskRcnn,
  { height, width }: Shape,
  data: readonly Float32Array[],
): readonly FeatureLevel[] {
  return strides.map((stride, i) => ({
    data: data[i]!,
    height: Math.ceil(height / stride),
    width: Math.ceil(width / stride),
    stride,
  }));
}

/** The levels that RoIs are pooled from. */
export function poolable(model: MaskRcnn, levels: readonly FeatureLevel[]): readonly FeatureLevel[] {
  return levels.slice(0, roiStrides(model).length);
}

export function poolOptions(model: MaskRcnn, head: RoiHead): RoiAlignOptions & { readonly channels: number } {
  const size = poolSize(model, head);
  return { height: size, width: size, samplingRatio: model.config.roi.samplingRatio, channels: model.channels };
}
