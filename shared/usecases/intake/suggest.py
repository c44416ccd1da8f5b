"""Suggests sections of clinics.toml for files that vaxline has not seen (`vaxline check --suggest`)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final

from shared.exports import arrivals
from shared.exports.csv.suggestion import suggested
from shared.exports.formats import FORMATS, looks_like
from shared.ports.objects import Objects, StoredObject

_NO_NAME: Final = re.compile(r"[^a-z0-9]+")
_INBOX: Final = "inbox"


def suggestions(paths: Sequence[str], objects: Objects, source: str = "") -> list[tuple[str, str]]:
    """Return a section for each file, or folder of a set, as (name of the file, TOML).

    Args:
        paths: Files and folders.
        objects: Reads them.
        source: The name of the source; without it, that of the folder below `inbox/`, or of the file.
    """
    made: dict[str, str] = {}
    for item in _items(paths, objects):
        with objects.open(item) as stream:
            format_name = looks_like(stream)
        home = arrivals.folder(item.key) if FORMATS[format_name].is_set else item.key
        name = source or _source_name(home)
        if home not in made:
            made[home] = suggested(item, objects, name) if format_name == "csv" else _section(name, format_name)
    return list(made.items())


def _section(name: str, format_name: str) -> str:
    return (
        f'[sources.{name}]\nformat = "{format_name}"\n# clinic = "…"                    # where the file names none\n'
    )


def _items(paths: Sequence[str], objects: Objects) -> Iterator[StoredObject]:
    for path in paths:
        named = objects.stat(path)
        if named is not None:
            yield named
        else:
            yield from (item for item in objects.list(f"{path.rstrip('/')}/") if arrivals.is_part("csv", item.key))


def _source_name(path: str) -> str:
    """A name that clinics.toml takes: the folder below the inbox, else the file's own name without its numbers."""
    parts = PurePosixPath(path).parts
    if _INBOX in parts[:-1]:
        own = parts[parts.index(_INBOX) + 1]
    else:
        own = re.sub(r"[\d_-]+", "-", PurePosixPath(parts[-1]).stem)
    return _NO_NAME.sub("-", own.casefold()).strip("-")[:40] or "source"
