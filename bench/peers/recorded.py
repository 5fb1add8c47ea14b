"""Compares the models that test/goldens is computed with to MMDetection's and MMSegmentation's recordings.

    python bench/peers/recorded.py

Needs the recordings in ../shared/goldens beside the checkout. With EfficientFormer-L1 and the published heads, outputs,
losses and gradients must be theirs; the recordings are of float64, stored as float32.
"""

from __future__ import annotations

import numpy as np
import torch
from pycocotools import mask as coco

from heads import SemanticFpn, resized_logits
from values.detectors import Found, MaskRcnn, training_losses
from values.golden import drawn
from values.masks import encoded, pasted
from values.parameters import draw
from values.recordings import array, read
from weights import official_name

PUBLISHED = {
    "channels": 256,
    "rpn": {"channels": 256},
    "roi": {"boxWidth": 1024, "maskChannels": 256, "maskConvolutions": 4},
}
TOLERANCE = 1e-6  # of the largest value
PIXELS = 1e-3
IOU = 0.999


def same(what: str, ours: object, theirs: object, tolerance: float = TOLERANCE, scale: float | None = None) -> None:
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    apart = np.abs(ours - theirs).max() / (np.abs(theirs).max() if scale is None else scale)
    print(f"{what}: {apart:.1e} apart")
    if not apart <= tolerance:
        raise SystemExit(f"error: {what} differs by {apart:.1e}, more than {tolerance:.0e}")


def same_output(folder: str, output: dict, ours: torch.Tensor) -> None:
    flat = ours.flatten().numpy()
    if "samples" in output:
        idx, values = (array(folder, file) for file in output["samples"])
        same(output["name"], flat[idx], values)
    else:
        same(output["name"], flat, array(folder, f"{output['name']}.npy").ravel())


def images(meta: dict) -> torch.Tensor:
    told = meta["input"]
    return drawn(told["key"], tuple(told["shape"]), told["lo"], told["hi"])


@torch.no_grad()
def detection() -> None:
    folder = "maskrcnn_e2e"
    meta = read(folder, "meta.json")
    model = MaskRcnn("l1", PUBLISHED).eval()
    draw(model, meta["prefix"], meta["gains"], meta["bias_overrides"])
    valid, original = meta["img_shape_hw"], meta["ori_shape_hw"]
    x = images(meta)
    x[:, :, valid[0] :] = 0
    x[:, :, :, valid[1] :] = 0
    found = Found(model, x, valid, torch.tensor(meta["scale_factor"], dtype=torch.float64))
    maps = {f"c{i}": y for i, y in enumerate(found.stages, 2)} | {f"p{i}": y for i, y in enumerate(found.pyramid, 2)}
    maps |= {f"rpn_cls{i}": y for i, y in enumerate(found.logits)} | {f"rpn_reg{i}": y for i, y in enumerate(found.deltas)}
    for output in meta["outputs"]:
        if output["name"] in maps:
            same_output(folder, output, maps[output["name"]])
    # Proposals whose scores tie may swap: sorted coordinates are compared.
    same("proposals", np.sort(found.proposals, 0), np.sort(array(folder, "proposals.npy")[:, :4], 0), PIXELS, 1)
    detections = array(folder, "det_bboxes.npy")
    same("boxes", found.boxes, detections[:, :4], PIXELS, 1)
    same("scores", found.found, detections[:, 4])
    same("labels", found.labels, array(folder, "det_labels.npy"), 0)
    worst = 1.0
    for mask, box, counts in zip(found.masks, found.boxes, read(folder, "masks.json")["rle"]):
        ours = encoded((pasted(mask.sigmoid(), box.tolist(), *original) >= 0.5).numpy())
        theirs = {"size": original, "counts": counts.encode()}
        if coco.area(ours) or coco.area(theirs):
            worst = min(worst, float(coco.iou([ours], [theirs], [0])[0][0]))
    same("masks' IoU", worst, 1.0, 1 - IOU)


def training() -> None:
    folder = "maskrcnn_train"
    meta = read(folder, "meta.json")
    model = MaskRcnn("l1", PUBLISHED).train()
    draw(model, meta["prefix"], meta["gains"], {})
    truth = [(torch.tensor(b, dtype=torch.float32).double(), torch.tensor(l)) for b, l in zip(meta["gt_boxes"], meta["gt_labels"])]
    decoded = lambda counts: coco.decode({"size": meta["mask_size"], "counts": counts.encode()}).astype(bool)
    masks = [np.stack([decoded(counts) for counts in some]) for some in meta["gt_mask_rle"]]
    proposals = [torch.from_numpy(array(folder, file)[:, :4].copy()).double() for file in meta["proposals"]]
    losses = training_losses(model, images(meta), truth, masks, proposals)
    for name, theirs in meta["losses"].items():
        ours = losses[name]
        same(name, [float(part.detach()) for part in ours] if isinstance(ours, list) else float(torch.as_tensor(ours).detach()), theirs)
    losses.pop("acc")
    sum(sum(value) if isinstance(value, list) else value for value in losses.values()).backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    compared = [row for row in meta["params"] if row["rel_err_fp32"] is not None]
    norms = [float(gradients[row["name"]].norm()) / row["l2"] for row in compared]
    same(f"norms of {len(compared)} gradients", norms, np.ones(len(compared)))
    elements = [gradients[row["name"]].flatten()[row["idx"]] / row["l2"] for row in compared]
    same("their elements", torch.cat(elements), np.concatenate([np.array(row["grad"]) / row["l2"] for row in compared]), scale=1)


@torch.no_grad()
def segmentation() -> None:
    folder = "semfpn_e2e"
    meta = next(case for case in read(folder, "meta.json")["cases"] if case["tag"] == "l1")
    model = SemanticFpn("l1", meta["num_classes"]).eval()
    draw(model, meta["prefix"], meta["gains"], meta["bias_overrides"], official_name)
    x = images(meta)
    logits = model(x)
    full = resized_logits(logits, x.shape[-2:])
    for name, ours in (("logits_stride4", logits), ("logits_full", full)):
        same_output(folder, next(output for output in meta["outputs"] if output["name"] == f"l1.{name}"), ours)
    same("label map", full.argmax(1)[0], array(folder, "l1.argmax.npy"), 0)


if __name__ == "__main__":
    detection()
    training()
    segmentation()
