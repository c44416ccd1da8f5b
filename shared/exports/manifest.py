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
    """The part of a manifest that names files.

    Attributes:
        output: The files of resources.
        deleted: The files of Bundles that name resources which were deleted.
        error: The files of OperationOutcomes.
        link: Links to other manifests.
    """

    output: tuple[ListedFile, ...]
    deleted: tuple[ListedFile, ...] | None = None
    error: tuple[ListedFile, ...] = ()
    link: tuple[ManifestLink, ...] = ()

    @property
    def data(self) -> tuple[ListedFile, ...]:
        """The files that make up the export."""
        return (*self.output, *(self.deleted or ()))


class _DataOnly(msgspec.Struct, frozen=True):
    output: tuple[ListedFile, ...]
    deleted: tuple[ListedFile, ...] | None = None


_MANIFEST: Final = msgspec.json.Decoder(Manifest)
_DATA_ONLY: Final = msgspec.json.Decoder(_DataOnly)


def read(text: bytes) -> Manifest | None:
    """Return a manifest; None if it cannot be read. What is wrong beside its lists of data is passed over."""
    try:
        try:
            manifest = _MANIFEST.decode(text)
        except msgspec.ValidationError:
            data = _DATA_ONLY.decode(text)
            manifest = Manifest(data.output, data.deleted)
        for file in (*manifest.data, *manifest.error):
            _ = file.name
    except (msgspec.DecodeError, RecursionError, ValueError):
        # ValueError: urlsplit refuses the URL.
        return None
    return manifest
