"""Reading what EHRs export into domain records, as a stream.

    arrived file ──parts_to_convert──► parts ──READERS[format].read──► visits

`READERS` are the formats, `CHECKS` every finding that readers and checks can have.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from shared.domain import checks
from shared.domain.checks import Check
from shared.exports import findings
from shared.exports.arrivals import is_complete, is_part, is_set, looks_like, parts_to_convert, set_name

if TYPE_CHECKING:
    from shared.exports.readers import READERS

CHECKS: Final[Mapping[str, Check]] = MappingProxyType(checks.BY_CODE | findings.BY_CODE)

__all__ = ["CHECKS", "READERS", "is_complete", "is_part", "is_set", "looks_like", "parts_to_convert", "set_name"]


def __getattr__(name: str) -> Any:
    """Loads the readers when they are first asked for: a function that reads no exports starts without them."""
    if name != "READERS":
        raise AttributeError(name)
    from shared.exports import readers  # noqa: PLC0415 - as above

    return readers.READERS
