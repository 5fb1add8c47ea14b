"""What pycocotools, faster-coco-eval, NumPy and MMSegmentation do in the evaluation cases. No torch unless it is used."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from prepared import Options, Prepared


def judged(load: Callable[[], Any], evaluator: Callable[[Any, Any], Any], results: Path) -> Prepared:
    state: dict[str, Any] = {}

    def run() -> None:
        start = time.perf_counter()
        truth = load()
        found = truth.loadRes(str(results))
        loaded = time.perf_counter()
        evaluation = evaluator(truth, found)
        evaluation.evaluate()
        evaluation.accumulate()
        state["times"] = loaded - start, time.perf_counter() - loaded
        evaluation.summarize()
        state["stats"] = [float(value) for value in evaluation.stats[:12]]

    def note() -> str:
        loading, judging = state["times"]
        return f"AP {state['stats'][0]}; load {loading:.2f} s, evaluate and accumulate {judging:.2f} s"

    return Prepared(run, check=lambda: sum(state["stats"]), note=note)


def pycocotools(options: Options) -> Prepared:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    folder = Path(options.path)
    load = lambda: COCO(str(folder / "annotations.json"))  # noqa: E731
    return judged(load, lambda gt, dt: COCOeval(gt, dt, options.variant), folder / f"{options.variant}.json")


def faster_coco_eval(options: Options) -> Prepared:
    from faster_coco_eval import COCO, COCOeval_faster

    folder = Path(options.path)
    load = lambda: COCO(str(folder / "annotations.json"))  # noqa: E731
    evaluator = lambda gt, dt: COCOeval_faster(gt, dt, options.variant)  # noqa: E731
    return judged(load, evaluator, folder / f"{options.variant}.json")


WIDTH, HEIGHT, CLASSES, TOTAL = 683, 512, 150, 2000
IGNORED = 255


def maps(options: Options) -> tuple[np.ndarray, np.ndarray]:
    read = lambda name: np.fromfile(Path(options.path) / name, np.uint8).reshape(-1, HEIGHT, WIDTH)  # noqa: E731
    return read("labels.bin"), read("predictions.bin")


def miou(options: Options, count: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, ...]]) -> Prepared:
    """`count` returns an image's intersections, labelled and predicted pixels by class."""
    labels, predictions = maps(options)
    result: list[float] = []

    def run() -> None:
        totals = np.zeros((3, CLASSES))
        for i in range(TOTAL):
            totals += np.stack(count(labels[i % len(labels)], predictions[i % len(labels)]))
        intersection, labelled, predicted = totals
        result[:] = [float((intersection / (labelled + predicted - intersection)).mean())]

    return Prepared(run, check=lambda: result[0])


def numpy_bincount(options: Options) -> Prepared:
    """One `bincount` over label · classes + prediction per image."""

    def count(label: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, ...]:
        mask = label != IGNORED
        pairs = label[mask].astype(np.int32) * CLASSES + prediction[mask]
        matrix = np.bincount(pairs, minlength=CLASSES * CLASSES).reshape(CLASSES, CLASSES)
        return matrix.diagonal(), matrix.sum(1), matrix.sum(0)

    return miou(options, count)


def mmseg_histc(options: Options) -> Prepared:
    """MMSegmentation's `intersect_and_union`, reimplemented: three `histc` per image."""
    import torch

    torch.set_num_threads(options.threads)

    def histogram(values: torch.Tensor) -> np.ndarray:
        return torch.histc(values.float(), bins=CLASSES, min=0, max=CLASSES - 1).numpy()

    def count(label: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, ...]:
        truth, found = torch.from_numpy(label), torch.from_numpy(prediction)
        mask = truth != IGNORED
        truth, found = truth[mask], found[mask]
        return histogram(found[found == truth]), histogram(truth), histogram(found)

    return miou(options, count)


CASES: dict[str, Callable[[Options], Prepared]] = {
    "pycocotools": pycocotools,
    "faster-coco-eval": faster_coco_eval,
    "numpy-bincount": numpy_bincount,
    "mmseg-histc": mmseg_histc,
}
