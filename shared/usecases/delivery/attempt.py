"""From the end of one call to the attempt that the ledger keeps, and the event that moves the submission on. Pure."""

from __future__ import annotations

from datetime import datetime

import msgspec

from shared.domain import faults
from shared.domain.hl7.ack import AckReading, read_ack
from shared.domain.hl7.iis_profiles import PROFILES
from shared.domain.lifecycle import Event, State, after
from shared.domain.submission import Answer, Attempt, DeliveryFault, Strategy, Submission


class AttemptResult(msgspec.Struct, frozen=True):
    """The result of one call, before it is written. `causes` are those of the worklist."""

    event: Event
    attempt: Attempt
    causes: tuple[str, ...]

    @property
    def fault(self) -> str:
        """The code of the fault that the call ended in; empty where the IIS acknowledged the message."""
        return self.attempt.fault


def answer_result(
    submission: Submission, answer: Answer | DeliveryFault, *, profile: str, started: datetime
) -> AttemptResult:
    """Read the end of a call: an ACK that counts, or a fault.

    Args:
        submission: The claimed submission that was sent.
        answer: The answer of the IIS, not yet trusted, or the fault of the transport.
        profile: The name of the IIS's profile (`iis.profile` in clinics.toml).
        started: When the call began.
    """
    if isinstance(answer, DeliveryFault):
        return fault_result(submission, answer, started=started)
    reading = read_ack(
        answer.text,
        msh_10=submission.msh_10,
        vxu=submission.vxu,
        profile=PROFILES[profile],
        doses=submission.visit.doses,
    )
    if not isinstance(reading, AckReading):
        fault = DeliveryFault(reading, answer.http_status, answer.seconds, answer.text)
        return fault_result(submission, fault, started=started)
    attempt = Attempt(
        number=submission.attempt_count,
        started=started,
        seconds=answer.seconds,
        state=state_after(reading.event),
        http_status=answer.http_status,
        msa_1=reading.msa_1,
        ack=answer.text,
        errors=reading.errors,
        dropped=reading.dropped,
        trace_ids=reading.trace_ids,
        msa_3=reading.msa_3,
        unproven=reading.unproven,
        salvaged=answer.salvaged,
    )
    return AttemptResult(reading.event, attempt, reading.causes)


def fault_result(submission: Submission, failure: DeliveryFault, *, started: datetime) -> AttemptResult:
    """Return the result of a call that ended in a fault."""
    event = _event_of(faults.BY_CODE[failure.code], submission)
    state = state_after(event)
    attempt = Attempt(
        number=submission.attempt_count,
        started=started,
        seconds=failure.seconds,
        state=state,
        fault=failure.code,
        http_status=failure.http_status,
        ack=failure.embedded,
    )
    unknown = faults.cause_of_unknown((*submission.attempts, attempt)) if state is State.UNKNOWN else ""
    return AttemptResult(event, attempt, (unknown or failure.code,))


def _event_of(fault: faults.Fault, submission: Submission) -> Event:
    if fault.may_be_stored:
        return Event.LOSE_ANSWER
    if submission.resends:
        # The outcome of the first send stays unknown, however its resend failed.
        return Event.DEFER_RESEND
    return Event.REFUSE if fault.strategy is Strategy.CORRECT else Event.DEFER


def state_after(event: Event) -> State:
    """Return the state of a claimed submission after an event.

    Raises:
        RuntimeError: The event does not follow SENDING.
    """
    state = after(event, State.SENDING)
    if state is None:
        raise RuntimeError(f"this event does not follow SENDING: {event}")
    return state
