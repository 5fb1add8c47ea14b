"""Trains torchvision's ResNet-18 on class folders as configs/classifier_resnet-18_80_bccd-crops.yaml says, and prints top-1.

    python bench/peers/classification.py TRAIN VAL --seed 0

The recipe is written from its published rules, not from our code: the inception crop, a flip, label smoothing, AdamW without
decay on norms and biases, half a cosine. Batches, crops and initial weights are PyTorch's own. Needs torch and torchvision.
"""

from __future__ import annotations

import argparse
import json
import math

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder
from torchvision.models import resnet18

STEPS = 80
BATCH = 16
LR = 1e-3
WEIGHT_DECAY = 0.05
SMOOTHING = 0.1

NORMALISED = (
    transforms.ToTensor(),
    transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
)
TRAIN = transforms.Compose(
    [transforms.RandomResizedCrop(64, scale=(0.5, 1.0)), transforms.RandomHorizontalFlip(), *NORMALISED]
)
TEST = transforms.Compose([transforms.Resize(72), transforms.CenterCrop(64), *NORMALISED])


def optimizer_of(model: nn.Module) -> torch.optim.AdamW:
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=LR)


def train(folder: str) -> tuple[nn.Module, list[str]]:
    data = ImageFolder(folder, TRAIN)
    loader = DataLoader(data, batch_size=BATCH, shuffle=True, drop_last=True)
    model = resnet18(num_classes=len(data.classes)).train()
    optimizer = optimizer_of(model)
    criterion = nn.CrossEntropyLoss(label_smoothing=SMOOTHING)
    step = 0
    while step < STEPS:
        for images, labels in loader:
            if step == STEPS:
                break
            for group in optimizer.param_groups:
                group["lr"] = LR * (1 + math.cos(math.pi * step / STEPS)) / 2
            loss = criterion(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
    return model.eval(), data.classes


@torch.inference_mode()
def top1(model: nn.Module, folder: str, classes: list[str]) -> float:
    data = ImageFolder(folder, TEST)
    if data.classes != classes:
        raise SystemExit(f"{folder}: classes other than those of training: {data.classes}")
    right = 0
    for images, labels in DataLoader(data, batch_size=64):
        right += int((model(images).argmax(1) == labels).sum())
    return right / len(data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train")
    parser.add_argument("val")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    model, classes = train(options.train)
    print(json.dumps({"seed": options.seed, "top1": top1(model, options.val, classes)}))


if __name__ == "__main__":
    main()
