"""Repeats a recorded training run of boxes (bench/lockstep/record.ts) in PyTorch, by the published recipe's rules.

    python bench/peers/detection.py RECORD --samples recorded      # lockstep: the same samples, compared step by step
    python bench/peers/detection.py RECORD --samples recorded --pixels bytes         # the images read here, too
    python bench/peers/detection.py RECORD --samples own --seed 1 --out weights.safetensors

Written from the papers and MMDetection's documented rules, on torch and torchvision.ops only; none of it is a
translation of our code, so that it does not share our faults. Rules can be changed one at a time: see --help.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torchvision.ops import batched_nms, box_iou, roi_align

import efficientformer

NANO = efficientformer.Variant((24, 48, 96, 128), (2, 2, 4, 2), 1)
STRIDES = (4, 8, 16, 32, 64)
LARGEST = abs(math.log(16 / 1000))


class Conv(nn.Module):
    """A convolution under the name `conv`, as in MMCV's modules."""

    def __init__(self, before: int, after: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, kernel, padding=kernel // 2)


class Neck(nn.Module):
    def __init__(self, widths: tuple[int, ...], channels: int) -> None:
        super().__init__()
        self.lateral_convs = nn.ModuleList(Conv(width, channels, 1) for width in widths)
        self.fpn_convs = nn.ModuleList(Conv(channels, channels, 3) for _ in widths)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        maps = [layer.conv(x) for layer, x in zip(self.lateral_convs, features)]
        for level in range(len(maps) - 1, 0, -1):
            maps[level - 1] = maps[level - 1] + F.interpolate(maps[level], size=maps[level - 1].shape[-2:])
        maps = [layer.conv(x) for layer, x in zip(self.fpn_convs, maps)]
        return [*maps, F.max_pool2d(maps[-1], 1, 2)]


class RpnHead(nn.Module):
    def __init__(self, before: int, channels: int, anchors: int) -> None:
        super().__init__()
        self.rpn_conv = nn.Conv2d(before, channels, 3, padding=1)
        self.rpn_cls = nn.Conv2d(channels, anchors, 1)
        self.rpn_reg = nn.Conv2d(channels, 4 * anchors, 1)

    def forward(self, maps: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """For every level, [B, cells · anchors] logits and [B, cells · anchors, 4] deltas."""
        hidden = [F.relu(self.rpn_conv(x)) for x in maps]
        logits = [self.rpn_cls(x).permute(0, 2, 3, 1).flatten(1) for x in hidden]
        deltas = [self.rpn_reg(x).permute(0, 2, 3, 1).reshape(len(x), -1, 4) for x in hidden]
        return logits, deltas


class BoxHead(nn.Module):
    def __init__(self, before: int, width: int, classes: int) -> None:
        super().__init__()
        self.fc_cls = nn.Linear(width, classes + 1)
        self.fc_reg = nn.Linear(width, 4 * classes)
        self.shared_fcs = nn.ModuleList([nn.Linear(before, width), nn.Linear(width, width)])

    def forward(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        x = pooled.flatten(1)
        for layer in self.shared_fcs:
            x = F.relu(layer(x))
        return self.fc_cls(x), self.fc_reg(x)


class Detector(nn.Module):
    def __init__(self, model: dict, classes: int) -> None:
        super().__init__()
        efficientformer.VARIANTS["nano"] = NANO
        head, channels = model["head"], model["neck"]["channels"]
        self.rpn, self.roi, self.classes = head["rpn"], head["roi"], classes
        self.backbone = efficientformer.DenseBackbone(model["backbone"]["variant"], bias_side=25)
        self.neck = Neck(self.backbone.widths, channels)
        self.rpn_head = RpnHead(channels, self.rpn["channels"], len(self.rpn["anchorRatios"]))
        self.roi_head = nn.Module()
        self.roi_head.bbox_head = BoxHead(channels * self.roi["boxPoolSize"] ** 2, self.roi["boxWidth"], classes)

    def anchors(self, maps: list[Tensor]) -> list[Tensor]:
        """For every level, [cells · anchors, 4], centred on the cells' upper left corners."""
        ratios = torch.tensor(self.rpn["anchorRatios"], dtype=torch.float32)
        levels = []
        for x, stride in zip(maps, STRIDES):
            side = self.rpn["anchorScale"] * stride
            half = torch.stack([side / ratios.sqrt(), side * ratios.sqrt()], 1) / 2
            base = torch.cat([-half, half], 1)
            ys, xs = (torch.arange(n, dtype=torch.float32) * stride for n in x.shape[-2:])
            y, x = torch.meshgrid(ys, xs, indexing="ij")
            shifts = torch.stack([x, y, x, y], -1).reshape(-1, 1, 4)
            levels.append((shifts + base).reshape(-1, 4))
        return levels


def encode(boxes: Tensor, targets: Tensor, stds: Tensor) -> Tensor:
    sizes, target_sizes = boxes[:, 2:] - boxes[:, :2], targets[:, 2:] - targets[:, :2]
    offsets = ((targets[:, 2:] + targets[:, :2]) - (boxes[:, 2:] + boxes[:, :2])) / 2 / sizes
    return torch.cat([offsets, (target_sizes / sizes).log()], 1) / stds


def decode(boxes: Tensor, deltas: Tensor, size: tuple[int, int]) -> Tensor:
    sizes, centres = boxes[:, 2:] - boxes[:, :2], (boxes[:, 2:] + boxes[:, :2]) / 2
    centres = centres + deltas[:, :2] * sizes
    half = sizes * deltas[:, 2:].clamp(-LARGEST, LARGEST).exp() / 2
    height, width = size
    limits = boxes.new_tensor([width, height, width, height])
    return torch.cat([centres - half, centres + half], 1).clamp(min=0).minimum(limits)


def assign(boxes: Tensor, truth: Tensor, rule: dict, least: float) -> Tensor:
    """[n]: the true box of each box, −1 for background, −2 for neither. `least`: IoU of low-quality matches."""
    boxes, truth = boxes.float(), truth.float()  # also with --double: ties between overlaps depend on the type
    if len(truth) == 0:
        return torch.full((len(boxes),), -1)
    iou = box_iou(truth, boxes)
    best, index = iou.max(0)
    matched = torch.full((len(boxes),), -2)
    matched[best < rule["negativeIou"]] = -1
    positive = best >= rule["positiveIou"]
    matched[positive] = index[positive]
    for t, overlap in enumerate(iou.max(1).values):
        if overlap >= max(least, 1e-9):
            matched[iou[t] == overlap] = t
    return matched


def sample(matched: Tensor, count: int, fraction: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    def draw(kind: Tensor, most: int) -> Tensor:
        places = kind.nonzero()[:, 0]
        return places[torch.randperm(len(places), generator=generator)[:most]]

    positives = draw(matched >= 0, int(count * fraction))
    return positives, draw(matched == -1, count - len(positives))


def assigned_otherwise(rois: Tensor, matched: Tensor, truth: Tensor, proposals: Tensor, rule: dict) -> int:
    """Counts RoIs whose true box is neither the one they overlap most nor one whose best RoI they are."""
    if len(truth) == 0:
        return len(matched)
    expected = torch.full((len(rois),), -1)
    expected[: len(matched)] = matched
    overlaps = box_iou(truth, rois)
    most, index = overlaps.max(0)
    index[most < rule["positiveIou"]] = -1
    best = box_iou(truth, proposals).max(1).values.clamp(min=rule["minPositiveIou"])
    claims = overlaps > best[:, None] - 1e-3  # the proposals here differ in the last digits
    claimed = claims.gather(0, expected.clamp(min=0)[None])[0] & (expected >= 0)
    return int(((index != expected) & ~claimed).sum())


def strangers(boxes: Tensor, others: Tensor) -> int:
    """How many of the boxes are not among the others: some side differs from each by 0.01 pixels or more."""
    if len(others) == 0:
        return len(boxes)
    return int((torch.cdist(boxes, others, p=float("inf")).amin(1) >= 0.01).sum())


class Step:
    """The samples and losses of one step."""

    def __init__(self, model: Detector, record: dict[str, Tensor], options: argparse.Namespace) -> None:
        self.model, self.record, self.options = model, record, options
        self.images = record["images"]
        self.count = len(self.images)

    def truth(self, i: int) -> tuple[Tensor, Tensor]:
        return self.record[f"boxes/{i}"], self.record[f"labels/{i}"].long()

    def own_size(self, i: int) -> tuple[int, int]:
        height, width, _ = self.record[f"size/{i}"].tolist()
        return height, width

    def inside(self, maps: list[Tensor], i: int) -> Tensor:
        """Anchors of cells that lie wholly in the batch's padding take no part."""
        height, width = (-(-n // 32) * 32 for n in self.own_size(i))
        masks = []
        for x, stride in zip(maps, STRIDES):
            rows, columns = (min(-(-n // stride), m) for n, m in zip((height, width), x.shape[-2:]))
            mask = torch.zeros(x.shape[-2:], dtype=torch.bool)
            mask[:rows, :columns] = True
            masks.append(mask.flatten().repeat_interleave(len(self.model.rpn["anchorRatios"])))
        return torch.cat(masks)

    def assigned_anchors(self, maps: list[Tensor], anchors: Tensor, i: int) -> Tensor:
        rule = self.model.rpn
        least = rule["minPositiveIou"] if self.options.low_quality == "least-iou" else 0.0
        matched = torch.full((len(anchors),), -2)
        inside = self.inside(maps, i)
        matched[inside] = assign(anchors[inside], self.truth(i)[0], rule, least)
        return matched

    def proposals(self, logits: list[Tensor], deltas: list[Tensor], anchors: list[Tensor], i: int) -> Tensor:
        rule = self.model.rpn
        boxes, scores, levels = [], [], []
        for level, (score, delta, anchor) in enumerate(zip(logits, deltas, anchors)):
            best = score[i].topk(min(rule["trainPerLevel"], score.shape[1])).indices
            decoded = decode(anchor[best], delta[i][best], self.own_size(i))
            keep = ((decoded[:, 2:] - decoded[:, :2]) > rule["minSize"]).all(1)
            boxes.append(decoded[keep])
            scores.append(score[i][best][keep])
            levels.append(torch.full((int(keep.sum()),), level))
        all_boxes = torch.cat(boxes)
        kept = batched_nms(all_boxes, torch.cat(scores), torch.cat(levels), rule["nms"])
        return all_boxes[kept[: rule["maxPerImage"]]]

    def losses(self, generator: torch.Generator, findings: list[str]) -> dict[str, Tensor]:
        model, record, recorded = self.model, self.record, self.options.samples != "own"
        maps = model.neck(model.backbone(self.images))
        logits, deltas = model.rpn_head(maps)
        anchors = model.anchors(maps)
        flat_anchors = torch.cat(anchors)
        flat_logits, flat_deltas = torch.cat(logits, 1), torch.cat(deltas, 1)
        rpn_class, rpn_box, samples = [], [], 0
        for i in range(self.count):
            matched = self.assigned_anchors(maps, flat_anchors, i)
            if recorded:
                indices = record[f"anchors/{i}"].long()
                number = int(record[f"anchorPositives/{i}"])
                positives, negatives = indices[:number], indices[number:]
                wrong = int((matched[positives] < 0).sum() + (matched[negatives] != -1).sum())
                if wrong > 0:
                    findings.append(f"{wrong} of {len(indices)} sampled anchors have the other label here")
            else:
                positives, negatives = sample(matched, model.rpn["samples"], model.rpn["positiveFraction"], generator)
            samples += len(positives) + len(negatives)
            chosen = torch.cat([positives, negatives])
            target = torch.zeros(len(chosen))
            target[: len(positives)] = 1
            rpn_class.append(F.binary_cross_entropy_with_logits(flat_logits[i][chosen], target, reduction="sum"))
            truth = self.truth(i)[0]
            wanted = encode(flat_anchors[positives], truth[matched[positives].clamp(min=0)], torch.ones(4))
            rpn_box.append((flat_deltas[i][positives] - wanted).abs().sum())
        found = {"rpnClass": sum(rpn_class) / samples, "rpnBox": sum(rpn_box) / samples}
        with torch.no_grad():
            proposals = [self.proposals(logits, deltas, anchors, i) for i in range(self.count)]
        return {**found, **self.roi_losses(maps, proposals, generator, findings)}

    def rois(self, proposals: Tensor, i: int, generator: torch.Generator, findings: list[str]):
        """RoIs, positives first, their labels, and the true box of each positive."""
        model, record = self.model, self.record
        truth, labels = self.truth(i)
        rule = model.roi
        if self.options.samples == "recorded":
            there = record[f"proposals/{i}"]
            missing, more = strangers(there, proposals), strangers(proposals, there)
            if missing + more > 0:
                findings.append(
                    f"{missing} of {len(there)} proposals are missing here, {more} of {len(proposals)} here are missing there"
                )
            rois, classes = record[f"rois/{i}"], record[f"roiLabels/{i}"].long()
            matched = record[f"roiMatched/{i}"].long()
            candidates = torch.cat([truth, proposals])
            strange = strangers(rois, candidates)
            if strange > 0:
                findings.append(f"{strange} of {len(rois)} sampled RoIs are not proposals here")
            wrong = assigned_otherwise(rois, matched, truth, proposals, rule)
            if wrong > 0:
                findings.append(f"{wrong} of {len(rois)} sampled RoIs are assigned differently here")
            return rois, classes, truth[matched]
        matched = assign(proposals, truth, rule, rule["minPositiveIou"])
        candidates = torch.cat([truth, proposals])
        matched = torch.cat([torch.arange(len(truth)), matched])
        positives, negatives = sample(matched, rule["samples"], rule["positiveFraction"], generator)
        chosen = torch.cat([positives, negatives])
        classes = torch.full((len(chosen),), model.classes)
        classes[: len(positives)] = labels[matched[positives]]
        return candidates[chosen], classes, truth[matched[positives]]

    def roi_losses(
        self, maps: list[Tensor], proposals: list[Tensor], generator: torch.Generator, findings: list[str]
    ) -> dict[str, Tensor]:
        model = self.model
        stds = torch.tensor(model.roi["boxStds"])
        parts = [self.rois(proposals[i], i, generator, findings) for i in range(self.count)]
        rois = torch.cat([F.pad(boxes, (1, 0), value=i) for i, (boxes, _, _) in enumerate(parts)])
        labels = torch.cat([classes for _, classes, _ in parts])
        scores, deltas = model.roi_head.bbox_head(self.pool(maps, rois))
        losses = {"boxClass": F.cross_entropy(scores, labels)}
        positive = labels < model.classes
        wanted = torch.cat([encode(boxes[: len(truth)], truth, stds) for boxes, _, truth in parts])
        own = deltas.view(len(deltas), model.classes, 4)[positive, labels[positive]]
        losses["box"] = (own - wanted).abs().sum() / len(labels)
        return losses

    def pool(self, maps: list[Tensor], rois: Tensor, size: int | None = None) -> Tensor:
        """[n, C, size, size]; by default as the box head takes them."""
        rule, aligned = self.model.roi, self.options.roi_align == "aligned"
        areas = (rois[:, 3] - rois[:, 1]) * (rois[:, 4] - rois[:, 2])
        levels = (areas.sqrt() / rule["finestScale"] + 1e-6).log2().floor().clamp(0, 3)
        size = size or rule["boxPoolSize"]
        ratio = rule["samplingRatio"] or -1
        pooled = maps[0].new_zeros(len(rois), maps[0].shape[1], size, size)
        for level in range(4):
            places = (levels == level).nonzero()[:, 0]
            scale = 1 / STRIDES[level]
            pooled = pooled.index_put(
                (places,), roi_align(maps[level], rois[places], (size, size), scale, ratio, aligned=aligned)
            )
        return pooled


def optimiser(model: Detector, training: dict) -> torch.optim.Optimizer:
    """AdamW; norms, biases, layer scales and attention biases do not decay."""
    settings = training["optimizer"]
    groups: dict[bool, list[Tensor]] = {True: [], False: []}
    for name, parameter in model.named_parameters():
        decays = parameter.ndim > 1 and not name.endswith(("attention_biases_seg", "layer_scale_1", "layer_scale_2"))
        groups[decays].append(parameter)
    parts = [
        {"params": groups[True], "weight_decay": settings["weightDecay"]},
        {"params": groups[False], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(parts, lr=settings["lr"], betas=tuple(settings["betas"]), eps=settings["eps"])


def read(file: Path) -> dict[str, Tensor]:
    """A file's tensors, the floats among them in the default type."""
    told = load_file(file)
    return {name: x.to(torch.get_default_dtype()) if x.is_floating_point() else x for name, x in told.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("record", type=Path)
    parser.add_argument("--samples", choices=("recorded", "recorded-anchors", "own"), default="own",
        help="the recorded anchors and RoIs, the recorded anchors alone, or all drawn here")
    parser.add_argument("--seed", type=int, default=0, help="seed of the samples drawn here")
    parser.add_argument("--low-quality", choices=("least-iou", "always"), default="least-iou")
    parser.add_argument("--roi-align", choices=("aligned", "legacy"), default="aligned")
    parser.add_argument("--pixels", choices=("recorded", "bytes", "floats"), default="recorded",
        help="or read here, if images are only resized and flipped")
    parser.add_argument("--double", action="store_true", help="in float64, to tell rounding apart")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="where the weights go")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    if options.double:
        torch.set_default_dtype(torch.float64)
    generator = torch.Generator().manual_seed(options.seed)

    run = json.loads((options.record / "run.json").read_text())
    model = Detector(run["model"], run["classes"]).train()
    initial = read(options.record / "initial.safetensors")
    state = model.state_dict()
    missing = [name for name in state if name not in initial and not name.endswith("num_batches_tracked")]
    if missing or [name for name in initial if name not in state]:
        raise SystemExit(f"error: the record's parameters are not the model's: {missing[:3]}")
    model.load_state_dict(initial, strict=False)
    update = optimiser(model, run["training"])
    reader = None
    if options.pixels != "recorded":
        from pixels import Reader  # only this needs OpenCV and PIL

        reader = Reader(run, options.pixels)
    theirs = options.record / "steps.jsonl"
    lines = [json.loads(line) for line in theirs.read_text().splitlines()] if theirs.exists() else []
    for step in range(1, run["steps"] + 1):
        record = read(options.record / f"step-{step:05d}.safetensors")
        findings: list[str] = []
        if reader:
            pixels, boxes = reader.replace(step, record)
            findings.append(f"image values differ by {pixels:.4f} at most, boxes by {boxes:.4f}")
        losses = Step(model, record, options).losses(generator, findings)
        update.zero_grad()
        sum(losses.values()).backward()
        norm = float(torch.stack([p.grad.double().square().sum() for p in model.parameters()]).sum().sqrt())
        if run["training"].get("clipNorm"):
            nn.utils.clip_grad_norm_(model.parameters(), run["training"]["clipNorm"])
        for group in update.param_groups:
            group["lr"] = run["rates"][step - 1]
        update.step()
        report = {name: float(value.detach()) for name, value in losses.items()} | {"gradientNorm": norm}
        if options.samples == "recorded" and lines:
            line = lines[step - 1]
            ours = line["losses"] | {"gradientNorm": line["gradientNorm"]}
            apart = {name: abs(ours[name] - value) / abs(value) for name, value in report.items()}
            told = "  ".join(f"{name} {report[name]:.5f} ({apart[name]:.0e})" for name in report)
        else:
            told = "  ".join(f"{name} {value:.4f}" for name, value in report.items())
        print(f"step {step}  {told}", *findings, sep="\n  " if findings else "", flush=True)
    ended = {name: value for name, value in model.state_dict().items() if name in initial}
    if options.samples == "recorded" and (options.record / "final.safetensors").exists():
        final = read(options.record / "final.safetensors")
        worst = max(ended, key=lambda name: float((final[name] - ended[name]).norm()))
        moved = lambda a, b: math.sqrt(sum(float((a[n] - b[n]).double().square().sum()) for n in a))
        print(f"weights moved by {moved(ended, initial):.4f}; they differ by {moved(ended, final):.2e}, most in {worst}")
    if options.out:
        save_file({name: value.contiguous() for name, value in ended.items()}, options.out)


if __name__ == "__main__":
    main()
