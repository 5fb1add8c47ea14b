"""An exported file in Python's onnxruntime. No PyTorch here: its memory would count."""

from __future__ import annotations

import numpy as np
import onnxruntime

import inputs
from prepared import Options, Prepared


def onnx(options: Options) -> Prepared:
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    session = onnxruntime.InferenceSession(options.path, settings, providers=["CPUExecutionProvider"])
    feeds = {session.get_inputs()[0].name: inputs.images(options.batch, *options.size)}
    outputs: list[np.ndarray] = []

    def run() -> None:
        outputs[:] = session.run(None, feeds)

    def rms() -> float:
        return float(np.sqrt(np.square(outputs[-1], dtype=np.float64).mean()))

    return Prepared(run, inputs.checksum(*feeds.values()), rms, lambda: f"version {onnxruntime.__version__}")
