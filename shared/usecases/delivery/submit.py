"""Delivery: a batch of references becomes claims, calls to the IIS, and outcomes in the ledger.

Up to ten calls run at once; messages of one patient go one after the other, and when one of them has to wait, those
behind it wait too. The queue message only points: whether there is anything to send, the ledger decides at the claim.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared import settings
from shared.domain import faults, maintenance
from shared.domain.clinics import Clinic, Configuration
from shared.domain.hl7.ack import AckReading, read_ack
from shared.domain.hl7.iis_profiles import PROFILES
from shared.domain.lifecycle import NEEDS_A_PERSON, STORED_BY_IIS, Event, State, after
from shared.domain.outcome import outcome_of
from shared.domain.submission import Answer, Attempt, Credentials, DeliveryFault, Strategy, Submission
from shared.ports.clock import Clock
from shared.ports.configuration import Configurations, Secrets
from shared.ports.iis import Iis
from shared.ports.ledger import Ledger, NotClaimed
from shared.ports.queues import OutboxMessage, ResubmissionQueue
from shared.replaced import replace
from shared.usecases.delivery.stops import DeliveryStops
from shared.usecases.delivery.trial import Trials

MAX_RESENDS: Final = 1
_THE_IIS: Final = "the whole IIS"
# QUEUED where the tries are used up.
_FOLLOWED_UP: Final = STORED_BY_IIS | NEEDS_A_PERSON | {State.QUEUED}


class Done(msgspec.Struct, frozen=True):
    """The queue message has done its work and can go. `outcome` is for the log: a state, or why nothing was sent."""

    msh_10: str
    clinic: str
    outcome: str
    fault: str = ""
    seconds: float = 0.0


class Later(msgspec.Struct, frozen=True):
    """The queue message must come again, and its patient's later messages behind it, after `wait` seconds.

    `wait` None leaves it to the queue's visibility timeout: something broke (`error` names the exception's type).
    """

    msh_10: str
    clinic: str
    wait: int | None
    fault: str = ""
    error: str = ""


Delivered = Done | Later


class _Outcome(msgspec.Struct, frozen=True):
    """What one call to the IIS comes to, before it is written."""

    event: Event
    attempt: Attempt
    causes: tuple[str, ...]
    fault: str = ""


class Submit:
    """The use case with its ports. `retry_scale` shrinks every wait (the local run, tests)."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        resubmission: ResubmissionQueue,
        configurations: Configurations,
        secrets: Secrets,
        iis: Iis,
        clock: Clock,
        retry_scale: float = 1.0,
        concurrency: int = settings.SUBMIT_CONCURRENCY,
    ) -> None:
        self._ledger = ledger
        self._resubmission = resubmission
        self._configurations = configurations
        self._secrets = secrets
        self._iis = iis
        self._clock = clock
        self._retry_scale = retry_scale
        self._trials = Trials(clock)
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="submit")

    def __call__(
        self,
        messages: Sequence[OutboxMessage],
        seconds_left: Callable[[], float],
        tell: Callable[[int, Delivered], None] = lambda _number, _result: None,
    ) -> list[Delivered]:
        """Delivers a batch; the results stand in the order of the messages.

        `seconds_left` is the time until the caller is stopped: without enough of it no further message is claimed.
        `tell` hears the number and the result of each message as soon as its patient's messages are done.
        """
        configuration = self._configurations.current()
        stops = DeliveryStops(self._ledger, self._clock)
        groups: dict[str, list[int]] = {}
        for number, message in enumerate(messages):
            groups.setdefault(message.patient_group, []).append(number)

        def run(numbers: list[int]) -> list[tuple[int, Delivered]]:
            done: list[tuple[int, Delivered]] = []
            waiting = False
            for number in numbers:
                message = messages[number]
                if waiting:
                    # The queue keeps it behind the one that waits, which alone needs a time.
                    result: Delivered = Later(message.msh_10, message.clinic, 0)
                else:
                    result = self._deliver_or_keep(message, configuration, stops, seconds_left)
                waiting = waiting or isinstance(result, Later)
                done.append((number, result))
            for number, result in done:
                tell(number, result)
            return done

        results = [pair for part in self._pool.map(run, groups.values()) for pair in part]
        return [result for _, result in sorted(results, key=lambda pair: pair[0])]

    # one message -----------------------------------------------------------------------------------------------------

    def _deliver_or_keep(
        self,
        message: OutboxMessage,
        configuration: Configuration,
        stops: DeliveryStops,
        seconds_left: Callable[[], float],
    ) -> Delivered:
        clinic = configuration.clinics.get(message.clinic)
        try:
            with (
                self._trials.hold(_THE_IIS) if stops.on_trial else nullcontext(),
                self._trials.hold(clinic.facility_id) if clinic else nullcontext(),
            ):
                if seconds_left() < settings.CLAIM_RESERVE:
                    return Later(message.msh_10, message.clinic, 0)
                return self._deliver(message, clinic, configuration, stops)
        except Exception as error:  # noqa: BLE001 - broken infrastructure at one message must not fail the batch's others
            return Later(message.msh_10, message.clinic, None, error=type(error).__name__)

    def _deliver(
        self, message: OutboxMessage, clinic: Clinic | None, configuration: Configuration, stops: DeliveryStops
    ) -> Delivered:
        if clinic is not None and clinic.facility_id in stops.facilities:
            # It stays QUEUED; opening the facility queues it again. What was decided before has its follow-up still.
            self._finish_follow_up(message.msh_10)
            return Done(message.msh_10, message.clinic, "facility stopped", stops.facilities[clinic.facility_id])
        if not stops.is_open or maintenance.current(
            configuration.iis.maintenance, configuration.iis.time_zone, self._clock.now()
        ):
            return Later(message.msh_10, message.clinic, self._while_closed)
        claimed = self._ledger.claim(message.msh_10, self._clock.now())
        if isinstance(claimed, NotClaimed):
            if claimed.busy:
                return Later(message.msh_10, message.clinic, settings.CLAIM_LEASE)
            self._finish_follow_up(message.msh_10)
            return Done(message.msh_10, message.clinic, f"nothing to send: {claimed.state or 'unknown MSH-10'}")
        started = self._clock.now()
        if self._is_overtaken(claimed):
            attempt = Attempt(claimed.attempt_count, started, 0.0, State.SUPERSEDED)
            self._ledger.finish(claimed, Event.OVERTAKE, attempt)
            # A send before it, whose answer never came, is counted all the same.
            self._count(claimed)
            return Done(message.msh_10, message.clinic, str(State.SUPERSEDED))
        outcome = self._call(claimed, clinic, configuration, started)
        return self._write(claimed, outcome, clinic, stops)

    def _is_overtaken(self, submission: Submission) -> bool:
        """Whether its correction has been on the wire: queues keep the order, but a retry or a lost message may not."""
        newer = submission.replaced_by
        while newer:
            correction = self._ledger.get(newer)
            if correction is None:
                return False
            if correction.state not in (State.HELD, State.QUEUED, State.CLOSED):
                return True
            newer = correction.replaced_by
        return False

    def _call(
        self, submission: Submission, clinic: Clinic | None, configuration: Configuration, started: datetime
    ) -> _Outcome:
        if clinic is None:
            return self._failed(submission, DeliveryFault("CLINIC-NOT-CONFIGURED", 0, 0.0), started)
        credentials = self._secrets.credentials(clinic.secret)
        if credentials is None:
            return self._failed(submission, DeliveryFault("NO-CREDENTIALS", 0, 0.0), started)
        answer = self._iis.submit(configuration.iis.endpoint, credentials, clinic.facility_id, submission.vxu)
        outcome = self._judged(submission, answer, configuration, started)
        if outcome.fault != "SECURITY-FAULT":
            return outcome
        fresh = self._changed_credentials(clinic, credentials)
        if fresh is None:
            return outcome
        answer = self._iis.submit(configuration.iis.endpoint, fresh, clinic.facility_id, submission.vxu)
        return self._judged(submission, answer, configuration, started)

    def _changed_credentials(self, clinic: Clinic, used: Credentials) -> Credentials | None:
        """The secret read anew, if it was changed since: a new password gets one try before the facility stops."""
        fresh = self._secrets.credentials(clinic.secret, fresh=True)
        return fresh if fresh is not None and fresh != used else None

    def _judged(
        self, submission: Submission, answer: Answer | DeliveryFault, configuration: Configuration, started: datetime
    ) -> _Outcome:
        if isinstance(answer, DeliveryFault):
            return self._failed(submission, answer, started)
        profile = PROFILES[configuration.iis.profile]
        reading = read_ack(
            answer.text,
            msh_10=submission.msh_10,
            vxu=submission.vxu,
            profile=profile,
            doses=submission.visit.doses,
        )
        if not isinstance(reading, AckReading):
            return self._failed(
                submission, DeliveryFault(reading, answer.http_status, answer.seconds, answer.text), started
            )
        state = after(reading.event, State.SENDING)
        if state is None:
            raise RuntimeError(f"the ACK reader gave an event that does not follow SENDING: {reading.event}")
        attempt = Attempt(
            number=submission.attempt_count,
            started=started,
            seconds=answer.seconds,
            state=state,
            http_status=answer.http_status,
            msa_1=reading.msa_1,
            ack=answer.text,
            errors=reading.errors,
            dropped=reading.dropped,
            trace_ids=reading.trace_ids,
        )
        return _Outcome(reading.event, attempt, reading.causes)

    def _failed(self, submission: Submission, failure: DeliveryFault, started: datetime) -> _Outcome:
        fault = faults.BY_CODE[failure.code]
        if fault.may_be_stored or submission.resends:
            # Whatever stopped the resend: the first send may have been stored.
            event = Event.LOSE_ANSWER
        elif fault.strategy is Strategy.CORRECT:
            event = Event.REFUSE
        else:
            event = Event.DEFER
        state = after(event, State.SENDING) or State.UNKNOWN
        attempt = Attempt(
            number=submission.attempt_count,
            started=started,
            seconds=failure.seconds,
            state=state,
            fault=failure.code,
            http_status=failure.http_status,
            ack=failure.embedded,
        )
        return _Outcome(event, attempt, (failure.code,), failure.code)

    # writing it down -------------------------------------------------------------------------------------------------

    def _write(
        self, submission: Submission, outcome: _Outcome, clinic: Clinic | None, stops: DeliveryStops
    ) -> Delivered:
        now = self._clock.now()
        fault = faults.BY_CODE.get(outcome.fault)
        if fault is not None:
            stops.fault_seen(fault)
        wait = self._wait(submission, fault, stops)
        is_setup_fault = clinic is not None and fault is not None and fault.strategy is Strategy.CHECK_SETUP
        state = outcome.attempt.state
        waits_for_opening = is_setup_fault and state is State.QUEUED
        next_try = now + timedelta(seconds=wait or 0) if wait is not None or waits_for_opening else None
        if is_setup_fault and clinic is not None:
            # First of all, so that no other message of the facility tries the refused password meanwhile.
            stops.stop_facility(clinic.facility_id, outcome.fault)
            self._trials.failed(clinic.facility_id)
        elif clinic is not None:
            self._trials.passed(clinic.facility_id)
        ours = self._ledger.finish(submission, outcome.event, outcome.attempt, causes=outcome.causes, next_try=next_try)
        done = Done(submission.msh_10, submission.clinic, str(state), outcome.fault, outcome.attempt.seconds)
        if fault is None:
            # Not before: what the IIS answered is worth more than that it answers.
            stops.answer_seen()
            self._trials.passed(_THE_IIS)
        if not ours:
            # The lease ran out meanwhile and somebody else decided; what the ledger says now holds.
            return done
        if waits_for_opening:
            return done
        if wait is not None:
            return Later(submission.msh_10, submission.clinic, wait, outcome.fault)
        answered = (*submission.attempts, outcome.attempt)
        self._follow_up(replace(submission, attempts=answered, causes=outcome.causes), state)
        return done

    def _follow_up(self, submission: Submission, state: State) -> None:
        """What an outcome means for others: it is counted, the predecessor is superseded, or a person is asked."""
        self._count(submission)
        if state in STORED_BY_IIS:
            older: Submission | None = submission
            while older is not None and older.replaces:
                self._ledger.move(older.replaces, Event.SUPERSEDE)
                older = self._ledger.get(older.replaces)
        elif state in NEEDS_A_PERSON or state is State.QUEUED:
            self._resubmission.send([submission.msh_10])

    def _finish_follow_up(self, msh_10: str) -> None:
        """A reference came again after its outcome was written: perhaps we were stopped before the follow-up.

        What still waits for delivery, an UNKNOWN before its resend too, is not decided.
        """
        submission = self._ledger.get(msh_10)
        if submission is None or submission.waiting_since is not None or submission.state is State.SENDING:
            return
        if submission.state in _FOLLOWED_UP:
            self._follow_up(submission, submission.state)
        elif submission.attempts:
            # Superseded or closed since, but it was answered before.
            self._count(submission)

    def _count(self, submission: Submission) -> None:
        outcome = outcome_of(submission, submission.causes)
        if outcome is not None:
            self._ledger.note_outcome(outcome, self._clock.now())

    @property
    def _while_closed(self) -> int:
        """Seconds until a reference is looked at again that came while the valve was closed."""
        return round(settings.VALVE_WAIT * self._retry_scale)

    def _wait(self, submission: Submission, fault: faults.Fault | None, stops: DeliveryStops) -> int | None:
        """Seconds until the next try of this very message, or None when there is none."""
        if fault is not None and not fault.may_be_stored and not submission.resends and stops.blames_the_iis(fault):
            # The IIS is down, not this message in trouble: it climbs no ladder, and its tries are not used up.
            return self._while_closed
        if fault is None or submission.resends >= MAX_RESENDS:
            return None
        wait = faults.wait_before(fault.strategy, 0 if fault.may_be_stored else submission.deferrals, submission.msh_10)
        return None if wait is None else max(0, round(wait * self._retry_scale))
