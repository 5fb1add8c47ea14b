"""Boxes, anchors, RoIAlign and the pyramid: what torchvision computes."""

from __future__ import annotations

import re
from collections import OrderedDict

import numpy as np
import torch
from torch import Tensor
from torchvision.ops import FeaturePyramidNetwork, box_iou, nms, roi_align
from torchvision.ops.boxes import _batched_nms_vanilla
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

import detection
from prng import integers, uniform
from values.golden import Files, described, drawn, generated, number, numbers, sampled, whole
from weights import fill

# Name, shape of the map, output size, stride, sampling ratio (0: adaptive), aligned.
ROI_ALIGN = (
    ("a7", (2, 2, 12, 17), (7, 7), 4, 0, True),
    ("a14", (1, 2, 9, 11), (14, 14), 16, 0, True),
    ("a7x5", (2, 1, 13, 15), (7, 5), 8, 0, True),
    ("s2", (1, 2, 11, 13), (7, 7), 4, 2, True),
    ("legacy", (2, 1, 12, 10), (7, 7), 8, 0, False),
    ("legacy_s2", (1, 2, 10, 9), (5, 5), 16, 2, False),
)
SAMPLES = 20


def rois_of(images: int, height: float, width: float, stride: float) -> Tensor:
    """The whole image, across the border, outside it, without area, below a cell, an ordinary one."""
    rows = [
        (0, 0, 0, width, height),
        (images - 1, -0.2 * width, -0.13 * height, 0.43 * width, 0.52 * height),
        (0, 1.3 * width, 1.2 * height, 1.5 * width, 1.4 * height),
        (0, 0.3 * width, 0.3 * height, 0.3 * width, 0.3 * height),
        (images - 1, 0.41 * width, 0.37 * height, 0.41 * width + 0.3 * stride, 0.37 * height + 0.2 * stride),
        (0, 0.12 * width, 0.63 * height, 0.58 * width, 0.87 * height),
    ]
    return torch.tensor(np.round(rows, 2))


def roi_align_cases() -> Files:
    files: Files = {}
    cases = []
    for name, shape, size, stride, ratio, aligned in ROI_ALIGN:
        rois = rois_of(shape[0], shape[2] * stride, shape[3] * stride, stride)
        x, gy = (f"golden:roi_align:{name}:{kind}" for kind in ("x", "gy"))
        out_shape = (len(rois), shape[1], *size)
        maps = drawn(x, shape, -2, 2).requires_grad_()
        out = roi_align(maps, rois, size, 1 / stride, ratio, aligned)
        out.backward(drawn(gy, out_shape, -1, 1))
        cases.append(
            {
                "name": name,
                "input": described(x, shape, -2, 2),
                "grad_out": described(gy, out_shape, -1, 1),
                "output_size": size,
                "spatial_scale": 1 / stride,
                "sampling_ratio": ratio,
                "aligned": aligned,
            }
        )
        files[f"{name}.rois.npy"] = whole(rois)
        files[f"{name}.out.npy"] = sampled(f"{name}.out.npy", out, SAMPLES, 6)
        files[f"{name}.grad.npy"] = sampled(f"{name}.grad.npy", maps.grad, SAMPLES, 6)
    extractor, more = pooled_from_levels()
    return {"cases.json": {"cases": cases, "extractor": extractor}, **files, **more}


def pooled_from_levels() -> tuple[dict[str, object], Files]:
    """RoIs of 4 levels by the rule of FPN's detectors: floor(log2(√area / 56 + 1e-6)), from 0 to 3."""
    strides, channels = (4, 8, 16, 32), 2
    height, width = 416, 480
    feats = [described(f"golden:roi_align:p{l}", (1, channels, height // s, width // s), -2, 2) for l, s in enumerate(strides)]
    corners = uniform("golden:roi_align:corners", (9, 2), 0, 100).astype(np.float64)
    sides = np.array([20, 60, 111.99, 112.01, 150, 223.9, 224.1, 300, 460])[:, None] * [1.05, 0.8]
    rois = torch.tensor(np.round(np.concatenate([np.zeros((9, 1)), corners, corners + sides], 1), 2))
    area = (rois[:, 3] - rois[:, 1]) * (rois[:, 4] - rois[:, 2])
    exact = (area.sqrt() / 56 + 1e-6).log2()
    assert ((exact - exact.round()).abs() > 1e-4).all(), "a RoI on the border of two levels"
    levels = exact.floor().clamp(0, 3).long()
    out = torch.zeros(len(rois), channels, 7, 7, dtype=torch.float64)
    for level, (feature, stride) in enumerate(zip(feats, strides)):
        x = drawn(feature["key"], tuple(feature["shape"]), -2, 2)
        chosen = levels == level
        out[chosen] = roi_align(x, rois[chosen], (7, 7), 1 / stride, 0, True)
    described_rois = {"feats": feats, "strides": strides, "level_rois": numbers(rois), "levels": levels.tolist()}
    return described_rois, {
        "extractor.rois.npy": whole(rois),
        "extractor.out.npy": sampled("extractor.out.npy", out, 40, 6),
    }


def boxes_of(key: str, count: int, extent: float = 60, side: float = 40) -> Tensor:
    corner = uniform(f"{key}:corner", (count, 2), -5, extent).astype(np.float64)
    sides = uniform(f"{key}:side", (count, 2), 3, side).astype(np.float64)
    return torch.tensor(np.round(np.concatenate([corner, corner + sides], 1), 1))


def scores_of(key: str, count: int, digits: int) -> Tensor:
    return torch.tensor(np.round(uniform(f"{key}:score", (count,), 0, 1).astype(np.float64), digits))


def nms_cases() -> Files:
    same = boxes_of("golden:nms:same", 3).repeat(3, 1)
    nested = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 5], [0, 0, 5, 10], [0, 5, 10, 10]])
    cases: list[tuple[str, Tensor, Tensor, float, Tensor | None]] = [
        ("random", boxes_of("golden:nms:a", 30), scores_of("golden:nms:a", 30, 3), 0.5, None),
        ("strict", boxes_of("golden:nms:b", 30), scores_of("golden:nms:b", 30, 3), 0.3, None),
        ("score_ties", boxes_of("golden:nms:c", 20), scores_of("golden:nms:c", 20, 1), 0.4, None),
        ("identical_boxes", same, scores_of("golden:nms:d", 9, 2), 0.7, None),
        ("iou_exactly_threshold", nested, torch.tensor([0.9, 0.8, 0.7, 0.6]), 0.5, None),
        ("zero_area", torch.tensor([[5.0, 5, 5, 5], [5, 5, 5, 5], [0, 0, 10, 10]]), torch.tensor([0.9, 0.8, 0.7]), 0.5, None),
        ("touching", torch.tensor([[0.0, 0, 10, 10], [10, 0, 20, 10], [0, 10, 10, 20]]), torch.tensor([0.5, 0.9, 0.7]), 0.1, None),
        ("empty", torch.zeros(0, 4), torch.zeros(0), 0.5, None),
        ("batched", boxes_of("golden:nms:e", 30), scores_of("golden:nms:e", 30, 3), 0.3, torch.from_numpy(integers("golden:nms:e", 30, 3))),
        ("batched_ties", boxes_of("golden:nms:f", 20), scores_of("golden:nms:f", 20, 1), 0.4, torch.from_numpy(integers("golden:nms:f", 20, 2))),
    ]
    return {"nms.json": {"cases": [nms_case(*case) for case in cases]}, "multiclass.json": {"cases": multiclass()}}


def class_wise_nms(boxes: Tensor, scores: Tensor, classes: Tensor, threshold: float) -> Tensor:
    """torchvision's, with equal scores in the order of their indices."""
    keep = _batched_nms_vanilla(boxes, scores, classes, threshold).sort().values
    return keep[scores[keep].sort(descending=True, stable=True).indices]


def nms_case(name: str, boxes: Tensor, scores: Tensor, threshold: float, idxs: Tensor | None) -> dict[str, object]:
    boxes, scores = boxes.float(), scores.float()
    if name not in ("iou_exactly_threshold", "identical_boxes"):
        apart = (box_iou(boxes, boxes).nan_to_num() - threshold).abs()
        assert len(boxes) == 0 or apart.min() > 1e-5, f"{name}: an IoU at the threshold"
    keep = nms(boxes, scores, threshold) if idxs is None else class_wise_nms(boxes, scores, idxs, threshold)
    case: dict[str, object] = {
        "name": name,
        "boxes": numbers(boxes, 6),
        "scores": numbers(scores, 6),
        "iou_threshold": threshold,
        "keep": keep.tolist(),
    }
    return case if idxs is None else case | {"idxs": idxs.tolist()}


def multiclass() -> list[dict[str, object]]:
    """Every class of every box above the threshold, suppressed class by class, the best first: the test step of R-CNN."""
    cases = []
    for key, count, classes, own, threshold, most in (("g", 12, 3, False, 0.3, 100), ("h", 8, 2, True, 0.1, 7)):
        boxes = boxes_of(f"golden:nms:{key}", count * (classes if own else 1), 30).float().reshape(count, -1)
        scores = torch.from_numpy(uniform(f"golden:nms:{key}:scores", (count, classes + 1), 0, 1)).double()
        scores = torch.tensor(np.round((scores / scores.sum(1, keepdim=True)).numpy(), 3)).float()
        every = boxes.view(count, -1, 4).expand(count, classes, 4).reshape(-1, 4)
        flat = scores[:, :-1].reshape(-1)
        candidates = (flat > threshold).nonzero()[:, 0]
        keep = class_wise_nms(every[candidates], flat[candidates], candidates % classes, 0.5)[:most]
        found = candidates[keep]
        cases.append(
            {
                "boxes": numbers(boxes, 6),
                "scores": numbers(scores, 6),
                "score_thr": threshold,
                "iou_threshold": 0.5,
                "max_num": most,
                "dets": numbers(torch.cat([every[found], flat[found, None]], 1), 6),
                "labels": (found % classes).tolist(),
                "flat_inds": found.tolist(),
            }
        )
    return cases


def iou() -> Files:
    """Intersections over the union, and over the area of the first box."""
    first, second = boxes_of("golden:iou:a", 9, 40), boxes_of("golden:iou:b", 7, 40)
    union = box_iou(first, second)
    area = (first[:, 2:] - first[:, :2]).prod(1)
    both = union * (area[:, None] + (second[:, 2:] - second[:, :2]).prod(1)) / (1 + union)
    matrices = {"iou": numbers(union, 7), "iof": numbers(both / area[:, None], 7)}
    return {"coder.json": {"proposals": numbers(first, 6), "gt": numbers(second, 6), **matrices}}


def proposals() -> Files:
    """Region proposals of three levels from drawn predictions, by the rules that bench/peers/detection.py spells out."""
    padded, valid = (128, 160), (121, 151)
    files: Files = {"meta.json": {"pad_shape_hw": padded, "img_shape_hw": valid}}
    boxes, scores, levels = [], [], []
    for level, stride in enumerate((16, 32, 64), 2):
        h, w = (-(-side // stride) for side in padded)
        keys = [(f"golden:rpn:{kind}{level}", (1, n, h, w), b) for kind, n, b in (("cls", 3, 4.0), ("reg", 12, 0.6))]
        for file, (key, shape, bound) in zip((f"rpn_cls{level}.npy", f"rpn_reg{level}.npy"), keys):
            files[file] = generated(key, shape, -bound, bound)
        logits, deltas = (drawn(key, shape, -bound, bound) for key, shape, bound in keys)
        ratios = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64).sqrt()
        half = 4 * stride * torch.stack([1 / ratios, ratios, 1 / ratios, ratios], 1) * torch.tensor([-1, -1, 1, 1])
        y, x = torch.meshgrid(torch.arange(h) * stride, torch.arange(w) * stride, indexing="ij")
        anchors = (torch.stack([x, y, x, y], -1).reshape(-1, 1, 4) + half).reshape(-1, 4)
        decoded = detection.decode(anchors, deltas.permute(0, 2, 3, 1).reshape(-1, 4), valid)
        real = (decoded[:, 2:] > decoded[:, :2]).all(1)
        boxes.append(decoded[real])
        scores.append(logits.permute(0, 2, 3, 1).reshape(-1)[real])
        levels.append(torch.full((int(real.sum()),), level))
    every, logits = torch.cat(boxes), torch.cat(scores)
    keep = class_wise_nms(every, logits, torch.cat(levels), 0.7)
    best = torch.cat([every, logits.sigmoid()[:, None]], 1)[keep[:48]]
    return {**files, "proposals.npy": whole(best, 7)}


def of_the_neck(own: str) -> str:
    """MMDetection's name of a parameter of torchvision's pyramid."""
    kinds = {"inner_blocks": "lateral_convs", "layer_blocks": "fpn_convs"}
    return re.sub(r"^(\w+)\.(\d)\.0\.", lambda m: f"{kinds[m[1]]}.{m[2]}.conv.", own)


def fpn() -> Files:
    widths, out = (6, 10, 14, 18), 16
    files: Files = {}
    cases = []
    for name, sizes, outputs in (
        ("even", ((24, 36), (12, 18), (6, 9), (3, 5)), 5),
        ("odd", ((17, 23), (9, 12), (5, 6), (3, 3)), 5),
        ("seg4", ((16, 24), (8, 12), (4, 6), (2, 3)), 4),
    ):
        prefix = f"golden:fpn:{name}"
        model = FeaturePyramidNetwork(list(widths), out, LastLevelMaxPool() if outputs == 5 else None)
        fill(model, prefix, of_the_neck)
        model.double()
        inputs = [described(f"{prefix}:x{i}", (1, width, *size), -2, 2) for i, (width, size) in enumerate(zip(widths, sizes))]
        maps = OrderedDict((str(i), drawn(one["key"], tuple(one["shape"]), -2, 2)) for i, one in enumerate(inputs))
        levels = list(model(maps).values())
        names = [f"{name}.p{i + 2}.npy" for i in range(outputs)]
        files |= {file: sampled(file, level, 12, 7) for file, level in zip(names, levels)}
        cases.append(
            {
                "name": name,
                "weights_prefix": prefix,
                "weights": [[of_the_neck(own), list(tensor.shape)] for own, tensor in model.state_dict().items()],
                "inputs": inputs,
                "num_outs": outputs,
                "outputs": names,
                "shapes": [list(level.shape) for level in levels],
            }
        )
    return {"cases.json": {"cases": cases}, **files}
