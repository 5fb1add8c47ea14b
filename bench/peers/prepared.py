"""What a case is told and what it gives back."""

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
    """`run` is timed; `check` is a figure to compare with the other side's, `note` what a reader must know."""

    run: Callable[[], None]
    checksum: int | None = None
    check: Callable[[], float | None] = field(default=lambda: None)
    note: Callable[[], str] = field(default=lambda: "")
