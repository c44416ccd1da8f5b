"""Reads what the IIS answered to a query: one reader for Z31, Z32, Z33 and Z42 (HL7 v2.5.1 RSP^K11, IG R1.5).

Nothing that an IIS can send raises. Evaluations and forecasts are told apart by their LOINC codes and not by the
profile, groups by OBX-4 and, where that repeats, by the vaccine that begins them: IISs differ in both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from shared.domain.hl7 import rsp_fields as fields
from shared.domain.hl7.iis_profiles import IisProfile
from shared.domain.hl7.messages import Message, Syntax, messages
from shared.domain.hl7.rsp_model import (
    Evaluation,
    Match,
    Observation,
    Person,
    QueryError,
    Recommendation,
    Response,
    Vaccination,
)
from shared.domain.model import Code

NO_VACCINE: Final = "998"
_NOT_ADMINISTERED: Final = "NA"

VACCINES: Final = frozenset({"30956-7", "30979-9", "38890-0"})
EARLIEST, DUE, LATEST, OVERDUE = "30981-5", "30980-7", "59777-3", "59778-1"
VALIDITY, DOSE_NUMBER, SERIES, DOSES_IN_SERIES = "59781-5", "30973-2", "59780-7", "59782-3"
STATUS, SCHEDULE, REASON = "59783-1", "59779-9", "30982-3"
_FORECASTING: Final = frozenset({EARLIEST, DUE, LATEST, OVERDUE})
_EVALUATING: Final = frozenset({VALIDITY, DOSE_NUMBER, SERIES, DOSES_IN_SERIES, STATUS, SCHEDULE, REASON, "38890-0"})
# What begins a new group when it comes again under the same OBX-4.
_ONCE: Final = _FORECASTING | {VALIDITY, DOSE_NUMBER, STATUS, SERIES}

_HEAD: Final = frozenset({"MSA", "QAK", "QPD"})
_MATCHES: Final = {"NF": Match.NOT_FOUND, "TM": Match.TOO_MANY, "PD": Match.PROTECTED}
_PROTECTED: Final = "protected"


def read_rsp(text: str) -> Response:
    """What the answer says, whoever it is for; UNREADABLE where it holds no RSP."""
    found = next((message for message in messages(text) if message.named("MSA") or message.named("QAK")), None)
    return _response(found) if found is not None else Response(Match.UNREADABLE)


def fault_of(response: Response, *, msh_10: str, query_tag: str, profile: IisProfile) -> str:
    """The code of the fault catalogue that an answer to our query is, else empty.

    An answer that names another message or another query proves nothing about our patient (WRONG-MSA-2). Some IISs put
    QPD-2 where MSH-10 belongs, so that either may stand in MSA-2.
    """
    if response.match is Match.UNREADABLE:
        return "NOT-AN-ACK"
    codes = [error.application_code for error in response.errors]
    if profile.security_code and any(code.startswith(profile.security_code) for code in codes):
        return "SECURITY-FAULT"
    if response.control_id not in (msh_10, query_tag) or response.query_tag not in ("", query_tag):
        return "WRONG-MSA-2"
    if response.match is Match.ERROR and response.errors:
        grave = [error for error in response.errors if error.severity not in ("W", "I")]
        if grave and all(error.code in profile.internal_codes for error in grave):
            return "IIS-INTERNAL-ERROR"
    return ""


# The message ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Draft:
    """What the segments come to, in their order."""

    people: list[Person] = field(default_factory=list)
    vaccinations: list[Vaccination] = field(default_factory=list)
    forecast: list[Recommendation] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)
    errors: list[QueryError] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def _response(message: Message) -> Response:
    syntax = message.syntax
    draft = _Draft()
    order: list[list[str]] = []
    for segment in message.segments:
        name = segment[0]
        # Without an ORC of its own an RXA begins an order too.
        begins = name == "ORC" or (name == "RXA" and any(part[0] == "RXA" for part in order))
        if begins or (name in ("PID", "MSA") and order):
            _take_order(order, syntax, draft)
            order = []
        if name in ("ORC", "RXA") or (order and name in ("RXR", "OBX", "NTE")):
            order.append(segment)
        else:
            _take(segment, syntax, draft)
    _take_order(order, syntax, draft)
    return _assembled(message, draft)


def _take(segment: list[str], syntax: Syntax, draft: _Draft) -> None:
    """A segment outside the order groups."""
    name = segment[0]
    if name == "PID":
        draft.people.append(fields.person(segment, syntax))
    elif name == "PD1" and draft.people:
        draft.people[-1] = fields.with_pd1(draft.people[-1], segment, syntax)
    elif name == "NK1" and draft.people:
        draft.people[-1] = fields.with_nk1(draft.people[-1], segment, syntax)
    elif name == "OBX":
        draft.observations.append(fields.observation(segment, syntax))
    elif name == "ERR":
        draft.errors.append(fields.error(segment, syntax))
    elif name not in _HEAD:
        draft.unknown.append(syntax.field.join(segment))


def _assembled(message: Message, draft: _Draft) -> Response:
    def first(name: str, number: int) -> str:
        return next(iter(message.leaves(name, number)), "")

    profile = message.profile
    status, msa_1 = first("QAK", 2).upper(), first("MSA", 1).upper()
    match = _match(status, msa_1, profile, draft)
    people = tuple(draft.people)
    return Response(
        match=match,
        profile=profile,
        msa_1=msa_1,
        control_id=first("MSA", 2),
        status=status,
        query_tag=first("QAK", 1),
        patient=people[0] if match is Match.FOUND else None,
        candidates=people if match is not Match.FOUND else (),
        vaccinations=tuple(draft.vaccinations),
        forecast=_counted(draft.forecast),
        observations=tuple(draft.observations),
        errors=tuple(draft.errors),
        unknown=tuple(draft.unknown),
    )


def _match(status: str, msa_1: str, profile: str, draft: _Draft) -> Match:
    """A patient that stands there was found, whatever MSA-1 says: WebIZ remarks on a query that it answers (AE, OK)."""
    if len(draft.people) > 1 or (draft.people and profile == "Z31"):
        return Match.CANDIDATES
    if draft.people:
        return Match.FOUND
    if status in _MATCHES:
        return _MATCHES[status]
    if any(_PROTECTED in error.text.lower() for error in draft.errors):
        return Match.PROTECTED
    if status in ("AE", "AR") or msa_1 not in ("AA", "CA"):
        return Match.ERROR
    # QAK-2 is required: without it and without a patient nothing is said about the query.
    return Match.NOT_FOUND if status == "OK" else Match.UNREADABLE


def _counted(forecast: list[Recommendation]) -> tuple[Recommendation, ...]:
    """The recommendations with their ordinal: a vaccine that comes again is the dose after the next."""
    seen: dict[tuple[str, str], int] = {}
    counted = []
    for one in forecast:
        # With the text, because some IISs give every group the code 0.
        key = (one.vaccine.code, one.vaccine.text.upper())
        ordinal = seen[key] = seen.get(key, 0) + 1
        counted.append(fields.replaced(one, ordinal=ordinal))
    return tuple(counted)


# Order groups ---------------------------------------------------------------------------------------------------------


def _take_order(order: list[list[str]], syntax: Syntax, draft: _Draft) -> None:
    rxa = next((part for part in order if part[0] == "RXA"), None)
    if not order:
        return
    if rxa is None:
        draft.unknown += [syntax.field.join(part) for part in order]
        return
    vaccination = fields.vaccination(order, syntax)
    nothing_given = vaccination.vaccine.code == NO_VACCINE
    evaluations: list[Evaluation] = []
    others: list[Observation] = []
    observed = [fields.observation(part, syntax) for part in order if part[0] == "OBX"]
    for group in _groups(observed):
        codes = {one.code.code for one in group}
        has_vaccine = bool(codes & VACCINES)
        if codes & _FORECASTING or (nothing_given and has_vaccine and codes & _EVALUATING):
            draft.forecast.append(_recommendation(group))
        elif codes & _EVALUATING and not nothing_given:
            evaluations.append(_evaluation(group))
        else:
            others += group
    if nothing_given:
        draft.observations += others
    else:
        draft.vaccinations.append(
            fields.replaced(vaccination, evaluations=tuple(evaluations), observations=tuple(others))
        )


def _groups(observed: list[Observation]) -> Iterator[list[Observation]]:
    """Observations that belong together, by OBX-4, in the order in which they begin."""
    current: dict[str, list[Observation]] = {}
    done: list[list[Observation]] = []
    for one in observed:
        group = current.get(one.group)
        if group is None or _begins(one, group):
            group = current[one.group] = []
            done.append(group)
        group.append(one)
    yield from _joined(done)


def _joined(groups: list[list[Observation]]) -> Iterator[list[Observation]]:
    """A vaccine alone and what follows without a vaccine are one group, whatever number they carry."""
    waiting: list[Observation] = []
    for group in groups:
        codes = {one.code.code for one in group}
        if waiting and codes & VACCINES:
            yield waiting
            waiting = []
        if not waiting and codes <= VACCINES:
            waiting = group
        else:
            yield waiting + group
            waiting = []
    if waiting:
        yield waiting


def _begins(one: Observation, group: list[Observation]) -> bool:
    codes = {other.code.code for other in group}
    if one.code.code in VACCINES:
        # A component says more about the vaccine before it; the same word again is another vaccine.
        return one.code.code in codes or bool(codes & (_FORECASTING | _ONCE))
    return one.code.code in _ONCE and one.code.code in codes


def _evaluation(group: list[Observation]) -> Evaluation:
    said = _Said(group)
    return Evaluation(
        group=group[0].group,
        vaccine=said.vaccine(),
        validity=said.text(VALIDITY),
        dose_number=said.text(DOSE_NUMBER),
        series=said.code(SERIES),
        doses_in_series=said.text(DOSES_IN_SERIES),
        status=said.code(STATUS),
        schedule=said.code(SCHEDULE),
        reasons=said.reasons(),
        others=said.rest(),
    )


def _recommendation(group: list[Observation]) -> Recommendation:
    said = _Said(group)
    return Recommendation(
        vaccine=said.vaccine(),
        group=group[0].group,
        earliest=said.text(EARLIEST),
        due=said.text(DUE),
        latest=said.text(LATEST),
        overdue=said.text(OVERDUE),
        status=said.code(STATUS),
        schedule=said.code(SCHEDULE),
        series=said.code(SERIES),
        dose_number=said.text(DOSE_NUMBER),
        doses_in_series=said.text(DOSES_IN_SERIES),
        reasons=said.reasons(),
        others=said.rest(),
    )


class _Said:
    """The observations of one group, each taken once; what nobody takes is the rest."""

    def __init__(self, group: list[Observation]) -> None:
        self._left = list(group)

    def _take(self, fits: Callable[[str], bool]) -> Observation | None:
        found = next((one for one in self._left if fits(one.code.code)), None)
        if found is not None:
            self._left.remove(found)
        return found

    def vaccine(self) -> Code:
        return self._value(lambda code: code in VACCINES)

    def code(self, wanted: str) -> Code:
        return self._value(lambda code: code == wanted)

    def _value(self, fits: Callable[[str], bool]) -> Code:
        found = self._take(fits)
        return found.value if found is not None else Code()

    def text(self, wanted: str) -> str:
        return self.code(wanted).code

    def reasons(self) -> tuple[Code, ...]:
        """Every reason; one that came as plain text has a text and no code."""
        found = []
        while (one := self._take(lambda code: code == REASON)) is not None:
            value = one.value
            found.append(value if value.text or value.system else Code(text=value.code))
        return tuple(found)

    def rest(self) -> tuple[Observation, ...]:
        return tuple(self._left)
