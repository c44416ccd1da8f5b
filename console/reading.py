"""An HL7 message made readable: each field with its name and decoded value, and the objections to it.

Names, data types and tables of fields are hl7apy's (HL7 v2.5.1); the analyst's name of a field
(`guidance.FIELD_NAMES`) goes before the standard's. Meanings of codes come from CDC's code sets and from the tables
that vaxline sends.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from hl7apy import load_reference
from hl7apy.exceptions import ChildNotFound

from shared.domain import guidance
from shared.domain.checks import Severity
from shared.domain.codes import cdc, tables
from shared.domain.hl7.message import Message, Repetition, Segment, parse
from shared.domain.model import Finding
from shared.domain.submission import Submission
from shared.exports.columns import column_of
from shared.usecases.explain import UNEXPLAINED, explanation
from shared.usecases.explain_messages import ExplainedMessage
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
    "CA": "arrived; nothing is said about its content",
    "CE": "refused",
    "CR": "rejected",
}
_SEVERITY: Final = {"E": "error", "W": "warning", "I": "information", "F": "fatal"}
_MEANINGS: Final[dict[str, dict[str, str]]] = {"HL70008": _ACKNOWLEDGMENT, "HL70516": _SEVERITY}
for _table in tables.TABLES:
    # Races and ethnic groups share a coding system (CDCREC).
    _MEANINGS.setdefault(_table.system, {}).update({code: words for code, words, _ in _table.rows if code})
_CODED: Final = frozenset({"CE", "CWE", "CNE"})
_TIMES: Final = frozenset({"TS", "DT", "DTM", "DR"})
_TIME: Final = re.compile(r"(\d{4})(\d\d)?(\d\d)?(?:(\d\d)(\d\d)(\d\d)?(?:\.\d+)?)?([+-]\d{4})?")
_PATH: Final = re.compile(r"(?P<segment>[A-Z][A-Z0-9]{2})(?:\[(?P<index>\d+)\])?(?:-(?P<field>\d+))?")
_LOINC: Final = re.compile(r"\b\d+-\d\b")


@dataclass(frozen=True, slots=True)
class Mark:
    """One objection to a submission, by a check or by the IIS.

    Attributes:
        severity: E, W or I (HL7 table 0516).
        code: Code of the finding, or the IIS's error code.
        text: The objection in words.
        fix: How to fix it.
        who: Who can fix it.
        row: The row of the export; 0 if unknown.
        column: The column of the export; empty if unknown.
    """

    severity: str
    code: str
    text: str
    fix: str
    who: str
    row: int
    column: str
    place: str = ""

    @property
    def source(self) -> str:
        """Row and column in words."""
        row = f"row {self.place or self.row}" if self.row else ""
        return ", ".join(filter(None, (row, f"column {self.column}" if self.column else "")))


@dataclass(frozen=True, slots=True)
class ReadField:
    """One field that has a value or an objection (PHI).

    Attributes:
        place: Segment and number, as `PID-5`.
        name: What the field is called.
        value: The decoded value.
        raw: The value as it stands in the message.
        marks: The objections to the field.
    """

    place: str
    name: str
    value: str
    raw: str
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadSegment:
    """One segment.

    Attributes:
        name: Its name.
        number: Which one of that name in the message, from 1.
        words: What the segment is about.
        fields: Its fields.
        marks: The objections to the segment as a whole.
    """

    name: str
    number: int
    words: str
    fields: tuple[ReadField, ...]
    marks: tuple[Mark, ...] = ()


_Pinned = dict[tuple[int, int], list[Mark]]
"""Objections by (index of the segment from 0, number of the field or 0)."""

_NOWHERE: Final = -1


Decoded = tuple[tuple[ReadSegment, ...], tuple[Mark, ...]]
"""The segments of a message, and the objections that no segment of it could be found for."""


def read(message: str) -> tuple[ReadSegment, ...]:
    """Decode a message. Any text is read, and nothing is raised."""
    return _read(parse(message), {})


def read_submission(submission: Submission) -> Decoded:
    """Decode the VXU of a submission with the objections to it."""
    message = parse(submission.vxu)
    return _decoded(message, _marks(submission, message))


def read_explained(explained: ExplainedMessage) -> Decoded:
    """Decode a message with the objections that it has, or of an ACK or RSP that it brings."""
    message = explained.message
    return _decoded(message, _marks_of_explained(explained, message))


def _decoded(message: Message, marks: Iterable[tuple[int, int, Mark]]) -> Decoded:
    pinned: _Pinned = {}
    loose: list[Mark] = []
    for index, field, mark in marks:
        if index == _NOWHERE:
            loose.append(mark)
        else:
            pinned.setdefault((index, field), []).append(mark)
    return _read(message, pinned), tuple(loose)


def _marks_of_explained(explained: ExplainedMessage, message: Message) -> Iterator[tuple[int, int, Mark]]:
    for index, error in explained.errors:
        guide = guidance.guide(error, explained.vxu)
        place = guidance.place(error, explained.vxu)
        words = ": ".join(
            filter(None, (f"{error.path} {guidance.field_name(place)}".strip(), error.text or guide.words))
        )
        code = error.application_code or error.code
        yield index, 0, Mark(error.severity, code, words, guide.fix, str(guide.who), error.row, "")
    for finding in explained.findings:
        yield *_place(finding.path, 0, message), _mark_of(finding)


def marks(submission: Submission) -> tuple[Mark, ...]:
    """Return all objections to a submission."""
    return tuple(mark for _, _, mark in _marks(submission, parse(submission.vxu)))


def _read(message: Message, pinned: _Pinned) -> tuple[ReadSegment, ...]:
    counts: dict[str, int] = {}
    segments = []
    for index, segment in enumerate(message.segments):
        name = segment.name[:3]
        counts[name] = counts.get(name, 0) + 1
        marked = {field: tuple(found) for (of, field), found in pinned.items() if of == index}
        fields = tuple(_fields(segment, name, marked))
        segments.append(ReadSegment(name, counts[name], _SEGMENTS.get(name, ""), fields, marked.get(0, ())))
    return tuple(segments)


# where an objection belongs -------------------------------------------------------------------------------------------


def _marks(submission: Submission, message: Message) -> Iterator[tuple[int, int, Mark]]:
    """(index of the segment or _NOWHERE, field or 0, mark) of each finding and of each error of the last attempt."""
    for finding in submission.findings:
        place = submission.visit.row_name(finding.row)
        yield *_place(finding.path, _group(submission, finding.dose_id), message), _mark_of(finding, place)
    for error in submission.attempts[-1].errors if submission.attempts else ():
        guide = guidance.guide(error, submission.vxu)
        place = guidance.place(error, submission.vxu)
        row = error.row or (submission.visit.rows[0][1] if submission.visit.rows else 0)
        of_row = submission.visit.row_name(row)
        column = column_of(place if error.segment == "OBX" else error.path)
        code = error.application_code or error.code
        mark = Mark(error.severity, code, error.text or guide.words, guide.fix, str(guide.who), row, column, of_row)
        yield _index_of(error.segment, max(error.sequence, 1), message), error.field, mark


def _mark_of(finding: Finding, place: str = "") -> Mark:
    about = explanation(finding.code) or UNEXPLAINED
    column = finding.column or column_of(finding.path)
    check = CHECKS.get(finding.code)
    severity = "W" if check is not None and check.severity is Severity.WARNING else "E"
    return Mark(severity, finding.code, about.words, about.fix, about.who, finding.row, column, place)


def _group(submission: Submission, dose_id: str) -> int:
    """The number (from 1) of the dose's ORDER group; 0 if no dose is meant."""
    return next((number for number, dose in enumerate(submission.visit.doses, 1) if dose_id and dose.id == dose_id), 0)


def _index_of(name: str, number: int, message: Message) -> int:
    """The index of the n-th (from 1) segment of that name, or _NOWHERE."""
    indices = [index for index, segment in enumerate(message.segments) if segment.name == name]
    return indices[number - 1] if name and len(indices) >= number else _NOWHERE


def _place(path: str, group: int, message: Message) -> tuple[int, int]:
    """(index of the segment, field) of a finding's path; (_NOWHERE, 0) if the message has no such segment."""
    match = _PATH.match(path)
    if match is None:
        return _NOWHERE, 0
    name, field = match["segment"], int(match["field"] or 0)
    start, end = 0, len(message.segments)
    if group and (first := _index_of("ORC", group, message)) != _NOWHERE:
        following = _index_of("ORC", group + 1, message)
        start, end = first, following if following != _NOWHERE else end
    loinc = _LOINC.search(path)
    for index in range(start, end):
        segment = message.segments[index]
        if segment.name == name and (loinc is None or loinc[0] in segment.line):
            is_counted = match["index"] and not group
            return (_index_of(name, int(match["index"]), message) if is_counted else index), field
    return _NOWHERE, 0


# one segment ----------------------------------------------------------------------------------------------------------


def _fields(segment: Segment, name: str, marked: dict[int, tuple[Mark, ...]]) -> Iterator[ReadField]:
    """The fields of a segment that have a value or an objection."""
    count = max(len(segment.fields), *(number + 1 for number in (*marked, 0)))
    for number in range(1, count):
        raw = segment.fields[number] if number < len(segment.fields) else ""
        found = marked.get(number, ())
        if raw or found:
            place = f"{name}-{number}"
            kind, table, standard = _reference(f"{name}_{number}")
            if place == "OBX-5":
                kind = segment.text(2)
            is_literal = name == "MSH" and number <= 2
            value = raw if is_literal else "; ".join(_value(one, kind, table) for one in segment.repetitions(number))
            yield ReadField(place, guidance.field_name(place) or standard, value, raw, found)


def _reference(field: str) -> tuple[str, str, str]:
    """(data type, HL7 table, name) of a field such as `PID_5`; all empty if the standard has no such field."""
    try:
        about = load_reference(field, "Field", _VERSION)
    except (ChildNotFound, KeyError):
        return "", "", ""
    return str(about[2]), str(about[4] or ""), str(about[3]).replace("_", " ").lower()


def _value(repetition: Repetition, kind: str, table: str) -> str:
    """One repetition in words, by the data type and HL7 table of its field."""
    syntax = repetition.syntax
    parts = [
        " ".join(filter(None, map(syntax.decode, part.split(syntax.subcomponent))))
        for part in repetition.raw.split(syntax.component)
    ]
    if kind in _TIMES:
        return _time(parts[0])
    if kind in _CODED:
        return _code(parts)
    if len(parts) == 1:
        meaning = _MEANINGS.get(table, {}).get(parts[0], "")
        return f"{meaning} ({parts[0]})" if meaning else parts[0]
    return ", ".join(filter(None, parts))


def _code(parts: list[str]) -> str:
    """The one or two codes of a CE, each with its meaning: from the tables, else the message's own text."""
    padded = [*parts, *[""] * 6]
    texts = []
    for code, words, system in (padded[:3], padded[3:6]):
        meaning = _meaning(system, code) or words
        identity = " ".join(filter(None, (code, system)))
        texts.append(f"{meaning} ({identity})" if meaning and identity else meaning or identity)
    return "; ".join(filter(None, texts))


def _meaning(system: str, code: str) -> str:
    """The meaning of a code in our tables, if it has one."""
    if system == "CVX":
        vaccine = cdc.cvx(code)
        return vaccine.name if vaccine else ""
    if system == "MVX":
        manufacturer = cdc.mvx(code)
        return manufacturer.name if manufacturer else ""
    return _MEANINGS.get(system, {}).get(code, "")


def _time(text: str) -> str:
    """A TS, DT or DTM as `YYYY-MM-DD HH:MM:SS ZZZZZ`; any other text as it is."""
    match = _TIME.fullmatch(text)
    if match is None:
        return text
    year, month, day, hour, minute, second, zone = match.groups()
    date_text = "-".join(filter(None, (year, month, day)))
    time_text = ":".join(filter(None, (hour, minute, second)))
    return " ".join(filter(None, (date_text, time_text, zone)))
