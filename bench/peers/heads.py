"""FPN, Semantic FPN and Mask R-CNN around the EfficientFormer backbone, with the recipe's settings."""

from __future__ import annotations

from collections import OrderedDict

import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.ops import MultiScaleRoIAlign

from efficientformer import DenseBackbone

CHANNELS = 256


class Fpn(nn.Module):
    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.lateral_convs = nn.ModuleList(nn.Conv2d(width, CHANNELS, 1) for width in widths)
        self.fpn_convs = nn.ModuleList(nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1) for _ in widths)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        maps = [conv(x) for conv, x in zip(self.lateral_convs, features)]
        for level in range(len(maps) - 1, 0, -1):
            maps[level - 1] = maps[level - 1] + F.interpolate(maps[level], size=maps[level - 1].shape[-2:])
        return [conv(x) for conv, x in zip(self.fpn_convs, maps)]


class DetectionBackbone(nn.Module):
    """Backbone and FPN with the fifth level, as torchvision's detectors expect them."""

    out_channels = CHANNELS

    def __init__(self, name: str) -> None:
        super().__init__()
        self.backbone = DenseBackbone(name, bias_side=25)
        self.neck = Fpn(self.backbone.widths)

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        maps = self.neck(self.backbone(x))
        maps.append(F.max_pool2d(maps[-1], 1, 2))
        return OrderedDict((str(level), x) for level, x in enumerate(maps))


def mask_rcnn(name: str, classes: int = 80, **settings: object) -> MaskRCNN:
    """Mask R-CNN of torchvision's modules with the recipe's numbers.

    What stays torchvision's own: base anchors are rounded, RoIAlign is not shifted by half a pixel, the box losses are
    smooth L1, tiny boxes are dropped. None of these changes the amount of work much.
    """
    levels = ["0", "1", "2", "3"]
    return MaskRCNN(
        DetectionBackbone(name),
        num_classes=classes + 1,
        rpn_anchor_generator=AnchorGenerator(((32,), (64,), (128,), (256,), (512,)), ((0.5, 1.0, 2.0),) * 5),
        rpn_pre_nms_top_n_train=2000,
        rpn_pre_nms_top_n_test=1000,
        rpn_post_nms_top_n_train=1000,
        rpn_post_nms_top_n_test=1000,
        box_roi_pool=MultiScaleRoIAlign(levels, output_size=7, sampling_ratio=0),
        mask_roi_pool=MultiScaleRoIAlign(levels, output_size=14, sampling_ratio=0),
        **settings,
    )


class SemanticFpn(nn.Module):
    """[B, 3, H, W] to logits [B, classes, H / 4, W / 4]; the caller resizes them to the image."""

    def __init__(self, name: str, classes: int = 150) -> None:
        super().__init__()
        self.backbone = DenseBackbone(name, bias_side=16)
        self.neck = Fpn(self.backbone.widths)
        self.decode_head = SemanticFpnHead(classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode_head(self.neck(self.backbone(x)))


class LabelMapper(SemanticFpn):
    """[B, 3, H, W] to the best class of each pixel, [B, H, W] int64."""

    def forward(self, x: Tensor) -> Tensor:
        return resized_logits(super().forward(x), x.shape[-2:]).argmax(1)


class SemanticFpnHead(nn.Module):
    def __init__(self, classes: int, width: int = 128) -> None:
        super().__init__()
        self.scale_heads = nn.ModuleList(scale_head(level, width) for level in range(4))
        self.dropout = nn.Dropout2d(0.1)
        self.conv_seg = nn.Conv2d(width, classes, 1)

    def forward(self, maps: list[Tensor]) -> Tensor:
        first, *others = [head(x) for head, x in zip(self.scale_heads, maps)]
        for other in others:
            first = first + other
        return self.conv_seg(self.dropout(first))


class ConvNorm(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(after)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


def scale_head(level: int, width: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for step in range(max(1, level)):
        layers.append(ConvNorm(CHANNELS if step == 0 else width, width))
        if level > 0:
            layers.append(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False))
    return nn.Sequential(*layers)


def resized_logits(logits: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(logits, size=size, mode="bilinear", align_corners=False)
