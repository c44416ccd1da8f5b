"""Does a VXU keep to profile Z22? `check` runs over every message before it leaves.

The table (`z22`, `types`, `rules`) is compiled once, at import, into one plan per segment: a look-up per field
and a few tests over several fields. A message is split once. What is right costs next to nothing; only what is wrong is
looked at closer. `CHECKS` has the words and the fix of every code.

Paths: `PID-5.1`, `RXA[2]-15` (the second RXA of the message), `PID-11[2].5` (the second repetition); a first segment or
repetition carries no number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import getitem
from typing import Final, NamedTuple

from shared.domain.hl7 import er7
from shared.domain.model import Finding
from shared.domain.z22.catalogue import CHECKS
from shared.domain.z22.compiler import (
    NONE,
    RAGGED,
    ObservedValues,
    Problem,
    Problems,
    Verdicts,
    absence,
    accept,
    column,
    optional_column,
    to_problems,
)
from shared.domain.z22.model import Segment, Usage, first
from shared.domain.z22.rules import ORDER_RULES, SEGMENT_RULES, numbers_are_broken
from shared.domain.z22.segments import MAY_FOLLOW, SEGMENTS

__all__ = ["CHECKS", "check"]

_START: Final = "MSH|^~\\&|"
_REPEATING: Final = frozenset({"SFT", "NK1", "GT1", "IN1", "TQ1", "OBX"})
_ONCE: Final = frozenset({"MSH", "PID"})

# One segment ----------------------------------------------------------------------------------------------------------

_Holds = Callable[[list[str]], bool]


class _Condition(NamedTuple):
    """A conditional field: its problems when empty and when there, where the condition holds and where it does not."""

    field: int
    holds: _Holds
    empty: Problems
    empty_otherwise: Problems
    there: str
    there_otherwise: str


_Read = tuple[list[str], Problems]

# Route and site, and observations that are codes, dates or numbers: whole segments that repeat from message to message.
_REMEMBERED_TYPES: Final = frozenset({"CE", "DT", "NM"})
_REMEMBERED: Final = 2048


@dataclass(frozen=True, slots=True)
class _Plan:
    """A segment, compiled: one column per field from 0 (the name), padding to the last field that any test reads.

    `known` are segments that were read before; nobody changes their fields.
    """

    name: str
    columns: tuple[Verdicts, ...]
    width: int
    padding: tuple[tuple[str, ...], ...]
    conditions: tuple[_Condition, ...]
    rules: tuple[tuple[_Holds, str, int], ...]
    known: dict[str, _Read]

    def read(self, line: str) -> _Read:
        """The fields of a segment, counted from 1, as many as the tests read, and what is wrong with them."""
        known = self.known.get(line)
        if known is not None:
            return known
        values = line.split("|")
        if self.name == "MSH":
            values.insert(1, "|")
        if len(values) < self.width:
            values += self.padding[len(values)]
        problems = self.problems(values)
        if self.name == "OBX" and values[5]:
            # Only its type and kind can tell what the value may be.
            problems += _OBSERVED.judge(values[2], first(values[3]), values[5])
        read = values, tuple(problems)
        if self.name == "RXR" or (self.name == "OBX" and values[2] in _REMEMBERED_TYPES):
            if len(self.known) >= _REMEMBERED:
                self.known.clear()
            self.known[line] = read
        return read

    def problems(self, values: list[str]) -> list[Problem]:
        """What is wrong with the fields of one segment, padded."""
        columns = self.columns
        verdicts = [*map(getitem, columns, values)]
        found = [*chain.from_iterable(verdicts)] if any(verdicts) else []
        if len(values) > len(columns):
            found.append(Problem(f"Z22-{self.name}-EXTRA", "", "|".join(values[len(columns) :])))
        if self.conditions:
            found += self._conditional(values)
        for broken, code, field in self.rules:
            if broken(values):
                found.append(Problem(code, f"-{field}", values[field]))
        return found

    def _conditional(self, values: list[str]) -> list[Problem]:
        """What is wrong with the usage of conditional fields."""
        found: list[Problem] = []
        for field, holds, empty, empty_otherwise, there, there_otherwise in self.conditions:
            if not values[field]:
                if empty or empty_otherwise:
                    found += empty if holds(values) else empty_otherwise
            elif there or there_otherwise:
                code = there if holds(values) else there_otherwise
                if code:
                    found.append(Problem(code, f"-{field}", values[field]))
        return found


def _compile(segment: Segment) -> _Plan:
    columns = [Verdicts(lambda: accept, NONE, keeps=True)]
    fields = {field.number: field for field in segment.fields}
    conditions = []
    for number in range(1, segment.size + 1):
        field = fields.get(number)
        if field is None:
            columns.append(optional_column(segment, number, *segment.optional[number]))
            continue
        columns.append(column(segment, field))
        if field.when is not None:
            prefix = f"Z22-{segment.name}-{number}"
            then, otherwise = field.when.then, field.when.otherwise
            conditions.append(
                _Condition(
                    number,
                    field.when.holds,
                    to_problems(absence("", then, warned=field.warned), prefix, number),
                    to_problems(absence("", otherwise, warned=field.warned), prefix, number),
                    f"{prefix}-NOT-ALLOWED" if then is Usage.X else "",
                    f"{prefix}-NOT-ALLOWED" if otherwise is Usage.X else "",
                )
            )
    width = 1 + max(field.number for field in segment.fields if field.usage is not Usage.X)
    return _Plan(
        name=segment.name,
        columns=tuple(columns),
        width=width,
        padding=tuple(("",) * (width - count) for count in range(width + 1)),
        conditions=tuple(conditions),
        rules=tuple((rule.broken, rule.code, rule.field) for rule in SEGMENT_RULES.get(segment.name, ())),
        known={},
    )


_PLANS: Final[dict[str, _Plan]] = {name: _compile(segment) for name, segment in SEGMENTS.items()}
_OBSERVED: Final = ObservedValues()

# Structure ------------------------------------------------------------------------------------------------------------


class _Place(NamedTuple):
    """Where a segment stands: its label (`RXA[2]`), its plan, its ORDER group (-1: none)."""

    label: str
    plan: _Plan | None
    order: int


class _Layout(NamedTuple):
    """The structure of a message: a place for every line, what is wrong with it as (code, label)."""

    places: tuple[_Place, ...]
    orders: int
    problems: tuple[tuple[str, str], ...]


class _Layouts(dict[str, _Layout]):
    """Layouts by the names of a message's segments; messages have few shapes."""

    def __missing__(self, shape: str) -> _Layout:
        layout = _lay_out(shape.split(","))
        if len(self) >= 1024:
            self.clear()
        self[shape] = layout
        return layout


def _is_name(name: str) -> bool:
    return len(name) == 3 and name.isascii() and name.isalnum() and name[:2].isalpha() and name.isupper()


def _lay_out(names: Sequence[str]) -> _Layout:
    places: list[_Place] = []
    problems: list[tuple[str, str]] = []
    counts: dict[str, int] = {}
    before, orders, has_rxa = "", -1, True
    for name in names:
        number = counts[name] = counts.get(name, 0) + 1
        label = name if number == 1 else f"{name}[{number}]"
        if name not in MAY_FOLLOW and name != "MSH":
            problems.append(("Z22-SEGMENT-UNKNOWN" if _is_name(name) else "Z22-SEGMENT-UNREADABLE", label))
            places.append(_Place(label, None, orders))
            continue
        if name == "ORC":
            if not has_rxa:
                problems.append(("Z22-RXA-MISSING", _nth("RXA", orders)))
            orders, has_rxa = orders + 1, False
        has_rxa = has_rxa or name == "RXA"
        problem = _misplaced(name, before, counts)
        if problem:
            problems.append((problem, label))
        places.append(_Place(label, _PLANS.get(name), orders))
        before = name
    if not has_rxa:
        problems.append(("Z22-RXA-MISSING", _nth("RXA", orders)))
    problems += [(f"Z22-{name}-MISSING", name) for name in ("MSH", "PID") if name not in counts]
    return _Layout(tuple(places), orders + 1, tuple(problems))


def _nth(name: str, index: int) -> str:
    return name if index <= 0 else f"{name}[{index + 1}]"


def _misplaced(name: str, before: str, counts: dict[str, int]) -> str:
    """The code of a segment that may not follow the one before it."""
    if not before:
        return "" if name == "MSH" else "Z22-SEGMENT-PLACE"
    if before in MAY_FOLLOW.get(name, ()):
        return ""
    if name == before and name not in _REPEATING:
        return f"Z22-{name}-REPEATS" if name in SEGMENTS else "Z22-SEGMENT-PLACE"
    # Not the segment's fault: one that must come before it is missing, and said so.
    required = {"RXR": "RXA", "OBX": "RXA"}.get(name, "PID" if name not in ("MSH", "PID", "SFT", "RXA", "NTE") else "")
    if required == "PID" and "PID" not in counts:
        return ""
    if required == "RXA" and before in ("ORC", "TQ1", "TQ2"):
        return ""
    return "Z22-SEGMENT-PLACE"


_layouts: Final = _Layouts()

# One message ----------------------------------------------------------------------------------------------------------


def check(vxu: str) -> tuple[Finding, ...]:
    r"""What in a VXU breaks profile Z22, none where it conforms; `CHECKS` tells severity, words and fix of each code.

    Segments end with CR (LF and CRLF are read too). A message with other delimiters than `|^~\&` is not read further.
    `dose_id` is ORC-3.1 for findings within an ORDER group, where the dose has one.
    """
    lines = vxu.split("\r") if "\n" not in vxu else er7.segments(vxu)
    if lines and not lines[-1]:
        lines.pop()
    if not vxu.startswith(_START):
        return _unreadable(vxu)
    layout = _layouts[",".join([line[:3] for line in lines])]
    found = _read(lines, layout)
    if found is None:
        found = _read([_tidied(line) for line in lines], layout)
    assert found is not None, "what is tidied is not ragged"
    return tuple(
        [Finding(code, path, value=er7.decode(value), dose_id=dose_id) for code, path, value, dose_id in found]
    )


_Found = list[tuple[str, str, str, str]]


def _read(lines: Sequence[str], layout: _Layout) -> _Found | None:
    """What is wrong in a message, as (code, path, raw value, dose id); None where it must be tidied first."""
    found: _Found = [(code, label, "", "") for code, label in layout.problems]
    orders = [_Order() for _ in range(layout.orders)]
    relatives = []
    for line, (label, plan, order) in zip(lines, layout.places, strict=True):
        if plan is None:
            continue
        values, problems = plan.read(line)
        if order >= 0:
            orders[order].add(plan.name, label, values)
        elif plan.name == "NK1":
            relatives.append(values[1])
        if problems:
            if RAGGED[0] in problems:
                return None
            dose_id = orders[order].dose_id if order >= 0 else ""
            found += [(code, label + where, value, dose_id) for code, where, value in problems]
    return found + _across(orders, relatives)


class _Order:
    """The segments of one ORDER group, as far as the message has them."""

    __slots__ = ("labels", "observations", "orc", "rxa")

    def __init__(self) -> None:
        self.orc: list[str] = []
        self.rxa: list[str] = []
        self.observations: list[list[str]] = []
        self.labels: dict[str, str] = {}

    def add(self, name: str, label: str, values: list[str]) -> None:
        if name == "OBX":
            self.observations.append(values)
        elif name in ("ORC", "RXA") and name not in self.labels:
            self.labels[name] = label
            if name == "ORC":
                self.orc = values
            else:
                self.rxa = values

    @property
    def dose_id(self) -> str:
        number = first(self.orc[3]) if self.orc else ""
        return "" if number == "9999" else er7.decode(number)


def _across(orders: Sequence[_Order], relatives: Sequence[str]) -> _Found:
    """What is wrong across segments: statements about an order, and the numbering of NK1 and OBX."""
    found: _Found = []
    for order in orders:
        if not order.orc or not order.rxa:
            continue
        for rule in ORDER_RULES:
            if rule.broken(order.orc, order.rxa, order.observations):
                label = order.labels[rule.segment]
                values = order.orc if rule.segment == "ORC" else order.rxa
                value = values[rule.field] if rule.field else ""
                found.append((rule.code, f"{label}-{rule.field}" if rule.field else label, value, order.dose_id))
    for number, set_id in enumerate(relatives, 1):
        if set_id not in ("", str(number)):
            found.append(("IZ-70", f"{_nth('NK1', number - 1)}-1", set_id, ""))
    numbers = [tuple([obx[1] for obx in order.observations if obx[1]]) for order in orders]
    if numbers_are_broken(tuple(numbers)):
        found.append(("NIST-01", "OBX-1", "", ""))
    return found


def _unreadable(vxu: str) -> tuple[Finding, ...]:
    """A message that does not start as it must: no header, or delimiters of its own."""
    if not vxu.startswith("MSH"):
        return (Finding("Z22-MSH-MISSING", "MSH"),)
    if vxu[3:4] != "|":
        return (Finding("IZ-12", "MSH-1", value=vxu[3:4]),)
    return (Finding("IZ-13", "MSH-2", value=vxu[4:].split("|", 1)[0][:8]),)


def _tidied(line: str) -> str:
    """A segment in which nothing is blank: fields, repetitions, components and subcomponents without text are empty."""
    if line.startswith(_START):
        return _START + "|".join([_tidied_at(value, "~^&") for value in line[len(_START) :].split("|")])
    return "|".join([_tidied_at(value, "~^&") for value in line.split("|")])


def _tidied_at(value: str, separators: str) -> str:
    if not separators:
        return value if value.strip(" ") else ""
    parts = [_tidied_at(part, separators[1:]) for part in value.split(separators[0])]
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return separators[0].join(parts)
