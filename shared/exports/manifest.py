"""The manifest of a FHIR bulk export (Bulk Data Access 2.0, "Response - Complete Status")."""

from __future__ import annotations

import posixpath
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec


class ListedFile(msgspec.Struct, frozen=True):
    """One file that a manifest lists.

    Attributes:
        url: Where the server offered it.
        count: How many resources are in it; None if the server does not say it.
        name: The last part of the path of its URL, under which it is stored.
    """

    url: str
    count: int | None = None

    @property
    def name(self) -> str:
        return posixpath.basename(unquote(urlsplit(self.url).path))


class ManifestLink(msgspec.Struct, frozen=True):
    """A link to another manifest: `next` if the server divides its answer."""

    relation: str = ""
    url: str = ""


class Manifest(msgspec.Struct, frozen=True):
    """The part of a manifest that names files."""

    output: tuple[ListedFile, ...]
    error: tuple[ListedFile, ...] = ()
    link: tuple[ManifestLink, ...] = ()


class _OutputOnly(msgspec.Struct, frozen=True):
    output: tuple[ListedFile, ...]


_MANIFEST: Final = msgspec.json.Decoder(Manifest)
_OUTPUT_ONLY: Final = msgspec.json.Decoder(_OutputOnly)


def read(text: bytes) -> Manifest | None:
    """Return a manifest; None if it cannot be read. What is wrong beside its list of files is passed over."""
    try:
        try:
            manifest = _MANIFEST.decode(text)
        except msgspec.ValidationError:
            manifest = Manifest(_OUTPUT_ONLY.decode(text).output)
        for file in (*manifest.output, *manifest.error):
            _ = file.name
    except (msgspec.DecodeError, RecursionError, ValueError):
        # ValueError: urlsplit refuses the URL.
        return None
    return manifest
