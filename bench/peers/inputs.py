"""The fixed images, objects and label maps of the benchmarks; bench/inputs.ts makes the same ones."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

import numpy as np

from prng import integers, uniform

# Side lengths of an image's objects, in turn, if its shorter side is 512.
SIDES = (20, 32, 48, 72, 104, 152, 224, 336)
CELL = 16
IGNORED = 255


@dataclass(frozen=True)
class Objects:
    boxes: np.ndarray  # [n, 4] float32, xyxy in pixels
    labels: np.ndarray  # [n] int64, from 0
    masks: np.ndarray  # [n, H, W] uint8


def images(batch: int, height: int, width: int) -> np.ndarray:
    """[B, 3, H, W] float32 in -2 .. 2: images after normalisation."""
    return uniform("bench:images", (batch, 3, height, width), -2, 2)


def gradient(stage: int, batch: int, channels: int, height: int, width: int) -> np.ndarray:
    """[B, C, H / stride, W / stride] float32: the gradient of the loss with respect to a backbone stage's output."""
    stride = 4 << stage
    return uniform(f"bench:gradient:{stage}", (batch, channels, height // stride, width // stride), -1, 1)


def objects(image: int, height: int, width: int, *, classes: int, count: int) -> Objects:
    """Ellipses from 20 to 336 pixels in an image of 512, aspect ratios 0.6 to 1.6."""
    key, n = f"bench:objects:{image}", count
    aspects, xs, ys = (uniform(f"{key}:{name}", (n,), *range_) for name, *range_ in OBJECT_DRAWS)
    boxes, masks = np.zeros((n, 4), np.float32), np.zeros((n, height, width), np.uint8)
    for i in range(n):
        side = SIDES[i % len(SIDES)]
        scaled, stretch = side * min(height, width) / 512, math.sqrt(float(aspects[i]))
        w, h = math.floor(scaled * stretch + 0.5), math.floor(scaled / stretch + 0.5)
        x, y = math.floor(float(xs[i]) * (width - w)), math.floor(float(ys[i]) * (height - h))
        boxes[i] = x, y, x + w, y + h
        masks[i, y : y + h, x : x + w] = ellipse(w, h)
    return Objects(boxes, integers(f"{key}:labels", n, classes), masks)


OBJECT_DRAWS = (("aspect", 0.6, 1.6), ("x", 0, 1), ("y", 0, 1))


def ellipse(width: int, height: int) -> np.ndarray:
    """[H, W] uint8: the pixels whose centre lies in the ellipse inscribed in the box."""
    x = (np.arange(width) + 0.5 - width / 2) / (width / 2)
    y = (np.arange(height) + 0.5 - height / 2) / (height / 2)
    return (x[None] * x[None] + y[:, None] * y[:, None] <= 1).astype(np.uint8)


def label_map(image: int, height: int, width: int, classes: int) -> np.ndarray:
    """[H, W] int64: squares of 16 pixels, one in `classes + 1` of them ignored."""
    rows, columns = height // CELL, width // CELL
    cells = integers(f"bench:cells:{image}", rows * columns, classes + 1).reshape(rows, columns)
    cells[cells == classes] = IGNORED
    return cells.repeat(CELL, 0).repeat(CELL, 1)


def checksum(*parts: np.ndarray) -> int:
    """CRC-32 over the parts' bytes, one after the other, as float32 or uint8."""
    value = 0
    for part in parts:
        kept = part if part.dtype in (np.float32, np.uint8) else part.astype(np.uint8)
        value = zlib.crc32(np.ascontiguousarray(kept), value)
    return value
