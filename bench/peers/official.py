"""Writes the small reference values under test/backbones/official: what the authors' own EfficientFormer and V2 code computes.

    python bench/peers/official.py ../shared/goldens/models test/backbones/official

The large recordings of that code hold whole outputs and the outputs of every module; these hold what a checkout alone can
test: some values of each output, its mean and its norm, and a digest of the parameters' names and shapes.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

V1 = ("l1_cls", "l1_det", "l1_seg", "l3_cls", "l3_det", "l7_cls")
V2 = ("v2_s0_cls", "v2_s0_det", "v2_s0_seg", "v2_s1_cls", "v2_s2_cls", "v2_l_cls")
MODELS = (*V1, *V2)
LOGITS, OF_A_MAP = 64, 40  # samples


def thinned(folder: Path, output: dict) -> dict:
    name = output["name"]
    if "samples" in output:
        idx, values = (np.load(folder / file) for file in output["samples"])
    else:
        values = np.load(folder / f"{name}.npy").ravel()
        idx = np.arange(len(values))
    count = LOGITS if name == "logits" else OF_A_MAP
    picked = np.linspace(0, len(values) - 1, count).astype(int)
    return {
        "name": name,
        "shape": output["shape"],
        "mean": float(f"{output['mean']:.7g}"),
        "norm": float(f"{output['l2']:.7g}"),
        "indices": idx[picked].tolist(),
        "values": [float(f"{x:.7g}") for x in values[picked]],
    }


def main(recorded: Path, folder: Path) -> None:
    for model in MODELS:
        meta = json.loads((recorded / model / "meta.json").read_text())
        # The dense models keep the classifier's unused bias table as a buffer.
        is_classifier = meta["task"] == "cls"
        names = [[n, s] for n, s in meta["generated"] if is_classifier or not n.endswith("attention_biases")]
        digest = hashlib.sha256(json.dumps(names, separators=(",", ":")).encode()).hexdigest()
        small = {
            "official": meta["official"],
            "prefix": meta["prefix"],
            "input": meta["input"],
            "parameters": digest,
            "outputs": [thinned(recorded / model, output) for output in meta["outputs"]],
        }
        text = json.dumps(small, separators=(",", ":"))
        (folder / f"{model}.json").write_text(text + "\n")
        print(f"{model}: {len(text)} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
