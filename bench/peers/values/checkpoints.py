"""Small files written by torch.save, safetensors and NumPy, and what is in them."""

from __future__ import annotations

import argparse
import json
import math
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from prng import parameter_value, uniform

PREFIX = "A:ckpt"  # as in the recordings
DTYPES = ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")


def described(value: object) -> dict[str, object]:
    """A file's contents as JSON: the elements of a tensor in row-major order of its shape."""
    if isinstance(value, Tensor):
        flat = value.detach().to(torch.float32) if value.dtype in (torch.float16, torch.bfloat16) else value.detach()
        elements = [x if math.isfinite(x) else "Infinity" if x > 0 else "-Infinity" for x in flat.reshape(-1).tolist()]
        return {"tensor": str(value.dtype).removeprefix("torch."), "shape": list(value.shape), "values": elements}
    if isinstance(value, dict):
        return {"dict": [[key, described(one)] for key, one in value.items()]}
    if isinstance(value, (list, tuple)):
        return {type(value).__name__: [described(one) for one in value]}
    if value is None or isinstance(value, (str, int, float)):
        return {"scalar": value}
    return {"opaque": f"{type(value).__module__}.{type(value).__qualname__}"}


def of_every_type() -> dict[str, object]:
    tensors: dict[str, object] = {}
    for name in DTYPES:
        dtype = getattr(torch, name)
        if dtype.is_floating_point:
            values = torch.tensor([0.0, -0.0, 1.5, -2.25, 1e-3, math.inf, -math.inf], dtype=dtype)
        elif dtype == torch.bool:
            values = torch.tensor([True, False, True])
        else:
            info = torch.iinfo(dtype)
            values = torch.tensor([0, 1, info.min, info.max], dtype=dtype)
        tensors[name] = values
    tensors["scalar"] = torch.tensor(3.5)
    tensors["empty"] = torch.zeros(0, 3)
    return tensors


def views() -> dict[str, object]:
    whole = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    return {
        "whole": whole,
        "shared": whole,
        "transposed": whole.t(),
        "column": whole[:, 1],
        "every second": whole[::2, 1:],
        "expanded": torch.tensor([7.0]).expand(3, 2),
        "channels last": torch.arange(16, dtype=torch.float32).reshape(1, 2, 2, 4).contiguous(memory_format=torch.channels_last),
    }


def nested() -> dict[str, object]:
    weights = OrderedDict([("0.weight", torch.tensor([[1.0, 2.0], [3.0, 4.0]])), ("0.bias", torch.tensor([5.0, 6.0]))])
    layer = nn.Linear(2, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.25, -0.5]]))
    return {
        "state_dict": weights,
        "meta": {"epoch": 12, "CLASSES": ("a", "b"), "config": "x=1", "loss": 0.125, "nothing": None, "done": True},
        "history": [torch.tensor([1, 2]), {"again": weights["0.bias"]}, (1, "two")],
        "parameter": layer.weight,
        3: torch.tensor([9.0]),
        "args": argparse.Namespace(lr=0.1),
    }


def layouts(folder: Path) -> None:
    contents = {"dtypes": of_every_type(), "views": views(), "nested": nested()}
    for form, zipped in (("zip", True), ("legacy", False)):
        for name, content in contents.items():
            path = folder / f"{form}_{name}.pth"
            torch.save(content, path, _use_new_zipfile_serialization=zipped)
            path.with_suffix(".json").write_text(json.dumps(described(content), separators=(",", ":")) + "\n")


SHAPES = {
    "patch_embed.0.weight": (4, 3, 3, 3),
    "patch_embed.0.bias": (4,),
    "patch_embed.1.weight": (4,),
    "patch_embed.1.bias": (4,),
    "patch_embed.1.running_mean": (4,),
    "patch_embed.1.running_var": (4,),
    "patch_embed.1.num_batches_tracked": (),
    "network.0.0.layer_scale_1": (4,),
    "network.0.0.mlp.fc1.weight": (16, 4, 1, 1),
    "network.0.0.mlp.fc1.bias": (16,),
    "network.6.0.token_mixer.attention_biases": (2, 9),
    "network.6.0.token_mixer.qkv.weight": (24, 4),
    "network.6.0.token_mixer.qkv.bias": (24,),
    "head.weight": (7, 4),
    "head.bias": (7,),
}


def weights() -> OrderedDict[str, Tensor]:
    """Some tensors of an EfficientFormer as small as can be."""
    state: OrderedDict[str, Tensor] = OrderedDict()
    for name, shape in SHAPES.items():
        value = parameter_value(PREFIX, name, shape)
        state[name] = torch.tensor(123) if value is None else torch.from_numpy(value)
    return state


def models(folder: Path) -> None:
    """Checkpoints as training programs write them."""
    state = weights()
    optimizer = torch.optim.AdamW([nn.Parameter(torch.zeros(2))], lr=1e-3).state_dict()
    average = OrderedDict(list(state.items())[:3])
    training = {
        "model": state,
        "optimizer": optimizer,
        "lr_scheduler": {"t_initial": 300, "values": [1e-3], "mode": "cosine"},
        "epoch": 123,
        "model_ema": OrderedDict((name, tensor.clone()) for name, tensor in average.items()),
        "args": argparse.Namespace(model="efficientformer_l1", batch_size=128, lr=1e-3),
    }
    prefixed = OrderedDict((f"backbone.{name}", tensor) for name, tensor in state.items())
    torch.save({"model": state}, folder / "tiny_model.pth")
    torch.save(state, folder / "tiny_flat.pth")
    torch.save(training, folder / "tiny_training.pth")
    torch.save({"meta": {"epoch": 12, "CLASSES": ("a", "b")}, "state_dict": prefixed}, folder / "tiny_state_dict_mm.pth")
    torch.save({"model": state}, folder / "tiny_legacy.pth", _use_new_zipfile_serialization=False)
    save_file(dict(state), folder / "tiny.safetensors")
    odd = {"f16": torch.tensor([1.5, -2.25, 65504, 6e-8], dtype=torch.float16), **views(), "parameter": nn.Parameter(torch.ones(2))}
    torch.save(odd, folder / "odd_tensors.pth")
    told = {name: described(tensor) for name, tensor in odd.items()}
    expected = {name: {"dtype": one.pop("tensor"), **one} for name, one in told.items()}
    (folder / "expected.json").write_text(json.dumps({"odd_tensors": expected}, separators=(",", ":")) + "\n")


def arrays(folder: Path) -> None:
    """A float32 array of two dimensions."""
    np.save(folder / "uniform.npy", uniform("golden:npy", (4, 5), -3, 3))
