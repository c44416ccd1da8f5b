"""The part of a FHIR R4 Bundle and of an OperationOutcome that an export is read by."""

# ruff: noqa: N815 - the names are FHIR's

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from shared.exports.fhir.model import Concept

_NOTHING: Final = msgspec.Raw(b"")
_ERRORS: Final = frozenset({"fatal", "error"})


class Request(msgspec.Struct, frozen=True):
    method: str = ""
    url: str = ""


class Response(msgspec.Struct, frozen=True):
    status: str = ""
    lastModified: str = ""
    etag: str = ""
    outcome: msgspec.Raw = _NOTHING


class BundleEntry(msgspec.Struct, frozen=True):
    fullUrl: str = ""
    resource: msgspec.Raw = _NOTHING
    request: Request = msgspec.field(default_factory=Request)
    response: Response = msgspec.field(default_factory=Response)


class Link(msgspec.Struct, frozen=True):
    relation: str = ""
    url: str = ""


class Bundle(msgspec.Struct, frozen=True):
    resourceType: Literal["Bundle"]
    type: str = ""
    link: tuple[Link, ...] = ()
    entry: tuple[BundleEntry, ...] = ()

    def linked(self, relation: str) -> Iterator[str]:
        """Yield the addresses of its links of one kind."""
        return (link.url for link in self.link if link.relation == relation)


class Issue(msgspec.Struct, frozen=True):
    severity: str = ""
    code: str = ""
    details: Concept = msgspec.field(default_factory=Concept)
    diagnostics: str = ""

    @property
    def is_error(self) -> bool:
        """Whether something was not done."""
        return self.severity in _ERRORS

    @property
    def text(self) -> str:
        """The message of the server."""
        codings = (coding.display for coding in self.details.coding)
        return next((text for text in (self.diagnostics, self.details.text, *codings, self.code) if text), "")


class OperationOutcome(msgspec.Struct, frozen=True):
    issue: tuple[Issue, ...] = ()


BUNDLE: Final = msgspec.json.Decoder(Bundle)
OUTCOME: Final = msgspec.json.Decoder(OperationOutcome)


def content(payload: msgspec.Raw) -> bytes:
    """Return the JSON of a resource of an entry; empty if there is none."""
    text = bytes(payload)
    return b"" if text == b"null" else text
