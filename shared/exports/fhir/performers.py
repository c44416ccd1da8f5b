"""Who gave, ordered and entered a dose: the performers of an Immunization, by their functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from shared.domain.codes import local
from shared.domain.codes.table import Table
from shared.domain.model import Name, Provider
from shared.exports import values
from shared.exports.fhir import model as fhir
from shared.exports.fhir.names import current_name, human_name, name_of_text
from shared.exports.fhir.periods import is_in_force
from shared.exports.fhir.reading import FindActor, Reading
from shared.exports.fhir.systems import standard_system

FUNCTION: Final = Table(
    "function of a performer (HL7 0443)",
    "HL70443",
    (
        (
            "AP",
            "Administering provider",
            ("administered", "administered by", "administrator", "administering", "vaccinator", "performer", "PPRF"),
        ),
        (
            "OP",
            "Ordering provider",
            ("ordered", "ordered by", "orderer", "ordering", "prescriber"),
        ),
        ("EP", "Entering provider", ("entered", "entered by", "enterer", "entering", "recorder", "data entry", "ENT")),
    ),
)
_NO_FUNCTION: Final = ""
_PATHS: Final = {"AP": "RXA-10", "OP": "ORC-12", "EP": "ORC-10"}


class Performers(NamedTuple):
    """The people of a dose: RXA-10, ORC-12 and ORC-10."""

    administered_by: Provider = Provider()
    ordered_by: Provider = Provider()
    entered_by: Provider = Provider()


class Person(NamedTuple):
    """A person who had to do with a dose; `npi` is empty where only an id of the EHR's own is known."""

    name: Name
    npi: str
    own_id: str

    def __bool__(self) -> bool:
        return bool(self.name.family or self.npi or self.own_id)

    def __str__(self) -> str:
        return " ".join(filter(None, (self.name.given, self.name.family))) or self.npi or self.own_id


_NOBODY: Final = Person(Name(), "", "")


FindPerson = Callable[[fhir.Reference], Person]
"""Resolves a reference to a person."""


def performers(performed: Iterable[fhir.Performer], find: FindPerson, reading: Reading) -> Performers:
    """Read the performers of an Immunization.

    The one of function AP gave the dose; if there is none, the first without function. A person of another function, a
    second one of a function, and an organization are left out, with a finding.

    Args:
        performed: The performers.
        find: Resolves a reference to a person.
        reading: Receives the findings.
    """
    found: dict[str, Person] = {}
    for performer in performed:
        function = _function(performer.function)
        person = find(performer.actor)
        if function is None or not person or found.get(function, person) != person:
            reading.note("PERFORMER-LEFT-OUT", "RXA-10", "performer", _shown(performer, person))
        else:
            found[function] = person
    unnamed = found.pop(_NO_FUNCTION, None)
    if unnamed is not None and found.setdefault("AP", unnamed) != unnamed:
        reading.note("PERFORMER-LEFT-OUT", "RXA-10", "performer", str(unnamed))
    providers = (
        _provider(found[code], path, reading) if code in found else Provider() for code, path in _PATHS.items()
    )
    return Performers(*providers)


@lru_cache(maxsize=256)
def _function(concept: fhir.Concept) -> str | None:
    """A code of `FUNCTION`; empty if the performer has no function, None if it has another one."""
    spellings = [spelling for coding in concept.coding for spelling in (coding.code, coding.display)]
    spellings = [spelling for spelling in (*spellings, concept.text) if spelling]
    if not spellings:
        return _NO_FUNCTION
    codes = (FUNCTION.look_up(spelling) for spelling in spellings)
    return next((code.code for code in codes if code), None)


def person(reference: fhir.Reference, find: FindActor, as_of: str) -> Person:
    """Return the person that a reference leads to; what the export lacks is taken from the reference itself.

    Args:
        reference: The actor of a performer.
        find: Resolves a reference to a resource of the export.
        as_of: The day of the export (ISO 8601).

    Returns:
        The person, who is empty if nobody is named, or an organization.
    """
    actor = find(reference)
    identifiers = [reference.identifier]
    shown = reference.display
    if actor is not None and actor.resourceType == "PractitionerRole":
        identifiers += actor.identifier
        reference = actor.practitioner
        shown = reference.display or shown
        identifiers.append(reference.identifier)
        actor = find(reference)
    name = None
    if actor is not None:
        if isinstance(actor.name, str) or actor.resourceType in ("Organization", "Location"):
            return _NOBODY
        identifiers = [*actor.identifier, *identifiers]
        in_force = (name for name in actor.name if name.use != "old" and is_in_force(name.period, as_of))
        name = current_name(in_force)
    identifiers = [each for each in identifiers if each.use != "old" and is_in_force(each.period, as_of)]
    npis = (each.value.strip() for each in identifiers if standard_system(each.system) == "npi")
    npi = next((number for number in npis if values.npi(number)), "")
    own_id = next((each.value.strip() for each in identifiers if each.value.strip()), "")
    read = human_name(name) if name is not None else Name()
    if not read.family:
        read = name_of_text(name.text if name is not None and name.text else shown)
    return Person(read, npi, own_id)


def _provider(person: Person, path: str, reading: Reading) -> Provider:
    """A person with NPI. An id of another kind is kept as a local code, which clinics.toml may map to an NPI."""
    number, kind = (person.npi, "NPI") if person.npi else (person.own_id, local.LOCAL)
    if not person.npi and person.own_id:
        reading.note("VALUE-LEFT-OUT", path, "performer", person.own_id)
    name = person.name
    authority = "NPI" if person.npi else ""
    return Provider(number, name.family, name.given, name.middle, authority, kind if number else "")


def _shown(performer: fhir.Performer, person: Person) -> str:
    """A performer in one line: the function, and who it is."""
    function, actor = performer.function, performer.actor
    words = (function.text, *(coding.display or coding.code for coding in function.coding))
    who = str(person) if person else actor.display or actor.reference or actor.identifier.value
    return ": ".join(filter(None, (next(filter(None, words), ""), who))) or "no actor"
