"""Semantic FPN on the smallest EfficientFormer: logits, label map and a training step by MMSegmentation's rules."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

import detection
import efficientformer
from heads import SemanticFpn, resized_logits
from prng import integers
from values.golden import Files, described, drawn, number, numbers, sampled
from values.parameters import digest, draw, gradients, samples_of
from weights import official_name

VARIANT = "nano"
GAINS = {"decode_head.conv_seg.weight": 4.0}
CLASSES = 11
SIZE = (64, 96)


def made(prefix: str, overrides: dict[str, list[float]]) -> SemanticFpn:
    efficientformer.VARIANTS[VARIANT] = detection.NANO
    model = SemanticFpn(VARIANT, CLASSES)
    model.decode_head.dropout.p = 0.0
    draw(model, prefix, GAINS, overrides, official_name)
    return model


def semantic_fpn() -> Files:
    outputs, case = inference()
    return {"meta.json": {"cases": [case], "training": training()}, **outputs}


@torch.no_grad()
def inference() -> tuple[Files, dict[str, object]]:
    prefix, shape = f"golden:semfpn:{VARIANT}", (1, 3, *SIZE)
    images = drawn(f"{prefix}:input", shape, -2, 2)
    # Every class about as likely as the others.
    biases = made(prefix, {}).eval()(images).mean((0, 2, 3))
    overrides = {"decode_head.conv_seg.bias": [number(-x, 3) for x in biases]}
    model = made(prefix, overrides).eval()
    logits = model(images)
    full = resized_logits(logits, SIZE)
    best = full.topk(2, 1).values
    files = {f"{VARIANT}.logits_stride4.npy": logits, f"{VARIANT}.logits_full.npy": full}
    argmax = f"{VARIANT}.argmax.npy"
    return {**{file: sampled(file, x, 40, 7) for file, x in files.items()}, argmax: sampled(argmax, full.argmax(1)[0], 120)}, {
        "tag": VARIANT,
        "prefix": prefix,
        "num_classes": CLASSES,
        "gains": GAINS,
        "bias_overrides": overrides,
        "input": described(f"{prefix}:input", shape, -2, 2),
        "outputs": [{"name": f"{VARIANT}.logits_stride4"}, {"name": f"{VARIANT}.logits_full"}],
        "argmax_pixels_with_gap_below_1e_4": int((best[:, 0] - best[:, 1] < 1e-4).sum()),
        "parameters": digest(model, official_name),
    }


def training() -> dict[str, object]:
    """A step of AdamW; the loss is the mean over all pixels, those without a label included."""
    prefix, shape = "golden:semfpn:train", (2, 3, *SIZE)
    model = made(prefix, {}).train()
    label_shape = (2, *SIZE)
    labels = torch.from_numpy(integers(f"{prefix}:label", int(np.prod(label_shape)), CLASSES + 1).reshape(label_shape))
    labels[labels == CLASSES] = 255
    full = resized_logits(model(drawn(f"{prefix}:input", shape, -2, 2)), SIZE)
    total = F.cross_entropy(full, labels, ignore_index=255, reduction="sum")
    loss = total / labels.numel()
    settings = {"lr": 2e-4, "weight_decay": 1e-4}
    optimizer = torch.optim.AdamW(model.parameters(), **settings)
    loss.backward()
    rows = gradients(model, prefix, 5, official_name)
    optimizer.step()
    after = {official_name(own): parameter for own, parameter in model.named_parameters()}
    for row in rows:
        row["after_step"] = numbers(after[row["name"]].detach().flatten()[row["idx"]], 8)
    statistics = [(own, x) for own, x in model.named_buffers() if "running_" in own][::9]
    bn_after = []
    for own, x in statistics:
        idx = samples_of(prefix, official_name(own), x)
        bn_after.append({"name": official_name(own), "idx": idx, "val": numbers(x[idx], 7)})
    return {
        "prefix": prefix,
        "num_classes": CLASSES,
        "gains": GAINS,
        "input": described(f"{prefix}:input", shape, -2, 2),
        "label": {"key": f"{prefix}:label", "shape": list(label_shape)},
        "loss": number(loss.detach(), 9),
        "loss_mean_over_valid": number(total.detach() / (labels != 255).sum(), 9),
        "optimizer": settings,
        "params": rows,
        "bn_after": bn_after,
    }
