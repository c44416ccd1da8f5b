"""Reads segments and data types of an RSP into values. A field that is not there is empty, and nothing raises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shared.domain.hl7.ack_errors import segment_name
from shared.domain.hl7.message import NO_SEGMENT, Repetition, Segment
from shared.domain.hl7.rsp_model import Identifier, Observation, Person, QueryError, Relative, Vaccination
from shared.domain.model import Address, Code, Name, Telecom
from shared.replaced import replace

STATE_REGISTRY: Final = "SR"
_CODED_TYPES: Final = frozenset({"CE", "CWE", "CNE", "CF"})


# data types -----------------------------------------------------------------------------------------------------------


def _text(segment: Segment, number: int) -> str:
    return segment.first(number).component()


def _code(segment: Segment, number: int) -> Code:
    return _ce(segment.first(number))


def _ce(ce: Repetition) -> Code:
    return Code(*(ce.component(number) for number in range(1, 7)))


def _name(xpn: Repetition) -> Name:
    return Name(xpn.text(), *(xpn.component(number) for number in (2, 3, 4, 7)))


def _names(segment: Segment, number: int) -> tuple[Name, ...]:
    return tuple(name for name in map(_name, segment.repetitions(number)) if name)


def _address(xad: Repetition) -> Address:
    return Address(xad.text(), *(xad.component(number) for number in (2, 3, 4, 5, 6, 7, 9)))


def _addresses(segment: Segment, number: int) -> tuple[Address, ...]:
    return tuple(address for address in map(_address, segment.repetitions(number)) if address)


def _telecom(xtn: Repetition) -> Telecom:
    number = xtn.component(7) or xtn.component(12) or xtn.component(1)
    return Telecom(xtn.component(2), xtn.component(3), xtn.component(6), number, xtn.component(4))


def _telecoms(segment: Segment, number: int) -> tuple[Telecom, ...]:
    return tuple(telecom for telecom in map(_telecom, segment.repetitions(number)) if telecom)


def _identifiers(pid: Segment) -> tuple[Identifier, ...]:
    """The ids of PID-3, and of PID-2 and PID-4, where old systems keep them."""
    ids = (
        Identifier(cx.component(1), cx.authority(4), cx.component(5))
        for number in (3, 2, 4)
        for cx in pid.repetitions(number)
    )
    return tuple(identifier for identifier in ids if identifier.id)


# segments -------------------------------------------------------------------------------------------------------------


def person(pid: Segment) -> Person:
    """Read PID."""
    ids = _identifiers(pid)
    return Person(
        ids=ids,
        state_id=next((identifier.id for identifier in ids if identifier.type == STATE_REGISTRY), ""),
        names=_names(pid, 5) + _names(pid, 9),
        mothers_maiden_name=_name(pid.first(6)).family,
        birth_date=_text(pid, 7),
        sex=_text(pid, 8),
        races=tuple(code for code in map(_ce, pid.repetitions(10)) if code),
        addresses=_addresses(pid, 11),
        telecoms=_telecoms(pid, 13) + _telecoms(pid, 14),
        ethnicity=_code(pid, 22),
        multiple_birth=_text(pid, 24),
        birth_order=_text(pid, 25),
        death_date=_text(pid, 29),
        death_indicator=_text(pid, 30),
        updated=_text(pid, 33),
    )


def with_pd1(patient: Person, pd1: Segment) -> Person:
    """Return the person with protection indicator and registry status."""
    return replace(patient, protection=_text(pd1, 12), registry_status=_text(pd1, 16))


def with_nk1(patient: Person, nk1: Segment) -> Person:
    """Return the person with one more relative."""
    relative = Relative(
        name=next(iter(_names(nk1, 2)), Name()),
        relationship=_code(nk1, 3),
        address=next(iter(_addresses(nk1, 4)), Address()),
        telecoms=_telecoms(nk1, 5),
    )
    return replace(patient, relatives=(*patient.relatives, relative))


def vaccination(order: Sequence[Segment]) -> Vaccination:
    """Read ORC, RXA, RXR and NTE of one ORDER group."""
    by_name = {segment.name: segment for segment in reversed(order)}
    orc, rxa, rxr = (by_name.get(name, NO_SEGMENT) for name in ("ORC", "RXA", "RXR"))
    sources = [_ce(ce) for ce in rxa.repetitions(9)]
    return Vaccination(
        order_id=_text(orc, 3),
        authority=orc.first(3).authority(2),
        placer_id=_text(orc, 2),
        date=_text(rxa, 3),
        vaccine=_code(rxa, 5),
        amount=_text(rxa, 6),
        units=_code(rxa, 7),
        source=next((code for code in sources if code.system == "NIP001"), sources[0] if sources else Code()),
        completion=_text(rxa, 20),
        action=_text(rxa, 21),
        lot=_text(rxa, 15),
        expiry=_text(rxa, 16),
        manufacturer=_code(rxa, 17),
        route=_code(rxr, 1),
        site=_code(rxr, 2),
        location=rxa.first(11).authority(4) or _text(rxa, 11),
        refusal_reason=_code(rxa, 18),
        entered=_text(rxa, 22),
        notes=tuple(segment.value(3) for segment in order if segment.name == "NTE"),
    )


def observation(obx: Segment) -> Observation:
    """Read one OBX. Some IISs write what a code is about before it (`30979-9&30980-7`): the last one counts."""
    code = _code(obx, 3)
    subcomponents = obx.first(3).raw.split(obx.syntax.component)[0].split(obx.syntax.subcomponent)
    if len(subcomponents) > 1:
        code = replace(code, code=obx.syntax.decode(subcomponents[-1]))
    is_coded = _text(obx, 2).upper() in _CODED_TYPES or obx.syntax.component in obx.raw(5)
    value = _code(obx, 5) if is_coded else Code(obx.value(5))
    return Observation(code, value, _code(obx, 6), _text(obx, 4), _text(obx, 14))


def error(err: Segment) -> QueryError:
    """Read one ERR. Its path is segment and field of ERR-2, as the IIS wrote them."""
    location, national = err.first(2), _code(err, 5)
    field = location.component(3)
    return QueryError(
        severity=_text(err, 4).upper()[:1],
        code=_text(err, 3),
        application_code=national.alternate_code or national.code,
        path=(segment_name(location.component(1)) or location.component(1)) + (f"-{field}" if field else ""),
        text=err.value(8) or err.value(7) or national.alternate_text or national.text or err.first(3).component(2),
    )
