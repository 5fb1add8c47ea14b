"""Writes test/backbones/gradients/NAME.json: the gradients of one training step of published classifiers.

    python bench/peers/gradients.py test/backbones/gradients [NAME ...]

Needs torch, torchvision and timm. Weights, images and labels come from prng.py, as in goldens.py; the loss is the mean
cross-entropy. A few values, the mean and the norm of every parameter's gradient, and of every running statistic after the step, are
written.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from goldens import MODELS, PREFIX, generate, number, sampled
from prng import integers, uniform

SAMPLES = 8
CLASSES = 1000

# The training input. DeiT's position embedding is made for 14 × 14 patches: here there are 8 × 16.
# MobileViT's last map has 2 × 3 cells, which is not a whole number of patches.
SHAPES = {
    "resnet-50": (8, 3, 64, 64),
    "deit-small": (2, 3, 128, 256),
    "efficientformerv2-s0": (4, 3, 224, 224),
    "mobilevit-xs": (4, 3, 64, 96),
}

# For a ReLU input near 0, rounding decides whether a gradient passes: with the weights of goldens.py PyTorch's own float32
# gradients of ResNet-50 differ by 3 % from float64's. Norms with small scale and large bias leave few such inputs (1e-4).
GAINS = {
    "resnet-50": {
        **{f"bn{i}.weight": 0.2 for i in (1, 2, 3)},
        **{f"bn{i}.bias": 20.0 for i in (1, 2, 3)},
    }
}


def step(name: str, shape: tuple[int, ...]) -> dict[str, object]:
    published = MODELS[name]()
    published.gains.update(GAINS.get(name, {}))
    model = generate(published).train()
    images = torch.from_numpy(uniform(f"{PREFIX}:images", shape, -2, 2)).double()
    labels = torch.from_numpy(integers(f"{PREFIX}:labels", shape[0], CLASSES))
    logits = (published.logits or model)(images)
    loss = torch.nn.functional.cross_entropy(logits, labels)
    loss.backward()
    gradients = {published.rename(own): parameter.grad for own, parameter in model.named_parameters()}
    statistics = {published.rename(own): x for own, x in model.named_buffers() if "running_" in own}
    return {
        "source": published.source,
        "config": published.config,
        "gains": published.gains,
        "shape": list(shape),
        "loss": number(loss.detach()),
        "gradients": [sampled(own, gradient, SAMPLES) for own, gradient in gradients.items()],
        "statistics": [sampled(own, x.detach(), SAMPLES) for own, x in statistics.items()],
    }


if __name__ == "__main__":
    folder, *names = sys.argv[1:]
    for name in names or SHAPES:
        text = json.dumps(step(name, SHAPES[name]), separators=(",", ":"))
        Path(folder, f"{name}.json").write_text(text + "\n")
        print(f"{name}: {len(text)} bytes")
