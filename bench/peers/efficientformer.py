"""EfficientFormer V1 (NeurIPS 2022) in PyTorch: classifier and dense backbone, with the official parameter names."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Variant:
    widths: tuple[int, int, int, int]
    depths: tuple[int, int, int, int]
    attention_blocks: int


VARIANTS = {
    "l1": Variant((48, 96, 224, 448), (3, 2, 6, 4), 1),
    "l3": Variant((64, 128, 320, 512), (4, 4, 12, 6), 4),
    "l7": Variant((96, 192, 384, 768), (6, 6, 18, 8), 8),
}
HEADS, KEY_DIM, VALUE_DIM = 8, 32, 128


def offset_indices(side: int) -> Tensor:
    """[side², side²]: the number of each |dy|, |dx|, in order of first appearance over rows of point pairs.

    From the first point (the corner) every offset appears once, in row-major order, so the number is dy * side + dx.
    """
    points = torch.cartesian_prod(torch.arange(side), torch.arange(side))
    offsets = (points[:, None] - points[None]).abs()
    return offsets[..., 0] * side + offsets[..., 1]


class Attention(nn.Module):
    """Multi-head self-attention with a learned bias per head and absolute offset.

    `dense_side`: the grid the dense model's bias is made for (25 for detection, 16 for segmentation); its table is
    resized to the image's tokens. None for the classifier, whose grid is 7 x 7.
    """

    def __init__(self, width: int, dense_side: int | None) -> None:
        super().__init__()
        self.qkv = nn.Linear(width, HEADS * (2 * KEY_DIM + VALUE_DIM))
        self.proj = nn.Linear(HEADS * VALUE_DIM, width)
        side = dense_side or 7
        biases = nn.Parameter(torch.zeros(HEADS, side * side))
        self.dense = dense_side is not None
        self.register_parameter("attention_biases_seg" if self.dense else "attention_biases", biases)
        self.register_buffer("indices", offset_indices(side), persistent=False)
        self.cached: Tensor | None = None

    def bias(self, tokens: int) -> Tensor:
        if not self.training and self.cached is not None and self.cached.shape[-1] == tokens:
            return self.cached
        biases = self.attention_biases_seg if self.dense else self.attention_biases
        table = biases[:, self.indices]  # [heads, side², side²]
        if table.shape[-1] != tokens:
            table = F.interpolate(table[None], size=(tokens, tokens), mode="bicubic")[0]
        if not self.training:
            self.cached = table.detach()
        return table

    def forward(self, x: Tensor) -> Tensor:  # [B, N, C]
        b, n, _ = x.shape
        qkv = self.qkv(x).reshape(b, n, HEADS, -1).transpose(1, 2)  # [B, heads, N, 192]
        q, k, v = qkv.split([KEY_DIM, KEY_DIM, VALUE_DIM], dim=-1)
        scores = (q @ k.transpose(-2, -1)) * KEY_DIM**-0.5 + self.bias(n)
        return self.proj((scores.softmax(dim=-1) @ v).transpose(1, 2).reshape(b, n, -1))


class ConvMlp(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(width, 4 * width, 1)
        self.norm1 = nn.BatchNorm2d(4 * width)
        self.fc2 = nn.Conv2d(4 * width, width, 1)
        self.norm2 = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm2(self.fc2(F.gelu(self.norm1(self.fc1(x)))))


class TokenMlp(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class PoolBlock(nn.Module):
    """MB4D: pooling as token mixer, on maps."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(3, 1, 1, count_include_pad=False)
        self.mlp = ConvMlp(width)
        self.layer_scale_1 = nn.Parameter(torch.full((width,), 1e-5))
        self.layer_scale_2 = nn.Parameter(torch.full((width,), 1e-5))

    def forward(self, x: Tensor) -> Tensor:  # [B, C, H, W]
        x = x + self.layer_scale_1[:, None, None] * (self.pool(x) - x)
        return x + self.layer_scale_2[:, None, None] * self.mlp(x)


class AttentionBlock(nn.Module):
    """MB3D: self-attention, on tokens."""

    def __init__(self, width: int, dense_side: int | None) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.token_mixer = Attention(width, dense_side)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = TokenMlp(width)
        self.layer_scale_1 = nn.Parameter(torch.full((width,), 1e-5))
        self.layer_scale_2 = nn.Parameter(torch.full((width,), 1e-5))

    def forward(self, x: Tensor) -> Tensor:  # [B, N, C]
        x = x + self.layer_scale_1 * self.token_mixer(self.norm1(x))
        return x + self.layer_scale_2 * self.mlp(self.norm2(x))


class Tokens(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(2).transpose(1, 2)  # [B, H * W, C]


class Embedding(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(before, after, 3, 2, 1)
        self.norm = nn.BatchNorm2d(after)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.proj(x))


def stem(width: int) -> nn.Sequential:
    half = width // 2
    first = [nn.Conv2d(3, half, 3, 2, 1), nn.BatchNorm2d(half), nn.ReLU()]
    return nn.Sequential(*first, nn.Conv2d(half, width, 3, 2, 1), nn.BatchNorm2d(width), nn.ReLU())


def network(variant: Variant, dense_side: int | None) -> nn.ModuleList:
    """Stages at the even entries, the embeddings between them at the odd ones."""
    entries = nn.ModuleList()
    for stage, (width, depth) in enumerate(zip(variant.widths, variant.depths)):
        if stage > 0:
            entries.append(Embedding(variant.widths[stage - 1], width))
        attention = variant.attention_blocks if stage == 3 else 0
        blocks: list[nn.Module] = [PoolBlock(width) for _ in range(depth - attention)]
        if attention > 0:
            blocks += [Tokens(), *(AttentionBlock(width, dense_side) for _ in range(attention))]
        entries.append(nn.Sequential(*blocks))
    return entries


class Classifier(nn.Module):
    """[B, 3, 224, 224] to [B, classes]: the mean of the two heads, as at evaluation."""

    def __init__(self, name: str, classes: int = 1000) -> None:
        super().__init__()
        variant = VARIANTS[name]
        self.patch_embed = stem(variant.widths[0])
        self.network = network(variant, None)
        self.norm = nn.LayerNorm(variant.widths[3])
        self.head = nn.Linear(variant.widths[3], classes)
        self.dist_head = nn.Linear(variant.widths[3], classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch_embed(x)
        for entry in self.network:
            x = entry(x)
        x = self.norm(x).mean(1)
        return (self.head(x) + self.dist_head(x)) / 2


class DenseBackbone(nn.Module):
    """[B, 3, H, W] to the four stages' maps, strides 4, 8, 16 and 32, each through a GroupNorm of one group."""

    def __init__(self, name: str, bias_side: int = 25) -> None:
        super().__init__()
        variant = VARIANTS[name]
        self.widths = variant.widths
        self.patch_embed = stem(variant.widths[0])
        self.network = network(variant, bias_side)
        for stage, width in enumerate(variant.widths):
            self.add_module(f"norm{2 * stage}", nn.GroupNorm(1, width))

    def forward(self, x: Tensor) -> list[Tensor]:
        height, width = x.shape[-2] // 32, x.shape[-1] // 32
        x = self.patch_embed(x)
        outputs: list[Tensor] = []
        for index, entry in enumerate(self.network):
            x = entry(x)
            if index == 6:
                x = x.transpose(1, 2).reshape(x.shape[0], -1, height, width)
            if index % 2 == 0:
                outputs.append(self.get_submodule(f"norm{index}")(x))
        return outputs
