"""PyTorch's DataLoader with torchvision's transforms (v2) on the images of the loader's cases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import tv_tensors
from torchvision.datasets import CocoDetection, wrap_dataset_for_transforms_v2
from torchvision.io import ImageReadMode, decode_image
from torchvision.transforms import v2

from prepared import Options, Prepared

BATCHES_PER_RUN = 44
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
IGNORED = 255


def to_input() -> list[v2.Transform]:
    return [v2.ToDtype({tv_tensors.Image: torch.float32, "others": None}, scale=True), v2.Normalize(MEAN, STD)]


class DecodedCoco(CocoDetection):
    """Decodes by torchvision.io instead of PIL."""

    def _load_image(self, id: int) -> Any:
        path = Path(self.root) / self.coco.loadImgs(id)[0]["file_name"]
        return tv_tensors.Image(decode_image(str(path), ImageReadMode.RGB))


class LabelMaps(Dataset):
    def __init__(self, root: Path, decoder: str, transforms: v2.Transform) -> None:
        self.images = sorted((root / "images/training").glob("*.jpg"))
        self.labels = [root / "annotations/training" / f"{path.stem}.png" for path in self.images]
        self.decoder, self.transforms = decoder, transforms

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        if self.decoder == "pil":
            image = v2.functional.to_image(Image.open(self.images[i]).convert("RGB"))
            labels = torch.from_numpy(np.array(Image.open(self.labels[i])))
        else:
            image = tv_tensors.Image(decode_image(str(self.images[i]), ImageReadMode.RGB))
            labels = decode_image(str(self.labels[i]), ImageReadMode.UNCHANGED)[0]
        labels = torch.where(labels == 0, IGNORED, labels - 1).to(torch.uint8)  # reduce zero label
        return self.transforms(image, tv_tensors.Mask(labels))


class EndlessGroups:
    """Endless shuffled batches of two, of landscape or portrait images only."""

    def __init__(self, groups: list[int]) -> None:
        self.groups, self.random = np.array(groups), np.random.default_rng(1)

    def __iter__(self) -> Iterator[list[int]]:
        while True:
            batches = []
            for group in np.unique(self.groups):
                members = self.random.permutation(np.flatnonzero(self.groups == group))
                batches += [members[i : i + 2].tolist() for i in range(0, len(members) - 1, 2)]
            yield from (batches[i] for i in self.random.permutation(len(batches)))


def collate_padded(samples: list[tuple[Tensor, dict[str, Any]]]) -> tuple[Tensor, list[dict[str, Any]]]:
    height, width = (-(-max(image.shape[side] for image, _ in samples) // 32) * 32 for side in (1, 2))
    images = torch.zeros(len(samples), 3, height, width)
    for target, (image, _) in zip(images, samples, strict=True):
        target[:, : image.shape[1], : image.shape[2]] = image
    return images, [target for _, target in samples]


def loader(dataset: Any, groups: list[int], options: Options, collate: Any = None) -> Prepared:
    loaded = DataLoader(
        dataset,
        batch_sampler=EndlessGroups(groups),
        num_workers=options.threads,
        collate_fn=collate,
        prefetch_factor=2,
        persistent_workers=True,
    )
    batches = iter(loaded)

    def run() -> None:
        for _ in range(BATCHES_PER_RUN):
            next(batches)

    return Prepared(run)


def loader_coco(options: Options) -> Prepared:
    root = Path(options.path) / "coco-mini"
    kind = CocoDetection if options.variant == "pil" else DecodedCoco
    transforms = v2.Compose(
        [v2.ToImage(), v2.RandomShortestSize(800, max_size=1333), v2.RandomHorizontalFlip(), *to_input()]
    )
    dataset = kind(root / "train2017", root / "annotations/instances_train2017.json", transforms=transforms)
    groups = [int(dataset.coco.imgs[id]["width"] < dataset.coco.imgs[id]["height"]) for id in dataset.ids]
    wrapped = wrap_dataset_for_transforms_v2(dataset, target_keys=("boxes", "labels", "masks"))
    return loader(wrapped, groups, options, collate_padded)


def loader_ade20k(options: Options) -> Prepared:
    transforms = v2.Compose(
        [
            v2.RandomResize(256, 1025),
            v2.RandomCrop(512, pad_if_needed=True, fill={tv_tensors.Image: 0, tv_tensors.Mask: IGNORED}),
            v2.RandomHorizontalFlip(),
            v2.RandomPhotometricDistort(hue=(-0.1, 0.1)),
            *to_input(),
        ]
    )
    dataset = LabelMaps(Path(options.path) / "coco-stuff-sem", options.variant, transforms)
    return loader(dataset, [0] * len(dataset), options)
