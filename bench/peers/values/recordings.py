"""What MMDetection's and the EfficientFormer authors' own code computes: parts of the large recordings in ../shared/goldens.

Those packages are not installed here; the recordings' READMEs say with which versions they were made.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torchvision.ops import box_iou

from values.golden import Files, sampled

RECORDED = Path(__file__).parents[4] / "shared/goldens"  # beside the checkout


def read(folder: str, file: str) -> dict:
    content = json.loads((RECORDED / folder / file).read_text())
    return {key: value for key, value in content.items() if key != "versions"}


def array(folder: str, file: str) -> np.ndarray:
    return np.load(RECORDED / folder / file)


def anchors() -> Files:
    files = [f"level{i}.npy" for i in range(5)]
    return {"anchors.json": read("anchors", "anchors.json"), **{file: sampled(file, array("anchors", file), 16, 7) for file in files}}


def box_coder() -> Files:
    """The rows with the largest changes of size, and some others."""
    coder = read("bbox_coder", "coder.json")
    deltas = np.array(coder["deltas"])
    rows = sorted({0, 1, 2, *deltas[:, 2:].argmax(0).tolist(), *deltas[:, 2:].argmin(0).tolist()})
    pick = lambda values: [values[i] for i in rows]
    cases = [
        {key: pick(value) if key in ("out", "deltas") else value for key, value in case.items()} for case in coder["cases"]
    ]
    kept = {key: pick(coder[key]) for key in ("proposals", "gt", "deltas")} | {"cases": cases}
    return {"coder.json": kept, "assigner.json": assigner()}


def assigner() -> dict[str, object]:
    """Every true box with the boxes that overlap it most, which it claims; some of the others."""
    recorded = read("bbox_coder", "assigner.json")
    boxes, truth = (torch.tensor(recorded[key]) for key in ("boxes", "gt"))
    overlaps = box_iou(truth, boxes)
    claimed = (overlaps >= overlaps.amax(1, keepdim=True) - 1e-6).any(0).nonzero()[:, 0].tolist()
    assigned = np.array([case["gt_inds"] for case in recorded["cases"]])
    others = [i for kind, step in ((0, 9), (-1, 4), (1, 2), (6, 2)) for i in (assigned == kind).any(0).nonzero()[0][::step]]
    rows = sorted({*claimed, *map(int, others)})
    pick = lambda values: [values[i] for i in rows]
    cases = [case | {key: pick(case[key]) for key in ("gt_inds", "max_overlaps")} for case in recorded["cases"]]
    return {"boxes": pick(recorded["boxes"]), "gt": recorded["gt"], "cases": cases}


def attention() -> Files:
    """The attention modules of EfficientFormer and EfficientFormerV2, as classifiers and as dense models have them."""
    files: Files = {}
    cases = []
    for case in read("layers", "cases.json")["cases"]:
        if not case["name"].startswith("attention"):
            continue
        file = f"{case['name']}.npy"
        files[file] = sampled(file, array("layers", file), 10, 8)
        wanted = ("name", "inputs", "out_shape", "torch_fp32_maxabs_err")
        cases.append({key: case[key] for key in wanted} | {"attr": {"weights_prefix": case["attr"]["weights_prefix"]}})
    return {"cases.json": {"cases": cases}, **files}
