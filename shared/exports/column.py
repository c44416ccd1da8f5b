"""One column: its form, the field that it fills, and what becomes of its values."""

from __future__ import annotations

from enum import Enum
from typing import Final

import msgspec

from shared.domain.codes.table import Table


class ColumnKind(Enum):
    """The form of a column's values; the text is for docs/exports.md."""

    TEXT = "text"
    NOTE = "text, may have several lines"
    DATE = "date"
    MONTH = "date, or month"
    CODE = "code or word of a table"
    CVX = "CVX code"
    MVX = "MVX code"
    NDC = "NDC, 11 digits or hyphenated"
    AMOUNT = "number"
    COUNT = "whole number"
    NPI = "NPI, 10 digits"
    OBSERVED = "code of SNOMED CT or CDCPHINVS"
    PHONE = "telephone number"
    EMAIL = "e-mail address"


class Becomes(Enum):
    """The use of a column's values; the text is for docs/csv-columns.md."""

    REPORTED = "reported"
    DECIDES = "decides what the dose is"
    QUALIFIES = "reported; without the value that it is about it says nothing"


class Of(Enum):
    """The doses with which a value is sent. The text says why others go without it, and is for docs/csv-columns.md."""

    EVERY = ""
    GIVEN = "only for doses that were given (RXA-20 CP, PA)"
    HERE = "only for doses given here (RXA-9 00): IZ-23, IZ-24"
    REFUSED = "only for refusals; a dose given with a reason is held"


_NAMES: Final = frozenset({"PID-5", "PID-6", "NK1-2"})
_DATES: Final = frozenset({ColumnKind.DATE, ColumnKind.MONTH})
CODED: Final = frozenset({ColumnKind.CODE, ColumnKind.CVX, ColumnKind.MVX, ColumnKind.OBSERVED})
"""The kinds whose values are codes."""


class Column(msgspec.Struct, frozen=True):
    """One column.

    Attributes:
        name: vaxline's name.
        path: The HL7 field that it fills.
        words: What it holds, for docs/exports.md.
        kind: The form of its values.
        table: The code table of a column of kind CODE.
        required: A CSV file without it cannot be sent.
        matters: A value that cannot be read holds the visit; otherwise the message is sent without it.
        repeats: It may have several values, separated by `;`, or in several columns (`race_1`, `race_2`).
        identifies: Two columns of a file that differ about it hold the row, as if it mattered.
        becomes: What becomes of its values.
        needs: Its values are sent only beside a value of one of these columns.
        of: The doses with which its values are sent.
        aliases: Other names under which it is known in CSV headers (CDC's CVRS and other national lists).
    """

    name: str
    path: str
    words: str
    kind: ColumnKind = ColumnKind.TEXT
    table: Table | None = None
    required: bool = False
    matters: bool = False
    repeats: bool = False
    identifies: bool = False
    becomes: Becomes = Becomes.REPORTED
    needs: tuple[str, ...] = ()
    of: Of = Of.EVERY
    aliases: tuple[str, ...] = ()

    @property
    def is_name(self) -> bool:
        """Whether its values are parts of people's names."""
        return self.path in _NAMES or self.name.endswith(("_last_name", "_first_name"))

    @property
    def unreadable(self) -> str:
        """The code of the finding about a value that cannot be read."""
        if self.kind in _DATES:
            return "DATE-UNREADABLE" if self.matters else "DATE-LEFT-OUT"
        if self.kind in CODED:
            return "CODE-UNKNOWN" if self.matters else "CODE-LEFT-OUT"
        return "VALUE-UNREADABLE" if self.matters else "VALUE-LEFT-OUT"
