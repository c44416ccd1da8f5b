"""A value with some of its fields changed, whichever of the two kinds of value it is."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

import msgspec

_T = TypeVar("_T")


def replace(value: _T, /, **changes: Any) -> _T:
    """A copy of a frozen struct or dataclass with these fields.

    `copy.replace` of Python 3.13, and vaxline runs on 3.11 too.

    Raises:
        TypeError: it has no such field.
    """
    one: Any = value
    made: _T = (msgspec.structs if isinstance(one, msgspec.Struct) else dataclasses).replace(one, **changes)
    return made
