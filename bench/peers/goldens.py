"""Writes the small reference values under test/backbones/goldens: what the published implementations compute.

    python bench/peers/goldens.py test/backbones/goldens [NAME ...]

Weights and images come from the counter-based generator of prng.py, so that a file holds results alone: of every output a
few values, its mean and its norm.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import torch
import torchvision
from torch import nn

from prng import integers, uniform
from weights import fill

PREFIX = "golden"
SAMPLES = 32
SIZES = ((1, 3, 64, 96), (2, 3, 128, 64))

Outputs = dict[str, torch.Tensor]


def resnet(depth: int, caffe: bool = False) -> tuple[str, nn.Module, Callable[[torch.Tensor], Outputs]]:
    model = getattr(torchvision.models, f"resnet{depth}")(weights=None)
    if caffe:
        for module in model.modules():
            if isinstance(module, torchvision.models.resnet.Bottleneck):
                module.conv1.stride, module.conv2.stride = module.conv2.stride, module.conv1.stride

    def maps(x: torch.Tensor) -> Outputs:
        x = model.maxpool(model.relu(model.bn1(model.conv1(x))))
        outputs = {}
        for i in range(1, 5):
            x = getattr(model, f"layer{i}")(x)
            outputs[f"c{i + 1}"] = x
        return outputs

    return f"torchvision {torchvision.__version__}", model, maps


MODELS = {
    "resnet-18": lambda: resnet(18),
    "resnet-34": lambda: resnet(34),
    "resnet-50": lambda: resnet(50),
    "resnet-50-caffe": lambda: resnet(50, caffe=True),
    "resnet-101": lambda: resnet(101),
}


def sampled(name: str, tensor: torch.Tensor) -> dict[str, object]:
    flat = tensor.flatten().double()
    picked = flat[integers(f"{PREFIX}:{name}", SAMPLES, len(flat))]
    number = lambda x: float(f"{float(x):.7g}")
    return {
        "name": name,
        "shape": list(tensor.shape),
        "mean": number(flat.mean()),
        "norm": number(flat.norm()),
        "values": [number(x) for x in picked],
    }


@torch.no_grad()
def golden(make: Callable[[], tuple[str, nn.Module, Callable[[torch.Tensor], Outputs]]]) -> dict[str, object]:
    source, model, maps = make()
    fill(model, PREFIX)
    model.double().eval()  # in float64: the files hold the truth, not PyTorch's rounding
    cases = []
    for shape in SIZES:
        x = torch.from_numpy(uniform(f"{PREFIX}:images", shape, -2, 2)).double()
        cases.append({"shape": list(shape), "outputs": [sampled(name, y) for name, y in maps(x).items()]})
    return {"source": source, "cases": cases}


if __name__ == "__main__":
    folder, *names = sys.argv[1:]
    for name in names or MODELS:
        text = json.dumps(golden(MODELS[name]), separators=(",", ":"))
        Path(folder, f"{name}.json").write_text(text + "\n")
        print(f"{name}: {len(text)} bytes")
