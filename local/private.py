"""Files and folders of a local run, which may quote patients: only their owner can read them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, Literal, TextIO


def folder(path: Path) -> Path:
    """Make a folder that only its owner may enter, unless it is there; return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def own_folder(path: Path) -> Path:
    """Make a folder of the run's own, or take an existing one from other users; return it."""
    folder(path).chmod(0o700)
    return path


def opened(path: Path, mode: Literal["w", "a"] = "w") -> TextIO:
    """Open a text file for writing that only its owner may read."""
    return open(path, mode, encoding="utf-8", opener=_opener)


def opened_for_bytes(path: Path) -> BinaryIO:
    """Open a file for writing that only its owner may read."""
    return open(path, "wb", opener=_opener)


def _opener(path: str, flags: int) -> int:
    descriptor = os.open(path, flags, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor
