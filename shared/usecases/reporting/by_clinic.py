"""What concerns one clinic, of what the interface has as a whole: files, what is expected, who looked at what.

Where it cannot be told whose something is, it is shown: a view of one clinic hides only what belongs to others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from shared.domain.audit import AuditEntry
from shared.domain.clinics import Configuration, Source
from shared.domain.submission import FileSummary
from shared.ports.ledger import Files, Submissions
from shared.replaced import replace
from shared.usecases.reporting.expectations import Expected


def files_of(files: Iterable[FileSummary], configuration: Configuration, clinic: str) -> Iterator[FileSummary]:
    """The files with rows of the clinic, and those of its own source, which may have brought nothing new.

    Their `places` are the clinic's alone; `rows` and `unchanged` stay those of the whole file.
    """
    for one in files:
        source = configuration.sources.get(one.source)
        places = tuple(place for place in one.places if place[0] == clinic)
        if places or (source is not None and source.clinic == clinic):
            yield replace(one, places=places)


def expected_of(found: Expected, configuration: Configuration, clinic: str) -> Expected:
    """The sources that are the clinic's own or name a clinic in every row, and its facility's credentials and stop."""
    known = configuration.clinics.get(clinic)
    facility = known.facility_id if known else ""
    return Expected(
        tuple(one for one in found.sources if _serves(configuration.sources[one.source], clinic)),
        tuple(one for one in found.credentials if one.facility == facility),
        {name: fault for name, fault in found.stopped.items() if name == facility},
    )


def _serves(source: Source, clinic: str) -> bool:
    return source.clinic in ("", clinic)


def entries_of(
    entries: Iterable[AuditEntry], submissions: Submissions, files: Files, configuration: Configuration, clinic: str
) -> list[AuditEntry]:
    """The entries about the clinic, its facility, its submissions and files, and about all clinics at once."""
    found = list(entries)
    owners = _owners(submissions, files, configuration, {_subject(entry) for entry in found})
    return [entry for entry in found if clinic in (owners.get(_subject(entry)) or (clinic,))]


def _subject(entry: AuditEntry) -> str:
    """Of a file of patients in a clinic's name (`<clinic>/<file>`) the clinic."""
    return entry.subject.partition("/")[0]


def _owners(
    submissions: Submissions, files: Files, configuration: Configuration, subjects: set[str]
) -> dict[str, set[str]]:
    """Subject of the audit trail → the clinics that it belongs to; what is not here, or has none, is everybody's."""
    owners: dict[str, set[str]] = {}
    for one in configuration.clinics.values():
        owners.setdefault(one.facility_id, set()).add(one.key)
    owners |= {key: {key} for key in configuration.clinics}
    for submission in submissions.many(sorted(subjects - set(owners))):
        owners[submission.msh_10] = {submission.clinic} - {""}
    for subject in subjects - set(owners):
        file = files.get(subject)
        if file is not None:
            source = configuration.sources.get(file.source)
            owners[subject] = ({place[0] for place in file.places} | {source.clinic if source else ""}) - {""}
    return owners
