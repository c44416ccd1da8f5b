"""The terms of profile Z22's table: usage, predicate, statement, and the parts of data types and segments.

Tests and predicates see the parts of one value as a list that counts from 0 (`parts[0]` is component 1), and a segment
as its fields, counted from 1 (`values[0]` is the segment's name), each as it stands in ER7.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, StrEnum
from typing import Final, NamedTuple

from shared.domain.z22.valuesets import ValueSet


class Usage(StrEnum):
    """What the profile says of an element (IG chapter 3)."""

    R = "required"
    RE = "required but may be empty"
    C = "conditional"
    O = "optional"  # noqa: E741  # the name that HL7 gives it
    X = "not supported"
    B = "kept for backward compatibility"


Parts = list[str]
"""The parts of a value, or the fields of a segment, each as it stands in ER7."""

Test = Callable[[Parts], bool]


class Predicate(NamedTuple):
    """The usage of a conditional element: `then` where the condition holds, else `otherwise`."""

    words: str
    holds: Test
    then: Usage
    otherwise: Usage


class Statement(NamedTuple):
    """A conformance statement about one value: the code of its check, and what a value must pass."""

    code: str
    passes: Callable[[str], bool]


class Part(NamedTuple):
    """One component: `longest` 0 is no limit; `warned` says whether an empty RE is worth a warning."""

    position: int
    name: str
    usage: Usage
    type: str
    longest: int = 0
    shortest: int = 1
    values: ValueSet | None = None
    when: Predicate | None = None
    statement: Statement | None = None
    warned: bool = False


class DataType(NamedTuple):
    """One composite type: how many parts HL7 gives it, and those that are more than optional text."""

    size: int
    parts: tuple[Part, ...] = ()


ANY: Final = 0
"""As a greatest number of repetitions: no limit."""


class Origin(Enum):
    """Where the value of a field comes from, and so who can mend it."""

    EHR = "the EHR's export"
    CODED = "a code of the EHR's export"
    SETUP = "clinics.toml"
    VAXLINE = "vaxline itself"


class Field(NamedTuple):
    """One field; `repeats` is the greatest number of repetitions, `longest` counts for primitive types only.

    `warned` is whether an empty RE (or a C that became RE) is worth a warning: not where the record-level checks warn
    already (`shared.domain.checks`), nor where nothing is what there is to say (no death, no middle name).
    """

    number: int
    label: str
    usage: Usage
    type: str
    longest: int = 0
    shortest: int = 1
    repeats: int = 1
    values: ValueSet | None = None
    when: Predicate | None = None
    statement: Statement | None = None
    origin: Origin = Origin.EHR
    warned: bool = False


class Segment(NamedTuple):
    """One segment: `size` fields by HL7 v2.5.1, `label` in the analyst's words.

    `fields` are those that the profile requires, conditions, expects or forbids; `optional`, by number, those that it
    leaves to HL7: type (`ST` stands for every primitive one) and greatest number of repetitions.
    """

    name: str
    label: str
    size: int
    fields: tuple[Field, ...]
    optional: dict[int, tuple[str, int]]


GIVEN: Final = frozenset({"CP", "PA"})
"""RXA-20 of what was given, completely or partially."""


def first(value: str) -> str:
    """The first component of a field's first repetition."""
    return value.split("~", 1)[0].split("^", 1)[0]


def is_given_here(rxa: Parts) -> bool:
    """RXA-9.1 is 00 and RXA-20 is CP or PA: the condition of lot, provider, place, eligibility and VIS."""
    return rxa[20] in GIVEN and first(rxa[9]) == "00"


def leading(code: str, test: Callable[[str], bool]) -> Statement:
    """A statement about the first component of a field, where there is one."""
    return Statement(code, lambda value: (head := value.split("^", 1)[0]) == "" or test(head))


def forbidden(*fields: tuple[int, str]) -> tuple[Field, ...]:
    """Rows of fields that may not be sent, by number and label."""
    return tuple(Field(number, label, Usage.X, "ST") for number, label in fields)
