"""Writes test/nn/layers.json: the outputs of PyTorch's layers, and their gradients.

    python bench/peers/layers.py test/nn/layers.json

Needs torch and torchvision. Weights, inputs and the gradients of the outputs come from prng.py; a few values of every result are
written.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
import torchvision
from torch import nn

from goldens import MapLayerNorm, sampled
from prng import uniform
from weights import fill

PREFIX = "layers"
SHAPE = (2, 12, 9, 7)
CHANNELS = SHAPE[1]

LAYERS: dict[str, nn.Module] = {
    "groupNorm": nn.GroupNorm(4, CHANNELS, eps=1e-5),
    "mapLayerNorm": MapLayerNorm(CHANNELS, eps=1e-6),
    "squeezeExcitation": torchvision.ops.SqueezeExcitation(CHANNELS, 5),
    "squeezeExcitationHardSwish": torchvision.ops.SqueezeExcitation(CHANNELS, 5, nn.SiLU, nn.Hardsigmoid),
    "dilated": nn.Conv2d(CHANNELS, 6, 3, padding=2, dilation=2),
    "dilatedGroups": nn.Conv2d(CHANNELS, 6, 3, padding=3, dilation=3, groups=3),
    "dilatedDepthwise": nn.Conv2d(CHANNELS, CHANNELS, 5, padding=4, dilation=2, groups=CHANNELS),
    "transposed": nn.ConvTranspose2d(CHANNELS, 5, 2, stride=2),
}


def results(name: str, layer: nn.Module) -> list[dict[str, object]]:
    fill(layer, PREFIX, lambda own: own)
    layer.double()
    x = torch.from_numpy(uniform(f"{PREFIX}:x", SHAPE, -2, 2)).double().requires_grad_()
    y = layer(x)
    y.backward(torch.from_numpy(uniform(f"{PREFIX}:g", tuple(y.shape), -1, 1)).double())
    found = {"y": y.detach(), "x": x.grad, **{own: parameter.grad for own, parameter in layer.named_parameters()}}
    return [sampled(own, value) for own, value in found.items()]


if __name__ == "__main__":
    cases = {name: results(name, layer) for name, layer in LAYERS.items()}
    golden = {"source": f"torch {torch.__version__}, torchvision {torchvision.__version__}", "shape": SHAPE, "cases": cases}
    Path(sys.argv[1]).write_text(json.dumps(golden, separators=(",", ":")) + "\n")
