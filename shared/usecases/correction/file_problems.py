"""Files with an error of their own, such as a file of the wrong kind: one thing to do each, about the file.

A later file of the same source that was read without that error ends it, and so does a person who closes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from shared.domain.clinics import Configuration
from shared.domain.submission import FileSummary
from shared.exports.arrivals import name
from shared.ports.ledger import NO_CLINIC, Files
from shared.replaced import replace
from shared.usecases.correction.worklist import VALUES_SHOWN, Group
from shared.usecases.explain import explanation
from shared.usecases.findings import is_error

# The folder is wrong: the right file comes under the same name in another one.
_MISPLACED: Final = frozenset({"FOLDER-MISSING", "SOURCE-UNKNOWN"})


def error_codes(file: FileSummary) -> tuple[str, ...]:
    """Return the codes of the errors about a file itself, each once."""
    return tuple(dict.fromkeys(finding.code for finding in file.findings if is_error(finding)))


def has_failed(file: FileSummary) -> bool:
    """Say whether nothing of a file was read, for an error."""
    return file.complete and file.rows == 0 and bool(error_codes(file))


def open_problems(files: Iterable[FileSummary]) -> list[tuple[FileSummary, tuple[str, ...]]]:
    """Return the files with errors that nothing has ended, each with the codes of these errors; the newest first."""
    later = _LaterFiles()
    problems = []
    for file in sorted(files, key=lambda file: (file.arrived, file.file_id), reverse=True):
        if not file.complete:
            continue
        codes = error_codes(file)
        left = () if file.closed_reason else tuple(code for code in codes if not later.end(file, code))
        if left:
            problems.append((file, left))
        if file.rows:
            later.add(file, codes)
    return problems


class _LaterFiles:
    """The files with rows that arrived after one, or at the same time; they are added from the newest on."""

    def __init__(self) -> None:
        self._newest: dict[tuple[str, tuple[str, ...]], datetime] = {}
        self._by_name: dict[str, tuple[str, ...]] = {}
        self._names: set[str] = set()

    def add(self, file: FileSummary, codes: tuple[str, ...]) -> None:
        self._newest.setdefault((file.source, codes), file.arrived)
        self._by_name.setdefault(file.name, codes)
        self._names.add(name(file.name))

    def end(self, file: FileSummary, code: str) -> bool:
        """Whether one of them ends an error of a file: it is of the same source, and has not the same error.

        S3 tells times in whole seconds. Of files of one time, only the same file stored again counts as later.
        """
        if code in _MISPLACED and name(file.name) in self._names:
            return True
        again = self._by_name.get(file.name)
        if again is not None and code not in again:
            return True
        return any(
            source == file.source and code not in codes and arrived > file.arrived
            for (source, codes), arrived in self._newest.items()
        )


def file_groups(files: Files, configuration: Configuration, clinic: str = "") -> tuple[Group, ...]:
    """Return the entries of the worklist that are about files: one for each error and source, the newest first.

    Args:
        files: The files.
        configuration: Names the clinics of the sources.
        clinic: Only files that may be of this clinic: of its source, or of one whose rows name their clinics.
    """
    by_cause: dict[tuple[str, str], list[FileSummary]] = {}
    for file, codes, its_clinic in problems_of(files, configuration):
        if not clinic or its_clinic in (clinic, NO_CLINIC):
            for code in codes:
                by_cause.setdefault((code, file.source), []).append(file)
    return tuple(_group(code, _clinic_of(found[0], configuration), found) for (code, _), found in by_cause.items())


def problems_of(files: Files, configuration: Configuration) -> Iterator[tuple[FileSummary, tuple[str, ...], str]]:
    """Yield the files with errors that nothing has ended: the codes of these errors, and the clinic (`NO_CLINIC`)."""
    for file, codes in open_problems(files.summaries()):
        yield file, codes, _clinic_of(file, configuration)


def _clinic_of(file: FileSummary, configuration: Configuration) -> str:
    source = configuration.sources.get(file.source)
    return (source.clinic if source else "") or NO_CLINIC


def _group(code: str, clinic: str, files: list[FileSummary]) -> Group:
    values = Counter(
        finding.value for file in files for finding in file.findings if finding.code == code and finding.value
    )
    return Group(
        cause=code,
        clinic=clinic,
        field="",
        values=tuple(values.most_common(VALUES_SHOWN)),
        submissions=0,
        rows=0,
        oldest=min(file.arrived for file in files),
        explained=explanation(code),
        msh_10s=(),
        files=tuple((file.file_id, file.name) for file in files),
    )


def close_file(files: Files, file_id: str, reason: str) -> bool:
    """Take a file off the worklist, because a person says that nothing more is to be done.

    Returns:
        False if there is no such file, or nothing to do about it.
    """
    file = files.summary(file_id)
    if file is None or file.closed_reason or not file.complete or not error_codes(file):
        return False
    files.save(replace(file, closed_reason=reason))
    return True


def reopen_file(files: Files, file_id: str) -> bool:
    """Put a file that a person closed on the worklist again.

    Returns:
        False if there is no such file, or it is not closed.
    """
    file = files.summary(file_id)
    if file is None or not file.closed_reason:
        return False
    files.save(replace(file, closed_reason=""))
    return True
