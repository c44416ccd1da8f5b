"""The EHR's own codes: what a clinic's maps say of them, and what is left for a person to map.

A reader that finds a value in no standard table keeps it as it stands (`unread`) and notes it. `applied` asks the
maps of clinics.toml, the clinic's before the source's. It works on a visit's copy for checking and building; the stored
visit keeps the raw values, so that a map that comes later is applied to them, and one that changes sends nothing anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from shared.domain.codes import cdc
from shared.domain.model import NO_CODE, Code, Completion, Dose, Finding, NextOfKin, Patient, Provider, Visit
from shared.replaced import replace

LOCAL: Final = "L"
"""HL7 table 0396: a local coding system. As `Provider.id_type`: an id that is not known to be an NPI."""
UNMAPPED: Final = "CODE-UNMAPPED"
CONTRADICTION: Final = "LOT-CONTRADICTS"
CAUSE: Final = "UNMAPPED"
_SHOWN: Final = 40
_MARK: Final = 6

# Table of clinics.toml → where its values stand in a message. All but the last three are attributes of `Dose`.
PATHS: Final[Mapping[str, tuple[str, ...]]] = {
    "vaccine": ("RXA-5",),
    "manufacturer": ("RXA-17",),
    "route": ("RXR-1",),
    "site": ("RXR-2",),
    "refusal_reason": ("RXA-18",),
    "eligibility": ("OBX 64994-7",),
    "funding_source": ("OBX 30963-3",),
    "race": ("PID-10",),
    "ethnicity": ("PID-22",),
    "relationship": ("NK1-3",),
    "provider": ("RXA-10", "ORC-12", "ORC-10"),
}
_TABLE: Final = {path: table for table, paths in PATHS.items() for path in paths}
_OF_DOSE: Final = ("vaccine", "manufacturer", "route", "site", "refusal_reason", "eligibility", "funding_source")
_PROVIDERS: Final = (("administered_by", "RXA-10"), ("ordered_by", "ORC-12"), ("entered_by", "ORC-10"))
_OF_CODES: Final = frozenset({"CODE-UNKNOWN", "CODE-LEFT-OUT", UNMAPPED})
_OF_PROVIDERS: Final = frozenset({"VALUE-LEFT-OUT", "PROVIDER-ID-LEFT-OUT"})


class Lot(msgspec.Struct, frozen=True):
    """What the inventory says of one lot; what is empty is not known. `expiry` is `YYYYMMDD` or `YYYYMM`."""

    ndc: str = ""
    vaccine: Code = NO_CODE
    manufacturer: Code = NO_CODE
    expiry: str = ""
    funding_source: Code = NO_CODE
    eligibility: Code = NO_CODE


class LocalCodes(msgspec.Struct, frozen=True):
    """The maps of one source or clinic: table → `key` of the local code → what it means, and `key` of the lot → lot.

    A local code that means "not known" maps to the empty code.
    """

    tables: Mapping[str, Mapping[str, Code]] = msgspec.field(default_factory=lambda: MappingProxyType({}))
    lots: Mapping[str, Lot] = msgspec.field(default_factory=lambda: MappingProxyType({}))

    def __bool__(self) -> bool:
        return bool(self.tables or self.lots)


NO_LOCAL_CODES: Final = LocalCodes()


def key(raw: str) -> str:
    """What a local code is compared by: without case and surrounding space."""
    return raw.strip().casefold()


def unread(raw: str, text: str = "") -> Code:
    """A value that no standard table has, kept as it stands."""
    return Code("", "", "", raw, text, LOCAL)


def is_unread(code: Code) -> bool:
    """Whether it is a value that no standard table has."""
    return code.code == "" and code.alternate_code != ""


def table_of(finding: Finding) -> str:
    """The table whose map can mend what a reader noted; empty where none can."""
    table = _TABLE.get(finding.path, "")
    return table if finding.code in (_OF_PROVIDERS if table == "provider" else _OF_CODES) else ""


def cause(finding: Finding) -> str:
    """The cause that all submissions share which wait for one code: `UNMAPPED vaccine FLUZONE-HD`.

    Printable ASCII of a limited length; where that is not the whole code, a mark of its hash tells it from others.
    """
    whole = key(finding.value)
    shown = "".join(c if " " <= c <= "~" else "?" for c in whole.upper())[:_SHOWN]
    if shown.casefold() != whole:
        shown = f"{shown}~{hashlib.sha256(whole.encode('utf-8', 'surrogatepass')).hexdigest()[:_MARK]}"
    return f"{CAUSE} {table_of(finding)} {shown}"


def applied(visit: Visit, *books: LocalCodes) -> Visit:
    """The visit as the maps read it. Of several books the first that has a code or lot counts.

    A mapped code takes the place of the unread one, which goes along as the alternate triplet (CE.4 to CE.6), and the
    reader's finding about it goes. What no map has is left out; where it matters, its finding becomes CODE-UNMAPPED.
    """
    books = tuple(book for book in books if book)
    if not any(map(table_of, visit.findings)) and not any(_concern(dose, books) for dose in visit.doses):
        return visit
    return _Application(visit, books).result()


def _concern(dose: Dose, books: tuple[LocalCodes, ...]) -> bool:
    """Whether there is anything to look up for a dose of which no reader noted anything: most have nothing."""
    if is_unread(dose.vaccine):
        return True
    for book in books:
        tables = book.tables
        if book.lots and key(dose.lot) in book.lots:
            return True
        if "vaccine" in tables and cdc.cvx(dose.vaccine.code) is None:
            return True
        if "manufacturer" in tables and cdc.mvx(dose.manufacturer.code) is None:
            return True
        if "provider" in tables and any(getattr(dose, role).id_type not in ("", "NPI") for role, _ in _PROVIDERS):
            return True
    return False


class _Application:
    """The maps on their way over one visit."""

    def __init__(self, visit: Visit, books: tuple[LocalCodes, ...]) -> None:
        self._visit = visit
        self._books = books
        self._used: set[tuple[str, str]] = set()
        self._new: list[Finding] = []
        noted = [finding for finding in visit.findings if table_of(finding)]
        # A row is the place of one dose, unless a set of files counts rows from 1 in each of them.
        rows = [dose.row for dose in visit.doses]
        is_told = len(set(rows)) == len(rows) and len({part for part, _ in visit.rows}) < 2
        self._said = {(finding.path, finding.row): finding.value for finding in noted} if is_told else {}

    def result(self) -> Visit:
        visit = self._visit
        patient = self._patient(visit.patient)
        doses = tuple(self._dose(dose) for dose in visit.doses)
        findings = [kept for finding in visit.findings if (kept := self._finding(finding)) is not None]
        return replace(visit, patient=patient, doses=doses, findings=(*findings, *self._new))

    def _find(self, table: str, path: str, raw: str, text: str = "") -> Code | None:
        """What a local code means, with itself as the alternate; None where no map has it."""
        for book in self._books:
            found = book.tables.get(table, {}).get(key(raw))
            if found is not None:
                self._used.add((path, key(raw)))
                if not found:
                    return NO_CODE
                return replace(found, alternate_code=raw.strip(), alternate_text=text, alternate_system=LOCAL)
        return None

    def _knows(self, table: str) -> bool:
        return any(table in book.tables for book in self._books)

    def _coded(self, table: str, code: Code, said: str = "") -> Code:
        """A code as the maps read it; without its raw value where none does."""
        raw = code.alternate_code if is_unread(code) else said
        if not raw:
            return code
        found = self._find(table, PATHS[table][0], raw, code.text or code.alternate_text)
        if found is not None:
            return found
        return Code("", code.text) if is_unread(code) else code

    # the patient ------------------------------------------------------------------------------------------------------

    def _patient(self, patient: Patient) -> Patient:
        row = self._visit.rows[-1][1] if self._visit.rows else 0
        races = [self._coded("race", race) for race in patient.races]
        if not patient.races and (said := self._said.get(("PID-10", row))):
            races.append(self._coded("race", NO_CODE, said))
        ethnicity = self._coded("ethnicity", patient.ethnicity, self._said.get(("PID-22", row), ""))
        kin = self._next_of_kin(patient.next_of_kin, self._said.get(("NK1-3", row), ""))
        if tuple(races) == patient.races and ethnicity is patient.ethnicity and kin == patient.next_of_kin:
            return patient
        known: dict[str, Code] = {}
        for race in races:
            if race:
                known.setdefault(race.code, race)
        return replace(patient, races=tuple(known.values()), ethnicity=ethnicity, next_of_kin=kin)

    def _next_of_kin(self, kin: tuple[NextOfKin, ...], said: str) -> tuple[NextOfKin, ...]:
        """A finding without its raw value at a relative tells of the only one whose relationship is not known."""
        unknown = [one for one in kin if one.relationship == NO_CODE]
        if len(unknown) != 1:
            said = ""
        return tuple(
            replace(one, relationship=self._coded("relationship", one.relationship, said if one in unknown else ""))
            if not one.relationship
            else one
            for one in kin
        )

    # a dose -----------------------------------------------------------------------------------------------------------

    def _dose(self, dose: Dose) -> Dose:
        changes: dict[str, Any] = {}
        for table in _OF_DOSE:
            before: Code = getattr(dose, table)
            after = self._coded(table, before, self._said.get((PATHS[table][0], dose.row), ""))
            if after is before:
                after = self._number_of_its_own(table, before)
            elif table == "vaccine" and not after:
                self._note_vaccine(before, dose)
            if after is not before:
                changes[table] = after
        if changes.get("refusal_reason") and dose.completion is Completion.NOT_ADMINISTERED:
            changes["completion"] = Completion.REFUSED
        for role, path in _PROVIDERS:
            whose: Provider = getattr(dose, role)
            now = self._provider(whose, path, self._said.get((path, dose.row), ""))
            if now is not whose:
                changes[role] = now
        return self._with_lot(replace(dose, **changes) if changes else dose)

    def _note_vaccine(self, code: Code, dose: Dose) -> None:
        """A vaccine by a local code alone is nothing that every reader notes: it may have been named by its package."""
        noted = (f for f in self._visit.findings if f.row == dose.row and table_of(f) == "vaccine")
        if is_unread(code) and next(noted, None) is None:
            self._new.append(Finding(UNMAPPED, "RXA-5", dose.row, value=code.alternate_code, dose_id=dose.id))

    def _number_of_its_own(self, table: str, code: Code) -> Code:
        """What has the form of a CVX or MVX code and is none of CDC's may be a code of the EHR's own."""
        if not code.code or table not in ("vaccine", "manufacturer") or not self._knows(table):
            return code
        known = cdc.cvx(code.code) if table == "vaccine" else cdc.mvx(code.code)
        found = None if known else self._find(table, PATHS[table][0], code.code, code.text)
        return code if found is None else found

    def _provider(self, provider: Provider, path: str, said: str) -> Provider:
        raw = provider.id if provider.id and provider.id_type != "NPI" else "" if provider.id else said
        if not raw:
            return provider
        found = self._find("provider", path, raw)
        if found is not None:
            return replace(provider, id=found.code, authority="NPI", id_type="NPI")
        return replace(provider, id="", authority="", id_type="") if provider.id_type == LOCAL else provider

    def _with_lot(self, dose: Dose) -> Dose:
        """What the inventory knows of the lot of a dose given here, where the export does not say it."""
        if not dose.lot or not dose.is_administered_here:
            return dose
        lot = next((book.lots[key(dose.lot)] for book in self._books if key(dose.lot) in book.lots), None)
        if lot is None:
            return dose
        changes: dict[str, Any] = {}
        for name, path in _OF_LOT:
            said, known = getattr(dose, name), getattr(lot, name)
            if known and not said:
                changes[name] = known
            elif known and name != "eligibility" and not _agree(said, known):
                value = f"{_plain(said)}, inventory {_plain(known)}"
                self._new.append(Finding(CONTRADICTION, path, dose.row, value=value, dose_id=dose.id))
        return replace(dose, **changes) if changes else dose

    # what was noted ---------------------------------------------------------------------------------------------------

    def _finding(self, finding: Finding) -> Finding | None:
        table = table_of(finding)
        if not table:
            return finding
        if (finding.path, key(finding.value)) in self._used or self._is_of_no_dose(finding, table):
            return None
        return replace(finding, code=UNMAPPED) if finding.code == "CODE-UNKNOWN" else finding

    def _is_of_no_dose(self, finding: Finding, table: str) -> bool:
        """Whether it tells of a mapped code in a row that a later row about the same dose replaced."""
        if table not in _OF_DOSE or any(dose.row == finding.row for dose in self._visit.doses):
            return False
        return any(key(finding.value) in book.tables.get(table, {}) for book in self._books)


_OF_LOT: Final = (
    ("ndc", "RXA-5"),
    ("vaccine", "RXA-5"),
    ("manufacturer", "RXA-17"),
    ("expiry", "RXA-16"),
    ("funding_source", "OBX 30963-3"),
    ("eligibility", "OBX 64994-7"),
)


def _plain(value: str | Code) -> str:
    return value.code if isinstance(value, Code) else value


def _agree(said: str | Code, known: str | Code) -> bool:
    """Whether export and inventory say the same; of two expiries the one that stops at the month rules."""
    one, other = _plain(said), _plain(known)
    length = min(len(one), len(other))
    return one == other or (length == 6 and one[:length] == other[:length])
