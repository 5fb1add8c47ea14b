"""Mask R-CNN on the smallest EfficientFormer, by the rules that bench/peers/detection.py spells out: detection and training."""

from __future__ import annotations

import argparse

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import roi_align

import detection
from prng import uniform
from values.golden import Files, described, drawn, number, numbers, sampled, whole
from values.masks import encoded, pasted, text
from values.parameters import digest, draw, gradients
from values.regions import class_wise_nms

CLASSES = 3
GAINS = {
    "rpn_head.rpn_reg.weight": 0.12,
    "roi_head.bbox_head.fc_cls.weight": 3.0,
    "roi_head.bbox_head.fc_reg.weight": 2.0,
    "roi_head.mask_head.conv_logits.weight": 3.0,
}
# What the golden's test sets, too: narrow heads. Everything else is the published recipe.
NARROW = {
    "channels": 32,
    "rpn": {"channels": 32},
    "roi": {"boxWidth": 64, "maskChannels": 24, "maskConvolutions": 2},
}
RPN = {
    "anchorRatios": [0.5, 1.0, 2.0],
    "anchorScale": 8,
    "positiveIou": 0.7,
    "negativeIou": 0.3,
    "minPositiveIou": 0.3,
    "trainPerLevel": 1000,
    "maxPerImage": 1000,
    "nms": 0.7,
    "minSize": 0,
}
ROI = {
    "positiveIou": 0.5,
    "negativeIou": 0.5,
    "minPositiveIou": 0.5,
    "boxPoolSize": 7,
    "boxStds": [0.1, 0.1, 0.2, 0.2],
    "finestScale": 56,
    "samplingRatio": 0,
    "maskPoolSize": 14,
}
OPTIONS = argparse.Namespace(samples="own", low_quality="least-iou", roi_align="aligned")
SCORE, SUPPRESSION, MOST, MASK = 0.05, 0.5, 100, 0.5


class MaskHead(nn.Module):
    def __init__(self, before: int, channels: int, convolutions: int, classes: int) -> None:
        super().__init__()
        widths = [before, *[channels] * convolutions]
        self.convs = nn.ModuleList(detection.Conv(a, b, 3) for a, b in zip(widths, widths[1:]))
        self.upsample = nn.ConvTranspose2d(channels, channels, 2, 2)
        self.conv_logits = nn.Conv2d(channels, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.convs:
            x = F.relu(layer.conv(x))
        return self.conv_logits(F.relu(self.upsample(x)))


class MaskRcnn(detection.Detector):
    def __init__(self, variant: str = "nano", narrow: dict = NARROW) -> None:
        head = {"rpn": RPN | narrow["rpn"], "roi": ROI | narrow["roi"]}
        super().__init__({"backbone": {"variant": variant}, "neck": {"channels": narrow["channels"]}, "head": head}, CLASSES)
        roi = head["roi"]
        self.roi_head.mask_head = MaskHead(narrow["channels"], roi["maskChannels"], roi["maskConvolutions"], CLASSES)

    def anchors(self, maps: list[Tensor]) -> list[Tensor]:
        return [level.double() for level in super().anchors(maps)]


class Found:
    """Everything between the images and the detections of one image."""

    def __init__(self, model: MaskRcnn, images: Tensor, valid: tuple[int, int], scale: Tensor) -> None:
        self.stages = model.backbone(images)
        self.pyramid = model.neck(self.stages)
        hidden = [F.relu(model.rpn_head.rpn_conv(x)) for x in self.pyramid]
        self.logits = [model.rpn_head.rpn_cls(x) for x in hidden]
        self.deltas = [model.rpn_head.rpn_reg(x) for x in hidden]
        step = detection.Step(model, {"images": images, "size/0": torch.tensor([*valid, 0])}, OPTIONS)
        logits, deltas = model.rpn_head(self.pyramid)
        self.proposals = step.proposals(logits, deltas, model.anchors(self.pyramid), 0)
        rois = F.pad(self.proposals, (1, 0))
        self.scores, self.box_deltas = model.roi_head.bbox_head(step.pool(self.pyramid, rois))
        stds = torch.tensor(ROI["boxStds"], dtype=torch.float64)
        every = self.proposals[:, None].expand(-1, CLASSES, -1).reshape(-1, 4)
        boxes = detection.decode(every, self.box_deltas.reshape(-1, 4) * stds, valid) / scale
        probabilities = self.scores.softmax(1)[:, :-1].reshape(-1)
        candidates = (probabilities > SCORE).nonzero()[:, 0]
        kept = class_wise_nms(boxes[candidates], probabilities[candidates], candidates % CLASSES, SUPPRESSION)
        best = candidates[kept[:MOST]]
        self.boxes, self.found, self.labels = boxes[best], probabilities[best], best % CLASSES
        pooled = step.pool(self.pyramid, F.pad(self.boxes * scale, (1, 0)), ROI["maskPoolSize"])
        self.every_mask = model.roi_head.mask_head(pooled)
        self.masks = self.every_mask[torch.arange(len(best)), self.labels]


def filled(model: MaskRcnn, prefix: str, overrides: dict[str, list[float]]) -> MaskRcnn:
    draw(model, prefix, GAINS, overrides)
    return model


PADDED, VALID, ORIGINAL = (96, 128), (90, 121), (59, 79)
BACKGROUND = 5.5  # its logit over a class's, so that some tens of detections pass the threshold
MASKS = 8  # of the best detections, are stored


@torch.no_grad()
def detection_step() -> Files:
    prefix, shape = "golden:maskrcnn", (1, 3, *PADDED)
    images = drawn(f"{prefix}:input", shape, -2, 2)
    images[:, :, VALID[0] :] = 0
    images[:, :, :, VALID[1] :] = 0
    factor = np.float32([VALID[1] / ORIGINAL[1], VALID[0] / ORIGINAL[0]] * 2)
    scale = torch.from_numpy(factor).double()
    overrides: dict[str, list[float]] = {}
    # Biases that make every anchor shape and class about as likely as the others, part by part.
    for part in (rpn_biases, box_biases, mask_biases):
        overrides |= part(Found(filled(MaskRcnn().eval(), prefix, overrides), images, VALID, scale))
    model = filled(MaskRcnn().eval(), prefix, overrides)
    found = Found(model, images, VALID, scale)
    maps = {f"c{i}": x for i, x in enumerate(found.stages, 2)} | {f"p{i}": x for i, x in enumerate(found.pyramid, 2)}
    maps |= {f"rpn_cls{i}": x for i, x in enumerate(found.logits)} | {f"rpn_reg{i}": x for i, x in enumerate(found.deltas)}
    rows = torch.linspace(0, len(found.proposals) - 1, 40).long()
    pastes = [pasted(mask.sigmoid(), box.tolist(), *ORIGINAL) >= MASK for mask, box in zip(found.masks[:MASKS], found.boxes)]
    return {
        "meta.json": {
            "prefix": prefix,
            "narrow": NARROW,
            "gains": GAINS,
            "bias_overrides": overrides,
            "input": described(f"{prefix}:input", shape, -2, 2),
            "img_shape_hw": VALID,
            "pad_shape_hw": PADDED,
            "ori_shape_hw": ORIGINAL,
            "scale_factor": numbers(factor, 9),
            "outputs": [{"name": name} for name in maps],
            "parameters": digest(model),
            "proposal_count": len(found.proposals),
        },
        **{f"{name}.npy": sampled(f"{name}.npy", x, 6, 6) for name, x in maps.items()},
        "proposals.npy": whole(found.proposals[rows], 6),
        "det_bboxes.npy": whole(torch.cat([found.boxes, found.found[:, None]], 1), 7),
        "det_labels.npy": whole(found.labels),
        "masks.json": {"rle": [text(encoded(mask.numpy())) for mask in pastes]},
    }


def short(values: Tensor) -> list[float]:
    return [number(x, 3) for x in values]


def rpn_biases(found: Found) -> dict[str, list[float]]:
    mean = lambda levels: torch.cat([x.flatten(2) for x in levels], 2).mean((0, 2))
    return {"rpn_head.rpn_cls.bias": short(-mean(found.logits)), "rpn_head.rpn_reg.bias": short(-mean(found.deltas))}


def box_biases(found: Found) -> dict[str, list[float]]:
    scores = -found.scores.mean(0)
    scores[-1] += BACKGROUND
    return {
        "roi_head.bbox_head.fc_cls.bias": short(scores),
        "roi_head.bbox_head.fc_reg.bias": short(-found.box_deltas.mean(0)),
    }


def mask_biases(found: Found) -> dict[str, list[float]]:
    return {"roi_head.mask_head.conv_logits.bias": short(-found.every_mask.mean((0, 2, 3)))}


def ellipse(box: list[float], height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width] + 0.5
    centre, radius = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), ((box[2] - box[0]) / 2, (box[3] - box[1]) / 2)
    return ((x - centre[0]) / radius[0]) ** 2 + ((y - centre[1]) / radius[1]) ** 2 <= 1


TRAINED = (64, 96)
TRUTH = (
    ([[12.6, 7.3, 47.2, 41.9], [50.4, 22.1, 83.8, 57.3], [3.5, 40.2, 22.4, 60.7]], [2, 0, 1]),
    ([[20.3, 10.8, 78.9, 55.4], [61.7, 4.6, 90.2, 30.3]], [1, 2]),
)


def training_step() -> Files:
    """Every anchor and proposal takes part, so that nothing is random."""
    prefix, shape = "golden:mrtrain", (2, 3, *TRAINED)
    model = filled(MaskRcnn().train(), prefix, {})
    truth = [(torch.tensor(boxes, dtype=torch.float32).double(), torch.tensor(labels)) for boxes, labels in TRUTH]
    masks = [np.stack([ellipse(box, *TRAINED) for box in boxes]) for boxes, _ in TRUTH]
    proposals = [near(f"{prefix}:proposals{i}", boxes) for i, (boxes, _) in enumerate(truth)]
    losses = training_losses(model, drawn(f"{prefix}:input", shape, -2, 2), truth, masks, proposals)
    accuracy = losses.pop("acc")
    sum(sum(value) if isinstance(value, list) else value for value in losses.values()).backward()
    told = {name: numbers(torch.stack(value).detach(), 9) if isinstance(value, list) else number(value.detach(), 9) for name, value in losses.items()}
    scored = [F.pad(boxes, (0, 1), value=1.0) for boxes in proposals]
    return {
        "meta.json": {
            "prefix": prefix,
            "narrow": NARROW,
            "gains": GAINS,
            "num_classes": CLASSES,
            "input": described(f"{prefix}:input", shape, -2, 2),
            "gt_boxes": [boxes for boxes, _ in TRUTH],
            "gt_labels": [labels for _, labels in TRUTH],
            "gt_mask_rle": [[text(encoded(mask)) for mask in some] for some in masks],
            "mask_size": TRAINED,
            "proposals": ["proposals0.npy", "proposals1.npy"],
            "losses": told | {"acc": number(accuracy, 9)},
            "params": gradients(model, prefix, 6),
        },
        **{f"proposals{i}.npy": whole(boxes, 6) for i, boxes in enumerate(scored)},
    }


def near(key: str, boxes: Tensor) -> Tensor:
    """Proposals about the true boxes, near and less near, within the image."""
    copies = boxes.repeat(4, 1)
    sides = (copies[:, 2:] - copies[:, :2]).repeat(1, 2)
    moved = copies + torch.from_numpy(uniform(key, (len(copies), 4), -0.35, 0.35)).double() * sides
    height, width = TRAINED
    moved = torch.cat([moved[:, :2].clamp(min=0), moved[:, 2:].minimum(torch.tensor([width, height]).double())], 1)
    return torch.tensor(np.float32(np.round(moved.numpy(), 2))).double()


def training_losses(
    model: MaskRcnn,
    images: Tensor,
    truth: list[tuple[Tensor, Tensor]],
    masks: list[np.ndarray],
    proposals: list[Tensor],
) -> dict[str, Tensor | list[Tensor] | float]:
    record = {"images": images}
    for i, (boxes, labels) in enumerate(truth):
        record |= {f"boxes/{i}": boxes, f"labels/{i}": labels, f"size/{i}": torch.tensor([*images.shape[-2:], 0])}
    step = detection.Step(model, record, OPTIONS)
    maps = model.neck(model.backbone(images))
    logits, deltas = model.rpn_head(maps)
    anchors = model.anchors(maps)
    flat = torch.cat(anchors)
    ends = np.cumsum([0, *[len(level) for level in anchors]])
    matched = [step.assigned_anchors(maps, flat, i) for i in range(len(images))]
    sampled_anchors = sum(int((m != -2).sum()) for m in matched)
    rpn_class, rpn_box = [], []
    for level, (low, high) in enumerate(zip(ends, ends[1:])):
        class_loss, box_loss = [], []
        for i, all_matched in enumerate(matched):
            own = all_matched[low:high]
            used, positive = own != -2, own >= 0
            target = (own >= 0).double()
            class_loss.append(F.binary_cross_entropy_with_logits(logits[level][i][used], target[used], reduction="sum"))
            wanted = detection.encode(anchors[level][positive], truth[i][0][own[positive]], torch.ones(4))
            box_loss.append((deltas[level][i][positive] - wanted).abs().sum())
        rpn_class.append(sum(class_loss) / sampled_anchors)
        rpn_box.append(sum(box_loss) / sampled_anchors)

    rois, labels, wanted, targets, own_rois = [], [], [], [], []
    for i, ((boxes, classes), near_boxes) in enumerate(zip(truth, proposals)):
        assigned = torch.cat([torch.arange(len(boxes)), detection.assign(near_boxes, boxes, model.roi, 0.5)])
        order = torch.cat([(assigned >= 0).nonzero()[:, 0], (assigned == -1).nonzero()[:, 0]])
        candidates = torch.cat([boxes, near_boxes])[order]
        positives = int((assigned >= 0).sum())
        own = assigned[order][:positives]
        rois.append(F.pad(candidates, (1, 0), value=i))
        labels.append(torch.cat([classes[own], torch.full((len(order) - positives,), model.classes)]))
        wanted.append(detection.encode(candidates[:positives], boxes[own], torch.tensor(model.roi["boxStds"])))
        bitmaps = torch.from_numpy(masks[i]).double()[:, None]
        target_rois = torch.cat([own[:, None].double(), candidates[:positives]], 1)
        targets.append(roi_align(bitmaps, target_rois, (28, 28), 1.0, 0, True)[:, 0] >= 0.5)
        own_rois.append(rois[-1][:positives])
    every, classes = torch.cat(rois), torch.cat(labels)
    scores, box_deltas = model.roi_head.bbox_head(step.pool(maps, every))
    positive = classes < model.classes
    own = box_deltas.view(len(every), model.classes, 4)[positive, classes[positive]]
    mask_logits = model.roi_head.mask_head(step.pool(maps, torch.cat(own_rois), model.roi["maskPoolSize"]))
    own_masks = mask_logits[torch.arange(int(positive.sum())), classes[positive]]
    return {
        "loss_rpn_cls": rpn_class,
        "loss_rpn_bbox": rpn_box,
        "loss_cls": F.cross_entropy(scores, classes),
        "loss_bbox": (own - torch.cat(wanted)).abs().sum() / len(every),
        "loss_mask": F.binary_cross_entropy_with_logits(own_masks, torch.cat(targets).double()),
        "acc": 100 * float((scores.argmax(1) == classes).double().mean()),
    }
