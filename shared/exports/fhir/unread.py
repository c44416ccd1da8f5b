"""Findings about what of an export is not read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from shared.domain.model import Finding
from shared.exports.csv.unknown import may_change_meaning
from shared.exports.fhir.elements import Fate
from shared.exports.fhir.walk import Found, found_in

_MOST: Final = 200
_CODES: Final = {Fate.LEFT_OUT: "ELEMENT-NOT-REPORTED", Fate.HOLDS: "ELEMENT-MODIFIES"}


class Unread:
    """The parts of one export that are not read: said with its row if it is about a dose, else once for the export."""

    def __init__(self, ignored: Iterable[str]) -> None:
        """Begin.

        Args:
            ignored: Paths of elements and URLs of extensions that clinics.toml says to pass over (`ignore`).
        """
        self._ignored = frozenset(name.strip() for name in ignored)
        self._unknown: dict[str, int] = {}

    def findings(self, payload: bytes, kind: str, path: str, row: int = 0) -> Iterator[Finding]:
        """Yield the findings about one resource that are to be kept with its dose.

        Args:
            payload: The resource as JSON.
            kind: Its type.
            path: The HL7 segment that is made from it.
            row: The row of the dose, from 1.
        """
        for found in found_in(payload, kind):
            if self._is_ignored(found):
                continue
            code = _CODES.get(found.fate) if found.fate else _code_of_unknown(found)
            if code:
                yield Finding(code, path, row, found.path, found.value)
            elif len(self._unknown) < _MOST:
                self._unknown.setdefault(found.path, row)

    def of_export(self) -> list[Finding]:
        """Return the findings about the export: elements and extensions that nobody knows, each once."""
        return [
            Finding("ELEMENT-UNKNOWN", row=row, column="file", value=path)
            for path, row in sorted(self._unknown.items())
        ]

    def _is_ignored(self, found: Found) -> bool:
        element, _, url = found.path.partition(" ")
        return bool(self._ignored) and not self._ignored.isdisjoint((element, url, found.path))


def _code_of_unknown(found: Found) -> str:
    """An unknown element of a dose may say that it was refused. An extension must not change what a resource means."""
    element, _, url = found.path.partition(" ")
    is_of_dose = element.startswith("Immunization.") and not url
    return "ELEMENT-UNDECIDED" if is_of_dose and may_change_meaning(element.rpartition(".")[2]) else ""
