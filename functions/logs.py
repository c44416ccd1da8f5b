"""Structured logs without PHI: one line per batch and one per failure, made of allowed fields only.

The Powertools logger writes JSON. `line` raises for a field that is not in `ALLOWED`, so that every new field is a
decision. Records of other loggers are reduced to their logger and place, and exceptions leave a function without their
text: botocore at DEBUG logs secrets and items, and the text of an exception may quote a record.
"""

from __future__ import annotations

import logging
import os
import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import wraps
from pathlib import Path
from typing import Any, Final, TextIO, TypeVar

from aws_lambda_powertools import Logger

ALLOWED: Final = frozenset(
    {
        "msh_10", "clinic", "source", "file_id", "state", "outcome", "fault", "causes", "count", "seconds", "rows",
        "unchanged", "held", "submitted", "delivered", "later", "queued", "stopped", "wait", "error", "place",
    }
)  # fmt: skip

# A folder of the inbox, or the clinic in a query event, may hold any text. Names:
# shared/adapters/configuration/schema.py.
_NAMED: Final = frozenset({"clinic", "source"})
_KEY: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_FRAMES: Final = 3
_T = TypeVar("_T")
_Handler = Callable[[dict[str, Any], Any], _T]
_logger = Logger(service=os.environ.get("VAXLINE_FUNCTION", "vaxline"), log_uncaught_exceptions=False)


class Scrubbed(logging.Filter):
    """Reduces the records of other loggers to warnings and errors, with the logger's name and the place in the code."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Scrub a record. Return False for a record that is dropped."""
        if record.name == _logger.name:
            return True
        if record.levelno < logging.WARNING:
            return False
        error = record.exc_info[0] if record.exc_info else None
        record.msg = f"{record.name} at {record.module}:{record.lineno}" + (f", {error.__name__}" if error else "")
        record.args = record.exc_info = record.exc_text = record.stack_info = None
        return True


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    # Lambda sets its handler on the root logger before it imports the function.
    for _handler in logging.getLogger().handlers:
        _handler.addFilter(Scrubbed())


class UnexpectedError(RuntimeError):
    """An unexpected exception in a function; the text holds the type and the place of the original, nothing else."""


def guarded(handler: _Handler[_T]) -> _Handler[_T]:
    """Decorate a handler so that its exceptions become `UnexpectedError`: Lambda logs the text of what is raised."""

    @wraps(handler)
    def call(event: dict[str, Any], context: Any) -> _T:
        try:
            return handler(event, context)
        except Exception as error:  # noqa: BLE001 - whatever it is, its text may quote a record
            raise UnexpectedError(f"{type(error).__name__} at {place(error)}") from None

    return call


def place(error: BaseException) -> str:
    """Return where an exception was raised, innermost frame first: `ledger.py:41 < sweep.py:30`."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))


@contextmanager
def written_to(stream: TextIO) -> Iterator[None]:
    """Write lines to a stream for the duration of the context (local run, tests)."""
    (handler,) = _logger.handlers
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(stream)
    try:
        yield
    finally:
        if before is not None:
            handler.setStream(before)


def line(message: str, **fields: object) -> None:
    """Write one line. A clinic or source that could not be a key of clinics.toml is left out.

    Raises:
        ValueError: A field is not allowed.
    """
    unknown = fields.keys() - ALLOWED
    if unknown:
        raise ValueError(f"not an allowed log field: {sorted(unknown)}")
    for name in _NAMED & fields.keys():
        if not _KEY.fullmatch(str(fields[name])):
            fields[name] = ""
    _logger.info(message, **fields)  # type: ignore[arg-type]


def raw(text: str) -> None:
    """Write a finished line, as `functions.metrics` makes them, to the stream of the log."""
    (handler,) = _logger.handlers
    assert isinstance(handler, logging.StreamHandler)
    with handler.lock or nullcontext():
        handler.stream.write(f"{text}\n")
        handler.flush()


def failure(message: str, error: BaseException, **fields: object) -> None:
    """Write one line about an exception: its type and place, without its text, which may quote a record."""
    line(message, error=type(error).__name__, place=place(error), **fields)
