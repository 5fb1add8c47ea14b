"""Writes the reference values of test/goldens: what PyTorch, torchvision, pycocotools and the authors' code compute.

    python bench/peers/fidelity.py test/goldens [NAME ...]

Needs torch, torchvision, pycocotools and safetensors. Inputs and weights come from prng.py by their keys, or are stored
where they are small; outputs are computed in float64. A new golden is a function of `values` and a line here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from values import checkpoints, detectors, masks, metrics, operators, recordings, regions, segmenters
from values.golden import Files

PYTORCH = ("torch",)
VISION = ("torch", "torchvision")
COCO = ("pycocotools",)
AUTHORS: tuple[str, ...] = ()  # see values/recordings.py

GOLDENS: dict[str, tuple[tuple[str, ...], Callable[[], Files]]] = {
    "anchors": (AUTHORS, recordings.anchors),
    "attention": (AUTHORS, recordings.attention),
    "bbox_coder": (AUTHORS, recordings.box_coder),
    "cocoeval": (COCO, metrics.cocoeval),
    "fpn": (VISION, regions.fpn),
    "iou": (VISION, regions.iou),
    "layers": (PYTORCH, operators.layers),
    "mask_paste": (("torch", "pycocotools"), masks.mask_paste),
    "maskrcnn_e2e": (VISION, detectors.detection_step),
    "maskrcnn_train": (VISION, detectors.training_step),
    "miou": (PYTORCH, metrics.miou),
    "nms": (VISION, regions.nms_cases),
    "rle": (COCO, masks.rle),
    "roi_align": (VISION, regions.roi_align_cases),
    "rpn": (VISION, regions.proposals),
    "semfpn_e2e": (PYTORCH, segmenters.semantic_fpn),
}

# Folders of files that are themselves what is tested.
FILES: dict[str, Callable[[Path], None]] = {
    "checkpoint_layouts": checkpoints.layouts,
    "checkpoints": checkpoints.models,
    "npy": checkpoints.arrays,
}


def write(name: str, folder: Path) -> None:
    if name in FILES:
        (folder / name).mkdir(parents=True, exist_ok=True)
        FILES[name](folder / name)
        return
    packages, compute = GOLDENS[name]
    source = ", ".join(f"{package} {version(package)}" for package in packages)
    golden = {"source": source or "the authors' code, from ../shared/goldens", **compute()}
    # A line for each file, so that differences can be read.
    lines = (f"{json.dumps(key)}:{json.dumps(value, separators=(',', ':'))}" for key, value in golden.items())
    text = "{" + ",\n".join(lines) + "}\n"
    (folder / f"{name}.json").write_text(text)
    print(f"{name}: {len(text)} bytes")


if __name__ == "__main__":
    target, *names = sys.argv[1:]
    for name in names or [*GOLDENS, *FILES]:
        write(name, Path(target))
