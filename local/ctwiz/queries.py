"""Answers of the simulated CT WiZ to queries (QBP Z34, Z44): upper case, own ids, warnings as MSA-1 AE with QAK-2 OK.

Patients of several facilities with the same name, birth date and sex are one person, unless their mothers' maiden names
differ. The forecast has no clinical logic, and says so in its reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from local.ctwiz.messages import EMPTY, Segment
from shared.domain.hl7 import er7

FORECAST_REASON: Final = "STAND-IN OF THE SIMULATOR, NO CLINICAL LOGIC"
_QUERY_NAMES: Final = {
    "Z34": "Z34^Request Immunization History^CDCPHINVS",
    "Z44": "Z44^Request Evaluated History and Forecast^CDCPHINVS",
}
_ANSWERS: Final = {"Z34": "Z32", "Z44": "Z42"}
_NONE: Final = "Z33"
_CANDIDATES: Final = "Z31"
_SCHEDULE: Final = "CE|59779-9^Immunization Schedule Used^LN|{}|VXC16^ACIP^CDCPHINVS"
_UNITS: Final = "NA^Not Applicable^HL70353"
_INTERVAL: Final = timedelta(days=56)


@dataclass(slots=True)
class Person:
    """One person.

    Attributes:
        pid: the last PID.
        ids: facility → record number.
        doses: (facility, segments of the order group).
        is_protected: whether PD1-12 forbids sharing.
    """

    pid: Segment
    ids: dict[str, str] = field(default_factory=dict)
    doses: list[tuple[str, str]] = field(default_factory=list)
    is_protected: bool = False

    @property
    def state_id(self) -> str:
        return _number("person", *_identity(self.pid))


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed QBP.

    Attributes:
        profile: `Z34` or `Z44`.
        tag: QPD-2.
        qpd: the QPD segment.
        limit: RCP-2, the most records that the answer may have.
    """

    profile: str
    tag: str
    qpd: Segment
    limit: int


def parse_query(text: str) -> Query | None:
    """Parse a QBP of profile Z34 or Z44; return None for anything else."""
    segments = {line[:3]: Segment(line[:3], 1, tuple(line.split(er7.FIELD)), line) for line in er7.segments(text)}
    qpd, rcp = segments.get("QPD", EMPTY), segments.get("RCP", EMPTY)
    profile = qpd.value(1)
    if profile not in _QUERY_NAMES:
        return None
    quantity = rcp.value(2)
    return Query(profile, qpd.value(2), qpd, int(quantity) if quantity.isdigit() else 10)


def answer_query(query: Query, people: Sequence[Person], today: date) -> tuple[str, str, list[str]]:
    """Return profile of the answer, QAK-2, and the segments after QPD."""
    exact = _matching(query.qpd, people)
    if len(exact) == 1:
        if exact[0].is_protected:
            return _NONE, "NF", []
        return _ANSWERS[query.profile], "OK", list(_record(exact[0], today, evaluated=query.profile == "Z44"))
    if query.profile == "Z44":
        return _NONE, "NF", []
    candidates = [person for person in exact or _resembling(query.qpd, people) if not person.is_protected]
    if not candidates:
        return _NONE, "NF", []
    if len(candidates) > query.limit:
        return _NONE, "TM", []
    return _CANDIDATES, "OK", [_pid(person, number) for number, person in enumerate(candidates, 1)]


def query_warnings(query: Query) -> Iterator[str]:
    """Yield the ERR segments of warnings, with which WebIZ answers a query nevertheless."""
    if not query.qpd.value(7):
        yield (
            "ERR||QPD^1^7|101^Required field missing^HL70357|W|7^Required data missing^HL70533^WEBIZ-Q007^Rule of the "
            "simulator^L|||Patient sex is missing"
        )


# matching -------------------------------------------------------------------------------------------------------------


def _identity(pid: Segment) -> tuple[str, ...]:
    """Return family name, given name, birth date, sex and mother's maiden name in upper case."""
    values = (pid.value(5).partition("&")[0], pid.value(5, 2), pid.value(7)[:8], pid.value(8), pid.value(6))
    return tuple(value.upper() for value in values)


def merge_people(patients: Iterable[tuple[str, str, str, bool, Iterable[str]]]) -> list[Person]:
    """Merge patients of the same identity into one person.

    Args:
        patients: (facility, record number, PID, is protected, order groups) of each patient.
    """
    people: dict[tuple[str, ...], Person] = {}
    for facility, number, text, is_protected, doses in patients:
        pid = Segment("PID", 1, tuple(text.split(er7.FIELD)), text)
        person = people.setdefault(_identity(pid), Person(pid))
        person.ids[facility] = number
        person.doses += [(facility, dose) for dose in doses]
        person.is_protected |= is_protected
    return list(people.values())


def _matching(qpd: Segment, people: Sequence[Person]) -> list[Person]:
    """Return the people that match; only one where the query names their record number."""
    same_name = [person for person in people if _matches(qpd, person)]
    same_number = [person for person in same_name if qpd.value(3) and person.ids.get(qpd.value(3, 4)) == qpd.value(3)]
    return same_number[:1] or same_name


def _matches(qpd: Segment, person: Person) -> bool:
    """Compare name and birth date, and sex and mother's maiden name where both sides have them."""
    family, given, born, sex, maiden = _identity(person.pid)
    queried = (qpd.value(4).upper(), qpd.value(4, 2).upper(), qpd.value(6)[:8])
    if queried != (family, given, born):
        return False
    pairs = ((qpd.value(7), sex), (qpd.value(5), maiden))
    return all(not ours or not theirs or ours.upper() == theirs for ours, theirs in pairs)


def _resembling(qpd: Segment, people: Sequence[Person]) -> list[Person]:
    """Return the people of the same family name and birth date."""
    queried = (qpd.value(4).upper(), qpd.value(6)[:8])
    return [person for person in people if (_identity(person.pid)[0], _identity(person.pid)[2]) == queried]


# segments of the answer -----------------------------------------------------------------------------------------------


def _number(*parts: str) -> str:
    return str(int.from_bytes(hashlib.sha256("\x1f".join(parts).encode()).digest()[:4], "big"))


def _pid(person: Person, number: int = 1) -> str:
    ids = "~".join(
        [
            f"{person.state_id}^^^CT0000^SR",
            *(f"{er7.encode(value)}^^^{facility}^MR" for facility, value in person.ids.items()),
        ]
    )
    fields = [*person.pid.fields, *[""] * 34][:34]
    fields[1], fields[3] = str(number), ids
    fields[5], fields[11] = fields[5].upper(), fields[11].upper()
    fields[33] = f"{datetime.now():%Y%m%d}"  # noqa: DTZ005 - a WebIZ writes its own day
    return er7.FIELD.join(fields).rstrip(er7.FIELD)


def _record(person: Person, today: date, *, evaluated: bool) -> Iterator[str]:
    yield _pid(person)
    counts: dict[str, int] = {}
    latest: dict[str, tuple[str, str]] = {}
    for facility, group in sorted(person.doses, key=lambda dose: _dose(dose[1])[1].value(3)):
        orc, rxa, others = _dose(group)
        given = rxa.value(20) in ("", "CP", "PA")
        own = f"{_number('dose', facility, orc.value(3))}^CT0000" if given else "9999^CT0000"
        yield f"ORC|RE||{own}"
        fields = [*rxa.fields, *[""] * 23][:23]
        fields[10], fields[22] = "", f"{today:%Y%m%d}"
        yield er7.FIELD.join(fields)
        yield from others
        if given and evaluated:
            vaccine, text = rxa.value(5), rxa.value(5, 2)
            counts[vaccine] = counts.get(vaccine, 0) + 1
            latest[vaccine] = (rxa.value(3)[:8], text)
            yield from _numbered(_evaluated(vaccine, text, counts[vaccine]), rxa.value(3)[:8])
    if evaluated and latest:
        day = f"{today:%Y%m%d}"
        yield "ORC|RE||9999^CT0000"
        yield f"RXA|0|1|{day}|{day}|998^No Vaccine Administered^CVX|999||||||||||||||NA"
        yield from _numbered(_forecast(latest, today), day)


def _dose(group: str) -> tuple[Segment, Segment, list[str]]:
    """Return ORC, RXA and RXR of a stored order group. WebIZ returns no OBX of the sender."""
    lines = er7.segments(group)
    parts = {line[:3]: Segment(line[:3], 1, tuple(line.split(er7.FIELD)), line) for line in lines}
    return parts.get("ORC", EMPTY), parts.get("RXA", EMPTY), [line for line in lines if line.startswith("RXR")]


def _numbered(observations: Iterable[str], day: str) -> Iterator[str]:
    for number, observation in enumerate(observations, 1):
        kind, code, group, *rest = observation.split("|")
        value, units = [*rest, ""][:2]
        yield f"OBX|{number}|{kind}|{code}|{group}|{value}|{units}|||||F|||{day}"


def _evaluated(vaccine: str, text: str, count: int) -> Iterator[str]:
    yield f"CE|30956-7^Vaccine Type^LN|1|{er7.encode(vaccine)}^{er7.encode(text)}^CVX"
    yield "ID|59781-5^Dose Validity^LN|1|Y"
    yield f"NM|30973-2^Dose Number in Series^LN|1|{count}|{_UNITS}"
    yield _SCHEDULE.format(1)


def _forecast(latest: dict[str, tuple[str, str]], today: date) -> Iterator[str]:
    """Yield a recommendation for every vaccine after 8 and after 16 weeks, without any clinical logic."""
    group = 0
    for step in (1, 2):
        for vaccine, (given, text) in latest.items():
            group += 1
            due = _day(given) + step * _INTERVAL
            overdue = due + _INTERVAL
            status = "LA13423-1^Overdue^LN" if overdue < today else "LA13422-3^On Schedule^LN"
            yield f"CE|30956-7^Vaccine Type^LN|{group}|{er7.encode(vaccine)}^{er7.encode(text)}^CVX"
            yield f"DT|30981-5^Earliest date dose should be given^LN|{group}|{due - timedelta(days=28):%Y%m%d}"
            yield f"DT|30980-7^Date Vaccine Due^LN|{group}|{due:%Y%m%d}"
            yield f"DT|59778-1^Date dose is overdue^LN|{group}|{overdue:%Y%m%d}"
            yield f"CE|59783-1^Series Status^LN|{group}|{status}"
            yield f"ST|30982-3^Reason Code^LN|{group}|{FORECAST_REASON}"
            yield _SCHEDULE.format(group)


def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return date(1900, 1, 1)
