"""Weights of whole models, drawn by their published names, and what their gradients are kept as."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import torch
from torch import Tensor, nn

from prng import integers, parameter_value
from values.golden import number, numbers

# A gradient that is zero in exact arithmetic: a bias before a batch norm.
NOTHING = 1e-9


def as_it_is(name: str) -> str:
    return name


@torch.no_grad()
def draw(
    model: nn.Module,
    prefix: str,
    gains: dict[str, float],
    overrides: dict[str, list[float]],
    rename: Callable[[str], str] = as_it_is,
) -> None:
    """In float64. `gains` scale the ranges of some weights, `overrides` are values of some biases, by published names."""
    model.double()
    for own, tensor in model.state_dict().items():
        name = rename(own)
        value = parameter_value(prefix, name, tuple(tensor.shape), gains.get(name, 1.0))
        if name in overrides:
            tensor.copy_(torch.tensor(overrides[name], dtype=torch.float32))
        elif value is not None:
            tensor.copy_(torch.from_numpy(value))


def digest(model: nn.Module, rename: Callable[[str], str] = as_it_is) -> str:
    """SHA-256 of the sorted names and shapes as JSON."""
    state = {rename(own): list(tensor.shape) for own, tensor in model.state_dict().items()}
    rows = sorted([name, shape] for name, shape in state.items() if not name.endswith("num_batches_tracked"))
    return hashlib.sha256(json.dumps(rows, separators=(",", ":")).encode()).hexdigest()


def samples_of(key: str, name: str, tensor: Tensor, count: int = 3) -> list[int]:
    return integers(f"{key}:{name}", count, tensor.numel()).tolist()


def gradients(
    model: nn.Module, key: str, every: int, rename: Callable[[str], str] = as_it_is
) -> list[dict[str, object]]:
    """Norm and a few elements of the gradients of every so many parameters."""
    rows = []
    for own, parameter in list(model.named_parameters())[::every]:
        idx = samples_of(key, rename(own), parameter)
        norm = float(parameter.grad.norm())
        rows.append(
            {
                "name": rename(own),
                "l2": number(norm),
                "idx": idx,
                "grad": numbers(parameter.grad.flatten()[idx], 6),
                # As in the recordings, where it is the error of float32; here only whether there is anything to compare.
                "rel_err_fp32": None if norm < NOTHING else 0,
            }
        )
    return rows
