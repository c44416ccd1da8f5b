"""The rows of the code tables. Dates are HL7 DT texts (`YYYYMMDD`); an empty text means "not known"."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Status(StrEnum):
    """The states of a CVX; MVX codes and trade names have only the first two."""

    ACTIVE = "Active"
    INACTIVE = "Inactive"
    NEVER_ACTIVE = "Never Active"
    PENDING = "Pending"
    NON_US = "Non-US"


class Kind(StrEnum):
    """The kind of product of a CVX."""

    VACCINE = "vaccine"
    ANTIBODY = "antibody"
    """Immune globulins, antitoxins and monoclonal antibodies."""
    SKIN_TEST = "skin test"
    OTHER = "other"
    """Other codes that CDC does not count as vaccines, such as an adjuvant."""
    SPECIAL = "special"
    """998 no vaccine administered, 999 unknown, 99 reserved."""


class Cvx(msgspec.Struct, frozen=True):
    """A vaccine code.

    Attributes:
        name: CDC's short description in at most 60 characters, or the whole of it if two would be equal.
        updated: The last change of the row.
    """

    code: str
    name: str
    status: Status
    kind: Kind
    unspecified: bool
    """An "unspecified formulation": allowed for history and vaccine groups, not for a dose given here."""
    updated: str


class Mvx(msgspec.Struct, frozen=True):
    """A manufacturer code."""

    code: str
    name: str
    status: Status
    updated: str


class Product(msgspec.Struct, frozen=True):
    """A trade name of one vaccine from one manufacturer; `mvx` is empty if CDC names none."""

    cvx: str
    mvx: str
    name: str
    active: bool
    updated: str


class Ndc(msgspec.Struct, frozen=True):
    """A package.

    Attributes:
        code: The 11-digit form, 5-4-2 with hyphens.
        cvx: Its vaccine; several codes if CDC lists several (a vial for adults and for dialysis patients).
        mvx: Its manufacturer; several codes if CDC lists several.
        name: Its trade name.
        of_use: It is a unit of use (vial, syringe).
        of_sale: It is a unit of sale (carton). A package without an inner one is both.
        start: The begin of its marketing.
        end: The end of its marketing.
        inner: The units of use in a carton.
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
    """A vaccine group: its CVX (usually an unspecified formulation) and its name."""

    cvx: str
    name: str


class Vis(msgspec.Struct, frozen=True):
    """One edition of a vaccine information statement (or EUA fact sheet).

    Attributes:
        document: The 24-character string of coding system cdcgs1vis (OBX-5 of LOINC 69764-9).
        edition: The edition date (LOINC 29768-9).
        name: Its title.
        current: It is the current edition.
        updated: The last change of the row.
        cvx: The vaccines that it is for.
    """

    document: str
    edition: str
    name: str
    current: bool
    updated: str
    cvx: tuple[str, ...]

    @property
    def document_type(self) -> str:
        """The GDTI that all editions have in common: 13 digits of the string."""
        return self.document[3:16]


class TableInfo(msgspec.Struct, frozen=True):
    """A table: its name, the day of its newest change, the number of its rows and its source."""

    name: str
    date: str
    rows: int
    source: str
