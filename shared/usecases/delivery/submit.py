"""Delivery: a batch of references becomes claims, calls to the IIS, and outcomes in the ledger.

    reference ──stops? time left?──► claim ──overtaken? to build anew?──► call ──► write ──► follow up

Up to ten calls run at once. Messages of one patient go one after the other: when one has to wait, those behind it wait
too. A queue message is only a reference; the claim decides whether there is anything to send.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from shared import settings
from shared.domain import faults
from shared.domain.clinics import Clinic, Configuration
from shared.domain.faults import Fault
from shared.domain.lifecycle import Event, State, may_resend
from shared.domain.submission import Attempt, DeliveryFault, Submission
from shared.domain.valve import Tally
from shared.ports.clock import Clock
from shared.ports.configuration import Configurations, Secrets
from shared.ports.iis import Iis
from shared.ports.ledger import Charts, NotClaimed, Outcomes, Stops, Submissions, SubmissionStates
from shared.ports.queues import OutboxMessage, ResubmissionQueue
from shared.replaced import replace
from shared.usecases.delivery.attempt import AttemptResult, answer_result, fault_result, state_after
from shared.usecases.delivery.build_anew import built_anew, has_other_facility, is_outdated
from shared.usecases.delivery.delivered import Delivered, Done, Later
from shared.usecases.delivery.follow_up import FollowUp
from shared.usecases.delivery.lineage import Standing, standing_of
from shared.usecases.delivery.registry_call import NO_CREDENTIALS, RegistryCall, Send
from shared.usecases.delivery.stops import DeliveryStops, KnownValve, Stop
from shared.usecases.delivery.trial import Trials
from shared.usecases.findings import causes_of_hold

_WAITS: Final = "WAITS-FOR-DELETION"


@dataclass(frozen=True, slots=True)
class _Batch:
    """The parts that all messages of a batch share; `seconds_left` is the time until the caller is stopped."""

    configuration: Configuration
    call: RegistryCall
    stops: DeliveryStops
    seconds_left: Callable[[], float]


class Submit:
    """Delivers batches of references.

    Args:
        submissions: Read for other submissions with the same doses.
        charts: Name the newest submission with each dose.
        states: Decides on every claim and keeps the outcomes.
        outcomes: Counts the outcomes for reports.
        stops: Holds the stopped facilities and the valve.
        resubmission: Receives what needs triage.
        configurations: The clinics.toml in force.
        secrets: The clinics' credentials.
        iis: The IIS.
        clock: The current time.
        retry_scale: Factor on every wait; below 1 in the local run and in tests.
        concurrency: How many calls run at once.
    """

    def __init__(  # noqa: PLR0913 - its ports, each by its name
        self,
        *,
        submissions: Submissions,
        charts: Charts,
        states: SubmissionStates,
        outcomes: Outcomes,
        stops: Stops,
        resubmission: ResubmissionQueue,
        configurations: Configurations,
        secrets: Secrets,
        iis: Iis,
        clock: Clock,
        retry_scale: float = 1.0,
        concurrency: int = settings.SUBMIT_CONCURRENCY,
    ) -> None:
        self._submissions = submissions
        self._charts = charts
        self._states = states
        self._stops = stops
        self._configurations = configurations
        self._secrets = secrets
        self._iis = iis
        self._clock = clock
        self._retry_scale = retry_scale
        self._follow_up = FollowUp(
            submissions=submissions, states=states, outcomes=outcomes, resubmission=resubmission, clock=clock
        )
        self._known = KnownValve()
        self._trials = Trials(clock)
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="submit")

    def __call__(
        self,
        messages: Sequence[OutboxMessage],
        seconds_left: Callable[[], float],
        tell: Callable[[int, Delivered], None] = lambda _number, _result: None,
    ) -> list[Delivered]:
        """Deliver a batch.

        Args:
            messages: The references, each patient's in their order.
            seconds_left: The time until the caller is stopped. Without enough of it nothing more is claimed.
            tell: Called with the number and the result of each message as soon as its patient's messages are done.

        Returns:
            The results in the order of the messages.

        Raises:
            LookupError: No configuration was pushed yet.
        """
        return self._deliver_batch(messages, self._batch(seconds_left), tell)

    def try_out(
        self, messages: Sequence[OutboxMessage], seconds_left: Callable[[], float]
    ) -> tuple[list[Delivered], Tally]:
        """Deliver messages of the valve's trial: though the valve is closed, until one is in doubt.

        Args:
            messages: The references, each patient's in their order.
            seconds_left: The time until the caller is stopped.

        Returns:
            The results in the order of the messages, and how the calls ended.

        Raises:
            LookupError: No configuration was pushed yet.
        """
        batch = self._batch(seconds_left, trial=True)
        results = self._deliver_batch(messages, batch, lambda _number, _result: None)
        return results, batch.stops.tally

    def _batch(self, seconds_left: Callable[[], float], *, trial: bool = False) -> _Batch:
        configuration = self._configurations.current()
        stops = DeliveryStops(self._stops, self._clock, configuration.iis, self._known, trial=trial)
        call = RegistryCall(secrets=self._secrets, iis=self._iis, configuration=configuration)
        return _Batch(configuration, call, stops, seconds_left)

    def _deliver_batch(
        self, messages: Sequence[OutboxMessage], batch: _Batch, tell: Callable[[int, Delivered], None]
    ) -> list[Delivered]:
        groups: dict[str, list[int]] = {}
        for number, message in enumerate(messages):
            groups.setdefault(message.patient_group, []).append(number)

        def deliver_group(numbers: list[int]) -> list[tuple[int, Delivered]]:
            results = self._deliver_in_order([messages[number] for number in numbers], batch)
            numbered = list(zip(numbers, results, strict=True))
            for number, result in numbered:
                tell(number, result)
            return numbered

        numbered = [pair for group in self._pool.map(deliver_group, groups.values()) for pair in group]
        return [result for _, result in sorted(numbered, key=lambda pair: pair[0])]

    # one message -----------------------------------------------------------------------------------------------------

    def _deliver_in_order(self, messages: Sequence[OutboxMessage], batch: _Batch) -> list[Delivered]:
        """Deliver one patient's messages. Once one has to wait, the queue keeps the others behind it without a time."""
        results: list[Delivered] = []
        for message in messages:
            if results and isinstance(results[-1], Later):
                results.append(Later(message.msh_10, message.clinic, 0))
            else:
                results.append(self._deliver_or_keep(message, batch))
        return results

    def _deliver_or_keep(self, message: OutboxMessage, batch: _Batch) -> Delivered:
        clinic = batch.configuration.clinics.get(message.clinic)
        try:
            with self._trials.hold(clinic.facility_id) if clinic else nullcontext():
                if batch.seconds_left() < settings.CLAIM_RESERVE:
                    return Later(message.msh_10, message.clinic, 0)
                return self._deliver(message, clinic, batch)
        except Exception as error:  # noqa: BLE001 - broken infrastructure at one message must not fail the batch's others
            return Later(message.msh_10, message.clinic, None, error=type(error).__name__)

    def _deliver(self, message: OutboxMessage, clinic: Clinic | None, batch: _Batch) -> Delivered:
        stop = batch.stops.reason(clinic)
        if stop is Stop.FACILITY:
            # It stays QUEUED; opening the facility queues it again.
            self._follow_up.complete(message.msh_10)
            return Done(message.msh_10, message.clinic, stop.value, batch.stops.facility_fault(clinic))
        if stop is not None:
            return Later(message.msh_10, message.clinic, self._wait_while_closed)
        claimed = self._states.claim(message.msh_10, self._clock.now())
        if isinstance(claimed, NotClaimed):
            if claimed.busy:
                return Later(message.msh_10, message.clinic, settings.CLAIM_LEASE)
            self._follow_up.complete(message.msh_10)
            return Done(message.msh_10, message.clinic, f"nothing to send: {claimed.state or 'unknown MSH-10'}")
        return self._send(claimed, clinic, batch)

    def _send(self, claimed: Submission, clinic: Clinic | None, batch: _Batch) -> Delivered:
        """Send a claimed submission, unless newer content of its doses or another submission goes first."""
        standing = self._standing(claimed)
        if standing.is_overtaken:
            return self._give_way(claimed)
        if standing.waits:
            return self._wait_for_deletion(claimed)
        configuration = batch.configuration
        if is_outdated(claimed, configuration):
            # It may have been made under a newer version than the one that this process knows.
            configuration = self._configurations.current(since=claimed.created)
        if claimed.resends and claimed.config_version != configuration.version and has_other_facility(claimed, clinic):
            return self._leave_unknown(claimed)
        if standing.outdated or is_outdated(claimed, configuration):
            claimed, is_held = built_anew(claimed, configuration, self._clock.now(), without=standing.outdated)
            is_ours = self._states.build_anew(claimed)
            clinic = configuration.clinics.get(claimed.clinic)
            if not is_ours or is_held:
                return self._hold(claimed)
        result = self._call(claimed, clinic, batch)
        return self._write(claimed, result, clinic, batch.stops)

    def _standing(self, submission: Submission) -> Standing:
        return standing_of(self._charts, self._submissions, submission)

    def _wait_for_deletion(self, submission: Submission) -> Delivered:
        """Let a submission wait for the deletion of its doses at their old place."""
        now = self._clock.now()
        wait = round(settings.VALVE_WAIT * self._retry_scale)
        event = Event.DEFER_RESEND if submission.resends else Event.DEFER
        attempt = Attempt(submission.attempt_count, now, 0.0, state_after(event), fault=_WAITS, free=True)
        causes = submission.causes if submission.resends else (_WAITS,)
        self._states.finish(submission, event, attempt, causes=causes, next_try=now + timedelta(seconds=wait))
        return Later(submission.msh_10, submission.clinic, wait, _WAITS)

    def _hold(self, submission: Submission) -> Delivered:
        """Hold a submission that our checks refuse under the configuration in force. It was never sent."""
        attempt = Attempt(submission.attempt_count, self._clock.now(), 0.0, State.HELD)
        causes = causes_of_hold(submission.findings)
        if self._states.finish(submission, Event.HOLD, attempt, causes=causes):
            attempts = (*submission.attempts, attempt)
            held = replace(submission, state=State.HELD, attempts=attempts, causes=causes)
            self._follow_up(held, State.HELD)
        return Done(submission.msh_10, submission.clinic, State.HELD.value)

    def _leave_unknown(self, submission: Submission) -> Delivered:
        """Leave a submission of unknown outcome to a person: its resend would go out under an old facility code."""
        result = fault_result(submission, DeliveryFault("FACILITY-CHANGED", 0, 0.0), started=self._clock.now())
        if self._states.finish(submission, result.event, result.attempt, causes=result.causes):
            attempts = (*submission.attempts, result.attempt)
            self._follow_up(replace(submission, attempts=attempts, causes=result.causes), result.attempt.state)
        return Done(submission.msh_10, submission.clinic, result.attempt.state.value, result.fault)

    def _give_way(self, submission: Submission) -> Delivered:
        """Supersede a submission all of whose doses have newer content on the way."""
        attempt = Attempt(submission.attempt_count, self._clock.now(), 0.0, State.SUPERSEDED)
        self._states.finish(submission, Event.OVERTAKE, attempt)
        # An earlier send of it, whose answer never came, is counted all the same.
        self._follow_up.count(submission)
        return Done(submission.msh_10, submission.clinic, State.SUPERSEDED.value)

    def _call(self, submission: Submission, clinic: Clinic | None, batch: _Batch) -> AttemptResult:
        started = self._clock.now()
        if clinic is None:
            return fault_result(submission, DeliveryFault("CLINIC-NOT-CONFIGURED", 0, 0.0), started=started)

        def exchange(send: Send) -> AttemptResult:
            profile = batch.configuration.iis.profile
            return answer_result(submission, send(submission.vxu), profile=profile, started=started)

        result = batch.call(clinic, exchange)
        if result is None:
            return fault_result(submission, DeliveryFault(NO_CREDENTIALS, 0, 0.0), started=started)
        return result

    # its outcome -----------------------------------------------------------------------------------------------------

    def _write(
        self, submission: Submission, result: AttemptResult, clinic: Clinic | None, stops: DeliveryStops
    ) -> Delivered:
        now = self._clock.now()
        state = result.attempt.state
        fault = faults.BY_CODE.get(result.fault)
        if fault is not None:
            # Before the outcome, so that no other message of the facility tries the refused password meanwhile.
            stops.record_fault(fault, clinic)
        self._note_trial(clinic, fault)
        wait = self._wait(submission, fault, stops)
        keeps_its_try = result.event in (Event.DEFER, Event.DEFER_RESEND)
        if keeps_its_try and fault is not None and stops.is_closed_by(fault):
            result = replace(result, attempt=replace(result.attempt, free=True))
        waits_for_opening = clinic is not None and fault is not None and fault.stops_facility and keeps_its_try
        next_try = now + timedelta(seconds=wait or 0) if wait is not None or waits_for_opening else None
        is_ours = self._states.finish(submission, result.event, result.attempt, causes=result.causes, next_try=next_try)
        if fault is None:
            # After the outcome: the content of the answer is worth more than the fact that there is one.
            stops.record_answer()
        done = Done(submission.msh_10, submission.clinic, state.value, result.fault, result.attempt.seconds)
        if not is_ours or waits_for_opening:
            # Where it is not ours, the lease ran out meanwhile and another process decided: the ledger's state holds.
            return done
        if wait is not None:
            return Later(submission.msh_10, submission.clinic, wait, result.fault)
        attempts = (*submission.attempts, result.attempt)
        self._follow_up(replace(submission, attempts=attempts, causes=result.causes), state)
        return done

    def _note_trial(self, clinic: Clinic | None, fault: Fault | None) -> None:
        if clinic is None:
            return
        if fault is not None and fault.stops_facility:
            self._trials.failed(clinic.facility_id)
        else:
            self._trials.passed(clinic.facility_id)

    @property
    def _wait_while_closed(self) -> int:
        """Seconds until a reference that came while the valve was closed is looked at again."""
        return round(settings.VALVE_WAIT * self._retry_scale)

    def _wait(self, submission: Submission, fault: Fault | None, stops: DeliveryStops) -> int | None:
        """Return the seconds until this message's next try, or None if there is none."""
        if fault is None:
            return None
        if fault.may_be_stored:
            steps = 0 if may_resend(submission.resends) else None
        elif stops.is_closed_by(fault):
            # The IIS is down, and the message is not to blame: it uses up none of its tries.
            return self._wait_while_closed
        else:
            steps = submission.deferrals
        wait = None if steps is None else faults.wait_before(fault.strategy, steps, submission.msh_10)
        return None if wait is None else max(0, round(wait * self._retry_scale))
