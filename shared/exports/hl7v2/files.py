"""Port `Exports` for HL7 v2 files: VXU messages (2.3.1 to 2.8) taken apart, to be sent anew under our own MSH.

The rows of a file are its RXA segments, counted from 1; a message that is no VXU, has no RXA or cannot be read counts
as one row. Nothing of an incoming MSH goes on but its delimiters, character set and, where nothing else says it, MSH-4.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from shared.domain.clinics import Source
from shared.domain.model import ADMINISTERED, Action, Dose, Finding, Patient, Visit
from shared.exports import visits
from shared.exports.hl7v2 import dose as hl7_dose
from shared.exports.hl7v2 import messages
from shared.exports.hl7v2 import patient as hl7_patient
from shared.exports.hl7v2 import text as hl7_text
from shared.exports.hl7v2.fields import NO_SEGMENT, Reading, Segment, hd, segments
from shared.exports.hl7v2.messages import LONGEST_SEGMENT, Message, Splitter
from shared.exports.single import TextFile
from shared.exports.spool import Row, Spool
from shared.exports.text import Damaged, Text
from shared.exports.visits import Defaults, Entry
from shared.ports.objects import Objects, StoredObject
from shared.replaced import replace

# A vaccination with one of these is read all the same; the other faults stand for a message that is not.
_READ_ANYWAY: Final = frozenset({"", "ROW-CUT-OFF", "MESSAGE-LINE-BROKEN"})
_UNPLACED: Final = ("", "", "")


class Hl7File(TextFile):
    """One file of messages on its way through the spool."""

    def __init__(self, part: StoredObject, source: Source, objects: Objects) -> None:
        super().__init__(part, source, objects)
        self._rows = 0
        self._defaults = Defaults.of(source)

    # in --------------------------------------------------------------------------------------------------------------

    def _take_in(self, text: Text, spool: Spool) -> None:
        splitter = Splitter()
        number = 0
        for number, message in enumerate(splitter.messages(self._pieces(text, splitter)), 1):
            self._spool(message, number, spool)
        self._findings += splitter.findings
        if text.is_cut:
            self._note(text.cut_by, row=self._rows)
        if number == 0 and not self._findings:
            self._note("FILE-EMPTY")

    def _pieces(self, text: Text, splitter: Splitter) -> Iterator[str]:
        try:
            yield from text.pieces(LONGEST_SEGMENT)
        except Damaged as damage:
            self._note(damage.code, row=self._rows)
            return
        if text.is_cut:
            splitter.is_cut = True
            if text.cut_line:
                yield text.cut_line

    def _spool(self, message: Message, number: int, spool: Spool) -> None:
        syntax = messages.syntax_of(message.lines[0])
        fault = message.fault
        if not fault and syntax is not None:
            kind = hl7_text.mended(syntax.part("".join(message.lines[0].split(syntax.field)[8:9]), 1), None, 0)[0]
            fault = "" if kind == "VXU" else f"MESSAGE-NOT-VXU {kind}"
        if not fault:
            before = self._rows
            for order in messages.orders(message):
                self._rows += 1
                key = self._key(order.text, order.fault)
                spool.add(Row(*key, number, self._rows, order.fault, _as_bytes(order.text)))
            fault = "" if self._rows > before else "MESSAGE-WITHOUT-DOSE"
        if fault:
            self._rows += 1
            message.fault = fault
            spool.add(Row(*_UNPLACED, number, self._rows, fault, _as_bytes(message.text)))

    def _key(self, text: str, fault: str) -> tuple[str, str, str]:
        """(patient, day, clinic) of a vaccination; all empty where one of the first two cannot be read."""
        if fault not in _READ_ANYWAY:
            return _UNPLACED
        said = _segments(hl7_text.mended(text, messages.syntax_of(text), 0)[0])
        by_name = {one.name: one for one in reversed(said)}
        mrn = hl7_patient.record_number(by_name.get("PID", NO_SEGMENT))
        rxa = by_name["RXA"]
        day = Reading(0, self._dates).as_day(rxa.text(3)) or ""
        return (mrn, day, self._clinic(by_name["MSH"], rxa)) if mrn and day else _UNPLACED

    def _clinic(self, msh: Segment, rxa: Segment) -> str:
        """RXA-11.4, else (where the source names no clinic) MSH-4. A historical dose was given elsewhere."""
        source = self._source
        historical = rxa.text(9) not in ("", ADMINISTERED)
        if source.one_clinic or (historical and source.clinic):
            return ""
        place = "" if historical else hd(rxa.first(11), 4, rxa.syntax)
        return place or ("" if source.clinic else hd(msh.first(4), 1, msh.syntax) or msh.text(4, 2))

    # out -------------------------------------------------------------------------------------------------------------

    def _give_out(self, spool: Spool) -> Iterator[Visit]:
        for patient, rows in groupby(spool.by_patient(), key=lambda row: row.patient):
            if not patient:
                for row in rows:
                    clinic, day, entry = self._unplaced(row)
                    yield visits.visit(self._source, clinic, day, [entry])
                continue
            said = _with_own_ids([(row, self._entry(row)) for row in rows])
            for (day, clinic), group in groupby(said, key=lambda one: (one[0].day, one[0].clinic)):
                yield visits.visit(self._source, clinic, day, [entry for _, entry in group])

    def _unplaced(self, row: Row) -> tuple[str, str, Entry]:
        """(clinic, day, entry) of a row of which it is not known whose visit it is: kept whole."""
        text = row.payload.decode("utf-8", "surrogateescape")
        # Its own syntax is not needed: the text is kept as it is, and where it is damaged is said by the entry.
        raw = hl7_text.mended(text, None, row.row)[0].replace("\r", "\n")
        if row.fault not in _READ_ANYWAY:
            code, _, words = row.fault.partition(" ")
            path = "MSH-9" if code == "MESSAGE-NOT-VXU" else ""
            finding = Finding(code, path, row.row, path or "message", words)
            return "", "", Entry(self._name, row.row, Patient(), None, (finding,), raw)
        entry = self._entry(row)
        assert entry.dose is not None
        found = list(entry.findings)
        if not entry.patient.mrn:
            found.append(Finding("ROW-PATIENT-MISSING", "PID-3", row.row, "PID-3"))
        if not entry.dose.date:
            value = next((one.text(3) for one in _segments(text) if one.name == "RXA"), "")
            found.append(Finding("ROW-DATE-UNREADABLE", "RXA-3", row.row, "RXA-3", value))
        return "", entry.dose.date, replace(entry, findings=tuple(found), raw=raw)

    def _entry(self, row: Row) -> Entry:
        text = row.payload.decode("utf-8", "surrogateescape")
        sound, damage = hl7_text.mended(text, messages.syntax_of(text), row.row)
        said = _segments(sound)
        reading = Reading(row.row, self._dates)
        patient = hl7_patient.patient(said, reading)
        dose = hl7_dose.dose(said, self._name, reading, hl7_patient.visit_eligibility(said))
        if dose.is_given:
            dose = self._defaults.applied(dose)
        faults = (Finding(row.fault, row=row.row, column="message"),) if row.fault else ()
        return Entry(self._name, row.row, patient, dose, (*faults, *damage, *reading.findings))


def _as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _segments(text: str) -> list[Segment]:
    syntax = messages.syntax_of(text)
    assert syntax is not None
    return segments(text, syntax)


def _with_own_ids(said: Sequence[tuple[Row, Entry]]) -> Sequence[tuple[Row, Entry]]:
    """The rows of one patient, without order numbers that one message gives to several vaccinations.

    Some EHRs send one constant ORC-3. As an id it would make the IIS overwrite one dose with the next.
    """
    doses: dict[tuple[int, str], set[tuple[str, str, str]]] = {}
    for row, entry in said:
        if entry.dose is not None and entry.dose.id and entry.dose.action is not Action.DELETE:
            doses.setdefault((row.part, entry.dose.id), set()).add(_what(entry.dose))
    shared = {number for (_, number), several in doses.items() if len(several) > 1}
    if not shared:
        return said
    return [(row, _without_id(entry) if entry.dose and entry.dose.id in shared else entry) for row, entry in said]


def _what(dose: Dose) -> tuple[str, str, str]:
    return dose.date, dose.vaccine.code or dose.vaccine.alternate_code, dose.ndc


def _without_id(entry: Entry) -> Entry:
    assert entry.dose is not None
    finding = Finding("ORDER-ID-SHARED", "ORC-3", entry.row, "ORC-3", entry.dose.id)
    return replace(entry, dose=replace(entry.dose, id="", placer_id=""), findings=(*entry.findings, finding))
