"""Whether two sets of patient data under one record number are one person.

CT WiZ finds a patient by the record number (PID-3.1). If an EHR gives one record number to two people, or a file
damages its record numbers, the doses of one person would be stored under the other. So a different birth date, sex,
first name or birth order counts as another person, and the visit is held. A changed surname, a spelling, an accent or
a middle name does not.

A newborn is often registered under a placeholder ("Baby Boy", "Newborn", "Girl 1"). A placeholder and a real first
name are one person if nothing else differs. Two different placeholders ("Baby A", "Baby B") are two people.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

import msgspec

from shared.domain.model import Patient


class Person(msgspec.Struct, frozen=True, gc=False):
    """The data that tells one person from another: HL7 DT birth date, table 0001 sex, and names as the EHR writes
    them.
    """

    family: str = ""
    given: str = ""
    birth_date: str = ""
    sex: str = ""
    birth_order: str = ""

    @classmethod
    def of(cls, patient: Patient) -> Person:
        """The person that a patient's data describes."""
        return cls(patient.name.family, patient.name.given, patient.birth_date, patient.sex, patient.birth_order)

    def __str__(self) -> str:
        """One line for the worklist. It is PHI."""
        order = f", birth order {self.birth_order}" if self.birth_order else ""
        return f"{self.family}, {self.given}, born {self.birth_date or '?'}, sex {self.sex or '?'}{order}"


_PLACEHOLDER: Final = re.compile(r"(?:baby|newborn|new born|infant|boy|girl|twin|triplet|male|female|bb|bg|nb)\b.*")
_KNOWN_SEX: Final = frozenset({"F", "M"})
_SHORT: Final = 4
"""Below this length one changed letter makes another name (Ada, Ida); from it on, it is a spelling (Jon, John)."""


def differences(person: Person, other: Person) -> tuple[str, ...]:
    """The HL7 fields in which two people under one record number differ; empty if they are one person.

    A value that is missing on one side is no difference.

    Args:
        person: the one.
        other: the other. The order of the two does not matter.

    Returns:
        Paths such as `PID-7`, in the order of PID.
    """
    found: list[str] = []
    if person.given and other.given and not is_same_given_name(person.given, other.given):
        found.append("PID-5.2")
    if person.birth_date and other.birth_date and person.birth_date != other.birth_date:
        found.append("PID-7")
    if person.sex != other.sex and {person.sex, other.sex} <= _KNOWN_SEX:
        found.append("PID-8")
    if person.birth_order and other.birth_order and person.birth_order != other.birth_order:
        found.append("PID-25")
    return tuple(found)


def is_same_given_name(name: str, other: str) -> bool:
    """Whether two first names can belong to one person.

    They can if they are equal without accents, case and punctuation; if one adds a middle name; if one letter of a
    name of four letters or more was added, dropped, changed or swapped; or if exactly one of them is a newborn's
    placeholder.
    """
    first, second = _words(name), _words(other)
    if not first or not second or first == second:
        return True
    placeholders = [is_placeholder(one) for one in (name, other)]
    if any(placeholders):
        return not all(placeholders)
    if "".join(first) == "".join(second):
        return True
    shorter, longer = sorted((first, second), key=len)
    if len(shorter) < len(longer):
        return longer[: len(shorter)] == shorter or _is_spelling("".join(shorter), longer[0])
    return (first[1:] == second[1:] and _is_spelling(first[0], second[0])) or _is_spelling(
        "".join(first), "".join(second)
    )


def is_placeholder(given: str) -> bool:
    """Whether a first name stands for a newborn who has none yet."""
    return _PLACEHOLDER.fullmatch(" ".join(_words(given))) is not None


def _words(name: str) -> list[str]:
    """The words of a name in lower case, without accents and punctuation."""
    letters = unicodedata.normalize("NFKD", name)
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter)).casefold()
    return re.findall(r"\w+", plain.replace("'", "").replace("\u2019", ""))


def _is_spelling(name: str, other: str) -> bool:
    """Whether two words differ by one letter only: added, dropped, changed, or two neighbors swapped."""
    if max(len(name), len(other)) < _SHORT or abs(len(name) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(name), len(other)) and name[start] == other[start]:
        start += 1
    rest, other_rest = name[start:], other[start:]
    if len(rest) == len(other_rest):
        return rest[1:] == other_rest[1:] or (rest[:2] == other_rest[1::-1] and rest[2:] == other_rest[2:])
    shorter, longer = sorted((rest, other_rest), key=len)
    return longer[1:] == shorter
