"""Masks: what pycocotools computes, and PyTorch's grid_sample for pasting."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from pycocotools import mask as coco
from torch import Tensor

from prng import integers, uniform
from values.golden import Files, drawn, generated, number, numbers, sampled

SIDE = 28


def text(rle: dict) -> str:
    return rle["counts"].decode("ascii")


def encoded(bitmap: np.ndarray) -> dict:
    return coco.encode(np.asfortranarray(bitmap.astype(np.uint8)))


def counts_of(bitmap: np.ndarray) -> list[int]:
    """Lengths of runs, column by column, zeros first."""
    flat = bitmap.astype(np.int8).ravel(order="F")
    edges = np.flatnonzero(np.diff(flat, prepend=0)).tolist()
    return np.diff([0, *edges, len(flat)]).tolist()


def pasted(mask: Tensor, box: list[float], height: int, width: int) -> Tensor:
    """The probability at each pixel's centre, as MMDetection and Detectron2 paste masks."""
    x0, y0, x1, y1 = box
    x = (torch.arange(width, dtype=torch.float64) + 0.5 - x0) / (x1 - x0) * 2 - 1
    y = (torch.arange(height, dtype=torch.float64) + 0.5 - y0) / (y1 - y0) * 2 - 1
    grid = torch.stack(torch.broadcast_tensors(x[None, :], y[:, None]), -1)
    return F.grid_sample(mask[None, None], grid[None], align_corners=False)[0, 0]


PASTED: dict[str, tuple[tuple[int, int], list[list[float]]]] = {
    "small": (
        (23, 31),
        [
            [3.2, 4.7, 20.1, 18.3],
            [-5.4, -3.1, 12.6, 9.9],
            [18.8, 12.2, 40.3, 30.6],
            [7.1, 8.4, 8.2, 9.7],
            [0.0, 0.0, 31.0, 23.0],
            [10.5, 2.25, 13.5, 21.75],
            [35.0, 5.0, 50.0, 15.0],
        ],
    ),
    "wide": (
        (17, 52),
        [
            [-20.3, 2.1, 70.9, 14.6],
            [1.4, -9.8, 9.7, 26.2],
            [30.6, 6.3, 51.9, 16.8],
            [12.9, 3.3, 33.2, 13.1],
            [44.4, -2.2, 47.6, 5.5],
            [22.2, 10.1, 29.9, 10.9],
        ],
    ),
}


def mask_paste() -> Files:
    files: Files = {}
    cases = []
    for name, (size, boxes) in PASTED.items():
        drawing = (f"golden:mask_paste:{name}", (len(boxes), SIDE, SIDE), 0.0, 1.0)
        masks = drawn(*drawing)
        boxes = np.float32(boxes).astype(np.float64).tolist()
        maps = torch.stack([pasted(mask, box, *size) for mask, box in zip(masks, boxes)])
        files[f"{name}.masks.npy"] = generated(*drawing)
        files[f"{name}.pasted6.npy"] = sampled(f"{name}.pasted6.npy", maps[:6], 128, 6)
        cases.append(
            {
                "name": name,
                "image_hw": size,
                "boxes": numbers(np.array(boxes), 7),
                "masks": f"{name}.masks.npy",
                "threshold": 0.5,
                "rle": [text(encoded(map_.numpy() >= 0.5)) for map_ in maps],
                "margin": [number((map_ - 0.5).abs().min(), 3) for map_ in maps],
                "pasted_first6": f"{name}.pasted6.npy",
            }
        )
    return {"cases.json": {"cases": cases}, **files}


def blobs(key: str, height: int, width: int, count: int = 3) -> np.ndarray:
    """A bitmap of ellipses."""
    y, x = np.mgrid[:height, :width]
    bitmap = np.zeros((height, width), bool)
    for cx, cy, rx, ry in uniform(key, (count, 4), 0, 1).astype(np.float64):
        radii = (rx + 0.15) * width / 2.5, (ry + 0.15) * height / 2.5
        bitmap |= ((x - cx * width) / radii[0]) ** 2 + ((y - cy * height) / radii[1]) ** 2 < 1
    return bitmap


def rle() -> Files:
    return {"encode.json": {"cases": encoding()}, "polygons.json": polygons(), "merge_iou.json": overlaps()}


def encoding() -> list[dict[str, object]]:
    noise = uniform("golden:rle:noise", (7, 9), 0, 1) < 0.4
    point = np.zeros((300, 400), bool)
    point[150, 200] = True
    bitmaps = [np.zeros((1, 7)), np.ones((6, 4)), point, noise, ~noise, np.eye(8), np.ones((1, 1)), np.zeros((5, 1))]
    bitmaps += [blobs(f"golden:rle:{i}", 11 + 5 * i, 30 - 3 * i) for i in range(6)]
    cases = []
    for bitmap in bitmaps:
        bitmap = np.asarray(bitmap, bool)
        made = encoded(bitmap)
        counts = counts_of(bitmap)
        assert coco.frPyObjects({"size": list(bitmap.shape), "counts": counts}, *bitmap.shape)["counts"] == made["counts"]
        facts = {"area": int(coco.area(made)), "bbox": numbers(coco.toBbox(made))}
        cases.append({"size": list(bitmap.shape), "counts": counts, "rle": text(made), **facts})
    return cases


def polygon(kind: str, key: str, height: int, width: int) -> list[float]:
    points = 3 + int(integers(f"{key}:points", 1, 5)[0])
    at = uniform(key, (points, 2), -0.15, 1.15).astype(np.float64) * [width, height]
    if kind == "star":
        angle = np.arange(10) * np.pi / 5
        radius = np.where(np.arange(10) % 2 == 0, 0.45, 0.18)
        at = np.stack([0.5 + radius * np.cos(angle), 0.5 + radius * np.sin(angle)], 1) * [width, height]
    elif kind == "outside":
        at = at + [2 * width, 0]
    elif kind == "degenerate":
        at = np.repeat(at[:1], 3, 0)
    rounded = {"int": np.round(at), "half": np.round(at * 2) / 2}.get(kind, np.round(at, 2))
    return numbers(rounded.ravel())


def polygons() -> dict[str, object]:
    cases = []
    for i, kind in enumerate(("float", "int", "half", "float", "star", "outside", "degenerate", "int", "half", "float", "float", "int")):
        key, height, width = f"golden:polygon:{i}", 9 + 7 * (i % 4), 30 - 5 * (i % 5)
        parts = [polygon(kind, f"{key}:{part}", height, width) for part in range(1 + i % 3)]
        made = coco.frPyObjects(parts, height, width)
        merged = coco.merge(made)
        cases.append(
            {
                "size": [height, width],
                "kind": kind,
                "polygons": parts,
                "rles": [text(one) for one in made],
                "merged": text(merged),
                "area": int(coco.area(merged)),
                "bbox": numbers(coco.toBbox(merged)),
            }
        )
    size = (21, 17)
    corners = uniform("golden:polygon:boxes", (8, 4), -3, 16).astype(np.float64)
    boxes = np.round(corners * [1, 1, 0.5, 0.5] + [0, 0, 2, 2], 1)
    made = coco.frPyObjects(boxes, *size)
    return {"cases": cases, "boxes": [{"size": size, "boxes": numbers(boxes), "rles": [text(one) for one in made]}]}


def overlaps() -> dict[str, object]:
    size = (18, 23)
    merge = []
    for i in range(6):
        rles = [encoded(blobs(f"golden:merge:{i}:{part}", *size, 1 + i % 3)) for part in range(2 + i % 2)]
        both = {"union": text(coco.merge(rles)), "intersect": text(coco.merge(rles, intersect=True))}
        merge.append({"size": size, "rles": [text(one) for one in rles], **both})
    dt = [encoded(blobs(f"golden:iou:dt:{i}", *size, 2)) for i in range(4)]
    gt = [encoded(blobs(f"golden:iou:gt:{i}", *size, 2)) for i in range(3)]
    iou = [
        {
            "size": size,
            "dt": [text(one) for one in dt],
            "gt": [text(one) for one in gt],
            "iscrowd": crowd,
            "iou": numbers(coco.iou(dt, gt, crowd), 16),
        }
        for crowd in ([0, 0, 0], [0, 1, 0])
    ]
    return {"merge": merge, "mask_iou": iou}
