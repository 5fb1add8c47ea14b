"""The options of a case and its result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Options:
    variant: str = "l1"
    size: tuple[int, int] = (512, 512)
    batch: int = 1
    layout: str = "contiguous"
    objects: int = 8
    path: str = ""
    threads: int = 2


@dataclass
class Prepared:
    """`run` is timed; `check` is a number to compare with the other side's, `note` a remark for readers."""

    run: Callable[[], None]
    checksum: int | None = None
    check: Callable[[], float | None] = field(default=lambda: None)
    note: Callable[[], str] = field(default=lambda: "")
