"""One structured log line per batch and one per failure, made of allowed fields only (no PHI can slip in by name).

The Powertools logger writes JSON; `line` refuses fields that are not on the list, so that a new one is a decision. What
others log is scrubbed to who and where, and what breaks a function leaves it without its text: botocore at DEBUG
writes down secrets and items as they come, and the text of an exception may quote a record.
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

# Folders of the inbox and callers of query may be called anything (names: shared/adapters/configuration/schema.py).
_NAMED: Final = frozenset({"clinic", "source"})
_KEY: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_FRAMES: Final = 3
_T = TypeVar("_T")
_Handler = Callable[[dict[str, Any], Any], _T]
_logger = Logger(service=os.environ.get("VAXLINE_FUNCTION", "vaxline"), log_uncaught_exceptions=False)


class Scrubbed(logging.Filter):
    """Lets through, of what others log, warnings and worse: who said it and where in the code, without a word of it."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == _logger.name:
            return True
        if record.levelno < logging.WARNING:
            return False
        error = record.exc_info[0] if record.exc_info else None
        record.msg = f"{record.name} at {record.module}:{record.lineno}" + (f", {error.__name__}" if error else "")
        record.args = record.exc_info = record.exc_text = record.stack_info = None
        return True


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    # Lambda's own handler on the root logger is there before the function's first import.
    for _handler in logging.getLogger().handlers:
        _handler.addFilter(Scrubbed())


class UnexpectedError(RuntimeError):
    """Something broke a function; the text says the exception's type and place and quotes nothing."""


def guarded(handler: _Handler[_T]) -> _Handler[_T]:
    """The handler, whose exceptions leave it as `UnexpectedError`: Lambda logs the text of what a handler raises."""

    @wraps(handler)
    def call(event: dict[str, Any], context: Any) -> _T:
        try:
            return handler(event, context)
        except Exception as error:  # noqa: BLE001 - whatever it is, its text may quote a record
            raise UnexpectedError(f"{type(error).__name__} at {place(error)}") from None

    return call


def place(error: BaseException) -> str:
    """Where it was raised, innermost first: `ledger.py:41 < sweep.py:30`."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))


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
    """Writes one line; a clinic or source that none of clinics.toml can be called is left out.

    Raises:
        ValueError: a field is not on the list of allowed ones.
    """
    unknown = fields.keys() - ALLOWED
    if unknown:
        raise ValueError(f"not an allowed log field: {sorted(unknown)}")
    for name in _NAMED & fields.keys():
        if not _KEY.fullmatch(str(fields[name])):
            fields[name] = ""
    _logger.info(message, **fields)  # type: ignore[arg-type]


def raw(text: str) -> None:
    """Writes a line as it is, where the others go: what `functions.metrics` made."""
    (handler,) = _logger.handlers
    assert isinstance(handler, logging.StreamHandler)
    with handler.lock or nullcontext():
        handler.stream.write(f"{text}\n")
        handler.flush()


def failure(message: str, error: BaseException, **fields: object) -> None:
    """Writes one line about an exception: its type and place alone, because its text may quote a record."""
    line(message, error=type(error).__name__, place=place(error), **fields)
