"""A peer of the benchmark: one process per case, JSON lines in and out.

{"cmd": "prepare", "case": NAME, "options": {...}} -> {"checksum": CRC-32 of the inputs or null}
{"cmd": "run", "seconds": S}                       -> {"ms": [...]}: repeated until S seconds have passed, at least once
{"cmd": "report"}                                  -> {"peakMb": ..., "check": ... or null, "note": ...}
{"cmd": "export", "model": NAME, "options": {...}} -> {}
Any failure                                        -> {"error": "..."}
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import warnings
from pathlib import Path
from typing import Any

# Libraries that print would break the protocol: they get stderr instead.
replies = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)
warnings.filterwarnings("ignore")

from prepared import Options, Prepared  # noqa: E402

prepared: Prepared | None = None


def prepare(message: dict[str, Any]) -> dict[str, Any]:
    global prepared
    options = Options(**message["options"])
    if message["case"] == "onnx":
        from onnx_case import onnx

        prepared = onnx(options)
    elif message["case"].startswith("loader-"):
        import loader

        prepared = getattr(loader, message["case"].replace("-", "_"))(options)
    elif message["case"] in ("pycocotools", "faster-coco-eval", "numpy-bincount", "mmseg-histc"):
        import evaluation

        prepared = evaluation.CASES[message["case"]](options)
    else:
        import torch
        from cases import CASES

        torch.set_num_threads(options.threads)
        prepared = CASES[message["case"]](options)
    return {"checksum": prepared.checksum}


def run(message: dict[str, Any]) -> dict[str, Any]:
    assert prepared is not None, "run before prepare"
    start, times = time.perf_counter(), []
    while not times or time.perf_counter() - start < message["seconds"]:
        before = time.perf_counter()
        prepared.run()
        times.append((time.perf_counter() - before) * 1000)
    return {"ms": times}


def peak_mb() -> float:
    """Peak resident memory. Linux's own counter first: getrusage's is inherited from the parent process."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def report(_: dict[str, Any]) -> dict[str, Any]:
    assert prepared is not None, "report before prepare"
    peak = peak_mb()
    return {"peakMb": peak, "check": prepared.check(), "note": prepared.note()}


def write_export(message: dict[str, Any]) -> dict[str, Any]:
    from cases import export

    export(message["model"], Options(**message["options"]))
    return {}


COMMANDS = {"prepare": prepare, "run": run, "report": report, "export": write_export}


def main() -> None:
    for line in sys.stdin:
        message = json.loads(line)
        try:
            reply = COMMANDS[message["cmd"]](message)
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        replies.write(json.dumps(reply) + "\n")


main()
