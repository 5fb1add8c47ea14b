"""Reads a record's batches again from the image and annotation files, by PIL, OpenCV and PyTorch."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

MEAN = torch.tensor([123.675, 116.28, 103.53])[:, None, None]
STD = torch.tensor([58.395, 57.12, 57.375])[:, None, None]


class Reader:
    """`resize`: "bytes", as OpenCV does it, rounded to 0–255, or "floats", as PyTorch does it, not rounded."""

    def __init__(self, run: dict, resize: str) -> None:
        self.folder, self.files, self.resize = Path(run["source"]["images"]), run["files"], resize
        told = json.loads(Path(run["source"]["annotations"]).read_text())
        self.images = {image["file_name"]: image for image in told["images"]}
        self.boxes: dict[int, list[list[float]]] = {}
        for annotation in told["annotations"]:
            self.boxes.setdefault(annotation["image_id"], []).append(annotation["bbox"])

    def image(self, file: str, height: int, width: int, flipped: bool) -> Tensor:
        pixels = np.asarray(Image.open(self.folder / file).convert("RGB"))
        if self.resize == "bytes":
            resized = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR)
            values = torch.from_numpy(resized).permute(2, 0, 1).float()
        else:
            whole = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float()
            values = F.interpolate(whole, size=(height, width), mode="bilinear", align_corners=False)[0]
        return ((values.flip(-1) if flipped else values) - MEAN) / STD

    def truth(self, file: str, height: int, width: int, flipped: bool) -> Tensor:
        image = self.images[file]
        across, down = width / image["width"], height / image["height"]
        boxes = torch.tensor(self.boxes.get(image["id"], []), dtype=torch.float64).reshape(-1, 4)
        left, top, right, bottom = (*boxes[:, :2].T, *(boxes[:, :2] + boxes[:, 2:]).T)
        left, right = ((side.clamp(0, image["width"]) * across) for side in (left, right))
        top, bottom = ((side.clamp(0, image["height"]) * down) for side in (top, bottom))
        if flipped:
            left, right = width - right, width - left
        return torch.stack([left, top, right, bottom], 1).float()

    def replace(self, step: int, record: dict[str, Tensor]) -> tuple[float, float]:
        """Replaces the record's images by those read here; returns how far its values and its boxes differ."""
        images, boxes = torch.zeros_like(record["images"]), 0.0
        for i, file in enumerate(self.files[step - 1]):
            height, width, flipped = record[f"size/{i}"].tolist()
            images[i, :, :height, :width] = self.image(file, height, width, bool(flipped))
            truth = self.truth(file, height, width, bool(flipped))
            boxes = max(boxes, float((truth - record[f"boxes/{i}"]).abs().amax()) if len(truth) else 0.0)
        pixels = float((images - record["images"]).abs().max())
        record["images"] = images
        return pixels, boxes
