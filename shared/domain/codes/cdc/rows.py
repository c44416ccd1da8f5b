"""What one row of each code table says. Dates are HL7 DT texts (`YYYYMMDD`), an empty text means "not known"."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Status(StrEnum):
    """The states that CDC gives a CVX; MVX codes and trade names have the first two only."""

    ACTIVE = "Active"
    INACTIVE = "Inactive"
    NEVER_ACTIVE = "Never Active"
    PENDING = "Pending"
    NON_US = "Non-US"


class Kind(StrEnum):
    """What a CVX stands for."""

    VACCINE = "vaccine"
    ANTIBODY = "antibody"
    """Immune globulins, antitoxins and monoclonal antibodies."""
    SKIN_TEST = "skin test"
    OTHER = "other"
    """What CDC calls no vaccine and is none of the above, such as an adjuvant."""
    SPECIAL = "special"
    """998 no vaccine administered, 999 unknown, 99 reserved."""


class Cvx(msgspec.Struct, frozen=True):
    """A vaccine code; `updated` is the row's last change.

    `name` is CDC's short description in at most 60 characters; it is whole where two would then read alike.
    """

    code: str
    name: str
    status: Status
    kind: Kind
    unspecified: bool
    """An "unspecified formulation": right for history and vaccine groups, never for a dose given here."""
    updated: str


class Mvx(msgspec.Struct, frozen=True):
    """A manufacturer code."""

    code: str
    name: str
    status: Status
    updated: str


class Product(msgspec.Struct, frozen=True):
    """A trade name of one vaccine from one manufacturer; `mvx` is empty where CDC names none."""

    cvx: str
    mvx: str
    name: str
    active: bool
    updated: str


class Ndc(msgspec.Struct, frozen=True):
    """A package. `code` is the 11-digit form, 5-4-2 with hyphens.

    `cvx` and `mvx` hold more than one code where CDC lists more (a vial for adults and for dialysis patients).
    `of_use` is what is in the hand (vial, syringe), `of_sale` the carton; a package without an inner one is both.
    `inner` names the units of use in a carton. `start` and `end` are the marketing dates as CDC has them.
    """

    code: str
    cvx: tuple[str, ...]
    mvx: tuple[str, ...]
    name: str
    of_use: bool
    of_sale: bool
    start: str
    end: str
    inner: tuple[str, ...]


class Group(msgspec.Struct, frozen=True):
    """A vaccine group: its CVX (mostly an unspecified formulation) and CDC's name for it."""

    cvx: str
    name: str


class Vis(msgspec.Struct, frozen=True):
    """One edition of a vaccine information statement (or EUA fact sheet).

    `document` is the 24-character string of coding system cdcgs1vis (OBX-5 of LOINC 69764-9), `edition` what LOINC
    29768-9 says, `cvx` the vaccines that it belongs to.
    """

    document: str
    edition: str
    name: str
    current: bool
    updated: str
    cvx: tuple[str, ...]

    @property
    def document_type(self) -> str:
        """The GDTI of all editions: 13 digits within the string."""
        return self.document[3:16]


class TableInfo(msgspec.Struct, frozen=True):
    """What a table states about itself: `date` is the newest change in it (`YYYYMMDD`)."""

    name: str
    date: str
    rows: int
    source: str
