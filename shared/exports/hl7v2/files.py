"""Port `Exports` for HL7 v2 files: VXU messages (2.3.1 to 2.8) are taken apart and sent anew under our own MSH.

The rows of a file are its RXA segments, counted from 1. A message that is no VXU, has no RXA or cannot be read counts
as one row. Of an incoming MSH only delimiters, character set and, if nothing else names the clinic, MSH-4 are used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from shared.domain.clinics import Source
from shared.domain.hl7.message import Message, parse, syntax_of
from shared.domain.model import ADMINISTERED, Action, Dose, Finding, Patient, Visit
from shared.exports import visits
from shared.exports.hl7v2.dose import deletes_by_id, dose
from shared.exports.hl7v2.fields import Reading
from shared.exports.hl7v2.messages import LONGEST_SEGMENT, RawMessage, Splitter, orders
from shared.exports.hl7v2.patient import patient, record_number, visit_eligibility
from shared.exports.hl7v2.text import mended
from shared.exports.single import TextFile
from shared.exports.spool import Row, Spool
from shared.exports.text import Damaged, Text
from shared.exports.visits import Defaults, Entry
from shared.ports.objects import Objects, StoredObject
from shared.replaced import replace

# A vaccination with one of these faults is read; every other fault stands for a message that is not.
_READ_ANYWAY: Final = frozenset({"", "ROW-CUT-OFF", "MESSAGE-LINE-BROKEN", "MESSAGE-XML-ESCAPED"})
# MSH-11 (HL7 0103): training and debugging.
_TEST_DATA: Final = frozenset({"T", "D"})
_CONTROL_ID_SHOWN: Final = 40
_UNPLACED: Final = ("", "", "")


class Hl7File(TextFile):
    """One file of messages. Its vaccinations are spooled, then read back by patient."""

    def __init__(self, part: StoredObject, source: Source, objects: Objects) -> None:
        super().__init__(part, source, objects)
        self._rows = 0
        self._defaults = Defaults.of(source)

    # into the spool --------------------------------------------------------------------------------------------------

    def _spool_rows(self, text: Text, spool: Spool) -> None:
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

    def _spool(self, message: RawMessage, number: int, spool: Spool) -> None:
        """Spool the vaccinations of a message, or the message as one row if it has none that can be read."""
        fault = message.fault or _not_vxu(message)
        if not fault:
            before = self._rows
            for order in orders(message):
                self._rows += 1
                key = self._key(order.text, order.fault)
                spool.add(Row(*key, number, self._rows, order.fault, _as_bytes(order.text)))
            fault = "" if self._rows > before else "MESSAGE-WITHOUT-DOSE"
        if fault:
            self._rows += 1
            message.fault = fault
            spool.add(Row(*_UNPLACED, number, self._rows, fault, _as_bytes(message.text)))

    def _key(self, text: str, fault: str) -> tuple[str, str, str]:
        """(patient, day, clinic) of a vaccination; all empty if patient or day cannot be read.

        A deletion that names its dose needs no day.
        """
        if fault not in _READ_ANYWAY:
            return _UNPLACED
        message = parse(mended(text, syntax_of(text), 0)[0])
        mrn = record_number(message.first("PID"))
        reading = Reading(0, self._dates)
        day = reading.as_day(message.first("RXA").text(3)) or ""
        is_placed = mrn and (day or deletes_by_id(message, reading))
        return (mrn, day, self._clinic(message)) if is_placed else _UNPLACED

    def _clinic(self, message: Message) -> str:
        """RXA-11.4, else (if the source names no clinic) MSH-4. A historical dose was given elsewhere."""
        source = self._source
        msh, rxa = message.first("MSH"), message.first("RXA")
        is_historical = rxa.text(9) not in ("", ADMINISTERED)
        if source.one_clinic or (is_historical and source.clinic):
            return ""
        location = "" if is_historical else rxa.first(11).authority(4)
        return location or ("" if source.clinic else msh.first(4).authority(1) or msh.text(4, 2))

    # out of the spool ------------------------------------------------------------------------------------------------

    def _spooled_visits(self, spool: Spool) -> Iterator[Visit]:
        for mrn, rows in groupby(spool.by_patient(), key=lambda row: row.patient):
            if not mrn:
                for row in rows:
                    clinic, day, entry = self._unplaced(row)
                    yield visits.visit(self._source, clinic, day, [entry])
                continue
            entries = _with_own_ids([(row, self._entry(row)) for row in rows])
            for (day, clinic), group in groupby(entries, key=lambda pair: (pair[0].day, pair[0].clinic)):
                yield from visits.of_patient(self._source, clinic, day, (entry for _, entry in group))

    def _unplaced(self, row: Row) -> tuple[str, str, Entry]:
        """(clinic, day, entry) of a row without a known patient or day. The entry keeps the whole text."""
        text = _as_text(row.payload)
        # Without syntax: the text is kept as it is, and the entry's own findings name the damaged fields.
        raw = mended(text, None, row.row)[0].replace("\r", "\n")
        if row.fault not in _READ_ANYWAY:
            code, _, value = row.fault.partition(" ")
            path = "MSH-9" if code == "MESSAGE-NOT-VXU" else ""
            finding = Finding(code, path, row.row, path or "message", value)
            return "", "", Entry(self._name, row.row, Patient(), None, (finding,), raw, _message_name(row.part, text))
        entry = self._entry(row)
        assert entry.dose is not None
        findings = list(entry.findings)
        if not entry.patient.mrn:
            findings.append(Finding("ROW-PATIENT-MISSING", "PID-3", row.row, "PID-3"))
        if not entry.dose.date:
            value = parse(text).first("RXA").text(3)
            findings.append(Finding("ROW-DATE-UNREADABLE", "RXA-3", row.row, "RXA-3", value))
        return "", entry.dose.date, replace(entry, findings=tuple(findings), raw=raw)

    def _entry(self, row: Row) -> Entry:
        text = _as_text(row.payload)
        sound, damage = mended(text, syntax_of(text), row.row)
        message = parse(sound)
        reading = Reading(row.row, self._dates)
        processing = message.first("MSH").text(11).upper()
        if processing in _TEST_DATA:
            reading.note("MESSAGE-IS-TEST", "MSH-11", processing)
        of_patient = patient(message, reading)
        of_dose = dose(message, self._name, reading, visit_eligibility(message))
        if of_dose.is_given:
            of_dose = self._defaults.applied(of_dose)
        faults = (Finding(row.fault, row=row.row, column="message"),) if row.fault else ()
        findings = (*faults, *damage, *reading.findings)
        name = _message_name(row.part, sound)
        entry = Entry(self._name, row.row, of_patient, of_dose, findings, message=name)
        return replace(entry, raw=sound.replace("\r", "\n")) if visits.is_unfindable(entry) else entry


def _message_name(number: int, text: str) -> str:
    """Which message of a file it is, for people: its place, and its MSH-10 as the EHR sent it."""
    control_id = parse(text.partition("\r")[0]).first("MSH").first(10).whole()[:_CONTROL_ID_SHOWN]
    return f"message {number}, MSH-10 {control_id}" if control_id else f"message {number}"


def _not_vxu(message: RawMessage) -> str:
    """MESSAGE-NOT-VXU with MSH-9.1, or an empty text for a VXU."""
    kind = parse(message.lines[0]).first("MSH").first(9).component()
    return "" if kind == "VXU" else f"MESSAGE-NOT-VXU {mended(kind, None, 0)[0]}"


def _as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _as_text(payload: bytes) -> str:
    return payload.decode("utf-8", "surrogateescape")


def _with_own_ids(entries: Sequence[tuple[Row, Entry]]) -> Sequence[tuple[Row, Entry]]:
    """The rows of one patient, without order numbers that one message gives to several vaccinations.

    Some EHRs send one constant ORC-3. As an id it would make the IIS overwrite one dose with the next. A message that
    deletes a dose and adds it on another day does not do that.
    """
    vaccinations: dict[tuple[int, str, bool], set[tuple[str, str, str]]] = {}
    for row, entry in entries:
        if entry.dose is not None and entry.dose.id:
            key = (row.part, entry.dose.id, entry.dose.action is Action.DELETE)
            vaccinations.setdefault(key, set()).add(_day_and_vaccine(entry.dose))
    shared = {dose_id for (_, dose_id, _), several in vaccinations.items() if len(several) > 1}
    if not shared:
        return entries
    return [(row, _without_id(entry) if entry.dose and entry.dose.id in shared else entry) for row, entry in entries]


def _day_and_vaccine(dose: Dose) -> tuple[str, str, str]:
    return dose.date, dose.vaccine.code or dose.vaccine.alternate_code, dose.ndc


def _without_id(entry: Entry) -> Entry:
    assert entry.dose is not None
    finding = Finding("ORDER-ID-SHARED", "ORC-3", entry.row, "ORC-3", entry.dose.id)
    return replace(entry, dose=replace(entry.dose, id="", placer_id=""), findings=(*entry.findings, finding))
