"""Fills models with generated weights under the official checkpoints' names."""

from __future__ import annotations

import re
from collections.abc import Callable

import torch
from torch import nn

from prng import parameter_value

PREFIX = "bench"

# Large enough for some scores to pass the threshold, small enough for boxes to stay near their anchors.
GAINS = {
    "rpn_head.rpn_reg.weight": 0.12,
    "roi_head.bbox_head.fc_cls.weight": 3.0,
    "roi_head.bbox_head.fc_reg.weight": 2.0,
    "roi_head.mask_head.conv_logits.weight": 3.0,
    "decode_head.conv_seg.weight": 4.0,
}

# From our module names (torchvision's for the heads of Mask R-CNN) to the official ones.
RENAMES = (
    (r"^backbone\.(backbone|neck)\.", r"\1."),
    (r"^(neck\.\w+\.\d)\.", r"\1.conv."),
    (r"^rpn\.head\.conv\.0\.0\.", "rpn_head.rpn_conv."),
    (r"^rpn\.head\.cls_logits\.", "rpn_head.rpn_cls."),
    (r"^rpn\.head\.bbox_pred\.", "rpn_head.rpn_reg."),
    (r"^roi_heads\.box_head\.fc6\.", "roi_head.bbox_head.shared_fcs.0."),
    (r"^roi_heads\.box_head\.fc7\.", "roi_head.bbox_head.shared_fcs.1."),
    (r"^roi_heads\.box_predictor\.cls_score\.", "roi_head.bbox_head.fc_cls."),
    (r"^roi_heads\.box_predictor\.bbox_pred\.", "roi_head.bbox_head.fc_reg."),
    (r"^roi_heads\.mask_head\.(\d)\.0\.", r"roi_head.mask_head.convs.\1.conv."),
    (r"^roi_heads\.mask_predictor\.conv5_mask\.", "roi_head.mask_head.upsample."),
    (r"^roi_heads\.mask_predictor\.mask_fcn_logits\.", "roi_head.mask_head.conv_logits."),
)


def official_name(name: str) -> str:
    for pattern, replacement in RENAMES:
        name = re.sub(pattern, replacement, name)
    return name


def fill(model: nn.Module, prefix: str = PREFIX, rename: Callable[[str], str] = official_name) -> None:
    """Sets every parameter and running statistic of `model` to the value generated from its official name."""
    state = model.state_dict()
    with torch.no_grad():
        for own, tensor in state.items():
            name = rename(own)
            value = official_value(name, tuple(tensor.shape), prefix)
            if value is not None:
                tensor.copy_(value)


def official_value(name: str, shape: tuple[int, ...], prefix: str) -> torch.Tensor | None:
    """torchvision puts the background first, the official heads last, and only torchvision regresses boxes for it."""
    gain = GAINS.get(name, 1.0)
    if ".fc_reg." in name:
        value = parameter_value(prefix, name, (shape[0] - 4, *shape[1:]), gain)
        return torch.cat([torch.zeros(4, *shape[1:]), torch.from_numpy(value)])
    if ".conv_logits." in name:
        value = parameter_value(prefix, name, (shape[0] - 1, *shape[1:]), gain)
        return torch.cat([torch.zeros(1, *shape[1:]), torch.from_numpy(value)])
    value = parameter_value(prefix, name, shape, gain)
    if value is None:
        return None
    tensor = torch.from_numpy(value)
    return tensor.roll(1, 0) if ".fc_cls." in name else tensor
