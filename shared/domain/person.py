"""Whether two sets of patient data under one record number are one person.

CT WiZ finds a patient by the record number (PID-3.1). If an EHR gives one record number to two people, or a file
damages its record numbers, the doses of one person would be stored under the other. So a different birth date, sex,
first name or birth order counts as another person, and the visit is held. A changed surname, a spelling, an accent, an
initial or a middle name does not. Twins often have names that rhyme (Ada and Ida, Kayla and Layla), so a name of three
letters or less and the first letter of a name have no spellings.

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

    def completed_by(self, other: Person) -> Person:
        """This person's data, with the other's where it is missing."""
        return Person(
            *(
                own or others
                for own, others in zip(msgspec.structs.astuple(self), msgspec.structs.astuple(other), strict=True)
            )
        )

    def __str__(self) -> str:
        """One line for the worklist. It is PHI."""
        order = f", birth order {self.birth_order}" if self.birth_order else ""
        return f"{self.family}, {self.given}, born {self.birth_date or '?'}, sex {self.sex or '?'}{order}"


_PLACEHOLDER: Final = re.compile(r"(?:baby|newborn|new born|infant|boy|girl|twin|triplet|male|female|bb|bg|nb)\b.*")
_KNOWN_SEX: Final = frozenset({"F", "M"})
_LONG: Final = 4
"""From this length on, one changed letter is a spelling (Anna, Anne). Below it, it is another name (Ada, Ida)."""


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
    """Whether two first names can belong to one person. The order of the two does not matter.

    They can if their words are equal without accents, case and punctuation. A word may be an initial of the other's, or
    a spelling of it: one letter of a name of four letters or more was added, dropped, changed or swapped, and its
    first letter was not, apart from C and K. One name may have more words (a middle name), or divide them otherwise
    (Mary Ann, Maryann). If exactly one of them is a newborn's placeholder, they can be one person too.
    """
    first, second = _words(name), _words(other)
    if not first or not second or first == second:
        return True
    placeholders = [is_placeholder(one) for one in (name, other)]
    if any(placeholders):
        return not all(placeholders)
    return all(map(_is_same_word, first, second)) or _is_divided_otherwise(first, second)


def is_placeholder(given: str) -> bool:
    """Whether a first name stands for a newborn who has none yet."""
    return _PLACEHOLDER.fullmatch(" ".join(_words(given))) is not None


def _words(name: str) -> list[str]:
    """The words of a name in lower case, without accents and punctuation."""
    letters = unicodedata.normalize("NFKD", name)
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter)).casefold()
    return re.findall(r"\w+", plain.replace("'", "").replace("\u2019", ""))


def _is_same_word(word: str, other: str) -> bool:
    is_initial = 1 in (len(word), len(other)) and word[0] == other[0]
    return word == other or is_initial or _is_spelling(word, other)


def _is_divided_otherwise(words: list[str], others: list[str]) -> bool:
    """Whether two names have the same letters, or spellings of them, in another number of words."""
    joined, other = "".join(words), "".join(others)
    if joined == other:
        return True
    short = [word for word in (words[0], others[0]) if len(word) < _LONG]
    are_short_words_equal = all(joined.startswith(word) and other.startswith(word) for word in short)
    return len(words) != len(others) and are_short_words_equal and _is_spelling(joined, other)


def _is_spelling(name: str, other: str) -> bool:
    """Whether two words differ by one letter only: added, dropped, changed, or two neighbors swapped."""
    if max(len(name), len(other)) < _LONG or abs(len(name) - len(other)) > 1:
        return False
    if name[0] != other[0] and {name[0], other[0]} != {"c", "k"}:
        return False
    start = 0
    while start < min(len(name), len(other)) and name[start] == other[start]:
        start += 1
    rest, other_rest = name[start:], other[start:]
    if len(rest) == len(other_rest):
        return rest[1:] == other_rest[1:] or (rest[:2] == other_rest[1::-1] and rest[2:] == other_rest[2:])
    shorter, longer = sorted((rest, other_rest), key=len)
    return longer[1:] == shorter
