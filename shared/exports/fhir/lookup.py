"""Finds what an Immunization refers to: people, places, makers. What is found is kept, because doses share it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from shared.domain.model import Finding
from shared.exports.fhir import lenient, references
from shared.exports.fhir import model as fhir
from shared.exports.fhir.performers import Person, person
from shared.exports.fhir.spool import ResourceSpool
from shared.exports.fhir.unread import Unread

_KEPT: Final = 2_000
_KINDS: Final = tuple(sorted(fhir.LOOKED_UP))
_NOT_FOUND: Final[tuple[fhir.Actor | None, tuple[Finding, ...]]] = (None, ())
_Kept = TypeVar("_Kept")


class Actors:
    """The resources of one export that Immunizations refer to."""

    def __init__(self, spool: ResourceSpool, unread: Unread, as_of: str) -> None:
        self._spool = spool
        self._unread = unread
        self.as_of = as_of
        self._actors: dict[tuple[str, str], tuple[fhir.Actor | None, tuple[Finding, ...]]] = {}
        self.people: dict[tuple[str, fhir.Reference], tuple[Person, tuple[Finding, ...]]] = {}

    def found(self, reference: fhir.Reference, scope: str) -> tuple[fhir.Actor | None, tuple[Finding, ...]]:
        """Return the resource that a reference names anywhere in the set, with findings about it."""
        name = references.name_of(reference)
        if name or reference.reference:
            return self._named(name, scope) if name else _NOT_FOUND
        if not reference.identifier.value:
            return _NOT_FOUND
        names = (references.name_of(reference, kind) for kind in _KINDS)
        return next((one for one in (self._named(name, scope) for name in names) if one[0]), _NOT_FOUND)

    def _named(self, name: str, scope: str) -> tuple[fhir.Actor | None, tuple[Finding, ...]]:
        return kept(self._actors, (scope, name), lambda: self._read(name, scope))

    def _read(self, name: str, scope: str) -> tuple[fhir.Actor | None, tuple[Finding, ...]]:
        payload = self._spool.resource(name, scope)
        if payload is None:
            return _NOT_FOUND
        actor = lenient.decode(payload, fhir.Actor)[0]
        return actor, tuple(self._unread.findings(payload, actor.resourceType, "RXA"))


class Lookup:
    """The resources that one Immunization refers to.

    Attributes:
        said: Findings about the resources that were found, without row number.
    """

    def __init__(self, actors: Actors, resource: fhir.Immunization, scope: str) -> None:
        self._actors = actors
        self._resource = resource
        self._scope = scope
        self.said: dict[Finding, None] = {}

    def actor(self, reference: fhir.Reference) -> fhir.Actor | None:
        """Return the resource that a reference names, contained in the Immunization or anywhere in the set."""
        if reference.reference.startswith("#"):
            contained_id = reference.reference[1:]
            return next((actor for actor in self._resource.contained if actor.id.lstrip("#") == contained_id), None)
        actor, said = self._actors.found(reference, self._scope)
        if said:
            self.said.update(dict.fromkeys(said))
        return actor

    def person(self, reference: fhir.Reference) -> Person:
        """Return the person that a reference leads to."""
        if self._resource.contained:
            return person(reference, self.actor, self._actors.as_of)
        found, said = kept(self._actors.people, (self._scope, reference), lambda: self._read_person(reference))
        if said:
            self.said.update(dict.fromkeys(said))
        return found

    def _read_person(self, reference: fhir.Reference) -> tuple[Person, tuple[Finding, ...]]:
        fresh = Lookup(self._actors, self._resource, self._scope)
        return person(reference, fresh.actor, self._actors.as_of), tuple(fresh.said)


_Key = TypeVar("_Key")


def kept(cache: dict[_Key, _Kept], key: _Key, read: Callable[[], _Kept]) -> _Kept:
    """Return what a cache of limited size has under a key, or read it."""
    found = cache.get(key)
    if found is None:
        if len(cache) >= _KEPT:
            cache.clear()
        found = cache[key] = read()
    return found
