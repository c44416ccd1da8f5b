"""Filters for views of one clinic: files, due files, and audit entries.

Where it is not known which clinic something belongs to, it is shown: a view of one clinic hides only what belongs to
others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from shared.domain.audit import AuditEntry
from shared.domain.clinics import Configuration, Source
from shared.domain.submission import FileSummary
from shared.ports.ledger import Files, Submissions
from shared.replaced import replace
from shared.usecases.reporting.expectations import Expectations


def files_of(files: Iterable[FileSummary], configuration: Configuration, clinic: str) -> Iterator[FileSummary]:
    """Yield the files with rows of the clinic, and those of its own source, which may have brought nothing new.

    Their `places` are limited to the clinic; `rows` and `unchanged` stay those of the whole file.
    """
    for file in files:
        source = configuration.sources.get(file.source)
        places = tuple(place for place in file.places if place[0] == clinic)
        if places or (source is not None and source.clinic == clinic):
            yield replace(file, places=places)


def expectations_of(expectations: Expectations, configuration: Configuration, clinic: str) -> Expectations:
    """Return the sources that serve the clinic, and its facility's credentials and stop."""
    configured = configuration.clinics.get(clinic)
    facility = configured.facility_id if configured else ""
    return Expectations(
        tuple(due for due in expectations.sources if _may_serve(configuration.sources[due.source], clinic)),
        tuple(due for due in expectations.credentials if due.facility == facility),
        {stopped: fault for stopped, fault in expectations.stopped.items() if stopped == facility},
    )


def _may_serve(source: Source, clinic: str) -> bool:
    """Say whether a source is the clinic's own, or one whose rows name their clinics."""
    return source.clinic in ("", clinic)


def entries_of(
    entries: Iterable[AuditEntry], submissions: Submissions, files: Files, configuration: Configuration, clinic: str
) -> list[AuditEntry]:
    """Return the entries about the clinic, its facility, its submissions and files, and about all clinics at once."""
    entries = list(entries)
    owners = _owners(submissions, files, configuration, {_subject(entry) for entry in entries})
    return [entry for entry in entries if clinic in (owners.get(_subject(entry)) or (clinic,))]


def _subject(entry: AuditEntry) -> str:
    """Return the entry's subject; the clinic where it is a clinic's query file (`<clinic>/<file>`)."""
    return entry.subject.partition("/")[0]


def _owners(
    submissions: Submissions, files: Files, configuration: Configuration, subjects: set[str]
) -> dict[str, set[str]]:
    """Return subject → clinics that it belongs to; subjects that belong to no clinic are missing or empty."""
    owners: dict[str, set[str]] = {}
    for clinic in configuration.clinics.values():
        owners.setdefault(clinic.facility_id, set()).add(clinic.key)
    owners |= {key: {key} for key in configuration.clinics}
    for submission in submissions.many(sorted(subjects - set(owners))):
        owners[submission.msh_10] = {submission.clinic} - {""}
    for subject in subjects - set(owners):
        file = files.get(subject)
        if file is not None:
            source = configuration.sources.get(file.source)
            owners[subject] = ({place[0] for place in file.places} | {source.clinic if source else ""}) - {""}
    return owners
