"""Writes test/training/timm.json: what timm computes for the parts of a training recipe.

    python bench/peers/recipes.py test/training/timm.json

Adaptive gradient clipping, the moving average of weights, the scale of every parameter's learning rate under layer-wise decay
and the cosine schedule with warm-up: inputs and results, a few numbers of each. Needs torch, torchvision and timm.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

import timm
import torch
from timm.models import group_parameters
from timm.optim import param_groups_layer_decay
from timm.scheduler import create_scheduler_v2
from timm.utils import ModelEmaV2, ModelEmaV3, adaptive_clip_grad
from torch import nn

from goldens import MODELS
from prng import uniform

LAYER_DECAY = 0.65
LAYERED = ("deit-small", "resnet-50", "efficientnet-lite0", "repvit-m0.9", "mobilevit-xs", "efficientformerv2-s0")
SHAPES = {
    "convolution": (4, 3, 3, 3),
    "depthwise": (4, 1, 3, 3),
    "matrix": (5, 6),
    "transposed": (3, 2, 2, 2),
    "embedding": (1, 2, 5),
    "bias": (6,),
    "small": (3, 4),  # below the minimum norm
    "steady": (3, 4),  # none of its gradients are clipped
    "untouched": (2, 3),  # no gradient at all
}
SCALES = {"small": 1e-4, "steady": 5.0}
STEEPNESS = {"steady": 1e-3, "untouched": 0.0}


def numbers(tensor: torch.Tensor) -> list[float]:
    """Float32's own digits: 9 of them."""
    return [float(f"{x:.9g}") for x in tensor.detach().flatten().tolist()]


def drawn(key: str, shape: tuple[int, ...], scale: float) -> torch.Tensor:
    return torch.from_numpy(uniform(f"recipes:{key}", shape, -scale, scale))


def clipping(factor: float, eps: float) -> dict[str, object]:
    parts = []
    for name, shape in SHAPES.items():
        parameter = nn.Parameter(drawn(name, shape, SCALES.get(name, 0.5)))
        # Rows with gradients of different size, so that some are clipped and some are not.
        rows = torch.logspace(-4, 0, shape[0]).reshape(-1, *[1] * (len(shape) - 1))
        parameter.grad = drawn(f"{name}.gradient", shape, STEEPNESS.get(name, 1.0)) * rows
        before = numbers(parameter.grad)
        adaptive_clip_grad([parameter], clip_factor=factor, eps=eps)
        values = {"values": numbers(parameter), "gradient": before, "clipped": numbers(parameter.grad)}
        parts.append({"name": name, "shape": list(shape), **values})
    return {"factor": factor, "eps": eps, "parts": parts}


class Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(5))
        self.register_buffer("running_mean", torch.zeros(2))


def average(decay: float, warmup: bool) -> dict[str, object]:
    """ModelEmaV2's and V3's; in warm-up with TensorFlow's usual decay, which is set by the caller."""
    model = Tiny()

    def move(step: int) -> None:
        for name, tensor in model.state_dict().items():
            tensor.copy_(drawn(f"{name}.{step}", tuple(tensor.shape), 2.0))

    move(0)
    second, third = ModelEmaV2(model, decay), ModelEmaV3(model, decay)
    steps = [{name: numbers(tensor) for name, tensor in model.state_dict().items()}]
    averages = []
    for step in range(1, 7):
        move(step)
        now = min(decay, (1 + step) / (10 + step)) if warmup else decay
        second.decay = third.decay = now
        second.update(model)
        third.update(model)
        for name, tensor in second.module.state_dict().items():
            torch.testing.assert_close(third.module.state_dict()[name], tensor, rtol=1e-5, atol=1e-6)
        steps.append({name: numbers(tensor) for name, tensor in model.state_dict().items()})
        averages.append({name: numbers(tensor) for name, tensor in third.module.state_dict().items()})
    return {"decay": decay, "warmup": warmup, "steps": steps, "averages": averages}


def layers(name: str) -> dict[str, object]:
    """The parameters of every scale."""
    published = MODELS[name]()
    # torchvision's ResNet has no groups, but timm's names.
    model = timm.create_model(name.replace("-", "")) if name.startswith("resnet") else published.model
    groups = param_groups_layer_decay(model, layer_decay=LAYER_DECAY)
    scales = {id(parameter): group["lr_scale"] for group in groups for parameter in group["params"]}
    names: dict[float, list[str]] = defaultdict(list)
    for own, parameter in model.named_parameters():
        names[scales[id(parameter)]].append(published.rename(own))
    return {
        "config": published.config,
        "groups": len(set(group_parameters(model, model.group_matcher(), reverse=True).values())),
        "scales": list(names.items()),
    }


def cosine() -> dict[str, object]:
    """Ten epochs of seven updates, two of them warm-up."""
    options = {"lr": 0.1, "epochs": 10, "updates": 7, "warmupEpochs": 2, "warmupLr": 1e-3, "minLr": 1e-4}
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=options["lr"])
    scheduler, _ = create_scheduler_v2(
        optimizer,
        sched="cosine",
        num_epochs=options["epochs"],
        warmup_epochs=options["warmupEpochs"],
        warmup_lr=options["warmupLr"],
        min_lr=options["minLr"],
        step_on_epochs=False,
        updates_per_epoch=options["updates"],
    )
    rates = []
    for update in range(options["epochs"] * options["updates"]):
        scheduler.step_update(update)
        rates.append(float(f"{optimizer.param_groups[0]['lr']:.12g}"))
    return {**options, "rates": rates}


def main(path: str) -> None:
    recipes = {
        "source": f"timm {timm.__version__}",
        "clipping": [clipping(0.01, 1e-3), clipping(0.2, 0.5)],
        "averages": [average(0.9, False), average(0.4, True), average(0.9999, True)],
        "layerDecay": LAYER_DECAY,
        "layers": {name: layers(name) for name in LAYERED},
        "cosine": cosine(),
    }
    text = json.dumps(recipes, separators=(",", ":"))
    Path(path).write_text(text + "\n")
    print(f"{len(text)} bytes")


if __name__ == "__main__":
    main(sys.argv[1])
