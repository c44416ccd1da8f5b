"""Checks single values against the table of profile Z22.

Functions take a value as it stands in ER7 and return its violations. A part is there if its text is not empty:
`conformance` has emptied what holds only blanks or delimiters.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from shared.domain.hl7.er7 import NULL
from shared.domain.z22.model import ANY, DataType, Field, Part, Parts, Usage
from shared.domain.z22.primitives import FORMS
from shared.domain.z22.types import TYPES
from shared.domain.z22.valuesets import ValueSet


class Violation(NamedTuple):
    """A violation in a value.

    Attributes:
        kind: The kind of violation (`MISSING`), or the code of a conformance statement (`IZ-3`).
        path: The place in the value (`.4.1`, `[2].1`); empty for the whole value.
        text: The text that is wrong.
    """

    kind: str
    path: str
    text: str


Violations = list[Violation]

_LETTER_ESCAPE: Final = re.compile(r"\\[FSTRE]\\")
_R, _RE, _O, _X = Usage.R, Usage.RE, Usage.O, Usage.X
_CODED_TYPES: Final = frozenset({"CE_IZ", "CWE_IZ"})


# fields ---------------------------------------------------------------------------------------------------------------


def check_field(field: Field, text: str) -> Violations:
    """Check a field that is there, except for its condition."""
    if field.usage is _X:
        return [Violation("NOT-ALLOWED", "", text)]
    violations = _check_repetitions(field, text)
    if field.statement is not None and field.type in TYPES:
        # Of a composite type a statement is about the first repetition.
        first = text.split("~", 1)[0]
        if first not in ("", NULL) and not field.statement.passes(first):
            violations.append(Violation(field.statement.code, "", first))
    return violations


def check_observed(type_: str, values: ValueSet | None, code: str, text: str) -> Violations:
    """Check OBX-5.

    Args:
        type_: The data type that OBX-2 names.
        values: The value set that OBX-3 binds OBX-5 to, if any.
        code: The check of that binding.
        text: The value.
    """
    violations = _check_repetitions(Field(5, "", _R, type_, longest=99999), text)
    first = text.split("~", 1)[0]
    if values is not None and first != NULL:
        value, system = _code_and_system(first)
        if not values.has_of(system, value):
            violations.append(Violation(code, "", value))
    return violations


def absence(usage: Usage, *, warned: bool) -> Violations:
    """Return what an empty element of this usage amounts to."""
    if usage is _R:
        return [Violation("MISSING", "", "")]
    return [Violation("EMPTY", "", "")] if usage is _RE and warned else []


def usage_in(element: Field | Part, siblings: Parts) -> Usage:
    """Return the usage of an element among the others of its segment or value."""
    if element.when is None:
        return element.usage
    return element.when.then if element.when.holds(siblings) else element.when.otherwise


def _check_repetitions(field: Field, text: str) -> Violations:
    violations: Violations = []
    for number, repetition in enumerate(text.split("~"), 1):
        if repetition == NULL:
            violations.append(Violation("Z22-NULL", "", NULL))
        elif not repetition:
            # Predicates and statements are about the first repetition, so it must not be the one that is empty.
            violations += [Violation("MISSING", "", text)] if number == 1 else []
        else:
            of_one = _check_value(field, repetition)
            if field.repeats != ANY and number > field.repeats:
                of_one.append(Violation("REPEATS", "", repetition))
            violations += of_one if number == 1 else _placed(of_one, f"[{number}]")
    return violations


def _placed(violations: Violations, path: str) -> Violations:
    """Return the violations of a part as those of the whole."""
    return [Violation(kind, path + rest, text) for kind, rest, text in violations]


def _check_value(field: Field, text: str) -> Violations:
    """Check one repetition of a field: its data type, and the value set of a coded field."""
    type_ = TYPES.get(field.type)
    if type_ is None:
        return [] if field.usage is _O else _check_primitive(field, text)
    violations = _check_composite(type_, text, "^")
    if field.values is not None:
        check_code = _check_coded if field.type in _CODED_TYPES else _check_identifier
        violations += check_code(field.values, text)
    return violations


# data types -----------------------------------------------------------------------------------------------------------


def _check_composite(type_: DataType, text: str, delimiter: str) -> Violations:
    parts = text.split(delimiter)
    violations: Violations = []
    if len(parts) > type_.size:
        violations.append(Violation("EXTRA", "", text))
    parts += [""] * (type_.size - len(parts))
    for part in type_.parts:
        part_text = parts[part.position - 1]
        if part_text:
            of_part = _check_part(part, part_text, parts)
        elif part.usage is _R or part.warned or part.when is not None:
            of_part = absence(usage_in(part, parts), warned=part.warned)
        else:
            continue
        if of_part:
            violations += _placed(of_part, f".{part.position}")
    return violations


def _check_part(part: Part, text: str, parts: Parts) -> Violations:
    """Check a component that is there."""
    if part.usage is _X:
        return [Violation("NOT-ALLOWED", "", text)]
    type_ = TYPES.get(part.type)
    if type_ is not None:
        violations = _check_composite(type_, text, "&")
    else:
        violations = [] if part.usage is _O else _check_primitive(part, text)
    if part.when is not None and usage_in(part, parts) is _X:
        violations.append(Violation("NOT-ALLOWED", "", text))
    return violations


def _check_primitive(element: Field | Part, text: str) -> Violations:
    values, statement, form = element.values, element.statement, FORMS.get(element.type)
    if values is not None and statement is None and values.has(text):
        return []
    violations: Violations = []
    if form is None and ("&" in text or "^" in text):
        violations.append(Violation("SEPARATOR", "", text))
    if form is not None and not form(text):
        violations.append(Violation("FORMAT", "", text))
    if len(text) < element.shortest or (len(text) > element.longest > 0 and _length(text) > element.longest):
        violations.append(Violation("LENGTH", "", text))
    if values is not None and not values.has(text):
        violations.append(Violation("CODE", "", text))
    if statement is not None and not statement.passes(text):
        violations.append(Violation(statement.code, "", text))
    return violations


def _length(text: str) -> int:
    """The length of a text, an escaped delimiter counted as the one character that it stands for."""
    return len(_LETTER_ESCAPE.sub("?", text)) if "\\" in text else len(text)


# coded values ---------------------------------------------------------------------------------------------------------


def _code_and_system(text: str) -> tuple[str, str]:
    """Identifier and coding system of a CE or CWE."""
    parts = text.split("^", 3)
    return parts[0], parts[2] if len(parts) > 2 else ""


def _check_coded(values: ValueSet, text: str) -> Violations:
    """Check the code of a CE or CWE and its coding system against the value set."""
    code, system = _code_and_system(text)
    if not code or not system or values.has_of(system, code):
        return []
    is_wrong_code = system in values.systems if values.by_system else not values.has(code)
    return [Violation("CODE", ".1", code) if is_wrong_code else Violation("SYSTEM", ".3", system)]


def _check_identifier(values: ValueSet, text: str) -> Violations:
    """Check the first component of an EI against the value set."""
    code = text.split("^", 1)[0]
    return [] if not code or values.has(code) else [Violation("CODE", ".1", code)]
