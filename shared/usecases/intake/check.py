"""What vaxline would make of exports: read, checked and built as in the main job, with nothing sent and nothing kept.

    paths ──exports_in──► export sets ──Check──► report: findings by cause, what would be sent, what would be held

What the ledger knows does not count here: rows that were submitted before are checked like new ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from shared.domain.checks import Severity, Who
from shared.domain.clinics import Clinic, Configuration, Iis, Source
from shared.domain.model import Finding, Visit
from shared.exports import arrivals
from shared.exports.formats import FORMATS, looks_like
from shared.exports.readers import READERS
from shared.ports.clock import Clock
from shared.ports.objects import Exports, Objects, StoredObject
from shared.ports.second_opinion import SecondOpinion
from shared.usecases.findings import CHECKS
from shared.usecases.intake.prepare import Prepared, prepare

EXAMPLES: Final = 5
_VALUES: Final = 20
_CAUSES: Final = 500
_MSH_10: Final = "CHECK"
# Which values occur tells the person who maps codes or sets vaxline up all there is to do.
_LISTS_VALUES: Final = frozenset({Who.CODE_MAP, Who.SETUP})


@dataclass(frozen=True, slots=True)
class ExportSet:
    """One export: its files, the source that it is read by, and what is wrong with the set itself."""

    name: str
    source: Source
    parts: tuple[StoredObject, ...]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """Where a finding was made, and the value that stood there (PHI). `row` counts from 1; 0: the file as a whole."""

    file: str
    row: int
    column: str
    value: str


@dataclass(frozen=True, slots=True)
class Cause:
    """All findings of one code in one column, with the first examples.

    Where values tell a person what to do (codes, names of clinics, unknown columns), `values` are the commonest ones
    with their counts.
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
        """Whether what it was found in is held."""
        return self.severity is Severity.ERROR


@dataclass(frozen=True, slots=True)
class Checked:
    """The counts of one export, and of all together: rows, visits (each one message), and what became of them."""

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
    """What `vaxline check` found: causes with errors first, the commonest first."""

    configuration: str
    exports: tuple[Checked, ...]
    causes: tuple[Cause, ...]

    @property
    def total(self) -> Checked:
        def added(name: str) -> int:
            return sum(getattr(one, name) for one in self.exports)

        return Checked("all", "", added("rows"), added("rows_held"), added("visits"), added("visits_held"))

    @property
    def has_errors(self) -> bool:
        return any(cause.holds for cause in self.causes) or self.total.visits_held > 0


def first_configuration(formats: Iterable[str] = FORMATS) -> Configuration:
    """What a clinic's first file is checked by where there is no clinics.toml: one clinic, one source per format."""
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


# which files belong together ------------------------------------------------------------------------------------------


def exports_in(
    paths: Sequence[str], configuration: Configuration, objects: Objects, source: str = ""
) -> tuple[ExportSet, ...] | str:
    """The exports that files and folders hold, or why that cannot be told.

    The source of a file is the one named, else the one that a folder above it is called after, else the only one that
    reads what the file looks like. The files of one folder are a set where the source is FHIR bulk data; any other file
    is an export of its own.
    """
    if source and source not in configuration.sources:
        return f"there is no source {source!r}; there are {_named(configuration.sources)}"
    sets: dict[tuple[str, str], list[StoredObject]] = {}
    for item in _items(paths, objects):
        found = configuration.sources[source] if source else _source_of(item, configuration, objects)
        if isinstance(found, str):
            return found
        home = arrivals.folder(item.key) if FORMATS[found.format].is_set else item.key
        sets.setdefault((found.name, home), []).append(item)
    if not sets:
        return "there is no file to read"
    return tuple(
        _export_set(home, configuration.sources[name], items, objects) for (name, home), items in sorted(sets.items())
    )


def _items(paths: Sequence[str], objects: Objects) -> Iterator[StoredObject]:
    """Every file once, in the order of the call; hidden files and markers of a folder are no data."""
    seen: set[str] = set()
    for path in paths:
        named = objects.stat(path)
        for item in (named,) if named is not None else objects.list(f"{path.rstrip('/')}/"):
            if item.key not in seen and (named is not None or arrivals.is_part("csv", item.key)):
                seen.add(item.key)
                yield item


def _source_of(item: StoredObject, configuration: Configuration, objects: Objects) -> Source | str:
    folders = item.key.split("/")[:-1]
    for folder in reversed(folders):
        if folder in configuration.sources:
            return configuration.sources[folder]
    with objects.open(item) as stream:
        wanted = looks_like(stream)
    fitting = [source for source in configuration.sources.values() if source.format == wanted]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        return f"{item.key}: say by --source which one it is: {_named(source.name for source in fitting)}"
    return f"{item.key} looks like {wanted}, and no source of clinics.toml reads that"


def _named(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _export_set(home: str, source: Source, items: Sequence[StoredObject], objects: Objects) -> ExportSet:
    """A set is what its manifest lists; where a listed file is not there, all that is there is read, and it is said."""
    parts = tuple(sorted(items, key=lambda item: item.key))
    manifest = next((item for item in parts if arrivals.name(item.key) == arrivals.MANIFEST), None)
    if not FORMATS[source.format].is_set or manifest is None:
        return ExportSet(home, source, parts)
    with objects.open(manifest) as stream:
        listed = arrivals.listed(stream.read())
    if listed is None:
        return ExportSet(home, source, parts)
    data = [item for item in parts if item is not manifest]
    named = arrivals.named_in(listed, data)
    if named is not None:
        return ExportSet(home, source, (*named, manifest))
    missing = [name for name in listed if arrivals.named_in([name], data) is None]
    findings = tuple(Finding("MANIFEST-INCOMPLETE", column="file", value=name) for name in missing)
    return ExportSet(home, source, parts, findings)


# what is found in them ------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Tally:
    """One cause, while it is counted."""

    path: str
    column: str
    count: int = 0
    examples: list[Example] = field(default_factory=list)
    values: Counter[str] = field(default_factory=Counter)


class _Causes:
    """Findings by code and column, those about a file as a whole by code. Memory does not grow with their number."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str], _Tally] = {}

    def add(self, finding: Finding, file: str) -> None:
        key = (finding.code, finding.column if finding.path else "")
        if key not in self._tallies and len(self._tallies) >= _CAUSES:
            key = (finding.code, "")
        tally = self._tallies.setdefault(key, _Tally(finding.path, finding.column))
        tally.count += 1
        if tally.column != finding.column:
            tally.column = ""
        if len(tally.examples) < EXAMPLES:
            tally.examples.append(Example(file, finding.row, finding.column, finding.value))
        if CHECKS[finding.code].who in _LISTS_VALUES:
            value = finding.value or ("" if finding.path else finding.column)
            if value and (value in tally.values or len(tally.values) < _VALUES):
                tally.values[value] += 1

    def all(self) -> tuple[Cause, ...]:
        causes = [_cause(code, tally) for (code, _), tally in self._tallies.items()]
        return tuple(sorted(causes, key=lambda cause: (not cause.holds, -cause.count, cause.code, cause.column)))


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
    ) -> None:
        self._objects = objects
        self._configuration = configuration
        self._clock = clock
        self._second_opinion = second_opinion
        self._readers = readers

    def __call__(self, sets: Iterable[ExportSet]) -> Report:
        """Reads every export to its end; memory does not grow with them."""
        causes = _Causes()
        checked = tuple(self._one(export, causes) for export in sets)
        return Report(self._configuration.version, checked, causes.all())

    def _one(self, export: ExportSet, causes: _Causes) -> Checked:
        name = arrivals.name(export.name.rstrip("/")) or export.name
        rows = rows_held = visits = visits_held = 0
        objection: str | None = None
        for finding in export.findings:
            causes.add(finding, name)
        for visit in self._readers[export.source.format].read(export.parts, export.source, self._objects):
            prepared = Prepared(visit.findings, "") if not visit.rows else self._prepared(visit, export.source)
            findings, vxu = prepared.findings, prepared.vxu
            if vxu and objection is None:
                objection = self._second_opinion.objection(vxu)
            if vxu and objection:
                findings = (*findings, Finding("SECOND-OPINION", column="hl7apy", value=objection))
            for finding in findings:
                causes.add(finding, _file(visit, finding) or name)
            if visit.rows:
                held = prepared.is_held or bool(objection)
                rows += len(visit.rows)
                visits += 1
                rows_held += len(visit.rows) if held else 0
                visits_held += held
        return Checked(export.name, export.source.name, rows, rows_held, visits, visits_held)

    def _prepared(self, visit: Visit, source: Source) -> Prepared:
        clinic = self._configuration.clinic_for(source, visit.clinic)
        return prepare(visit, msh_10=_MSH_10, clinic=clinic, configuration=self._configuration, now=self._clock.now())


def _file(visit: Visit, finding: Finding) -> str:
    """The file of a set in which a finding was made; empty where the export is one file."""
    return next((part for part, row in visit.rows if row == finding.row), "")
