"""The published implementations of every backbone: classifiers, and dense backbones with their four maps."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

import efficientformer
import goldens
import inputs
from prepared import Options, Prepared
from weights import PREFIX, fill


def published(name: str) -> goldens.Published:
    return goldens.deit("base") if name == "deit-base" else goldens.MODELS[name]()


def classifier(options: Options) -> tuple[nn.Module, Callable[[Tensor], Tensor]]:
    """The model in its fastest form, and its logits as the authors compute them."""
    name = options.variant
    family, _, variant = name.partition("-")
    if family == "efficientformer":
        model = efficientformer.Classifier(variant).eval()
        fill(model)
        return model, model
    peer = published(name)
    filled(peer)
    return folded(peer.model.eval()), peer.logits or peer.model


class Dense(nn.Module):
    """A published model's four maps."""

    def __init__(self, peer: goldens.Published):
        super().__init__()
        # The modules that make the maps, for the exporter to trace.
        self.parts = nn.ModuleList([peer.model, *peer.norms, *([peer.pyramid] if peer.pyramid else [])])
        self.maps = peer.maps

    def forward(self, x: Tensor) -> list[Tensor]:
        return list(self.maps(x).values())


class RepVit(nn.Module):
    """The stages of timm's model, so that its branches can be folded in place."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> list[Tensor]:
        return goldens.in_turn(list(self.model.stages), self.model.stem(x))


def dense(options: Options) -> nn.Module:
    name = options.variant
    family, _, variant = name.partition("-")
    if family == "efficientformer":
        model = efficientformer.DenseBackbone(variant).eval()
        fill(model)
        return model
    peer = published(name)
    filled(peer)
    if family == "repvit":
        return RepVit(folded(peer.model.eval()))
    if family == "efficientformerv2":
        # timm's own forward: images of 512² need no resized biases.
        for module in peer.others[-1][0].modules():
            module.__dict__.pop("forward", None)
    return Dense(peer).eval()


def filled(peer: goldens.Published) -> None:
    fill(peer.model, PREFIX, peer.rename)
    with torch.no_grad():
        for name, tensor in peer.model.state_dict().items():
            for end, gain in peer.gains.items():
                if peer.rename(name).endswith(end):
                    tensor.mul_(gain)
    for i, norm in enumerate(peer.norms):
        fill(norm, PREFIX, lambda name: f"norm{2 * i}.{name}")
    if peer.pyramid is not None:
        fill(peer.pyramid, PREFIX, lambda name: name)
    for other, rename in peer.others:
        fill(other, PREFIX, rename)
        # What it computes from its parameters becomes a constant of the export.
        other.eval().requires_grad_(False)


def folded(model: nn.Module) -> nn.Module:
    """With training-time branches folded, if there are any."""
    from timm.utils import reparameterize_model

    return reparameterize_model(model) if any(hasattr(m, "fuse") for m in model.modules()) else model


def zoo_classifier(options: Options) -> Prepared:
    model, logits = classifier(options)
    return inference(model, options, logits)


def zoo_dense(options: Options) -> Prepared:
    return inference(dense(options), options)


def inference(model: nn.Module, options: Options, logits: Callable[[Tensor], Tensor] | None = None) -> Prepared:
    """`logits` returns what is compared, if the fastest form of the model differs slightly."""
    from cases import laid_out, rms

    images = inputs.images(options.batch, *options.size)
    plain = torch.from_numpy(images)
    with torch.inference_mode():
        check = None if logits is None else rms(logits(plain))
    model, x = laid_out(model, images, options)
    outputs: list[Tensor] = []

    @torch.no_grad()
    def run() -> None:
        result = model(x)
        outputs[:] = [result] if isinstance(result, Tensor) else result

    return Prepared(run, inputs.checksum(images), lambda: rms(outputs[-1]) if check is None else check)


CASES = {"zoo-classifier": zoo_classifier, "zoo-dense": zoo_dense}
EXPORTED: dict[str, Callable[[Options], nn.Module]] = {
    "zoo-classifier": lambda options: classifier(options)[0],
    "zoo-dense": dense,
}
