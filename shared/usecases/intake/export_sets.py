"""Finds the exports in files and folders on disk."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from shared.domain.clinics import Configuration, Source
from shared.domain.model import Finding
from shared.exports import arrivals
from shared.exports.formats import FORMATS, looks_like
from shared.ports.objects import Objects, StoredObject


@dataclass(frozen=True, slots=True)
class ExportSet:
    """One export.

    Attributes:
        name: The path of a single file, the folder of a set.
        source: The feed that it is read as.
        parts: Its files.
        findings: Findings about the set of files.
    """

    name: str
    source: Source
    parts: tuple[StoredObject, ...]
    findings: tuple[Finding, ...] = ()


def exports_in(
    paths: Sequence[str], configuration: Configuration, objects: Objects, source: str = ""
) -> tuple[ExportSet, ...] | str:
    """Find the exports in files and folders.

    Args:
        paths: The files and folders.
        configuration: Names the sources.
        objects: Reads the files.
        source: The source of all files. Without it, the source of a file is the one whose name a folder above it has,
            or else the only one whose format the file seems to have.

    Returns:
        The exports, by source and name. The files of a folder are one export if their source reads sets, otherwise
        each file is one. A text if a source cannot be determined or there is no file.
    """
    if source and source not in configuration.sources:
        return f"there is no source {source!r}; there are {_joined(configuration.sources)}"
    sets: dict[tuple[str, str], list[StoredObject]] = {}
    found = list(_items(paths, objects))
    of_sets = _listed_in_manifests(found, objects)
    for item in found:
        item_source = configuration.sources[source] if source else _source_of(item, of_sets, configuration, objects)
        if isinstance(item_source, str):
            return item_source
        home = arrivals.folder(item.key) if FORMATS[item_source.format].is_set else item.key
        sets.setdefault((item_source.name, home), []).append(item)
    if not sets:
        return "there is no file to read"
    return tuple(
        _export_set(home, configuration.sources[name], items, objects) for (name, home), items in sorted(sets.items())
    )


def _items(paths: Sequence[str], objects: Objects) -> Iterator[StoredObject]:
    """Every file once, in the order of the paths, without hidden files and markers of folders."""
    seen: set[str] = set()
    for path in paths:
        named = objects.stat(path)
        for item in (named,) if named is not None else objects.list(f"{path.rstrip('/')}/"):
            if item.key not in seen and (named is not None or arrivals.is_part("csv", item.key)):
                seen.add(item.key)
                yield item


def _listed_in_manifests(items: Sequence[StoredObject], objects: Objects) -> frozenset[str]:
    """The keys of files that a manifest in their folder lists. Its files of deletions look like Bundles."""
    keys: set[str] = set()
    for manifest in (item for item in items if arrivals.name(item.key) == arrivals.MANIFEST):
        home = arrivals.folder(manifest.key)
        beside = [item for item in items if arrivals.folder(item.key) == home]
        with objects.open(manifest) as stream:
            names = arrivals.listed(stream.read(arrivals.MANIFEST_CAP)) or ()
        keys.update(item.key for name in names for item in arrivals.named_in([name], beside) or ())
    return frozenset(keys)


def _source_of(
    item: StoredObject, of_sets: Collection[str], configuration: Configuration, objects: Objects
) -> Source | str:
    folders = item.key.split("/")[:-1]
    for folder in reversed(folders):
        if folder in configuration.sources:
            return configuration.sources[folder]
    with objects.open(item) as stream:
        format_name = "fhir" if item.key in of_sets else looks_like(stream)
    fitting = [source for source in configuration.sources.values() if source.format == format_name]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        return f"{item.key}: say by --source which one it is: {_joined(source.name for source in fitting)}"
    return f"{item.key} looks like {format_name}, and no source of clinics.toml reads that"


def _joined(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _export_set(home: str, source: Source, items: Sequence[StoredObject], objects: Objects) -> ExportSet:
    """A set is what its manifest lists. If a listed file is missing, all files are read, with a finding."""
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
