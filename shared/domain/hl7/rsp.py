"""Reads what the IIS answered to a query: one reader for Z31, Z32, Z33 and Z42 (HL7 v2.5.1 RSP^K11, IG R1.5).

Nothing that an IIS can send raises. Evaluations and forecasts are told apart by LOINC codes and not by the profile;
groups by OBX-4 and, if that repeats, by the vaccine that begins them: IISs differ in both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from shared.domain.codes.cdc import NO_VACCINE
from shared.domain.hl7 import loinc
from shared.domain.hl7 import rsp_fields as fields
from shared.domain.hl7.extract import extract_messages
from shared.domain.hl7.iis_profiles import IisProfile
from shared.domain.hl7.message import Message, Segment
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
from shared.replaced import replace

_VACCINES: Final = frozenset({loinc.VACCINE, loinc.DUE_VACCINE, loinc.COMPONENT_VACCINE})
_FORECASTING: Final = frozenset({loinc.EARLIEST, loinc.DUE, loinc.LATEST, loinc.OVERDUE})
_EVALUATING: Final = frozenset(
    {
        loinc.VALIDITY,
        loinc.DOSE_NUMBER,
        loinc.SERIES,
        loinc.DOSES_IN_SERIES,
        loinc.STATUS,
        loinc.SCHEDULE,
        loinc.REASON,
        loinc.COMPONENT_VACCINE,
    }
)
# A second one of these under the same OBX-4 begins a new group.
_ONCE_PER_GROUP: Final = _FORECASTING | {loinc.VALIDITY, loinc.DOSE_NUMBER, loinc.STATUS, loinc.SERIES}

_NOT_OF_PATIENT: Final = frozenset({"MSH", "MSA", "QAK", "QPD"})
_MATCHES: Final = {"NF": Match.NOT_FOUND, "TM": Match.TOO_MANY, "PD": Match.PROTECTED}
_NOBODY: Final = frozenset({"NF", "PD"})
_PROTECTED: Final = "protected"


def read_rsp(text: str) -> Response:
    """Read an answer, whoever it is for; UNREADABLE if it holds no RSP."""
    for message in extract_messages(text):
        if message.named("MSA") or message.named("QAK"):
            return _response(message)
    return Response(Match.UNREADABLE)


def fault_of(response: Response, *, msh_10: str, query_tag: str, profile: IisProfile) -> str:
    """Return the code of the fault catalogue that an answer to our query is, or an empty text.

    An answer that names another message or another query proves nothing about our patient (WRONG-MSA-2). Some IISs
    return QPD-2 in MSA-2 instead of MSH-10; either is ours.

    Args:
        response: The answer.
        msh_10: MSH-10 of our query.
        query_tag: QPD-2 of our query.
        profile: How this IIS answers.
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
        if grave and all(_is_internal(error, profile) for error in grave):
            return "IIS-INTERNAL-ERROR"
    return ""


def _is_internal(error: QueryError, profile: IisProfile) -> bool:
    return error.code in profile.internal_codes or profile.internal_text.search(error.text) is not None


# the message ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Draft:
    """Read the segments in their order."""

    people: list[Person] = field(default_factory=list)
    vaccinations: list[Vaccination] = field(default_factory=list)
    forecast: list[Recommendation] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)
    errors: list[QueryError] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def _response(message: Message) -> Response:
    draft = _Draft()
    order: list[Segment] = []
    for segment in message.segments:
        name = segment.name
        # Without an ORC of its own an RXA begins an order too.
        begins = name == "ORC" or (name == "RXA" and any(one.name == "RXA" for one in order))
        if begins or (name in ("PID", "MSA") and order):
            _take_order(order, draft)
            order = []
        if name in ("ORC", "RXA") or (order and name in ("RXR", "OBX", "NTE")):
            order.append(segment)
        else:
            _take(segment, draft)
    _take_order(order, draft)
    return _assembled(message, draft)


def _take(segment: Segment, draft: _Draft) -> None:
    """Read a segment outside the ORDER groups."""
    name = segment.name
    if name == "PID":
        draft.people.append(fields.person(segment))
    elif name == "PD1" and draft.people:
        draft.people[-1] = fields.with_pd1(draft.people[-1], segment)
    elif name == "NK1" and draft.people:
        draft.people[-1] = fields.with_nk1(draft.people[-1], segment)
    elif name == "OBX":
        draft.observations.append(fields.observation(segment))
    elif name == "ERR":
        draft.errors.append(fields.error(segment))
    elif name not in _NOT_OF_PATIENT:
        draft.unknown.append(segment.line)


def _assembled(message: Message, draft: _Draft) -> Response:
    msa, qak = message.first("MSA"), message.first("QAK")
    profile = message.first("MSH").first(21).component()
    status, msa_1 = qak.value(2).upper(), msa.value(1).upper()
    match = _match(status, msa_1, profile, draft)
    people = tuple(draft.people)
    return Response(
        match=match,
        profile=profile,
        msa_1=msa_1,
        control_id=msa.value(2),
        status=status,
        query_tag=qak.value(1),
        patient=people[0] if match is Match.FOUND else None,
        candidates=people if match not in (Match.FOUND, Match.NOT_FOUND, Match.PROTECTED) else (),
        vaccinations=tuple(draft.vaccinations),
        forecast=_counted(draft.forecast),
        observations=tuple(draft.observations),
        errors=tuple(draft.errors),
        unknown=tuple(draft.unknown),
    )


def _match(status: str, msa_1: str, profile: str, draft: _Draft) -> Match:
    """The match. A patient in the answer was found, even with MSA-1 = AE: WebIZ remarks on queries that it answers.

    With QAK-2 = NF or PD a patient in the answer is the query's own, which some IISs return.
    """
    if status in _NOBODY:
        return _MATCHES[status]
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
    # QAK-2 is required: without it and without a patient the answer says nothing about the query.
    return Match.NOT_FOUND if status == "OK" else Match.UNREADABLE


def _counted(forecast: list[Recommendation]) -> tuple[Recommendation, ...]:
    """The recommendations with their ordinal: the second one of a vaccine is the dose after the next."""
    counts: dict[tuple[str, str], int] = {}
    counted = []
    for recommendation in forecast:
        # With the text, because some IISs give every group the code 0.
        key = (recommendation.vaccine.code, recommendation.vaccine.text.upper())
        counts[key] = counts.get(key, 0) + 1
        counted.append(replace(recommendation, ordinal=counts[key]))
    return tuple(counted)


# ORDER groups ---------------------------------------------------------------------------------------------------------


def _take_order(order: list[Segment], draft: _Draft) -> None:
    """Read one ORDER group: a vaccination with its evaluations, or forecasts."""
    if not any(segment.name == "RXA" for segment in order):
        draft.unknown += [segment.line for segment in order]
        return
    vaccination = fields.vaccination(order)
    nothing_given = vaccination.cvx == NO_VACCINE
    evaluations: list[Evaluation] = []
    others: list[Observation] = []
    for group in _groups([fields.observation(segment) for segment in order if segment.name == "OBX"]):
        codes = _codes(group)
        has_vaccine = bool(codes & _VACCINES)
        if codes & _FORECASTING or (nothing_given and has_vaccine and codes & _EVALUATING):
            draft.forecast.append(_recommendation(group))
        elif codes & _EVALUATING and not nothing_given:
            evaluations.append(_evaluation(group))
        else:
            others += group
    if nothing_given:
        draft.observations += others
    else:
        draft.vaccinations.append(replace(vaccination, evaluations=tuple(evaluations), observations=tuple(others)))


def _codes(group: list[Observation]) -> set[str]:
    return {observation.code.code for observation in group}


def _groups(observations: list[Observation]) -> Iterator[list[Observation]]:
    """The observations that belong together, by OBX-4, in the order in which the groups begin."""
    current: dict[str, list[Observation]] = {}
    groups: list[list[Observation]] = []
    for observation in observations:
        group = current.get(observation.group)
        if group is None or _begins_group(observation, group):
            group = current[observation.group] = []
            groups.append(group)
        group.append(observation)
    yield from _joined(groups)


def _joined(groups: list[list[Observation]]) -> Iterator[list[Observation]]:
    """The groups, a vaccine alone joined with the group after it if that names none, whatever their OBX-4."""
    vaccine_alone: list[Observation] = []
    for group in groups:
        codes = _codes(group)
        if vaccine_alone and codes & _VACCINES:
            yield vaccine_alone
            vaccine_alone = []
        if not vaccine_alone and codes <= _VACCINES:
            vaccine_alone = group
        else:
            yield vaccine_alone + group
            vaccine_alone = []
    if vaccine_alone:
        yield vaccine_alone


def _begins_group(observation: Observation, group: list[Observation]) -> bool:
    code, codes = observation.code.code, _codes(group)
    if code in _VACCINES:
        # Another LOINC says more about the vaccine before it; the same LOINC again names another vaccine.
        return code in codes or bool(codes & _ONCE_PER_GROUP)
    return code in _ONCE_PER_GROUP and code in codes


def _evaluation(group: list[Observation]) -> Evaluation:
    values = _GroupValues(group)
    return Evaluation(
        group=group[0].group,
        vaccine=values.vaccine(),
        validity=values.text(loinc.VALIDITY),
        dose_number=values.text(loinc.DOSE_NUMBER),
        series=values.code(loinc.SERIES),
        doses_in_series=values.text(loinc.DOSES_IN_SERIES),
        status=values.code(loinc.STATUS),
        schedule=values.code(loinc.SCHEDULE),
        reasons=values.reasons(),
        others=values.rest(),
    )


def _recommendation(group: list[Observation]) -> Recommendation:
    values = _GroupValues(group)
    return Recommendation(
        vaccine=values.vaccine(),
        group=group[0].group,
        earliest=values.text(loinc.EARLIEST),
        due=values.text(loinc.DUE),
        latest=values.text(loinc.LATEST),
        overdue=values.text(loinc.OVERDUE),
        status=values.code(loinc.STATUS),
        schedule=values.code(loinc.SCHEDULE),
        series=values.code(loinc.SERIES),
        dose_number=values.text(loinc.DOSE_NUMBER),
        doses_in_series=values.text(loinc.DOSES_IN_SERIES),
        reasons=values.reasons(),
        others=values.rest(),
    )


class _GroupValues:
    """The values of one group by LOINC code, each taken once; `rest` is what nobody took."""

    def __init__(self, group: list[Observation]) -> None:
        self._left = list(group)

    def _take(self, fits: Callable[[str], bool]) -> Observation | None:
        observation = next((one for one in self._left if fits(one.code.code)), None)
        if observation is not None:
            self._left.remove(observation)
        return observation

    def _value(self, fits: Callable[[str], bool]) -> Code:
        observation = self._take(fits)
        return observation.value if observation is not None else Code()

    def vaccine(self) -> Code:
        return self._value(lambda code: code in _VACCINES)

    def code(self, observation: str) -> Code:
        return self._value(lambda code: code == observation)

    def text(self, observation: str) -> str:
        return self.code(observation).code

    def reasons(self) -> tuple[Code, ...]:
        """Every reason; one that came as plain text has a text and no code."""
        reasons = []
        while (observation := self._take(lambda code: code == loinc.REASON)) is not None:
            value = observation.value
            reasons.append(value if value.text or value.system else Code(text=value.code))
        return tuple(reasons)

    def rest(self) -> tuple[Observation, ...]:
        return tuple(self._left)
