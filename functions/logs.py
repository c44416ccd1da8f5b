"""One structured log line per batch and one per failure, made of allowed fields only (no PHI can slip in by name).

The Powertools logger writes JSON; `line` refuses fields that are not on the list, so that a new one is a decision.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Final, TextIO

from aws_lambda_powertools import Logger

ALLOWED: Final = frozenset(
    {
        "msh_10", "clinic", "source", "file_id", "state", "outcome", "fault", "causes", "count", "seconds", "rows",
        "unchanged", "held", "submitted", "delivered", "later", "queued", "stopped", "wait", "error",
    }
)  # fmt: skip

_logger = Logger(service=os.environ.get("VAXLINE_FUNCTION", "vaxline"), log_uncaught_exceptions=False)


@contextmanager
def written_to(stream: TextIO) -> Iterator[None]:
    """Lines go to this stream meanwhile (the local run; tests)."""
    (handler,) = _logger.handlers
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(stream)
    try:
        yield
    finally:
        if before is not None:
            handler.setStream(before)


def line(message: str, **fields: object) -> None:
    """Writes one line.

    Raises:
        ValueError: a field is not on the list of allowed ones.
    """
    unknown = fields.keys() - ALLOWED
    if unknown:
        raise ValueError(f"not an allowed log field: {sorted(unknown)}")
    _logger.info(message, **fields)  # type: ignore[arg-type]


def raw(text: str) -> None:
    """Writes a line as it is, where the others go: what `functions.metrics` made."""
    (handler,) = _logger.handlers
    assert isinstance(handler, logging.StreamHandler)
    with handler.lock or nullcontext():
        handler.stream.write(f"{text}\n")
        handler.flush()


def failure(message: str, error: BaseException, **fields: object) -> None:
    """Writes one line about an exception: its type alone, because its text may quote a record."""
    line(message, error=type(error).__name__, **fields)
