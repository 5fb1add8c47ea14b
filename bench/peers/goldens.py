"""Writes the small reference values under test/backbones/goldens: what the published implementations compute.

    python bench/peers/goldens.py test/backbones/goldens [NAME ...]

Needs torch, torchvision and timm. Weights and images come from the counter-based generator of prng.py, by the parameters'
published names, so that a file holds only results: a few values of every output, its mean and its norm.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import timm
import torch
import torchvision
from torch import nn

from prng import integers, uniform
from weights import fill

PREFIX = "golden"
SAMPLES = 24
SIZES = ((1, 3, 64, 96), (2, 3, 128, 64))

Outputs = dict[str, torch.Tensor]
TORCHVISION = f"torchvision {torchvision.__version__}"
TIMM = f"timm {timm.__version__}"


@dataclass
class Published:
    """A published model: our config that should equal it, the maps of its dense form, and our names for its parameters."""

    source: str
    config: dict[str, object]
    model: nn.Module
    maps: Callable[[torch.Tensor], Outputs]
    rename: Callable[[str], str] = lambda name: name
    sizes: tuple[tuple[int, ...], ...] = SIZES
    classifier_sizes: tuple[tuple[int, ...], ...] = SIZES
    logits: Callable[[torch.Tensor], torch.Tensor] | None = None  # if the model's own forward is not the authors'
    # Factors for parameters by the end of their names, for deep models whose activations would grow or vanish.
    gains: dict[str, float] = field(default_factory=dict)
    norms: list[nn.Module] = field(default_factory=list)  # only for the dense form; filled as norm0, norm2, …
    pyramid: nn.Module | None = None  # only for the dense form; it has our names
    # Separate models for other sizes or the dense form, and the mapping of their names to ours.
    others: list[tuple[nn.Module, Callable[[str], str]]] = field(default_factory=list)


def renamer(*rules: tuple[str, str | Callable[[re.Match[str]], str]]) -> Callable[[str], str]:
    def rename(name: str) -> str:
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        return name

    return rename


def named(maps: list[torch.Tensor]) -> Outputs:
    return {f"c{i + 2}": y for i, y in enumerate(maps)}


def in_turn(stages: list[nn.Module], x: torch.Tensor) -> list[torch.Tensor]:
    outputs = []
    for stage in stages:
        x = stage(x)
        outputs.append(x)
    return outputs


def resnet(variant: int, style: str = "pytorch", stride: int = 32) -> Published:
    dilated = [stride < 8, stride < 16, stride < 32]
    options = {"replace_stride_with_dilation": dilated} if any(dilated) else {}
    model = getattr(torchvision.models, f"resnet{variant}")(weights=None, **options)
    if style == "caffe":
        for module in model.modules():
            if isinstance(module, torchvision.models.resnet.Bottleneck):
                module.conv1.stride, module.conv2.stride = module.conv2.stride, module.conv1.stride
    stem = nn.Sequential(model.conv1, model.bn1, model.relu, model.maxpool)
    stages = [nn.Sequential(stem, model.layer1), model.layer2, model.layer3, model.layer4]
    config = {"type": "resnet", "variant": variant, "style": style, "outputStride": stride}
    return Published(TORCHVISION, config, model, lambda x: named(in_turn(stages, x)))


def mobilenetv2(variant: str) -> Published:
    model = torchvision.models.mobilenet_v2(weights=None, width_mult=float(variant[1:]))
    cuts = (0, 4, 7, 14, 19)
    stages = [model.features[a:b] for a, b in zip(cuts, cuts[1:])]
    return Published(
        TORCHVISION, {"type": "mobilenetv2", "variant": variant}, model, lambda x: named(in_turn(stages, x))
    )


def poolformer(variant: str) -> Published:
    model = timm.create_model(f"poolformer_{variant}", num_classes=1000)
    norms = [nn.GroupNorm(1, width) for width in (64, 128, 320, 512)]
    stages = [nn.Sequential(model.stem, model.stages[0]), *model.stages[1:]]
    maps = lambda x: named([norm(y) for norm, y in zip(norms, in_turn(stages, x))])
    rename = renamer(
        (r"^stem\.conv\.", "patch_embed.proj."),
        (r"^stages\.(\d)\.downsample\.conv\.", lambda m: f"network.{2 * int(m[1]) - 1}.proj."),
        (r"^stages\.(\d)\.blocks\.", lambda m: f"network.{2 * int(m[1])}."),
        (r"layer_scale([12])\.scale$", r"layer_scale_\1"),
        (r"^head\.norm\.", "norm."),
        (r"^head\.fc\.", "head."),
    )
    # The authors normalise the whole map and then take its mean, timm normalises the channels of the mean.
    norm = model.head.norm
    last = lambda x: nn.functional.group_norm(in_turn(stages, x)[-1], 1, norm.weight, norm.bias, 1e-5)
    logits = lambda x: model.head.fc(last(x).mean((-2, -1)))
    config = {"type": "poolformer", "variant": variant}
    return Published(TIMM, config, model, maps, rename, logits=logits, norms=norms)


def efficientnet(origin: str) -> Published:
    model = timm.create_model("tf_efficientnet_lite0" if origin == "tensorflow" else "efficientnet_lite0")
    stem = nn.Sequential(model.conv_stem, model.bn1)
    blocks = model.blocks
    stages = [nn.Sequential(stem, *blocks[:2]), blocks[2], blocks[3:5], blocks[5:7]]
    config = {"type": "efficientnet", "variant": "lite0", "origin": origin}
    return Published(TIMM, config, model, lambda x: named(in_turn(stages, x)))


class Halving(nn.Module):
    """The rest of RepViT's downsampling after its first block, as in timm's forward."""

    def __init__(self, downsample: nn.Module):
        super().__init__()
        self.halve = nn.Sequential(downsample.spatial_downsample, downsample.channel_downsample)
        self.ffn = downsample.ffn

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.halve(x)
        return x + self.ffn(x)


def repvit(variant: str, outputs: str = "stages") -> Published:
    model = timm.create_model(f"repvit_{variant.replace('.', '_')}")
    # A block between two stages, before the downsampling; the authors' Semantic FPN takes its output.
    pieces = [[model.stem], [model.stages[0]]]
    for stage in model.stages[1:]:
        pieces += [[stage.downsample.pre_block], [Halving(stage.downsample), stage.blocks]]
    shift = 0 if outputs == "stages" else 1
    cuts = [0, *(2 * i + shift for i in (1, 2, 3)), len(pieces)]
    stages = [nn.Sequential(*sum(pieces[a:b], [])) for a, b in zip(cuts, cuts[1:])]
    gains = {"token_mixer.bn.weight": 0.5, "conv2.bn.weight": 0.5}
    config = {"type": "repvit", "variant": variant} | ({} if outputs == "stages" else {"outputs": outputs})
    return Published(TIMM, config, model, lambda x: named(in_turn(stages, x)), gains=gains)


class MapLayerNorm(nn.LayerNorm):
    """Layer norm over the channels of maps."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class NormalisedConvolution(nn.Conv2d):
    """A convolution without bias, and a layer norm, with Detectron2's names."""

    def __init__(self, channels: int, out: int, kernel: int):
        super().__init__(channels, out, kernel, padding="same", bias=False)
        self.norm = MapLayerNorm(out, eps=1e-6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(super().forward(x))


class SimplePyramid(nn.Module):
    """The simple feature pyramid of the ViTDet paper (Li et al. 2022, section 3), in Detectron2's names."""

    def __init__(self, channels: int, out: int = 256):
        super().__init__()
        up = lambda a, b: nn.ConvTranspose2d(a, b, 2, stride=2)
        half, quarter = channels // 2, channels // 4
        quadruple = [up(channels, half), MapLayerNorm(half, eps=1e-6), nn.GELU(), up(half, quarter)]
        levels = ((quadruple, quarter), ([up(channels, half)], half), ([], channels), ([nn.MaxPool2d(2)], channels))
        for power, (resample, width) in enumerate(levels, 2):
            layers = [*resample, NormalisedConvolution(width, out, 1), NormalisedConvolution(out, out, 3)]
            self.add_module(f"simfp_{power}", nn.Sequential(*layers))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        return [level(x) for level in self.children()]


def windowed(attention: nn.Module, x: torch.Tensor, side: int) -> torch.Tensor:
    """Attention of a map [B, h, w, C] in windows, padded with zeros."""
    y = torch.zeros_like(x)
    for top in range(0, x.shape[1], side):
        for left in range(0, x.shape[2], side):
            part = x[:, top : top + side, left : left + side]
            whole = x.new_zeros(len(x), side, side, x.shape[3])
            whole[:, : part.shape[1], : part.shape[2]] = part
            mixed = attention(whole.flatten(1, 2)).unflatten(1, (side, side))
            y[:, top : top + side, left : left + side] = mixed[:, : part.shape[1], : part.shape[2]]
    return y


def deit(variant: str, distilled: bool = True, window: int = 0) -> Published:
    name = f"deit_{variant}_{'distilled_' if distilled else ''}patch16_224"
    model = timm.create_model(name, dynamic_img_size=True)
    pyramid = SimplePyramid(model.embed_dim)

    def tokens(x: torch.Tensor) -> torch.Tensor:
        if window == 0:
            return model.blocks(model._pos_embed(model.patch_embed(x)))[:, model.num_prefix_tokens :]
        # As in ViTDet (Li et al. 2022): no class token, global attention in every third block, windows in the others.
        x = model.patch_embed(x)  # [B, h, w, C]
        h, w = x.shape[1:3]
        resized = timm.layers.resample_abs_pos_embed(model.pos_embed, [h, w], num_prefix_tokens=model.num_prefix_tokens)
        x = x + resized[:, model.num_prefix_tokens :].unflatten(1, (h, w))
        for i, block in enumerate(model.blocks):
            y = block.norm1(x)
            everywhere = (i + 1) % 3 == 0
            mixed = block.attn(y.flatten(1, 2)).unflatten(1, (h, w)) if everywhere else windowed(block.attn, y, window)
            x = x + mixed
            x = x + block.mlp(block.norm2(x))
        return x.flatten(1, 2)

    def maps(x: torch.Tensor) -> Outputs:
        h, w = x.shape[2] // 16, x.shape[3] // 16
        return named(pyramid(tokens(x).transpose(1, 2).unflatten(2, (h, w))))

    config = {"type": "deit", "variant": variant, "distilled": distilled, "window": window}
    # Smaller than the table of 14 × 14 positions, larger, and one of each.
    sizes = ((1, 3, 64, 96), (2, 3, 128, 64), (1, 3, 256, 320), (1, 3, 96, 288))
    classifier_sizes = ((1, 3, 224, 224), (2, 3, 240, 144))
    return Published(TIMM, config, model, maps, sizes=sizes, classifier_sizes=classifier_sizes, pyramid=pyramid)


def bicubic_biases(attention: nn.Module, queries: int, keys: int) -> torch.Tensor:
    """The table of a timm attention module, resized to the tokens of another image size."""
    table = attention.attention_biases[:, attention.attention_bias_idxs]
    return nn.functional.interpolate(table[None], size=(queries, keys), mode="bicubic")[0]


def for_any_size(attention: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The forward of Attention2d and Attention2dDownsample as in the authors' dense code, for maps with any even sides."""
    halves = hasattr(attention.q, "local")
    strided = getattr(attention, "stride_conv", None)
    if strided is not None:
        x = strided(x)
    heads = lambda y: y.flatten(2).unflatten(1, (attention.num_heads, -1))  # [B, heads, d, T]
    q, k, v = attention.q(x), attention.k(x), attention.v(x)
    local = attention.v_local(v)
    scores = heads(q).mT @ heads(k) * attention.scale
    scores = scores + bicubic_biases(attention, *scores.shape[-2:])
    weights = scores.softmax(-1) if halves else attention.talking_head2(attention.talking_head1(scores).softmax(-1))
    y = (heads(v) @ weights.mT).reshape(local.shape) + local
    if strided is not None:
        y = attention.upsample(y)
    return attention.proj(attention.act(y))


EFFICIENTFORMER_V2_NAMES = (
    (r"^stem\.conv([12])\.conv\.", lambda m: f"patch_embed.{3 * int(m[1]) - 3}."),
    (r"^stem\.conv([12])\.bn\.", lambda m: f"patch_embed.{3 * int(m[1]) - 2}."),
    (r"^stages\.3\.downsample\.conv\.", "stages.3.downsample."),
    (r"^stages\.(\d)\.downsample\.conv\.conv\.", lambda m: f"network.{2 * int(m[1]) - 1}.proj."),
    (r"^stages\.(\d)\.downsample\.conv\.bn\.", lambda m: f"network.{2 * int(m[1]) - 1}.norm."),
    (r"^stages\.3\.downsample\.", "network.5."),
    (r"^stages\.(\d)\.blocks\.", lambda m: f"network.{2 * int(m[1])}."),
    (r"\bq\.local\.", "q.local.0."),
    (r"\b(token_mixer|attn)\.proj\.conv\.", r"\1.proj.1."),
    (r"\b(token_mixer|attn)\.proj\.bn\.", r"\1.proj.2."),
    (r"\b(token_mixer\.\w+|attn\.[\w.]+)\.conv\.", r"\1.0."),
    (r"\b(token_mixer\.\w+|attn\.[\w.]+)\.bn\.", r"\1.1."),
    (r"\bmlp\.(fc\d|mid)\.conv\.", r"mlp.\1."),
    (r"\bmlp\.fc(\d)\.bn\.", r"mlp.norm\1."),
    (r"\bmlp\.mid\.bn\.", "mlp.mid_norm."),
    (r"\bls(\d)\.gamma$", r"layer_scale_\1"),
    (r"^head_dist\.", "dist_head."),
)


def efficientformerv2(variant: str) -> Published:
    """The dense form's biases are for images of 512²; each classifier has one size."""
    make = lambda side: timm.create_model(f"efficientformerv2_{variant}", img_size=side, drop_path_rate=0.0)
    model, small, dense = make(224), make(96), make(512)
    for name, module in dense.named_modules():
        if hasattr(module, "attention_biases"):
            module.forward = partial(for_any_size, module)
    stages = [nn.Sequential(dense.stem, dense.stages[0]), *dense.stages[1:]]
    rename = renamer(*EFFICIENTFORMER_V2_NAMES)
    return Published(
        TIMM,
        {"type": "efficientformerv2", "variant": variant},
        model,
        lambda x: named(in_turn(stages, x)),
        rename,
        classifier_sizes=((1, 3, 224, 224), (2, 3, 96, 96)),
        logits=lambda x: {224: model, 96: small}[x.shape[-1]](x),
        others=[
            (small, rename),
            (dense, renamer(*EFFICIENTFORMER_V2_NAMES, (r"\.attention_biases$", ".attention_biases_seg"))),
        ],
    )


def mobilevit(variant: str) -> Published:
    model = timm.create_model(f"mobilevit_{variant}")
    s0, s1, s2, s3, s4 = model.stages
    stages = [nn.Sequential(model.stem, s0, s1), s2, s3, nn.Sequential(s4, model.final_conv)]
    config = {"type": "mobilevit", "variant": variant}
    return Published(TIMM, config, model, lambda x: named(in_turn(stages, x)))


MODELS: dict[str, Callable[[], Published]] = {
    "resnet-18": lambda: resnet(18),
    "resnet-34": lambda: resnet(34),
    "resnet-50": lambda: resnet(50),
    "resnet-50-caffe": lambda: resnet(50, "caffe"),
    "resnet-50-stride8": lambda: resnet(50, stride=8),
    "resnet-50-stride16": lambda: resnet(50, stride=16),
    "resnet-101": lambda: resnet(101),
    "mobilenetv2-x1.0": lambda: mobilenetv2("x1.0"),
    "mobilenetv2-x1.4": lambda: mobilenetv2("x1.4"),
    "efficientnet-lite0": lambda: efficientnet("tensorflow"),
    "efficientnet-lite0-timm": lambda: efficientnet("timm"),
    **{f"repvit-{variant}": partial(repvit, variant) for variant in ("m0.9", "m1.1", "m1.5", "m2.3")},
    "repvit-m0.9-preblocks": lambda: repvit("m0.9", outputs="preBlocks"),
    "deit-tiny": lambda: deit("tiny"),
    "deit-tiny-window": lambda: deit("tiny", window=3),
    "deit-small": lambda: deit("small"),
    "deit-small-plain": lambda: deit("small", distilled=False),
    **{f"efficientformerv2-{variant}": partial(efficientformerv2, variant) for variant in ("s0", "s1", "s2", "l")},
    "mobilevit-xs": lambda: mobilevit("xs"),
    "poolformer-s12": lambda: poolformer("s12"),
    "poolformer-s24": lambda: poolformer("s24"),
    "poolformer-s36": lambda: poolformer("s36"),
}


def number(x: torch.Tensor) -> float:
    return float(f"{float(x):.6g}")


def sampled(name: str, tensor: torch.Tensor, samples: int = SAMPLES) -> dict[str, object]:
    flat = tensor.flatten().double()
    picked = flat[integers(f"{PREFIX}:{name}", samples, len(flat))]
    return {
        "name": name,
        "shape": list(tensor.shape),
        "mean": number(flat.mean()),
        "norm": number(flat.norm()),
        "values": [number(x) for x in picked],
    }


def case(shape: tuple[int, ...], outputs: Callable[[torch.Tensor], Outputs]) -> dict[str, object]:
    x = torch.from_numpy(uniform(f"{PREFIX}:images", shape, -2, 2)).double()
    return {"shape": list(shape), "outputs": [sampled(name, y) for name, y in outputs(x).items()]}


@torch.no_grad()
def generate(published: Published) -> nn.Module:
    """The model with generated weights, in float64, so that the files do not contain PyTorch's rounding errors."""
    model = published.model
    fill(model, PREFIX, published.rename)
    for name, tensor in model.state_dict().items():
        for end, gain in published.gains.items():
            if published.rename(name).endswith(end):
                tensor.mul_(gain)
    for i, norm in enumerate(published.norms):
        fill(norm, PREFIX, lambda name: f"norm{2 * i}.{name}")
        norm.double()
    if published.pyramid is not None:
        fill(published.pyramid, PREFIX, lambda name: name)
        published.pyramid.double()
    return model.double()


@torch.no_grad()
def golden(published: Published) -> dict[str, object]:
    model = generate(published).eval()
    for other, rename in published.others:
        fill(other, PREFIX, rename)
        other.double().eval()
    logits = published.logits or model
    return {
        "source": published.source,
        "config": published.config,
        "gains": published.gains,
        "dense": [case(shape, published.maps) for shape in published.sizes],
        "classifier": [case(shape, lambda x: {"logits": logits(x)}) for shape in published.classifier_sizes],
    }


if __name__ == "__main__":
    folder, *names = sys.argv[1:]
    for name in names or MODELS:
        text = json.dumps(golden(MODELS[name]()), separators=(",", ":"))
        Path(folder, f"{name}.json").write_text(text + "\n")
        print(f"{name}: {len(text)} bytes")
