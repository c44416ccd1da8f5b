"""The terms of profile Z22's table: usage, predicates, conformance statements, data types, fields and segments.

Tests and predicates get a value's components as a list that counts from 0, or a segment's fields as a list that counts
as HL7 does (`values[0]` is the segment's name). Each is a text as it stands in ER7; lists are padded to HL7's length.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, StrEnum
from typing import Final, NamedTuple

from shared.domain.z22.valuesets import ValueSet


class Usage(StrEnum):
    """The usage of an element in the profile (IG R1.5, chapter 3)."""

    R = "required"
    RE = "required but may be empty"
    C = "conditional"
    O = "optional"  # noqa: E741  # the name that HL7 gives it
    X = "not supported"
    B = "kept for backward compatibility"


Parts = list[str]
"""The components of a value, or the fields of a segment, as they stand in ER7."""

Test = Callable[[Parts], bool]


class Predicate(NamedTuple):
    """The condition of a conditional element.

    Attributes:
        words: The condition in words.
        holds: Tests it.
        then: The usage if it holds.
        otherwise: The usage if it does not.
    """

    words: str
    holds: Test
    then: Usage
    otherwise: Usage


class Statement(NamedTuple):
    """A conformance statement about one value: the code of its check, and the test that a value must pass."""

    code: str
    passes: Callable[[str], bool]


class Part(NamedTuple):
    """One component of a composite data type.

    Attributes:
        position: Its number, from 1.
        name: Its name in HL7.
        usage: Its usage; C if `when` decides.
        type: Its data type.
        longest: Greatest length in characters; 0 for no limit.
        shortest: Least length in characters.
        values: The value set that it is bound to.
        when: The condition of a conditional part.
        statement: The conformance statement about it.
        warned: An empty RE is worth a warning.
    """

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
    """One composite data type: its number of parts in HL7, and those parts that are more than optional text."""

    size: int
    parts: tuple[Part, ...] = ()


ANY: Final = 0
"""As a greatest number of repetitions: no limit."""


class Origin(Enum):
    """The origin of a field's value, which decides who can fix it."""

    EHR = "the EHR's export"
    CODED = "a code of the EHR's export"
    SETUP = "clinics.toml"
    VAXLINE = "vaxline itself"


class Field(NamedTuple):
    """One field that the profile requires, conditions, expects or forbids. Most attributes are those of `Part`.

    Attributes:
        number: Its number, from 1.
        label: The analyst's words for it.
        longest: Greatest length in characters, for primitive types only.
        repeats: Greatest number of repetitions; `ANY` for no limit.
        origin: Where its value comes from.
        warned: An empty RE, or a C that became RE, is worth a warning. Not if `shared.domain.checks` warns already, nor
            if empty is the usual case (no death, no middle name).
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
    """One segment of the profile.

    Attributes:
        name: Its name.
        label: The analyst's words for it.
        size: Its number of fields in HL7 v2.5.1.
        fields: The fields that the profile requires, conditions, expects or forbids.
        optional: The fields that the profile leaves to HL7, by number: data type (`ST` for every primitive one) and
            greatest number of repetitions.
    """

    name: str
    label: str
    size: int
    fields: tuple[Field, ...]
    optional: dict[int, tuple[str, int]]


GIVEN: Final = frozenset({"CP", "PA"})
"""RXA-20 of a dose that was given, completely or partially."""


def first(value: str) -> str:
    """Return the first component of a field's first repetition."""
    return value.split("~", 1)[0].split("^", 1)[0]


def is_given_here(rxa: Parts) -> bool:
    """Tell if RXA-9.1 is 00 and RXA-20 is CP or PA: the condition of lot, provider, place, eligibility and VIS."""
    return rxa[20] in GIVEN and first(rxa[9]) == "00"


def about_first_component(code: str, test: Callable[[str], bool]) -> Statement:
    """Make a statement about the first component of a field; an empty one passes."""
    return Statement(code, lambda value: (text := value.split("^", 1)[0]) == "" or test(text))


def forbidden(*fields: tuple[int, str]) -> tuple[Field, ...]:
    """Make the rows of fields that must not be sent, from number and label."""
    return tuple(Field(number, label, Usage.X, "ST") for number, label in fields)
