"""Reads segments and data types of an RSP into values; a field that is not there is empty, and nothing raises."""

from __future__ import annotations

from typing import Final

from shared.domain.hl7.messages import Syntax
from shared.domain.hl7.rsp_model import Identifier, Observation, Person, QueryError, Relative, Vaccination
from shared.domain.model import Address, Code, Name, Telecom
from shared.replaced import replace as replaced

__all__ = ["error", "observation", "person", "replaced", "vaccination", "with_nk1", "with_pd1"]

STATE_REGISTRY: Final = "SR"
_IDENTIFIED: Final = frozenset({"CE", "CWE", "CNE", "CF"})


def _at(segment: list[str], number: int) -> str:
    return segment[number] if len(segment) > number else ""


def _text(segment: list[str], number: int, syntax: Syntax) -> str:
    """The first component of the first repetition."""
    return syntax.part(_at(segment, number).split(syntax.repetition)[0], 1)


def _repetitions(segment: list[str], number: int, syntax: Syntax) -> list[str]:
    return [part for part in _at(segment, number).split(syntax.repetition) if part]


def _code(raw: str, syntax: Syntax) -> Code:
    return Code(*(syntax.part(raw.split(syntax.repetition, maxsplit=1)[0], number) for number in range(1, 7)))


def _name(raw: str, syntax: Syntax) -> Name:
    family = syntax.text(raw.split(syntax.component, maxsplit=1)[0].split(syntax.subcomponent, maxsplit=1)[0])
    return Name(family, *(syntax.part(raw, number) for number in (2, 3, 4, 7)))


def _names(segment: list[str], number: int, syntax: Syntax) -> tuple[Name, ...]:
    return tuple(name for name in (_name(raw, syntax) for raw in _repetitions(segment, number, syntax)) if name)


def _address(raw: str, syntax: Syntax) -> Address:
    street = syntax.text(raw.split(syntax.component, maxsplit=1)[0].split(syntax.subcomponent, maxsplit=1)[0])
    return Address(street, *(syntax.part(raw, number) for number in (2, 3, 4, 5, 6, 7, 9)))


def _addresses(segment: list[str], number: int, syntax: Syntax) -> tuple[Address, ...]:
    return tuple(one for one in (_address(raw, syntax) for raw in _repetitions(segment, number, syntax)) if one)


def _telecom(raw: str, syntax: Syntax) -> Telecom:
    number = syntax.part(raw, 7) or syntax.part(raw, 12) or syntax.part(raw, 1)
    return Telecom(syntax.part(raw, 2), syntax.part(raw, 3), syntax.part(raw, 6), number, syntax.part(raw, 4))


def _telecoms(segment: list[str], number: int, syntax: Syntax) -> tuple[Telecom, ...]:
    return tuple(one for one in (_telecom(raw, syntax) for raw in _repetitions(segment, number, syntax)) if one)


def _authority(raw: str, number: int, syntax: Syntax) -> str:
    """The namespace of an HD, else its universal id."""
    parts = raw.split(syntax.component)
    parts = parts[number - 1].split(syntax.subcomponent) if len(parts) >= number else []
    return next((text for text in map(syntax.text, parts[:2]) if text), "")


def _identifiers(raw: list[str], syntax: Syntax) -> tuple[Identifier, ...]:
    found = (Identifier(syntax.part(one, 1), _authority(one, 4, syntax), syntax.part(one, 5)) for one in raw)
    return tuple(one for one in found if one.id)


def person(pid: list[str], syntax: Syntax) -> Person:
    """PID; ids also from PID-2 and PID-4, where old systems keep them."""
    ids = _identifiers([part for number in (3, 2, 4) for part in _repetitions(pid, number, syntax)], syntax)
    return Person(
        ids=ids,
        state_id=next((one.id for one in ids if one.type == STATE_REGISTRY), ""),
        names=_names(pid, 5, syntax) + _names(pid, 9, syntax),
        mothers_maiden_name=_name(_at(pid, 6).split(syntax.repetition)[0], syntax).family,
        birth_date=_text(pid, 7, syntax),
        sex=_text(pid, 8, syntax),
        races=tuple(code for code in (_code(raw, syntax) for raw in _repetitions(pid, 10, syntax)) if code),
        addresses=_addresses(pid, 11, syntax),
        telecoms=_telecoms(pid, 13, syntax) + _telecoms(pid, 14, syntax),
        ethnicity=_code(_at(pid, 22), syntax),
        multiple_birth=_text(pid, 24, syntax),
        birth_order=_text(pid, 25, syntax),
        death_date=_text(pid, 29, syntax),
        death_indicator=_text(pid, 30, syntax),
        updated=_text(pid, 33, syntax),
    )


def with_pd1(whom: Person, pd1: list[str], syntax: Syntax) -> Person:
    """The person with protection indicator and registry status."""
    return replaced(whom, protection=_text(pd1, 12, syntax), registry_status=_text(pd1, 16, syntax))


def with_nk1(whom: Person, nk1: list[str], syntax: Syntax) -> Person:
    """The person with one more relative."""
    relative = Relative(
        name=next(iter(_names(nk1, 2, syntax)), Name()),
        relationship=_code(_at(nk1, 3), syntax),
        address=next(iter(_addresses(nk1, 4, syntax)), Address()),
        telecoms=_telecoms(nk1, 5, syntax),
    )
    return replaced(whom, relatives=(*whom.relatives, relative))


def vaccination(order: list[list[str]], syntax: Syntax) -> Vaccination:
    """ORC, RXA, RXR and NTE of one order group; the OBX segments are the reader's."""

    def part(name: str) -> list[str]:
        return next((segment for segment in order if segment[0] == name), [name])

    orc, rxa, rxr = part("ORC"), part("RXA"), part("RXR")
    sources = [_code(raw, syntax) for raw in _repetitions(rxa, 9, syntax)]
    return Vaccination(
        order_id=_text(orc, 3, syntax),
        authority=_authority(_at(orc, 3), 2, syntax),
        placer_id=_text(orc, 2, syntax),
        date=_text(rxa, 3, syntax),
        vaccine=_code(_at(rxa, 5), syntax),
        amount=_text(rxa, 6, syntax),
        units=_code(_at(rxa, 7), syntax),
        source=next((code for code in sources if code.system == "NIP001"), sources[0] if sources else Code()),
        completion=_text(rxa, 20, syntax),
        action=_text(rxa, 21, syntax),
        lot=_text(rxa, 15, syntax),
        expiry=_text(rxa, 16, syntax),
        manufacturer=_code(_at(rxa, 17), syntax),
        route=_code(_at(rxr, 1), syntax),
        site=_code(_at(rxr, 2), syntax),
        location=_authority(_at(rxa, 11), 4, syntax) or _text(rxa, 11, syntax),
        refusal_reason=_code(_at(rxa, 18), syntax),
        entered=_text(rxa, 22, syntax),
        notes=tuple(syntax.text(_at(segment, 3)) for segment in order if segment[0] == "NTE"),
    )


def observation(obx: list[str], syntax: Syntax) -> Observation:
    """One OBX. Some IISs write what a code is about before it (`30979-9&30980-7`): the last one counts."""
    code = _code(_at(obx, 3), syntax)
    narrowed = _at(obx, 3).split(syntax.component)[0].split(syntax.subcomponent)
    if len(narrowed) > 1:
        code = replaced(code, code=syntax.text(narrowed[-1]))
    raw = _at(obx, 5)
    kind = _text(obx, 2, syntax).upper()
    value = _code(raw, syntax) if kind in _IDENTIFIED or syntax.component in raw else Code(syntax.text(raw))
    return Observation(code, value, _code(_at(obx, 6), syntax), _text(obx, 4, syntax), _text(obx, 14, syntax))


def error(err: list[str], syntax: Syntax) -> QueryError:
    """One ERR; its place as it stands in ERR-2, with dots."""
    place = [syntax.text(part) for part in _at(err, 2).split(syntax.repetition)[0].split(syntax.component)]
    path = place[0] + (f"-{place[2]}" if len(place) > 2 and place[2] else "") if place else ""
    national = _code(_at(err, 5), syntax)
    text = next((words for words in (syntax.text(_at(err, number)) for number in (8, 7)) if words), "")
    return QueryError(
        severity=_text(err, 4, syntax).upper()[:1],
        code=_text(err, 3, syntax),
        application_code=national.alternate_code or national.code,
        path=path,
        text=text or national.alternate_text or national.text or syntax.part(_at(err, 3), 2),
    )
