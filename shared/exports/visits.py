"""Builds visits from the rows of one patient, clinic and day, by the rules of every format.

A deletion may name nothing but its dose: the ledger has the rest, and what the ledger has is sent. So nothing that is
missing or unreadable beside the dose's id holds a deletion.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from dataclasses import replace as replace_entry
from itertools import count
from typing import Final

from shared.domain import identity
from shared.domain.clinics import Source, number_space
from shared.domain.codes import cdc, tables
from shared.domain.codes.local import is_unread
from shared.domain.model import ADMINISTERED, NO_CODE, Action, Code, Completion, Dose, Finding, Patient, Visit
from shared.domain.person import Person, differences
from shared.exports.tidy import Tidying
from shared.replaced import replace

_HISTORICAL: Final = tables.INFORMATION_SOURCE.by_spelling["01"]
_PLACES: Final = 8
"""Places of one vaccine on one day that are tried to recognize a derived id."""

_GIVEN_HERE: Final = tables.INFORMATION_SOURCE.by_spelling[ADMINISTERED]
# Fields by which a deletion is found, and faults of its row as a whole.
_IDS_OF_DOSES: Final = frozenset({"ORC-2", "ORC-3"})
_PATHS_OF_DELETIONS: Final = frozenset({"", "ORC-2", "ORC-3", "RXA-21"})
# These name one damaged field of several.
_NAMED_BY_READERS: Final = frozenset({"TEXT-LOST", "ROW-ENCODING-UNREADABLE"})
_DAMAGE: Final = frozenset({"TEXT-LOST", "VALUE-NUL", "ROW-ENCODING-UNREADABLE"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One row as it was read.

    Attributes:
        part: The name of its file.
        row: Its number in the file, from 1.
        patient: Its patient.
        dose: Its dose; None if it cannot be read.
        findings: Findings of the reader about it.
        raw: Its text, if patient, day or dose cannot be read.
        message: The HL7 message that it is part of, in words.
    """

    part: str
    row: int
    patient: Patient
    dose: Dose | None
    findings: tuple[Finding, ...] = ()
    raw: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Defaults:
    """The defaults that a source gives to doses of a format without columns."""

    eligibility: Code
    funding_source: Code

    @classmethod
    def of(cls, source: Source) -> Defaults:
        """Return the defaults of a source."""
        defaults = source.defaults
        return cls(
            tables.ELIGIBILITY.look_up(defaults.get("eligibility", "")) or NO_CODE,
            tables.FUNDING_SOURCE.look_up(defaults.get("funding_source", "")) or NO_CODE,
        )

    def applied(self, dose: Dose) -> Dose:
        """Return the dose with the defaults for what it lacks. A local code is kept, because a map may read it."""
        eligibility = _or(dose.eligibility, self.eligibility)
        funding_source = _or(dose.funding_source, self.funding_source)
        if eligibility is dose.eligibility and funding_source is dose.funding_source:
            return dose
        return replace(dose, eligibility=eligibility, funding_source=funding_source)


def _or(code: Code, default: Code) -> Code:
    return code if code or is_unread(code) or not default else default


def of_patient(source: Source, clinic: str, day: str, entries: Iterable[Entry]) -> Iterator[Visit]:
    """Sort the rows of one patient, clinic and day into visits.

    Args:
        source: The feed.
        clinic: The export's name of the clinic.
        day: The day, `YYYYMMDD`; empty if the rows name none that can be read.
        entries: The rows in the order of the file.

    Yields:
        One visit of the rows of a day. Of rows without a day, one visit of the deletions that name their dose (and of
        rows without dose, which go with them); every other row is a visit of its own. So is a deletion that names
        neither its dose nor enough to find it.
    """
    together: list[Entry] = []
    for entry in entries:
        is_placed = day != "" or entry.dose is None or deletes_by_id(entry)
        if is_placed and not is_unfindable(entry):
            together.append(entry)
        else:
            yield visit(source, clinic, day, [entry])
    if together:
        yield visit(source, clinic, day, together)


def deletes_by_id(entry: Entry) -> bool:
    """Whether a row deletes a dose that it names by its id."""
    return entry.dose is not None and entry.dose.action is Action.DELETE and entry.dose.id != ""


def is_unfindable(entry: Entry) -> bool:
    """Whether a row deletes a dose without its id, and without the values that an id is derived from."""
    dose = entry.dose
    return dose is not None and dose.action is Action.DELETE and dose.id == "" and _lacks(entry) != ""


def _deletes(entry: Entry) -> bool:
    return entry.dose is not None and entry.dose.action is Action.DELETE


def _lacks(entry: Entry) -> str:
    """The values of a row that a derived id needs and that the row lacks, in words."""
    dose = entry.dose or Dose()
    needed = (("patient", entry.patient.mrn), ("date", dose.date), ("vaccine", _vaccine_of(dose)))
    return ", ".join(f"no {name}" for name, value in needed if not value)


def visit(source: Source, clinic: str, day: str, entries: Sequence[Entry]) -> Visit:
    """Build a visit of rows in the order of the file.

    Args:
        source: The feed.
        clinic: The export's name of the clinic.
        day: The day, `YYYYMMDD`; empty for deletions that name none.
        entries: The rows, at least one.

    Returns:
        The visit. Its patient is that of the last row that is no deletion; of two rows about one dose, the later one
        counts.
    """
    if any(map(_deletes, entries)):
        day = "" if any(map(is_unfindable, entries)) else day
        entries = [_as_deletion(entry) if _deletes(entry) else entry for entry in entries]
    findings = [finding for entry in entries for finding in entry.findings]
    tidying = Tidying(source.columns)
    entries = _tidied(entries, tidying, findings)
    patient = next((entry for entry in reversed(entries) if not _deletes(entry)), entries[-1]).patient
    for entry in entries:
        findings += _of_another_patient(entry, patient)
    doses: dict[str, Dose] = {}
    places: Counter[str] = Counter()
    for entry in entries:
        if entry.dose is None:
            continue
        dose = _with_source(_with_codes_of_package(_tidy_dose(entry, entry.dose, tidying, findings)), source, findings)
        if not dose.id:
            dose = _with_derived_id(dose, source, entry.patient.mrn, doses, places, findings)
        elif dose.id in doses and (code := _clash(doses[dose.id], dose)):
            findings.append(Finding(code, "ORC-3", entry.row, "dose_id", dose.id, dose.id))
        if dose.id in doses and _same(doses[dose.id], dose):
            continue
        doses[dose.id] = dose
    return Visit(
        source=source.name,
        patient=patient,
        date=day,
        clinic=clinic,
        doses=tuple(doses.values()),
        rows=tuple((entry.part, entry.row) for entry in entries),
        findings=tuple(_named(findings, doses.values())),
        raw="\n".join(entry.raw for entry in entries if entry.raw),
        numbering=source.numbering,
        messages=tuple((entry.row, entry.message) for entry in entries if entry.message),
    )


def _tidied(entries: Sequence[Entry], tidying: Tidying, findings: list[Finding]) -> Sequence[Entry]:
    """The entries with their patients in order. Findings about a patient whom several rows repeat are made once."""
    tidy: list[Entry] = []
    seen: Patient | None = None
    for entry in entries:
        if seen is None or (entry.patient is not seen and entry.patient != seen):
            seen = entry.patient
            patient, found = tidying.patient(seen, entry.row)
            if found and _deletes(entry):
                found = tuple(finding for finding in found if finding.code == "PATIENT-ID-DAMAGED")
            findings += _not_known(found, entry)
        tidy.append(entry if patient is entry.patient else replace_entry(entry, patient=patient))
    return tidy


def _tidy_dose(entry: Entry, dose: Dose, tidying: Tidying, findings: list[Finding]) -> Dose:
    """The dose in order. A deletion needs nothing but the id of its dose."""
    found: list[Finding] = []
    dose = tidying.dose(dose, found)
    if found:
        is_deletion = dose.action is Action.DELETE
        kept = [finding for finding in found if not is_deletion or finding.path in _IDS_OF_DOSES]
        findings += _not_known(kept, entry)
    return dose


def _not_known(found: Sequence[Finding], entry: Entry) -> Sequence[Finding]:
    """The findings without those about damaged text, if a reader of whole messages has named it already."""
    if not found or not any(finding.code in _NAMED_BY_READERS for finding in entry.findings):
        return found
    return [finding for finding in found if finding.code not in _NAMED_BY_READERS]


def _as_deletion(entry: Entry) -> Entry:
    """The row of a deletion without findings about values that it does not need."""
    dose = entry.dose
    assert dose is not None
    may_be_damaged = not (dose.id.isascii() and dose.id.isprintable())
    findings = tuple(
        finding
        for finding in entry.findings
        if finding.path in _PATHS_OF_DELETIONS or (may_be_damaged and finding.code in _DAMAGE)
    )
    if is_unfindable(entry):
        finding = Finding("DELETE-WITHOUT-ID", "ORC-3", entry.row, "dose_id", _lacks(entry))
        return replace(entry, dose=None, findings=(*findings, finding))
    return replace(entry, findings=findings, raw="")


def _clash(earlier: Dose, later: Dose) -> str:
    """The code of the finding about two rows with one dose id; empty if they agree."""
    actions = {earlier.action is Action.DELETE, later.action is Action.DELETE}
    if actions == {True} or _same(earlier, later):
        return ""
    if True in actions:
        return "DOSE-DELETED-AND-ADDED"
    return "DOSE-ID-TWICE" if earlier.vaccine.code == later.vaccine.code else "DOSE-ID-ANOTHER"


def _of_another_patient(entry: Entry, patient: Patient) -> Iterator[Finding]:
    """A finding where a row has other patient data than the visit, of one person or of two.

    A deletion may have less of the patient.
    """
    if entry.patient is patient or entry.patient == patient:
        return
    person, other = Person.of(entry.patient), Person.of(patient)
    if differences(person, other):
        yield Finding("PATIENT-ANOTHER", "PID", entry.row, "patient", f"{person} / {other}")
    elif not _deletes(entry):
        yield Finding("PATIENT-TWICE", "PID", entry.row, "patient")


def about_file(source: Source, findings: Iterable[Finding]) -> Visit:
    """Return findings about a file as a whole, as a visit without rows."""
    return Visit(source.name, Patient(), "", findings=tuple(findings))


def information_source(stated: Code, completion: Completion, lot: str) -> Code:
    """Return RXA-9. A dose that was not given has none (IZ-47); without a statement, a lot means "given here"."""
    if completion in (Completion.REFUSED, Completion.NOT_ADMINISTERED):
        return Code()
    if stated or is_unread(stated) or not lot:
        return stated
    return _GIVEN_HERE


def _with_codes_of_package(dose: Dose) -> Dose:
    """Vaccine and manufacturer from the NDC, if the export lacks them and CDC's tables name exactly one."""
    if not dose.ndc or (dose.vaccine and dose.manufacturer):
        return dose
    package = cdc.ndc(dose.ndc)
    if package is None:
        return dose
    vaccine, manufacturer = dose.vaccine, dose.manufacturer
    if not vaccine and len(package.cvx) == 1:
        cvx = tables.cvx(package.cvx[0], vaccine.text) or vaccine
        vaccine = replace(vaccine, code=cvx.code, text=cvx.text, system=cvx.system)
    if not manufacturer and len(package.mvx) == 1 and dose.is_given:
        manufacturer = tables.mvx(package.mvx[0]) or manufacturer
    return replace(dose, vaccine=vaccine, manufacturer=manufacturer)


def _with_source(dose: Dose, source: Source, findings: list[Finding]) -> Dose:
    """Applies `Source.without_lot` to a given dose that has no lot and is not stated to be historical."""
    if dose.action is Action.DELETE or dose.lot or not dose.is_given:
        return dose
    stated = dose.information_source
    if stated.code not in ("", ADMINISTERED):
        return dose
    if source.without_lot == "hold":
        return dose if stated or is_unread(stated) else replace(dose, information_source=_GIVEN_HERE)
    findings.append(Finding("DOSE-SENT-AS-HISTORICAL", "RXA-9", dose.row, "lot", dose_id=dose.id))
    return replace(dose, information_source=_HISTORICAL)


def _with_derived_id(
    dose: Dose,
    source: Source,
    mrn: str,
    doses: dict[str, Dose],
    places: Counter[str],
    findings: list[Finding],
) -> Dose:
    """Derives an id for a dose without one. A row with the same values as another is the same dose and is noted."""
    vaccine = _vaccine_of(dose)
    twin = next((other for other in doses.values() if _same(replace(other, id=""), dose)), None)
    if twin is not None:
        findings.append(Finding("DOSE-TWICE", "ORC-3", dose.row, "dose_id", dose_id=twin.id))
        return replace(dose, id=twin.id)
    number = identity.derived_dose_id(number_space(source), mrn, dose.date, vaccine, places[vaccine])
    places[vaccine] += 1
    return replace(dose, id=number)


def _vaccine_of(dose: Dose) -> str:
    return dose.vaccine.code or dose.ndc or dose.vaccine.alternate_code or dose.vaccine.text


def is_derived(dose: Dose, mrn: str, source: Source) -> bool:
    """Whether vaxline derived the id of a dose because the export names none."""
    space, vaccine = number_space(source), _vaccine_of(dose)
    if len(dose.id) != identity.ORC_3_LENGTH:
        return False
    return any(identity.derived_dose_id(space, mrn, dose.date, vaccine, at) == dose.id for at in range(_PLACES))


def at_next_place(dose: Dose, mrn: str, source: Source, taken: Collection[str]) -> Dose:
    """Return a dose with a derived id, at the first place of its patient, day and vaccine that is free.

    The same vaccine on the same day at two clinics is two doses.
    """
    space, vaccine = number_space(source), _vaccine_of(dose)
    ids = (identity.derived_dose_id(space, mrn, dose.date, vaccine, place) for place in count())
    return replace(dose, id=next(one for one in ids if one not in taken))


def joined(visits: Sequence[Visit], source: Source) -> Visit:
    """Return one visit of the visits of a patient and day at one clinic, which the export spells in several ways.

    Derived ids are those that the doses have where the clinic is spelled in one way.
    """
    last = visits[-1]
    doses: dict[str, Dose] = {}
    places: Counter[str] = Counter()
    findings: list[Finding] = []
    renamed: dict[tuple[int, str], str] = {}
    by_row = sorted(
        ((number, dose) for number, visit in enumerate(visits) for dose in visit.doses),
        key=lambda numbered: (numbered[1].part, numbered[1].row),
    )
    for number, read in by_row:
        dose = read
        if is_derived(read, last.patient.mrn, source):
            dose = _with_derived_id(replace(read, id=""), source, last.patient.mrn, doses, places, findings)
            renamed[number, read.id] = dose.id
        elif dose.id in doses and (code := _clash(doses[dose.id], dose)):
            findings.append(Finding(code, "ORC-3", dose.row, "dose_id", dose.id, dose.id))
        doses[dose.id] = dose
    of_visits = [
        replace(finding, dose_id=renamed.get((number, finding.dose_id), finding.dose_id))
        for number, visit in enumerate(visits)
        for finding in visit.findings
    ]
    return replace(
        last,
        doses=tuple(doses.values()),
        rows=tuple(row for one in visits for row in one.rows),
        findings=(*of_visits, *findings),
        raw="\n".join(one.raw for one in visits if one.raw),
    )


def _same(one: Dose, other: Dose) -> bool:
    return replace(one, row=0, part="") == replace(other, row=0, part="")


def _named(findings: Iterable[Finding], doses: Iterable[Dose]) -> Iterable[Finding]:
    """The findings, each with the id of the dose of its row, so that the console can show them together."""
    ids = {(dose.part, dose.row): dose.id for dose in doses}
    parts = {part for part, _ in ids}
    part = next(iter(parts)) if len(parts) == 1 else ""
    return [
        replace(finding, dose_id=ids[part, finding.row])
        if not finding.dose_id and (part, finding.row) in ids
        else finding
        for finding in findings
    ]
