"""Single operators and layers: what PyTorch computes."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from values.golden import Files, described, drawn, number, sampled

SAMPLES = 8
Shape = tuple[int, ...]
Draw = tuple[Shape, float, float]


def norm(*shape: int, low: float = -2, high: float = 2, axis: int = 1) -> list[Draw]:
    """An input, a scale and a shift."""
    return [(shape, low, high), ((shape[axis],), 0.5, 1.5), ((shape[axis],), -0.1, 0.1)]


def weighted(x: Shape, weight: Shape, channels: int) -> list[Draw]:
    return [(x, -2, 2), (weight, -0.2, 0.2), ((channels,), -0.5, 0.5)]


def convolution(channels: int, out: int, kernel: int, stride: int, groups: int, size: tuple[int, int]) -> tuple:
    attr = {"stride": stride, "padding": kernel // 2, "groups": groups}
    inputs = weighted((2, channels, *size), (out, channels // groups, kernel, kernel), out)
    return inputs, attr, lambda x, w, b: F.conv2d(x, w, b, stride, kernel // 2, 1, groups)


def resized(mode: str, x: Shape, size: tuple[int, int]) -> tuple:
    corners = None if mode == "nearest" else False
    return [(x, -1, 1)], {"size": size}, lambda x: F.interpolate(x, size=size, mode=mode, align_corners=corners)


SMALL = {"low": -0.004, "high": 0.004}  # variances of the order of epsilon, so that a wrong one shows
EPS = 1e-5
Case = tuple[list[Draw], dict[str, object], Callable[..., Tensor]]
CASES: dict[str, Case] = {
    "gelu": ([((1, 1, 9, 12), -8, 8)], {}, F.gelu),
    "layernorm_small_var": (
        norm(4, 7, 24, axis=2, **SMALL), {"eps": EPS}, lambda x, w, b: F.layer_norm(x, x.shape[-1:], w, b, EPS)
    ),
    "groupnorm1_small_var": (
        norm(2, 12, 5, 7, **SMALL), {"eps": EPS, "groups": 1}, lambda x, w, b: F.group_norm(x, 1, w, b, EPS)
    ),
    # Means far from zero: cancellation if the variance is that of one pass.
    "groupnorm1_offset": (
        norm(2, 12, 5, 7, low=99, high=101), {"eps": EPS, "groups": 1}, lambda x, w, b: F.group_norm(x, 1, w, b, EPS)
    ),
    "batchnorm_eval": (
        [*norm(2, 10, 5, 7, low=-0.01, high=0.01), ((10,), -0.01, 0.01), ((10,), 1e-6, 1e-4)],
        {"eps": EPS},
        lambda x, w, b, mean, var: F.batch_norm(x, mean, var, w, b, False, 0.1, EPS),
    ),
    "batchnorm_train": (
        norm(2, 10, 5, 7, low=-0.01, high=0.01), {"eps": EPS}, lambda x, w, b: F.batch_norm(x, None, None, w, b, True, 0.1, EPS)
    ),
    "avgpool3_nopad": ([((1, 3, 6, 7), -2, 2)], {}, lambda x: F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)),
    "avgpool3_one_row": ([((1, 3, 1, 13), -2, 2)], {}, lambda x: F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)),
    "conv_k3s2": convolution(3, 12, 3, 2, 1, (11, 14)),
    "conv_k1s1": convolution(24, 32, 1, 1, 1, (5, 7)),
    "conv_k1s2": convolution(8, 12, 1, 2, 1, (9, 11)),
    "conv_k3s1_depthwise": convolution(16, 16, 3, 1, 16, (7, 6)),
    "conv_k3s2_depthwise": convolution(16, 16, 3, 2, 16, (9, 7)),
    "deconv_k2s2": (weighted((2, 12, 5, 4), (12, 9, 2, 2), 9), {}, lambda x, w, b: F.conv_transpose2d(x, w, b, 2)),
    "linear": (weighted((3, 5, 37), (29, 37), 29), {}, F.linear),
    "softmax": ([((2, 3, 5, 49), -30, 30)], {}, lambda x: x.softmax(-1)),
    "bicubic_smaller": resized("bicubic", (1, 2, 50, 12), (21, 31)),
    "bicubic_49_to_130": resized("bicubic", (1, 2, 49, 49), (130, 130)),
    "bilinear_x2": resized("bilinear", (1, 2, 5, 7), (10, 14)),
    "bilinear_size": resized("bilinear", (1, 2, 9, 13), (37, 29)),
    "nearest_size": resized("nearest", (1, 2, 13, 9), (25, 17)),
}


def layers() -> Files:
    files: Files = {}
    cases = []
    for name, (inputs, attr, operator) in CASES.items():
        told = [described(f"golden:layers:{name}:{i}", *drawing) for i, drawing in enumerate(inputs)]
        values = [drawn(f"golden:layers:{name}:{i}", *drawing) for i, drawing in enumerate(inputs)]
        exact = operator(*values)
        error = (operator(*(x.float() for x in values)).double() - exact).abs().max()
        file = f"{name}.npy"
        files[file] = sampled(file, exact, SAMPLES, 8)
        cases.append(
            {
                "name": name,
                "inputs": told,
                "attr": attr,
                "out_shape": list(exact.shape),
                "torch_fp32_maxabs_err": number(error, 3),
            }
        )
    return {"cases.json": {"cases": cases}, **files}
