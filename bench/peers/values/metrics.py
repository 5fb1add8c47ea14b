"""Metrics: what COCOeval computes, and MMSegmentation's figures from PyTorch's histograms."""

from __future__ import annotations

import contextlib
import copy
import io
import math

import numpy as np
import torch
from pycocotools import mask as coco
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from prng import integers, uniform
from values.golden import Files, number, numbers, sampled

CATEGORIES = (2, 5, 8)
IMAGES = ((10, 150, 120), (17, 100, 160), (24, 64, 80), (31, 140, 140), (38, 90, 90))  # id, height, width
VARIANTS: dict[str, dict[str, object]] = {
    "default": {},
    "useCats0": {"useCats": 0},
    "maxDets_1_3_7": {"maxDets": [1, 3, 7]},
    "proposal": {"useCats": 0, "maxDets": [3, 10, 20]},
}


def box(key: str, height: int, width: int) -> list[float]:
    x, y, w, h = uniform(key, (4,), 0, 1).astype(np.float64)
    sides = (0.1 + 0.75 * w) * width, (0.1 + 0.75 * h) * height
    return [round(x * (width - sides[0]), 1), round(y * (height - sides[1]), 1), round(sides[0], 1), round(sides[1], 1)]


def rectangle(box: list[float]) -> list[float]:
    x, y, w, h = box
    return [round(value, 1) for value in (x, y, x + w, y, x + w, y + h, x, y + h)]


def scene() -> tuple[dict[str, object], list[dict], list[dict]]:
    """Ground truth, boxes and masks found: objects of every size class, crowds, an image without objects, equal scores."""
    annotations, boxes, masks = [], [], []
    for image, height, width in IMAGES:
        size = (height, width)
        for k in range(0 if image == 38 else 3):
            key = f"golden:cocoeval:{image}:{k}"
            at, category = box(key, *size), CATEGORIES[int(integers(key, 1, 3)[0])]
            crowd = image == 17 and k == 2
            if crowd:  # whole columns: few runs
                left, right = int(at[0]), int(at[0] + at[2])
                segmentation: object = {
                    "size": list(size),
                    "counts": [left * height, (right - left) * height, (width - right) * height],
                }
                at = [left, 0, right - left, height]
            else:
                segmentation = [rectangle(at)]
            rle = coco.merge(coco.frPyObjects(segmentation, *size)) if not crowd else coco.frPyObjects(segmentation, *size)
            own = {"id": len(annotations) + 1, "image_id": image, "category_id": category}
            annotations.append(
                {**own, "bbox": at, "area": float(coco.area(rle)), "iscrowd": int(crowd), "segmentation": segmentation}
            )
        for k in range(4):
            key = f"golden:cocoeval:{image}:found:{k}"
            truth = [a for a in annotations if a["image_id"] == image]
            if k < len(truth):
                moves = uniform(key, (4,), -0.16, 0.16).astype(np.float64)
                x, y, w, h = truth[k]["bbox"]
                at = [round(v, 1) for v in (x + moves[0] * w, y + moves[1] * h, w * (1 + moves[2]), h * (1 + moves[3]))]
                category = truth[k]["category_id"] if k != 1 else CATEGORIES[int(integers(key, 1, 3)[0])]
            else:
                at, category = box(key, *size), CATEGORIES[int(integers(key, 1, 3)[0])]
            score = round(float(uniform(f"{key}:score", (1,), 0.05, 1)[0]), 1)
            boxes.append({"image_id": image, "category_id": category, "bbox": at, "score": score})
            # The middle half of the rows, as a mask of few runs.
            x, y, w, h = at
            rle = coco.frPyObjects([[x, y, x + w, y, x + w, y + h, x, y + h]], *size)[0]
            counts = {"size": list(size), "counts": rle["counts"].decode("ascii")}
            masks.append({"image_id": image, "category_id": category, "segmentation": counts, "score": score})
    truth = {
        "images": [{"id": image, "width": width, "height": height} for image, height, width in IMAGES],
        "categories": [{"id": id_, "name": f"c{k}"} for k, id_ in enumerate(CATEGORIES)],
        "annotations": annotations,
    }
    return truth, boxes, masks


def evaluated(truth: dict[str, object], found: list[dict], kind: str, settings: dict[str, object]) -> tuple[COCOeval, list[str]]:
    told = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()):
        ground = COCO()
        ground.dataset = copy.deepcopy(truth)
        ground.createIndex()
        evaluation = COCOeval(ground, ground.loadRes(copy.deepcopy(found)), kind)
        for name, value in settings.items():
            setattr(evaluation.params, name, value)
        evaluation.evaluate()
        evaluation.accumulate()
    with contextlib.redirect_stdout(told):
        evaluation.summarize()
    return evaluation, told.getvalue().splitlines()


def cocoeval() -> Files:
    truth, boxes, masks = scene()
    files: Files = {"small.gt.json": truth, "small.bbox.json": boxes, "small.segm.json": masks}
    expected: dict[str, object] = {}
    for kind, found in (("bbox", boxes), ("segm", masks)):
        for variant, settings in VARIANTS.items():
            evaluation, lines = evaluated(truth, found, kind, settings)
            precision, recall = evaluation.eval["precision"], evaluation.eval["recall"]
            facts: dict[str, object] = {
                "stats": numbers(evaluation.stats, 16),
                "precision_shape": list(precision.shape),
                "precision_sum": number(precision[precision > -1].sum(), 14),
                "precision_count": int((precision > -1).sum()),
                "recall_sum": number(recall[recall > -1].sum(), 14),
            }
            if variant == "default":
                rows = [precision[:, :, k, 0, 2] for k in range(len(CATEGORIES))]
                facts["AP_per_category"] = [number(row[row > -1].mean(), 16) for row in rows]
                facts["evalImgs"] = matches(evaluation)
                facts["summary"] = lines
                for name in ("precision", "recall", "scores"):
                    file = f"small.{kind}.{name}.npy"
                    files[file] = sampled(file, evaluation.eval[name], 24, 16)
            expected[f"{kind}_{variant}"] = facts
    return {**files, "small.expected.json": expected}


def matches(evaluation: COCOeval) -> list[dict[str, object]]:
    """Those of the lowest threshold, for all sizes and for small objects; images where something is or was found."""
    found = []
    for one in evaluation.evalImgs:
        if one is None or one["aRng"] not in evaluation.params.areaRng[:2] or not one["gtIds"]:
            continue
        flags = {
            "dtIds": one["dtIds"],
            "gtIds": one["gtIds"],
            "dtMatches": one["dtMatches"][0].astype(int).tolist(),
            "dtIgnore": one["dtIgnore"][0].astype(int).tolist(),
            "gtIgnore": [int(x) for x in one["gtIgnore"]],
        }
        ids = {key: int(one[key]) for key in ("image_id", "category_id")}
        found.append({**ids, "aRng": one["aRng"], **flags})
    return found[:14]


def miou() -> Files:
    """Areas by torch.histc, one per image, as MMSegmentation counts them; a figure of nothing over nothing is NaN."""
    files: Files = {}
    cases = []
    for name, classes, reduce, shapes in (
        ("k5_absent", 5, False, ((9, 13), (7, 6))),
        ("k6_reduce_zero", 6, True, ((8, 11), (10, 5))),
    ):
        length = sum(h * w for h, w in shapes)
        drawing = integers(f"golden:miou:{name}:label", length, classes + 1)
        label = np.where(drawing == classes, 255, np.minimum(drawing, classes - 2))  # the last class is absent
        chance = uniform(f"golden:miou:{name}:chance", (length,), 0, 1)
        own = np.where(label == 255, 0, label - 1 if reduce else label)
        guess = integers(f"golden:miou:{name}:guess", length, classes - 1)
        found = np.where(chance < 0.6, own, guess).clip(0, classes - 2)
        areas = torch.zeros(3, classes, dtype=torch.float64)
        for part in np.split(np.arange(length), np.cumsum([h * w for h, w in shapes])[:-1]):
            areas += counted(torch.from_numpy(found[part]), torch.from_numpy(label[part]), classes, reduce)
        intersection, predicted, labelled = areas
        precision, recall = intersection / predicted, intersection / labelled
        fscore = 2 * precision * recall / (precision + recall)
        iou = intersection / (predicted + labelled - intersection)
        dice = 2 * intersection / (predicted + labelled)
        all_accuracy = number(intersection.sum() / labelled.sum(), 12)
        files[f"{name}.pred.npy"] = {"shape": [length], "values": found.tolist()}
        files[f"{name}.label.npy"] = {"shape": [length], "values": label.tolist()}
        cases.append(
            {
                "name": name,
                "num_classes": classes,
                "reduce_zero_label": reduce,
                "shapes": shapes,
                "area_intersect": intersection.int().tolist(),
                "metrics": {
                    "mIoU": {"aAcc": all_accuracy, **figures(IoU=iou, Acc=recall)},
                    "mDice": figures(Dice=dice),
                    "mFscore": figures(Fscore=fscore, Precision=precision),
                },
            }
        )
    return {"expected.json": {"cases": cases}, **files}


def counted(found: torch.Tensor, label: torch.Tensor, classes: int, reduce: bool) -> torch.Tensor:
    """[3, classes]: pixels of both, of the prediction, of the label."""
    if reduce:
        label = torch.where((label == 0) | (label == 255), 255, label - 1)
    inside = label != 255
    found, label = found[inside], label[inside]
    histogram = lambda x: torch.histc(x.double(), bins=classes, min=0, max=classes - 1)
    return torch.stack([histogram(found[found == label]), histogram(found), histogram(label)])


def figures(**kinds: torch.Tensor) -> dict[str, object]:
    """Of each class, and the mean of those that are defined."""
    each = {name: ["nan" if math.isnan(x) else number(x, 10) for x in values.tolist()] for name, values in kinds.items()}
    return each | {f"mean_{name}": number(values.nanmean(), 10) for name, values in kinds.items()}
