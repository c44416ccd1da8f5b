"""The patients and doses that the simulated CT WiZ has stored, as values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from local.ctwiz.messages import EMPTY, Segment
from shared.domain.hl7 import er7


@dataclass(frozen=True, slots=True)
class StoredDose:
    """One stored order group: a dose that was given, refused or not administered.

    Attributes:
        orc_3: ORC-3.1, the filler order number.
        date: RXA-3, YYYYMMDD.
        cvx: the CVX code of RXA-5.
        lot: RXA-15.
        completion: RXA-20 (table 0322).
        action: RXA-21 (table 0323) of the message that stored it last.
        source: RXA-9.1 (NIP001): `00` is a new administration.
    """

    orc_3: str
    date: str
    cvx: str
    lot: str
    completion: str
    action: str
    source: str


@dataclass(frozen=True, slots=True)
class StoredPatient:
    """One patient of one facility.

    Attributes:
        facility: the assigning authority of the record number, PID-3.4.
        pid_3: the record number, PID-3.1.
        name: `family, given` of PID-5.
        birth_date: PID-7, YYYYMMDD.
        doses: by date, ORC-3 and vaccine.
    """

    facility: str
    pid_3: str
    name: str
    birth_date: str
    doses: tuple[StoredDose, ...]


def stored_patient(facility: str, pid_3: str, pid: str, order_groups: Iterable[str]) -> StoredPatient:
    """Return a stored patient.

    Args:
        facility: PID-3.4.
        pid_3: PID-3.1.
        pid: the PID segment.
        order_groups: the segments of each order group.
    """
    segment = _segment(pid)
    name = ", ".join(filter(None, (segment.value(5), segment.value(5, 2))))
    doses = sorted(map(_dose, order_groups), key=lambda dose: (dose.date, dose.orc_3, dose.cvx))
    return StoredPatient(facility, pid_3, name, segment.value(7)[:8], tuple(doses))


def _dose(order_group: str) -> StoredDose:
    segments = {line[:3]: _segment(line) for line in er7.segments(order_group)}
    orc, rxa = segments.get("ORC", EMPTY), segments.get("RXA", EMPTY)
    return StoredDose(
        orc_3=orc.value(3),
        date=rxa.value(3)[:8],
        cvx=rxa.value(5, 4) if rxa.value(5, 6) == "CVX" else rxa.value(5),
        lot=rxa.value(15),
        completion=rxa.value(20),
        action=rxa.value(21),
        source=rxa.value(9),
    )


def _segment(text: str) -> Segment:
    return Segment(text[:3], 1, tuple(text.split(er7.FIELD)), text)
