"""Compares a set of files with its manifest: what the manifest says of the export and the files do not show."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from shared.domain.model import Finding
from shared.exports import arrivals
from shared.exports.fhir.bundle_model import OUTCOME
from shared.exports.manifest import Manifest
from shared.exports.text import Damaged, Text
from shared.ports.objects import Objects, StoredObject

_RESOURCE: Final = re.compile(r'"resourceType"\s*:\s*"[A-Z]')
_FINDINGS_PER_KIND: Final = 50


def differences(
    manifest: Manifest, parts: Sequence[StoredObject], counts: Mapping[str, int], objects: Objects
) -> Iterator[Finding]:
    """Yield a finding for each thing that a manifest says of its export and the files do not show.

    Args:
        manifest: The manifest.
        parts: The files that were read.
        counts: How many resources each of them has, by its name.
        objects: The bucket: other files of the folder are looked at.
    """
    urls = {file.url: file for file in manifest.data}
    twice = [name for name, count in Counter(file.name for file in urls.values()).items() if count > 1]
    for name in twice[:_FINDINGS_PER_KIND]:
        yield _finding("MANIFEST-NAME-TWICE", name)
    for file in urls.values():
        stored = arrivals.named_in([file.name], parts) if file.name not in twice else None
        count = counts.get(arrivals.name(stored[0].key)) if stored else None
        if file.count is not None and count is not None and file.count != count:
            yield _finding("MANIFEST-COUNT", f"{file.name}: {file.count} listed, {count} read")
    for link in manifest.link:
        if link.relation == "next":
            yield _finding("MANIFEST-NEXT", link.url)
    folder = arrivals.folder(parts[0].key)
    others = [item for item in objects.list(folder) if arrivals.folder(item.key) == folder and item not in parts]
    yield from _errors(manifest, others, objects)
    yield from _not_listed(manifest, others, objects)


def _errors(manifest: Manifest, others: Sequence[StoredObject], objects: Objects) -> Iterator[Finding]:
    """The messages of the server in the files of `error`: OperationOutcomes, which may be mere information."""
    for file in manifest.error:
        stored = arrivals.named_in([file.name], others)
        if stored is None:
            yield _finding("MANIFEST-ERRORS", file.name)
            continue
        for line in _first_lines(stored[0], objects):
            try:
                issues = OUTCOME.decode(line.encode()).issue
            except (msgspec.DecodeError, UnicodeEncodeError):
                yield _finding("MANIFEST-ERRORS", file.name)
                break
            for issue in issues:
                if issue.severity != "information":
                    yield _finding("SERVER-ERROR" if issue.is_error else "SERVER-WARNING", f"{file.name}: {issue.text}")


def _not_listed(manifest: Manifest, others: Sequence[StoredObject], objects: Objects) -> Iterator[Finding]:
    """Files of resources in the folder that the manifest does not name; other files, such as logs, are no data."""
    named = {item.key for file in manifest.error for item in arrivals.named_in([file.name], others) or ()}
    count = 0
    for item in others:
        if item.key in named or not arrivals.is_part("fhir", item.key):
            continue
        first = next(_first_lines(item, objects), "")
        if _RESOURCE.search(first):
            yield _finding("MANIFEST-NOT-LISTED", arrivals.name(item.key))
            count += 1
        if count == _FINDINGS_PER_KIND:
            return


def _first_lines(item: StoredObject, objects: Objects) -> Iterator[str]:
    """The first lines of a file that are not blank."""
    count = 0
    with objects.open(item) as stream:
        try:
            for line in Text(stream, "utf-8"):
                if not line.isspace():
                    yield line
                    count += 1
                if count == _FINDINGS_PER_KIND:
                    return
        except Damaged:
            return


def _finding(code: str, value: str) -> Finding:
    return Finding(code, column="file", value=value)
