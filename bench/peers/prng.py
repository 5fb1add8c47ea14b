"""The counter-based generator of tools/prng.ts: both sides make the same weights, images and objects."""

from __future__ import annotations

import math

import numpy as np

U32 = np.uint32
BLOCK = 1 << 16


def fnv1a32(text: str) -> int:
    value = 0x811C9DC5
    for byte in text.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def hashes(key: str, start: int, stop: int) -> np.ndarray:
    x = np.arange(start, stop, dtype=U32) * U32(0x9E3779B9) + U32(fnv1a32(key))
    x = (x ^ (x >> U32(16))) * U32(0x21F0AAAD)
    x = (x ^ (x >> U32(15))) * U32(0xD35A2D97)
    return x ^ (x >> U32(15))


def uniform(key: str, shape: tuple[int, ...], low: float, high: float) -> np.ndarray:
    length = math.prod(shape)
    values = np.empty(length, np.float32)
    for start in range(0, length, BLOCK):  # in blocks: the peers' peak memory is measured
        stop = min(start + BLOCK, length)
        values[start:stop] = low + (high - low) * ((hashes(key, start, stop) >> U32(8)) / 16777216)
    return values.reshape(shape)


def integers(key: str, length: int, n: int) -> np.ndarray:
    return (hashes(key, 0, length) % U32(n)).astype(np.int64)


def parameter_value(prefix: str, name: str, shape: tuple[int, ...], gain: float = 1.0) -> np.ndarray | None:
    """The value of parameter `name`, or None for buffers that follow from the architecture."""
    bounds = _range(name, shape, gain)
    return None if bounds is None else uniform(f"{prefix}:{name}", shape, *bounds)


def _range(name: str, shape: tuple[int, ...], gain: float) -> tuple[float, float] | None:
    last = name.rpartition(".")[2]
    if last == "running_mean":
        return -0.2, 0.2
    if last == "running_var":
        return 0.5, 1.5
    if last.startswith("layer_scale"):
        return 0.1, 1.0
    if last in ("attention_biases", "attention_biases_seg"):
        return -1.0, 1.0
    if last == "bias":
        return (-0.001, 0.001) if "talking_head" in name else (-0.1, 0.1)
    if last in ("cls_token", "dist_token", "pos_embed"):
        return -0.5, 0.5
    if last != "weight":
        return None
    if len(shape) == 1:
        return 0.5, 1.5
    halved = name.endswith(("mlp.fc2.weight", "proj.1.weight"))
    bound = math.sqrt(3 / math.prod(shape[1:])) * (gain * 0.5 if halved else gain)
    return -bound, bound
