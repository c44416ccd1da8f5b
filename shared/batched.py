"""Values in lists of at most so many: what calls that take several at once are fed with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

_T = TypeVar("_T")


def batched(values: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """The values in their order, `size` at a time and the rest last, read as the iterator advances.

    `itertools.batched` of Python 3.12, and vaxline runs on 3.11 too.
    """
    source = iter(values)
    while batch := list(islice(source, size)):
        yield batch
