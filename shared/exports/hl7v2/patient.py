"""PID, PD1, NK1 and PV1 of an incoming VXU as the patient of the domain (HL7 v2.3.1 to v2.8, chapters 3 and 6)."""

from __future__ import annotations

from typing import Final

from shared.domain.codes import tables
from shared.domain.hl7.message import Message, Segment
from shared.domain.model import NO_CODE, Address, Code, NextOfKin, Patient
from shared.exports import blanks, values
from shared.exports.hl7v2.fields import Reading, Triplet, addresses, look_up, names, xpn

# HL7 table 0203, best first: the EHR's own number, then one of no stated kind.
_RECORD_NUMBERS: Final = ("MR", "MRN", "PI", "PT", "PN", "")
_NOT_RECORD_NUMBERS: Final = frozenset(
    {"SS", "DL", "PPN", "MA", "MC", "SB", "NI", "TAX", "BC", "SR", "WC", "WCN", "RRI", "NH", "AN", "VN"}
)


def record_number(pid: Segment) -> str:
    """Return the record number: PID-3.1 of the best kind. Before v2.3.1 it may stand in PID-2 or PID-4."""
    ranked: list[tuple[int, str]] = []
    for cx in pid.repetitions(3):
        number, kind = blanks.identity(cx.id()), cx.text(5).upper()
        if number and kind not in _NOT_RECORD_NUMBERS:
            rank = _RECORD_NUMBERS.index(kind) if kind in _RECORD_NUMBERS else len(_RECORD_NUMBERS)
            ranked.append((rank, number))
    if ranked:
        return min(ranked, key=lambda candidate: candidate[0])[1]
    return blanks.identity(pid.id(2)) or blanks.identity(pid.id(4))


def patient(message: Message, reading: Reading) -> Patient:
    """Read the patient of a message."""
    pid, pd1 = message.first("PID"), message.first("PD1")
    name, aliases = names(pid, 5)
    death_date = reading.day("death_date", pid.text(29))
    birth_order = reading.read("birth_order", pid.text(25), values.count)
    races = (reading.code("race", ce) for ce in pid.repetitions(10))
    telecoms = [*reading.telecoms(pid, 13), *reading.telecoms(pid, 14)]
    return Patient(
        mrn=record_number(pid),
        name=name,
        birth_date=reading.day("birth_date", pid.text(7)),
        sex=_sex(pid, reading),
        mothers_maiden_name=pid.first(6).name(),
        aliases=aliases,
        races=tuple(dict.fromkeys(race for race in races if race)),
        ethnicity=next((code for ce in pid.repetitions(22) if (code := reading.code("ethnicity", ce))), NO_CODE),
        addresses=addresses(pid, 11, reading),
        telecoms=tuple(dict.fromkeys(telecoms)),
        multiple_birth=values.multiple_birth(_flag("multiple_birth", pid, 24, reading), birth_order),
        birth_order=birth_order,
        death_date=death_date,
        death_indicator=_flag("deceased", pid, 30, reading) or ("Y" if death_date else ""),
        publicity=reading.code("publicity_code", pd1.first(11)),
        publicity_date=reading.day("publicity_date", pd1.text(18)),
        protection=_flag("protection", pd1, 12, reading),
        protection_date=reading.day("protection_date", pd1.text(13)),
        registry_status=_flag("registry_status", pd1, 16, reading),
        registry_status_date=reading.day("registry_status_date", pd1.text(17)),
        next_of_kin=tuple(kin for nk1 in message.named("NK1") if (kin := _next_of_kin(nk1, reading))),
    )


def visit_eligibility(message: Message) -> Code:
    """Return the eligibility of the whole visit (HL7 table 0064). Guides before 2.5.1 R1.0 have it in PV1-20."""
    return look_up(tables.ELIGIBILITY, [Triplet(message.first("PV1").text(20), "", "")]) or NO_CODE


def _sex(pid: Segment, reading: Reading) -> str:
    if tables.SEX.is_coarse(pid.text(8)):
        reading.note("SEX-AS-UNKNOWN", "PID-8", pid.text(8))
    return _flag("sex", pid, 8, reading)


def _flag(name: str, segment: Segment, number: int, reading: Reading) -> str:
    """The code of an ID or IS field."""
    return reading.code(name, segment.first(number)).code


def _next_of_kin(nk1: Segment, reading: Reading) -> NextOfKin | None:
    name = xpn(nk1.first(2))
    if not name:
        return None
    relationship = reading.code("guardian_relationship", nk1.first(3))
    telecoms = (*reading.telecoms(nk1, 5), *reading.telecoms(nk1, 6))
    return NextOfKin(name, relationship, next(iter(addresses(nk1, 4, reading)), Address()), telecoms)
