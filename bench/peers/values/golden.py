"""What the files of test/goldens are made of; test/support/goldens.ts reads them."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from prng import integers, uniform

# The files of a golden, by the names they have among the large recordings.
Files = dict[str, object]
Values = Tensor | np.ndarray


def number(x: float, digits: int = 8) -> float | int:
    x = float(f"{float(x):.{digits}g}")
    return int(x) if x.is_integer() and abs(x) < 2**53 else x


def numbers(values: Values, digits: int = 8) -> list:
    """As nested lists."""
    rows = values.tolist()
    short = lambda x: [short(y) for y in x] if isinstance(x, list) else number(x, digits)
    return short(rows)


def whole(values: Values, digits: int = 8) -> dict[str, object]:
    return {"shape": list(values.shape), "values": numbers(values.reshape(-1), digits)}


def sampled(file: str, values: Values, samples: int = 64, digits: int = 8) -> dict[str, object]:
    """Some elements at places drawn for `file`, the mean and the root mean square."""
    flat = np.asarray(values.detach() if isinstance(values, Tensor) else values).astype(np.float64).ravel()
    picked = flat[integers(f"golden:{file}", samples, len(flat))]
    return {
        "shape": list(values.shape),
        "values": numbers(picked, digits),
        "mean": number(flat.mean(), digits),
        "rms": number(math.sqrt((flat**2).mean()), digits),
    }


def described(key: str, shape: tuple[int, ...], low: float, high: float) -> dict[str, object]:
    """An input of a case, as the recordings describe it."""
    return {"key": key, "shape": list(shape), "lo": low, "hi": high}


def drawn(key: str, shape: tuple[int, ...], low: float, high: float) -> Tensor:
    """The input itself, in float64."""
    return torch.from_numpy(uniform(key, shape, low, high)).double()


def generated(key: str, shape: tuple[int, ...], low: float, high: float) -> dict[str, object]:
    """An array of a golden that the tests draw themselves."""
    return {"shape": list(shape), "uniform": [key, low, high]}
