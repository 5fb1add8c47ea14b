"""What PyTorch and torchvision do in each case of the benchmark."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn
from torchvision.models.detection import MaskRCNN, maskrcnn_resnet50_fpn
from torchvision.models.detection.roi_heads import RoIHeads

import inputs
import zoo
from efficientformer import Classifier, DenseBackbone
from heads import LabelMapper, SemanticFpn, mask_rcnn, resized_logits
from prepared import Options, Prepared
from weights import fill

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def laid_out(model: nn.Module, images: np.ndarray, options: Options) -> tuple[nn.Module, Tensor]:
    x = torch.from_numpy(images)
    if options.layout == "contiguous":
        return model, x
    model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    if options.layout == "compiled":
        torch._inductor.config.freezing = True  # weights are constants, batch norms fold
        model = torch.compile(model)
    return model, x


def rms(x: Tensor) -> float:
    return float(x.double().square().mean().sqrt())


def backbone_step(options: Options) -> Prepared:
    """Forward in training mode, backward from fixed gradients of the four outputs. No optimiser."""
    images = inputs.images(options.batch, *options.size)
    model = DenseBackbone(options.variant).train()
    fill(model)
    gradients = [
        torch.from_numpy(inputs.gradient(stage, options.batch, width, *options.size))
        for stage, width in enumerate(model.widths)
    ]
    model, x = laid_out(model, images, options)

    def run() -> None:
        model.zero_grad()
        torch.autograd.backward(model(x), gradients)

    def gradient_norm() -> float:
        return float(torch.stack([p.grad.double().square().sum() for p in model.parameters()]).sum().sqrt())

    return Prepared(run, inputs.checksum(images), gradient_norm)


def training_step(model: nn.Module, loss: Callable[[], Tensor]) -> Callable[[], None]:
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-5, weight_decay=1e-4)

    def run() -> None:
        optimiser.zero_grad()
        loss().backward()
        optimiser.step()

    return run


def semantic_fpn_step(options: Options) -> Prepared:
    """Forward, cross-entropy at full size, backward, AdamW."""
    images = inputs.images(options.batch, *options.size)
    labels = np.stack([inputs.label_map(i, *options.size, 150) for i in range(options.batch)])
    model = SemanticFpn(options.variant).train()
    fill(model)
    model, x = laid_out(model, images, options)
    target = torch.from_numpy(labels)

    def loss() -> Tensor:
        return F.cross_entropy(resized_logits(model(x), options.size), target, ignore_index=inputs.IGNORED)

    return Prepared(training_step(model, loss), inputs.checksum(images, labels))


class CountingRoIHeads(RoIHeads):
    """Counts the positive RoIs of each image: the mask head's work is proportional to them."""

    positives: list[list[int]]

    def select_training_samples(self, proposals: list[Tensor], targets: list[dict[str, Tensor]]) -> tuple:
        samples = super().select_training_samples(proposals, targets)
        self.positives.append([int((labels > 0).sum()) for labels in samples[2]])
        return samples


def mask_rcnn_step(options: Options) -> Prepared:
    """Forward with the five losses, 512 RoIs per image, backward, AdamW."""
    torch.manual_seed(0)
    images = inputs.images(options.batch, *options.size)
    truth = [inputs.objects(i, *options.size, classes=80, count=options.objects) for i in range(options.batch)]
    as_it_is = {"image_mean": (0,) * 3, "image_std": (1,) * 3, "_skip_resize": True}
    model = mask_rcnn(options.variant, **as_it_is).train()
    fill(model)
    heads = model.roi_heads
    heads.__class__, heads.positives = CountingRoIHeads, []
    model, x = laid_out(model, images, options)
    arrays = [{"boxes": t.boxes, "labels": t.labels + 1, "masks": t.masks} for t in truth]
    targets = [{name: torch.from_numpy(array) for name, array in t.items()} for t in arrays]
    losses: list[dict[str, float]] = []

    def loss() -> Tensor:
        parts = model(list(x), targets)
        losses.append({name: float(value.detach()) for name, value in parts.items()})
        return sum(parts.values())

    def note() -> str:
        first = ", ".join(f"{name} {value:.3f}" for name, value in losses[0].items())
        counts = [count for step in heads.positives for count in step]
        return f"{min(counts)} to {max(counts)} positive RoIs per image; losses of the first step: {first}"

    parts = [part for t in truth for part in (t.boxes, t.labels, t.masks)]
    return Prepared(training_step(model, loss), inputs.checksum(images, *parts), note=note)


def inference(model: nn.Module, options: Options) -> Prepared:
    images = inputs.images(options.batch, *options.size)
    fill(model)
    model, x = laid_out(model.eval(), images, options)
    outputs: list[Tensor] = []

    @torch.inference_mode()
    def run() -> None:
        result = model(x)
        outputs[:] = [result] if isinstance(result, Tensor) else result

    return Prepared(run, inputs.checksum(images), lambda: rms(outputs[-1]))


def classifier(options: Options) -> Prepared:
    return inference(Classifier(options.variant), options)


def backbone(options: Options) -> Prepared:
    return inference(DenseBackbone(options.variant), options)


def semantic_fpn(options: Options) -> Prepared:
    return inference(LabelMapper(options.variant), options)


def mask_rcnn_predict(options: Options) -> Prepared:
    """From a JPEG file to boxes, classes and full-size masks; variant resnet50 is torchvision's own model."""
    model: MaskRCNN
    if options.variant == "resnet50":
        torch.manual_seed(0)
        model = maskrcnn_resnet50_fpn(weights=None, weights_backbone=None)
        spread_scores(model)
    else:
        model = mask_rcnn(options.variant, min_size=800, max_size=1333)
        fill(model)
    model.eval()
    results: list[dict[str, Tensor]] = []

    @torch.inference_mode()
    def run() -> None:
        image = torchvision.io.decode_image(options.path, torchvision.io.ImageReadMode.RGB)
        result = model([image / 255])[0]
        result["masks"] = result["masks"][:, 0] > 0.5
        results[:] = [result]

    return Prepared(run, note=lambda: f"{len(results[0]['boxes'])} detections")


def spread_scores(model: MaskRCNN) -> None:
    """With its initial weights the model finds nothing; scaled class logits let all 100 detections through."""
    with torch.no_grad():
        model.roi_heads.box_predictor.cls_score.weight.mul_(60)


def semantic_fpn_predict(options: Options) -> Prepared:
    """From a JPEG file to a label map of its own size; shorter side 512, both sides multiples of 32."""
    model = SemanticFpn(options.variant).eval()
    fill(model)
    maps: list[Tensor] = []
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))

    @torch.inference_mode()
    def run() -> None:
        image = torchvision.io.decode_image(options.path, torchvision.io.ImageReadMode.RGB)
        height, width = image.shape[1:]
        scale = min(2048 / max(height, width), 512 / min(height, width))
        size = [-(-round(side * scale) // 32) * 32 for side in (height, width)]
        x = F.interpolate(((image / 255 - mean) / std)[None], size=size, mode="bilinear")
        maps[:] = [resized_logits(model(x), (height, width)).argmax(1).to(torch.uint8)]

    return Prepared(run, note=lambda: f"map {tuple(maps[0].shape[1:])}")


def read_pth(options: Options) -> Prepared:
    """`variant` mmap: the tensors are views of the mapped file, so they are copied, as loading into a model does."""
    firsts: list[float] = []

    def run() -> None:
        state = torch.load(options.path, map_location="cpu", weights_only=True, mmap=options.variant == "mmap")
        if options.variant == "mmap":
            state = {name: tensor.clone() for name, tensor in state.items()}
        firsts[:] = [float(tensor.flatten()[0]) for tensor in state.values()]

    return Prepared(run, check=lambda: sum(firsts))


CASES: dict[str, Callable[[Options], Prepared]] = {
    "backbone-step": backbone_step,
    "semantic-fpn-step": semantic_fpn_step,
    "mask-rcnn-step": mask_rcnn_step,
    "classifier": classifier,
    "backbone": backbone,
    "semantic-fpn": semantic_fpn,
    "mask-rcnn-predict": mask_rcnn_predict,
    "semantic-fpn-predict": semantic_fpn_predict,
    "read-pth": read_pth,
    **zoo.CASES,
}


def export(model: str, options: Options) -> None:
    """Exports `model` by PyTorch's own exporter in evaluation mode: batch norms folded into convolutions."""
    modules = {"classifier": Classifier, "backbone": DenseBackbone, "semantic-fpn": LabelMapper}
    if model in zoo.EXPORTED:
        module = zoo.EXPORTED[model](options)
    else:
        module = modules[model](options.variant).eval()
        fill(module)
    x = torch.from_numpy(inputs.images(options.batch, *options.size))
    with torch.inference_mode():
        module(x)
    with torch.no_grad():
        torch.onnx.export(module, (x,), options.path, input_names=["images"], opset_version=17, dynamo=False)
