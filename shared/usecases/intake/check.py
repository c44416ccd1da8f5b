"""Checks exports as convert does, without sending or keeping anything.

    paths ──exports_in──► export sets ──Check──► report: findings by cause, rows that would be sent and held

The ledger is not asked, so rows that were submitted before are checked like new ones. A deletion is sent with what the
ledger has of its dose, so no message is built of it; only a finding of its reader holds it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from shared.domain.checks import Severity, Who
from shared.domain.clinics import Clinic, Configuration, Iis, Source
from shared.domain.model import Action, Finding, Visit
from shared.exports import arrivals
from shared.exports.formats import FORMATS
from shared.exports.readers import READERS
from shared.ports.clock import Clock
from shared.ports.objects import Exports, Objects
from shared.ports.second_opinion import SecondOpinion
from shared.replaced import replace
from shared.usecases.findings import CHECKS, is_error
from shared.usecases.intake.export_sets import ExportSet
from shared.usecases.intake.returned import Verdicts
from shared.usecases.prepare import Prepared, prepare

EXAMPLES: Final = 5
_VALUES: Final = 20
_CAUSES: Final = 500
_MSH_10: Final = "CHECK"
# To map codes and set vaxline up, a person needs the values that occur.
_LISTS_VALUES: Final = frozenset({Who.CODE_MAP, Who.SETUP})


@dataclass(frozen=True, slots=True)
class Example:
    """One place of a finding: its value (PHI) and its row; 0 is the file as a whole. `place` is the row for people."""

    file: str
    row: int
    column: str
    value: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Cause:
    """All findings of one code in one column.

    Attributes:
        code: The code of the findings; `severity`, `words`, `fix` and `who` are of its row in the check table.
        path: The HL7 field.
        column: The export's name for it; empty if it differs.
        count: The number of findings.
        examples: The first of them.
        values: The commonest values with their counts, if they tell a person what to do (codes, names of clinics,
            unknown columns).
    """

    code: str
    severity: Severity
    path: str
    column: str
    words: str
    fix: str
    who: Who
    count: int
    examples: tuple[Example, ...]
    values: tuple[tuple[str, int], ...]

    @property
    def holds(self) -> bool:
        """Whether its visits are held."""
        return self.severity is Severity.ERROR


@dataclass(frozen=True, slots=True)
class Checked:
    """The counts of one export, or of all: rows, visits (one message each), and those that would be held."""

    name: str
    source: str
    rows: int = 0
    rows_held: int = 0
    visits: int = 0
    visits_held: int = 0

    @property
    def rows_sent(self) -> int:
        return self.rows - self.rows_held

    @property
    def visits_sent(self) -> int:
        return self.visits - self.visits_held


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a check. Causes that hold come first, then those with more findings."""

    configuration: str
    exports: tuple[Checked, ...]
    causes: tuple[Cause, ...]

    @property
    def total(self) -> Checked:
        def added(name: str) -> int:
            return sum(getattr(checked, name) for checked in self.exports)

        return Checked("all", "", added("rows"), added("rows_held"), added("visits"), added("visits_held"))

    @property
    def has_errors(self) -> bool:
        return any(cause.holds for cause in self.causes) or self.total.visits_held > 0


def first_configuration(formats: Iterable[str] = FORMATS) -> Configuration:
    """Return a configuration for a check without clinics.toml: one clinic, and one source for each format."""
    clinic = Clinic("clinic", "The clinic", "CT9999", "CT9999", "CT9999", secret="")
    sources = {name: Source(name, name, clinic=clinic.key, one_clinic=True) for name in formats}
    return Configuration(
        version="built-in",
        organization="The clinic",
        sending_application="VAXLINE",
        iis=Iis(endpoint=""),
        clinics=MappingProxyType({clinic.key: clinic}),
        sources=MappingProxyType(sources),
    )


@dataclass(slots=True)
class _Tally:
    """One cause while its findings are counted."""

    path: str
    column: str
    count: int = 0
    examples: list[Example] = field(default_factory=list)
    values: Counter[str] = field(default_factory=Counter)


class _Causes:
    """Counts findings by code and column, those about a file as a whole by code, in bounded memory."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str], _Tally] = {}

    def add(self, finding: Finding, file: str, visit: Visit | None = None) -> None:
        key = (finding.code, finding.column if finding.path else "")
        if key not in self._tallies and len(self._tallies) >= _CAUSES:
            key = (finding.code, "")
        tally = self._tallies.setdefault(key, _Tally(finding.path, finding.column))
        tally.count += 1
        if tally.column != finding.column:
            tally.column = ""
        if len(tally.examples) < EXAMPLES:
            tally.examples.append(_example(finding, file, visit))
        if CHECKS[finding.code].who in _LISTS_VALUES:
            value = finding.value or ("" if finding.path else finding.column)
            if value and (value in tally.values or len(tally.values) < _VALUES):
                tally.values[value] += 1

    def all(self) -> tuple[Cause, ...]:
        causes = [_cause(code, tally) for (code, _), tally in self._tallies.items()]
        return tuple(sorted(causes, key=lambda cause: (not cause.holds, -cause.count, cause.code, cause.column)))


def _example(finding: Finding, file: str, visit: Visit | None) -> Example:
    place = visit.row_name(finding.row) if visit is not None and finding.row else ""
    return Example(file, finding.row, finding.column, finding.value, place)


def _cause(code: str, tally: _Tally) -> Cause:
    check = CHECKS[code]
    return Cause(
        code=code,
        severity=check.severity,
        path=tally.path or check.path,
        column=tally.column,
        words=check.words,
        fix=check.fix,
        who=check.who,
        count=tally.count,
        examples=tuple(tally.examples),
        values=tuple(tally.values.most_common()),
    )


class Check:
    """The use case with its ports."""

    def __init__(
        self,
        *,
        objects: Objects,
        configuration: Configuration,
        clock: Clock,
        second_opinion: SecondOpinion,
        readers: Mapping[str, Exports] = READERS,
        verdicts: Verdicts | None = None,
    ) -> None:
        self._objects = objects
        self._configuration = configuration
        self._clock = clock
        self._second_opinion = second_opinion
        self._readers = readers
        self._verdicts = verdicts

    def __call__(self, sets: Iterable[ExportSet]) -> Report:
        """Read every export to its end, in bounded memory."""
        causes = _Causes()
        checked = tuple(self._checked(export, causes) for export in sets)
        return Report(self._configuration.version, checked, causes.all())

    def _checked(self, export: ExportSet, causes: _Causes) -> Checked:
        name = arrivals.name(export.name.rstrip("/")) or export.name
        rows = rows_held = visits = visits_held = 0
        objection: str | None = None
        time_zone = self._configuration.iis.time_zone
        _, dated = arrivals.exported_at(export.source, export.parts, self._objects, time_zone)
        for finding in (*export.findings, *dated):
            causes.add(finding, name)
        for visit in self._readers[export.source.format].read(export.parts, export.source, self._objects):
            added = replace(visit, doses=tuple(dose for dose in visit.doses if dose.action is not Action.DELETE))
            is_built = bool(visit.rows) and (bool(added.doses) or not visit.doses)
            prepared = self._prepared(added, export.source) if is_built else Prepared(visit.findings, "")
            findings, vxu = prepared.findings, prepared.vxu
            if vxu and objection is None:
                objection = self._second_opinion.objection(vxu)
            if vxu and objection:
                findings = (*findings, Finding("SECOND-OPINION", column="hl7apy", value=objection))
            for finding in findings:
                causes.add(finding, _file(visit, finding) or name, visit)
            if visit.rows:
                held = bool(objection) or (prepared.is_held if is_built else any(map(is_error, findings)))
                if self._verdicts is not None:
                    self._verdicts.add(visit, findings, is_held=held)
                rows += len(visit.rows)
                visits += 1
                rows_held += len(visit.rows) if held else 0
                visits_held += held
        return Checked(export.name, export.source.name, rows, rows_held, visits, visits_held)

    def _prepared(self, visit: Visit, source: Source) -> Prepared:
        clinic = self._configuration.clinic_for(source, visit.clinic)
        return prepare(visit, msh_10=_MSH_10, clinic=clinic, configuration=self._configuration, now=self._clock.now())


def _file(visit: Visit, finding: Finding) -> str:
    """The file of a set that a finding is about; empty if the export is one file."""
    return next((part for part, row in visit.rows if row == finding.row), "")
