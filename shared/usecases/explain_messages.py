"""Explains whole messages from any IIS or EHR: what an ACK or RSP says, what violates Z22 in a VXU, what was asked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from shared.domain.hl7 import er7
from shared.domain.hl7.ack import AckReading, errors_in, read_ack
from shared.domain.hl7.extract import extract_messages
from shared.domain.hl7.iis_profiles import IisProfile
from shared.domain.hl7.message import Message, parse
from shared.domain.hl7.rsp import fault_of, read_rsp
from shared.domain.hl7.rsp_model import MEANING as MATCH_MEANING
from shared.domain.hl7.rsp_model import Match
from shared.domain.lifecycle import MEANING as STATE_MEANING
from shared.domain.lifecycle import State, after
from shared.domain.model import Finding
from shared.domain.submission import AckError
from shared.domain.z22 import conformance
from shared.usecases.explain import UNEXPLAINED, explanation


@dataclass(frozen=True, slots=True)
class ExplainedMessage:
    """One message and what it says (PHI).

    Attributes:
        kind: ACK, RSP, QBP or VXU; MSH-9.1 of any other message.
        message: The message.
        result: A state for an ACK, a match for an RSP, or the code of a fault; empty for what answers nothing.
        words: The result in words.
        fix: What to do about a fault.
        answers: The MSH-10 that it answers (MSA-2).
        msa_1: MSA-1.
        msa_3: MSA-3.
        causes: What the worklist would group it by.
        counts: How many of what it has, by name.
        errors: The ERR segments: (index of the segment, error).
        findings: What violates profile Z22, of a VXU.
        vxu: The VXU that it answers, where it is known; empty if not.
    """

    kind: str
    message: Message
    result: str = ""
    words: str = ""
    fix: str = ""
    answers: str = ""
    msa_1: str = ""
    msa_3: str = ""
    causes: tuple[str, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    errors: tuple[tuple[int, AckError], ...] = ()
    findings: tuple[Finding, ...] = ()
    vxu: str = ""


_KINDS: Final = ("ACK", "RSP", "QBP", "VXU")
# Of a message without MSH-9: the first segment that tells.
_TELLING: Final = (("QAK", "RSP"), ("MSA", "ACK"), ("QPD", "QBP"), ("RXA", "VXU"), ("PID", "VXU"))
_CHECKED: Final = "Checked against profile Z22; the fixes are for messages that vaxline built."
_DOSES_UNKNOWN: Final = " Name the VXU as well to see which vaccinations are meant."


def explain_messages(text: str, profile: IisProfile, vxus: str = "") -> tuple[ExplainedMessage, ...]:
    """Explain every message in a text.

    Args:
        text: The text. Messages may stand in other text; without an MSH its segments are one message.
        profile: How the IIS answers.
        vxus: More messages, that ACKs in the text may answer.

    Returns:
        The messages in order; empty if there is none.
    """
    messages = extract_messages(text) or _without_header(text)
    sent = {
        message.first("MSH").value(10): _text(message)
        for message in (*extract_messages(vxus), *messages)
        if _kind(message) == "VXU"
    }
    return tuple(_explained(message, profile, sent) for message in messages)


def _without_header(text: str) -> list[Message]:
    segments = parse(text).segments
    known = {name for name, _ in _TELLING} | {"ERR", "ORC", "OBX"}
    return [Message(segments)] if any(segment.name in known for segment in segments) else []


def _text(message: Message) -> str:
    return "".join(segment.line + er7.SEGMENT_END for segment in message.segments)


def _kind(message: Message) -> str:
    stated = message.first("MSH").text(9).upper()
    if stated in _KINDS:
        return stated
    return next((kind for name, kind in _TELLING if message.named(name)), stated or "?")


def _explained(message: Message, profile: IisProfile, sent: dict[str, str]) -> ExplainedMessage:
    kind = _kind(message)
    if kind == "ACK":
        return _explained_ack(message, profile, sent)
    if kind == "RSP":
        return _explained_rsp(message, profile)
    if kind == "VXU":
        findings = conformance.check(_text(message))
        return ExplainedMessage(kind, message, words=_CHECKED, counts=_counts_of_vxu(message), findings=findings)
    return ExplainedMessage(kind, message)


def _explained_ack(message: Message, profile: IisProfile, sent: dict[str, str]) -> ExplainedMessage:
    msa = message.first("MSA")
    control_id = msa.value(2)
    vxu = sent.get(control_id, "")
    errors = tuple(errors_in(message, profile=profile, vxu=vxu))
    reading = read_ack(_text(message), msh_10=control_id, vxu=vxu, profile=profile)
    explained = ExplainedMessage(
        "ACK",
        message,
        answers=control_id,
        msa_1=msa.value(1),
        msa_3=msa.value(3),
        counts={"errors": len(errors)},
        errors=errors,
        vxu=vxu,
    )
    if not isinstance(reading, AckReading):
        return _with_fault(explained, reading)
    state = after(reading.event, State.SENDING) or State.SENDING
    words = STATE_MEANING[state]
    if state is State.PARTLY_ACCEPTED and not vxu:
        words += "." + _DOSES_UNKNOWN
    counts = explained.counts | {"not stored": len(reading.dropped), "perhaps not stored": len(reading.unproven)}
    return replace(explained, result=state.value, words=words, causes=reading.causes, counts=counts)


def _explained_rsp(message: Message, profile: IisProfile) -> ExplainedMessage:
    response = read_rsp(_text(message))
    people = (response.patient, *response.candidates) if response.patient else response.candidates
    explained = ExplainedMessage(
        "RSP",
        message,
        result=response.match.value,
        words=MATCH_MEANING[response.match],
        answers=response.control_id,
        msa_1=response.msa_1,
        msa_3=message.first("MSA").value(3),
        counts={
            "patients": len(people),
            "vaccinations": len(response.vaccinations),
            "given": sum(one.is_there for one in response.vaccinations),
            "evaluations": sum(len(one.evaluations) for one in response.vaccinations),
            "recommendations": len(response.forecast),
            "errors": len(response.errors),
            "segments not understood": len(response.unknown),
        },
        errors=tuple(errors_in(message, profile=profile)),
    )
    fault = fault_of(response, msh_10=response.control_id, query_tag=response.query_tag, profile=profile)
    return _with_fault(explained, fault) if fault and response.match is not Match.UNREADABLE else explained


def _with_fault(explained: ExplainedMessage, code: str) -> ExplainedMessage:
    about = explanation(code) or UNEXPLAINED
    return replace(explained, result=code, words=about.words, fix=about.fix)


def _counts_of_vxu(message: Message) -> dict[str, int]:
    completions = [rxa.text(20).upper() for rxa in message.named("RXA")]
    return {
        "vaccinations": len(completions),
        "not given": sum(completion in ("RE", "NA") for completion in completions),
        "deletions": sum(rxa.text(21).upper() == "D" for rxa in message.named("RXA")),
    }
