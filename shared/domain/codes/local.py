"""Local codes of an EHR, and the maps and lot inventories of clinics.toml that give them a meaning.

A reader keeps a value that no standard table has as a local code (`unread`), with a finding. `applied` replaces local
codes by the maps of clinics.toml, the clinic's before the source's, in the copy of a visit that is checked and sent.
The stored visit keeps its values: a map that is added later applies to them, and a changed map sends nothing again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from shared.domain.codes import cdc
from shared.domain.codes.races import is_detail
from shared.domain.model import (
    GIVEN,
    NO_CODE,
    Action,
    Code,
    Completion,
    Dose,
    Finding,
    NextOfKin,
    Patient,
    Provider,
    Visit,
)
from shared.replaced import replace

LOCAL: Final = "L"
"""The local coding system of HL7 table 0396. As `Provider.id_type`, an id that is not known to be an NPI."""
UNMAPPED: Final = "CODE-UNMAPPED"
CONTRADICTION: Final = "LOT-CONTRADICTS"
CAUSE: Final = "UNMAPPED"
_SHOWN: Final = 40
_HASH_SHOWN: Final = 6

# Table of clinics.toml → HL7 fields of its values.
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
    "completion": ("RXA-20",),
    "information_source": ("RXA-9",),
    "action": ("RXA-21",),
    "sex": ("PID-8",),
    "units": ("RXA-7",),
}
_TABLE: Final = {path: table for table, paths in PATHS.items() for path in paths}
_OF_DOSE: Final = (
    "vaccine",
    "manufacturer",
    "route",
    "site",
    "refusal_reason",
    "eligibility",
    "funding_source",
    "information_source",
    "units",
)
DELETED: Final = "D"
"""As the meaning of a completion: the dose is deleted (RXA-21)."""
_PROVIDERS: Final = (("administered_by", "RXA-10"), ("ordered_by", "ORC-12"), ("entered_by", "ORC-10"))
_OF_CODES: Final = frozenset({"CODE-UNKNOWN", "CODE-LEFT-OUT", "CODE-ROLLED-UP", UNMAPPED})
_OF_PROVIDERS: Final = frozenset({"VALUE-LEFT-OUT", "PROVIDER-ID-LEFT-OUT"})


class Lot(msgspec.Struct, frozen=True):
    """One lot of an inventory. Empty fields are not known; `expiry` is `YYYYMMDD` or `YYYYMM`."""

    ndc: str = ""
    vaccine: Code = NO_CODE
    manufacturer: Code = NO_CODE
    expiry: str = ""
    funding_source: Code = NO_CODE
    eligibility: Code = NO_CODE


class LocalCodes(msgspec.Struct, frozen=True):
    """The local codes and lots of one source or clinic.

    Attributes:
        tables: Table of clinics.toml → `key` of a local code → its meaning, the empty code for "not known".
        lots: `key` of a lot number → the lot.
    """

    tables: Mapping[str, Mapping[str, Code]] = msgspec.field(default_factory=lambda: MappingProxyType({}))
    lots: Mapping[str, Lot] = msgspec.field(default_factory=lambda: MappingProxyType({}))

    def __bool__(self) -> bool:
        return bool(self.tables or self.lots)


NO_LOCAL_CODES: Final = LocalCodes()


def key(raw: str) -> str:
    """Return the form in which local codes are compared: without case and surrounding space."""
    return raw.strip().casefold()


def unread(raw: str, text: str = "") -> Code:
    """Return a value that no standard table has, as a local code without meaning."""
    return Code("", "", "", raw, text, LOCAL)


def is_unread(code: Code) -> bool:
    """Tell whether a code is a local code without meaning."""
    return code.code == "" and code.alternate_code != ""


def table_of(finding: Finding) -> str:
    """Return the table of clinics.toml whose map can resolve a finding of a reader; empty if none can."""
    table = _TABLE.get(finding.path, "")
    return table if finding.code in (_OF_PROVIDERS if table == "provider" else _OF_CODES) else ""


def cause(finding: Finding) -> str:
    """Return the cause of all submissions that wait for one code to be mapped: `UNMAPPED vaccine FLUZONE-HD`.

    It is printable ASCII of limited length. If that is not the whole code, a part of its hash follows.
    """
    whole = key(finding.value)
    shown = "".join(c if " " <= c <= "~" else "?" for c in whole.upper())[:_SHOWN]
    if shown.casefold() != whole:
        shown = f"{shown}~{hashlib.sha256(whole.encode('utf-8', 'surrogatepass')).hexdigest()[:_HASH_SHOWN]}"
    return f"{CAUSE} {table_of(finding)} {shown}"


def applied(visit: Visit, *maps: LocalCodes) -> Visit:
    """Return a visit with its local codes replaced by their meanings, and doses completed from lot inventories.

    A code that a map gives takes the local one along as the alternate triplet (CE.4 to CE.6), and the reader's finding
    about it is dropped. A local code that no map has is left out; if it matters, its finding becomes CODE-UNMAPPED.

    Args:
        visit: The visit as it was read.
        maps: The maps, in the order in which they are asked.
    """
    maps = tuple(local_codes for local_codes in maps if local_codes)
    if not any(map(table_of, visit.findings)) and not any(_is_concerned(dose, maps) for dose in visit.doses):
        return visit
    return _Application(visit, maps).result()


def _is_concerned(dose: Dose, maps: tuple[LocalCodes, ...]) -> bool:
    """Whether the maps may change a dose about which there is no finding; most doses they do not."""
    if is_unread(dose.vaccine) or (dose.ndc and not dose.vaccine):
        return True
    for local_codes in maps:
        tables = local_codes.tables
        if local_codes.lots and key(dose.lot) in local_codes.lots:
            return True
        if "vaccine" in tables and cdc.cvx(dose.vaccine.code) is None:
            return True
        if "manufacturer" in tables and cdc.mvx(dose.manufacturer.code) is None:
            return True
        if "provider" in tables and any(getattr(dose, role).id_type not in ("", "NPI") for role, _ in _PROVIDERS):
            return True
    return False


class _Application:
    """The application of maps to one visit."""

    def __init__(self, visit: Visit, maps: tuple[LocalCodes, ...]) -> None:
        self._visit = visit
        self._maps = maps
        self._mapped: set[tuple[str, str]] = set()
        self._new_findings: list[Finding] = []
        noted = [finding for finding in visit.findings if table_of(finding)]
        rows = [dose.row for dose in visit.doses]
        # In a set of files several doses may have one row number, because each file counts from 1.
        has_distinct_rows = len(set(rows)) == len(rows) and len({part for part, _ in visit.rows}) < 2
        self._noted = {(finding.path, finding.row): finding.value for finding in noted} if has_distinct_rows else {}

    def result(self) -> Visit:
        visit = self._visit
        patient = self._patient(visit.patient)
        doses = tuple(self._dose(dose) for dose in visit.doses)
        findings = [kept for finding in visit.findings if (kept := self._finding(finding)) is not None]
        return replace(visit, patient=patient, doses=doses, findings=(*findings, *self._new_findings))

    def _meaning(self, table: str, path: str, raw: str, text: str = "") -> Code | None:
        """The meaning of a local code, with the local code as the alternate; None if no map has it."""
        for local_codes in self._maps:
            meaning = local_codes.tables.get(table, {}).get(key(raw))
            if meaning is not None:
                self._mapped.add((path, key(raw)))
                if not meaning:
                    return NO_CODE
                return replace(meaning, alternate_code=raw.strip(), alternate_text=text, alternate_system=LOCAL)
        return None

    def _has_map(self, table: str) -> bool:
        return any(table in local_codes.tables for local_codes in self._maps)

    def _coded(self, table: str, code: Code, noted: str = "") -> Code:
        """A code as the maps read it; without its local code if no map has that.

        `noted` is the value of a finding about the field, for readers that keep the value only there.
        """
        is_detailed = table in ("race", "ethnicity") and is_detail(code)
        raw = code.alternate_code if is_unread(code) or is_detailed else noted
        if not raw:
            return code
        text = code.text or code.alternate_text if is_unread(code) else ""
        meaning = self._meaning(table, PATHS[table][0], raw, text)
        if meaning is not None:
            return meaning
        return Code("", code.text) if is_unread(code) else code

    # the patient ------------------------------------------------------------------------------------------------------

    def _patient(self, patient: Patient) -> Patient:
        row = self._visit.rows[-1][1] if self._visit.rows else 0
        races = [self._coded("race", race) for race in patient.races]
        if not patient.races and (noted := self._noted.get(("PID-10", row))):
            races.append(self._coded("race", NO_CODE, noted))
        ethnicity = self._coded("ethnicity", patient.ethnicity, self._noted.get(("PID-22", row), ""))
        kin = self._next_of_kin(patient.next_of_kin, self._noted.get(("NK1-3", row), ""))
        sex = self._noted_meaning("sex", row) or patient.sex
        is_same = sex == patient.sex and ethnicity is patient.ethnicity
        if is_same and tuple(races) == patient.races and kin == patient.next_of_kin:
            return patient
        by_code: dict[str, Code] = {}
        for race in races:
            if race:
                by_code.setdefault(race.code, race)
        return replace(patient, sex=sex, races=tuple(by_code.values()), ethnicity=ethnicity, next_of_kin=kin)

    def _noted_meaning(self, table: str, row: int) -> str:
        """The code that the maps have for a value that is only in a finding; empty if they have none."""
        path = PATHS[table][0]
        noted = self._noted.get((path, row), "")
        meaning = self._meaning(table, path, noted) if noted else None
        return meaning.code if meaning else ""

    def _next_of_kin(self, kin: tuple[NextOfKin, ...], noted: str) -> tuple[NextOfKin, ...]:
        """A value that is only in a finding belongs to the relative without relationship, if there is exactly one."""
        without = [relative for relative in kin if relative.relationship == NO_CODE]
        if len(without) != 1:
            noted = ""
        return tuple(
            replace(
                relative,
                relationship=self._coded("relationship", relative.relationship, noted if relative in without else ""),
            )
            if not relative.relationship
            else relative
            for relative in kin
        )

    # a dose -----------------------------------------------------------------------------------------------------------

    def _dose(self, dose: Dose) -> Dose:
        changes = self._event(dose)
        for table in _OF_DOSE:
            if table in changes:
                continue
            before: Code = getattr(dose, table)
            after = self._coded(table, before, self._noted.get((PATHS[table][0], dose.row), ""))
            if after is before:
                after = self._local_number(table, before)
            elif table == "vaccine" and not after:
                self._note_vaccine(before, dose)
            if table == "vaccine" and before.alternate_code == "" and not after and dose.ndc:
                after = self._vaccine_of_package(dose)
            if after is not before:
                changes[table] = after
        if changes.get("refusal_reason") and dose.completion is Completion.NOT_ADMINISTERED:
            changes["completion"] = Completion.REFUSED
        for role, path in _PROVIDERS:
            provider: Provider = getattr(dose, role)
            mapped = self._provider(provider, path, self._noted.get((path, dose.row), ""))
            if mapped is not provider:
                changes[role] = mapped
        return self._with_lot(replace(dose, **changes) if changes else dose)

    def _event(self, dose: Dose) -> dict[str, Any]:
        """RXA-20 and RXA-21 as the maps read them; a dose that was not given has no RXA-9."""
        completion, action = self._noted_meaning("completion", dose.row), self._noted_meaning("action", dose.row)
        changes: dict[str, Any] = {}
        if completion == DELETED:
            changes["action"] = Action.DELETE
        elif completion:
            changes["completion"] = Completion(completion)
            if changes["completion"] not in GIVEN:
                changes["information_source"] = NO_CODE
        if action:
            changes["action"] = Action(action)
        return changes

    def _vaccine_of_package(self, dose: Dose) -> Code:
        """The vaccine of a package that CDC's table does not have; the NDC goes along as its alternate anyway."""
        meaning = self._meaning("vaccine", "RXA-5", dose.ndc)
        if meaning:
            return Code(meaning.code, meaning.text, meaning.system)
        noted = any(finding.row == dose.row and table_of(finding) == "vaccine" for finding in self._visit.findings)
        if cdc.ndc(dose.ndc) is None and not noted and dose.action is not Action.DELETE:
            self._new_findings.append(Finding(UNMAPPED, "RXA-5", dose.row, value=dose.ndc, dose_id=dose.id))
        return dose.vaccine

    def _note_vaccine(self, code: Code, dose: Dose) -> None:
        """Not every reader notes a vaccine with a local code only, because its package could have named it."""
        noted = any(finding.row == dose.row and table_of(finding) == "vaccine" for finding in self._visit.findings)
        if is_unread(code) and not noted:
            self._new_findings.append(Finding(UNMAPPED, "RXA-5", dose.row, value=code.alternate_code, dose_id=dose.id))

    def _local_number(self, table: str, code: Code) -> Code:
        """A code in the form of CVX or MVX that CDC does not list may be a local one."""
        if not code.code or table not in ("vaccine", "manufacturer") or not self._has_map(table):
            return code
        is_listed = cdc.cvx(code.code) if table == "vaccine" else cdc.mvx(code.code)
        meaning = None if is_listed else self._meaning(table, PATHS[table][0], code.code, code.text)
        return code if meaning is None else meaning

    def _provider(self, provider: Provider, path: str, noted: str) -> Provider:
        raw = provider.id if provider.id and provider.id_type != "NPI" else "" if provider.id else noted
        if not raw:
            return provider
        npi = self._meaning("provider", path, raw)
        if npi is not None:
            return replace(provider, id=npi.code, authority="NPI", id_type="NPI")
        return replace(provider, id="", authority="", id_type="") if provider.id_type == LOCAL else provider

    def _with_lot(self, dose: Dose) -> Dose:
        """A dose given here, with what the inventory has of its lot and the export lacks. A deletion stays as it is."""
        if not dose.lot or not dose.is_administered_here or dose.action is Action.DELETE:
            return dose
        lot = next((maps.lots[key(dose.lot)] for maps in self._maps if key(dose.lot) in maps.lots), None)
        if lot is None:
            return dose
        changes: dict[str, Any] = {}
        for name, path in _OF_LOT:
            exported, inventory = getattr(dose, name), getattr(lot, name)
            if inventory and not exported:
                changes[name] = inventory
            elif inventory and name != "eligibility" and not _agree(exported, inventory):
                value = f"{_plain(exported)}, inventory {_plain(inventory)}"
                self._new_findings.append(Finding(CONTRADICTION, path, dose.row, value=value, dose_id=dose.id))
        return replace(dose, **changes) if changes else dose

    # findings ---------------------------------------------------------------------------------------------------------

    def _finding(self, finding: Finding) -> Finding | None:
        """A finding of the reader as it remains; None if a map resolved it."""
        table = table_of(finding)
        if not table:
            return finding
        if (finding.path, key(finding.value)) in self._mapped or self._is_of_replaced_row(finding, table):
            return None
        return replace(finding, code=UNMAPPED) if finding.code == "CODE-UNKNOWN" else finding

    def _is_of_replaced_row(self, finding: Finding, table: str) -> bool:
        """Whether it is about a mapped code in a row that a later row about the same dose replaced."""
        if table not in _OF_DOSE or any(dose.row == finding.row for dose in self._visit.doses):
            return False
        return any(key(finding.value) in local_codes.tables.get(table, {}) for local_codes in self._maps)


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


def _agree(exported: str | Code, inventory: str | Code) -> bool:
    """Whether export and inventory agree. An expiry that is a month agrees with every day of it."""
    first, second = _plain(exported), _plain(inventory)
    length = min(len(first), len(second))
    return first == second or (length == 6 and first[:length] == second[:length])
