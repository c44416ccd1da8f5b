"""An HL7 message made readable: each field with its name and decoded value, and what was objected to pinned to it.

Names, data types and tables of fields are hl7apy's (HL7 v2.5.1); what an analyst calls a field (`guidance.FIELD_NAMES`)
goes before the standard's name. Meanings of codes are CDC's code sets and the tables that vaxline sends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from hl7apy import load_reference
from hl7apy.exceptions import ChildNotFound

from shared.domain import guidance
from shared.domain.checks import Severity
from shared.domain.codes import cdc, tables
from shared.domain.hl7 import er7
from shared.domain.submission import Submission
from shared.exports.columns import column_of
from shared.usecases.explain import UNEXPLAINED, explanation
from shared.usecases.findings import CHECKS

_VERSION: Final = "2.5.1"
_SEGMENTS: Final = {
    "MSH": "Message header",
    "MSA": "Acknowledgment",
    "ERR": "Error",
    "PID": "Patient",
    "PD1": "Registry status of the patient",
    "NK1": "Guardian",
    "PV1": "Visit",
    "ORC": "Order of a dose",
    "RXA": "Dose",
    "RXR": "Route and site",
    "OBX": "Observation about the dose",
    "NTE": "Comment",
    "QAK": "Query acknowledgment",
    "QPD": "Query",
    "RCP": "Limits of the query",
    "ZSA": "The IIS's own log ids",
}
_ACKNOWLEDGMENT: Final = {
    "AA": "accepted",
    "AE": "accepted with errors, or not: the ERR segments say",
    "AR": "rejected",
    "CA": "accepted",
    "CE": "error",
    "CR": "rejected",
}
_SEVERITY: Final = {"E": "error", "W": "warning", "I": "information", "F": "fatal"}
_MEANINGS: Final[dict[str, dict[str, str]]] = {"HL70008": _ACKNOWLEDGMENT, "HL70516": _SEVERITY}
for _table in tables.TABLES:
    # Two tables may share a system: races and ethnic groups are both CDCREC.
    _MEANINGS.setdefault(_table.system, {}).update({code: words for code, words, _ in _table.rows if code})
_CODED: Final = frozenset({"CE", "CWE", "CNE"})
_TIMES: Final = frozenset({"TS", "DT", "DTM", "DR"})
_TIME: Final = re.compile(r"(\d{4})(\d\d)?(\d\d)?(?:(\d\d)(\d\d)(\d\d)?(?:\.\d+)?)?([+-]\d{4})?")
_PATH: Final = re.compile(r"(?P<segment>[A-Z][A-Z0-9]{2})(?:\[(?P<index>\d+)\])?(?:-(?P<field>\d+))?")
_LOINC: Final = re.compile(r"\b\d+-\d\b")


@dataclass(frozen=True, slots=True)
class Mark:
    """One objection: `severity` is E, W or I (table 0516); `row` and `column` are the export's, where known."""

    severity: str
    code: str
    text: str
    fix: str
    who: str
    row: int
    column: str

    @property
    def source(self) -> str:
        """Where it stands in the export, in words."""
        return ", ".join(
            filter(None, (f"row {self.row}" if self.row else "", f"column {self.column}" if self.column else ""))
        )


@dataclass(frozen=True, slots=True)
class ReadField:
    """One field that has a value or an objection (PHI): `place` is `PID-5`, `value` is decoded, `raw` as it stands."""

    place: str
    name: str
    value: str
    raw: str
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadSegment:
    """One segment; `number` counts those of its name from 1, `marks` are about the segment as a whole."""

    name: str
    number: int
    words: str
    fields: tuple[ReadField, ...]
    marks: tuple[Mark, ...] = ()


_Pinned = dict[tuple[int, int], list[Mark]]
"""(number of the segment from 0, field or 0) → what was objected to there."""


def read(message: str, pinned: _Pinned | None = None) -> tuple[ReadSegment, ...]:
    """The message's segments, decoded; nothing is raised, whatever the message."""
    at = pinned or {}
    counts: dict[str, int] = {}
    found = []
    for place, line in enumerate(er7.segments(message)):
        name = line.split(er7.FIELD, 1)[0][:3]
        counts[name] = counts.get(name, 0) + 1
        marked = {field: tuple(marks) for (segment, field), marks in at.items() if segment == place}
        fields = tuple(_fields(name, line, marked))
        found.append(ReadSegment(name, counts[name], _SEGMENTS.get(name, ""), fields, marked.get(0, ())))
    return tuple(found)


def read_submission(submission: Submission) -> tuple[tuple[ReadSegment, ...], tuple[Mark, ...]]:
    """Our VXU with all that we or the IIS found wrong in it, and the marks that no segment could be found for."""
    lines = er7.segments(submission.vxu)
    pinned: _Pinned = {}
    loose: list[Mark] = []
    for segment, field, mark in _marks(submission, lines):
        if segment < 0:
            loose.append(mark)
        else:
            pinned.setdefault((segment, field), []).append(mark)
    return read(submission.vxu, pinned), tuple(loose)


def marks(submission: Submission) -> tuple[Mark, ...]:
    """All that we or the IIS found wrong in a submission."""
    return tuple(mark for _, _, mark in _marks(submission, er7.segments(submission.vxu)))


def _marks(submission: Submission, lines: Sequence[str]) -> Iterator[tuple[int, int, Mark]]:
    """(segment from 0 or -1, field or 0, mark) of every finding, and of every error of the last attempt."""
    for finding in submission.findings:
        known = explanation(finding.code) or UNEXPLAINED
        column = finding.column or column_of(finding.path)
        check = CHECKS.get(finding.code)
        severity = "W" if check is not None and check.severity is Severity.WARNING else "E"
        mark = Mark(severity, finding.code, known.words, known.fix, known.who, finding.row, column)
        yield *_place(finding.path, _group(submission, finding.dose_id), lines), mark
    for error in submission.attempts[-1].errors if submission.attempts else ():
        known_as = guidance.guide(error, submission.vxu)
        place = guidance.place(error, submission.vxu)
        row = error.row or (submission.visit.rows[0][1] if submission.visit.rows else 0)
        column = column_of(place if error.segment == "OBX" else error.path)
        code = error.application_code or error.code
        mark = Mark(error.severity, code, error.text or known_as.words, known_as.fix, str(known_as.who), row, column)
        yield _nth(error.segment, max(error.sequence, 1), lines), error.field, mark


def _group(submission: Submission, dose_id: str) -> int:
    """The number (from 1) of the dose's order group; 0 where no dose is meant."""
    return next((number for number, dose in enumerate(submission.visit.doses, 1) if dose_id and dose.id == dose_id), 0)


def _nth(name: str, number: int, lines: Sequence[str]) -> int:
    places = [place for place, line in enumerate(lines) if line.startswith(f"{name}{er7.FIELD}")]
    return places[number - 1] if name and len(places) >= number else -1


def _place(path: str, group: int, lines: Sequence[str]) -> tuple[int, int]:
    """(segment from 0, field) of a finding's path; (-1, 0) where the message has no such segment."""
    found = _PATH.match(path)
    if found is None:
        return -1, 0
    name, field = found["segment"], int(found["field"] or 0)
    start, end = 0, len(lines)
    if group and (first := _nth("ORC", group, lines)) >= 0:
        following = _nth("ORC", group + 1, lines)
        start, end = first, following if following >= 0 else end
    loinc = _LOINC.search(path)
    for place in range(start, end):
        if lines[place].startswith(f"{name}{er7.FIELD}") and (loinc is None or loinc[0] in lines[place]):
            return (place, field) if not found["index"] or group else (_nth(name, int(found["index"]), lines), field)
    return -1, 0


# one segment ----------------------------------------------------------------------------------------------------------


def _fields(name: str, line: str, marked: dict[int, tuple[Mark, ...]]) -> Iterator[ReadField]:
    values = line.split(er7.FIELD)
    # MSH-1 is the separator itself.
    first = [values[0], er7.FIELD, *values[1:]] if name == "MSH" else values
    observed = first[2] if name == "OBX" and len(first) > 2 else ""
    for number in range(1, max(len(first), *(field + 1 for field in (*marked, 0)))):
        raw = first[number] if number < len(first) else ""
        marks = marked.get(number, ())
        if raw or marks:
            kind, table, standard = _reference(f"{name}_{number}")
            place = f"{name}-{number}"
            label = guidance.field_name(place) or standard
            literal = name == "MSH" and number <= 2
            value = raw if literal else _decoded(raw, observed if place == "OBX-5" else kind, table)
            yield ReadField(place, label, value, raw, marks)


@lru_cache(maxsize=1024)
def _reference(field: str) -> tuple[str, str, str]:
    """(data type, HL7 table, name) of a field; all empty where the standard has none."""
    try:
        found = load_reference(field, "Field", _VERSION)
    except (ChildNotFound, KeyError):
        return "", "", ""
    return str(found[2]), str(found[4] or ""), str(found[3]).replace("_", " ").lower()


def _decoded(raw: str, kind: str, table: str) -> str:
    return "; ".join(_repetition(one, kind, table) for one in raw.split(er7.REPETITION) if one)


def _repetition(raw: str, kind: str, table: str) -> str:
    parts = [" ".join(filter(None, map(er7.decode, part.split(er7.SUBCOMPONENT)))) for part in raw.split(er7.COMPONENT)]
    if kind in _TIMES:
        return _time(parts[0])
    if kind in _CODED:
        return _code(parts)
    if len(parts) == 1:
        meaning = _MEANINGS.get(table, {}).get(parts[0], "")
        return f"{meaning} ({parts[0]})" if meaning else parts[0]
    return ", ".join(filter(None, parts))


def _code(parts: list[str]) -> str:
    """Each of the one or two codes of a CE with its meaning: the tables' word for it, else the message's own."""
    said = []
    padded = [*parts, *[""] * 6]
    for code, words, system in (padded[:3], padded[3:6]):
        meaning = _meaning(system, code) or words
        of = " ".join(filter(None, (code, system)))
        said.append(f"{meaning} ({of})" if meaning and of else meaning or of)
    return "; ".join(filter(None, said))


def _meaning(system: str, code: str) -> str:
    if system == "CVX":
        vaccine = cdc.cvx(code)
        return vaccine.name if vaccine else ""
    if system == "MVX":
        maker = cdc.mvx(code)
        return maker.name if maker else ""
    return _MEANINGS.get(system, {}).get(code, "")


def _time(raw: str) -> str:
    found = _TIME.fullmatch(raw)
    if found is None:
        return raw
    year, month, day, hour, minute, second, zone = found.groups()
    day_words = "-".join(filter(None, (year, month, day)))
    time_words = ":".join(filter(None, (hour, minute, second)))
    return " ".join(filter(None, (day_words, time_words, zone)))
