from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from operator import attrgetter

import pytest

from shared.domain import faults
from shared.domain.lifecycle import MAX_RESENDS, Event, State
from shared.domain.submission import Answer, DeliveryFault, Strategy
from shared.domain.valve import CLOSE_AFTER, Valve
from shared.ports.queues import OutboxMessage
from shared.replaced import replace
from shared.settings import CLAIM_LEASE, CLAIM_RESERVE
from shared.usecases.delivery.delivered import Delivered, Done, Later
from shared.usecases.delivery.submit import Submit
from shared.usecases.delivery.trial import LASTS
from tests.fakes.configurations import Fixed
from tests.shared.usecases.submit_setup import CONFIGURATION, REFUSAL, SubmitSetup, Vault, ack


def step(msh_10: str, number: int = 0, *, strategy: Strategy = Strategy.CHECK_IIS) -> int:
    """Return the wait of one retry of a message, in seconds."""
    wait = faults.wait_before(strategy, number, msh_10)
    assert wait is not None
    return wait


def test_an_accepted_message_is_done_and_its_ack_is_kept(submit_setup: Callable[..., SubmitSetup]) -> None:
    at = submit_setup(ack)
    at.add("A")
    assert at.deliver("A") == [Done("A", "elm", "ACCEPTED", "", 0.2)]
    (attempt,) = at.of("A").attempts
    assert (attempt.msa_1, attempt.http_status, attempt.ack) == ("AA", 200, ack("A").text)
    assert at.resubmission.sent == []


def test_a_redelivered_reference_sends_nothing_again(submit_setup: Callable[..., SubmitSetup]) -> None:
    at = submit_setup(ack)
    at.add("A")
    at.deliver("A")
    assert at.deliver("A", "NEVER-MADE") == [
        Done("A", "elm", "nothing to send: ACCEPTED"),
        Done("NEVER-MADE", "elm", "nothing to send: unknown MSH-10"),
    ]
    assert at.iis.sent == ["A"]


def test_a_refusal_goes_to_the_resubmission_queue_with_its_causes(submit_setup: Callable[..., SubmitSetup]) -> None:
    at = submit_setup(lambda msh_10: ack(msh_10, REFUSAL, code="AE"))
    at.add("A")
    at.deliver("A")
    refused = at.of("A")
    assert refused.state is State.REFUSED
    assert refused.causes
    assert refused.attempts[0].errors[0].text == "Sex is required"
    assert at.resubmission.sent == ["A"]


def test_a_failed_connection_is_retried_later_and_holds_back_the_patients_next_message(
    submit_setup: Callable[..., SubmitSetup],
) -> None:
    at = submit_setup(lambda _: DeliveryFault("CONNECT-REFUSED", 0, 0.1))
    at.add("A", "B")
    assert at.deliver("A", "B") == [Later("A", "elm", first := step("A"), "CONNECT-REFUSED"), Later("B", "elm", 0)]
    assert at.iis.sent == ["A"]
    assert (at.of("A").state, at.of("B").state) == (State.QUEUED, State.QUEUED)
    assert at.of("A").waiting_since == at.clock.time + timedelta(seconds=first)


def test_a_submission_without_retries_left_goes_to_the_resubmission_queue(
    submit_setup: Callable[..., SubmitSetup],
) -> None:
    at = submit_setup(lambda msh_10: DeliveryFault("CONNECT-REFUSED", 0, 0.1) if msh_10 == "A" else ack(msh_10))
    at.add("A")
    waits = []
    while isinstance(result := at.deliver("A")[0], Later):
        waits.append(result.wait)
        # An answer in between: the IIS works, and the valve stays open.
        at.add(other := f"OTHER{len(waits)}")
        at.deliver(other, group=other)
    assert waits == [step("A", number) for number in range(len(faults.LADDERS[Strategy.CHECK_IIS]))]
    assert result == Done("A", "elm", "QUEUED", "CONNECT-REFUSED", 0.1)
    assert at.resubmission.sent == ["A"]


def test_a_lost_answer_is_unknown_and_resent_once_before_a_person_decides(
    submit_setup: Callable[..., SubmitSetup],
) -> None:
    at = submit_setup(lambda _: DeliveryFault("READ-TIMEOUT", 0, 60.0))
    at.add("A")
    assert at.deliver("A") == [Later("A", "elm", step("A", strategy=Strategy.CONFIRM), "READ-TIMEOUT")]
    assert at.of("A").state is State.UNKNOWN
    assert at.resubmission.sent == []
    assert at.deliver("A") == [Done("A", "elm", "UNKNOWN", "READ-TIMEOUT", 60.0)]
    assert at.resubmission.sent == ["A"]
    assert at.deliver("A") == [Done("A", "elm", "nothing to send: UNKNOWN")]
    assert at.iis.sent == ["A", "A"]


def test_an_ack_for_another_message_accepts_nothing(submit_setup: Callable[..., SubmitSetup]) -> None:
    at = submit_setup(lambda _: ack("SOMEBODY-ELSE"))
    at.add("A")
    at.deliver("A")
    assert at.of("A").state is State.UNKNOWN
    assert at.of("A").attempts[0].fault == "WRONG-MSA-2"


def test_a_refused_password_stops_only_its_facility_and_keeps_the_messages(
    submit_setup: Callable[..., SubmitSetup],
) -> None:
    at = submit_setup(lambda msh_10: DeliveryFault("SECURITY-FAULT", 500, 0.1) if msh_10 != "OAK" else ack(msh_10))
    at.add("A", "B")
    at.add("OAK", clinic="oak")
    at.deliver("A")
    assert at.deliver("B") == [Done("B", "elm", "facility stopped", "SECURITY-FAULT")]
    assert at.deliver("OAK", clinic="oak")[0] == Done("OAK", "oak", "ACCEPTED", "", 0.2)
    assert at.iis.sent == ["A", "OAK"]
    assert at.ledger.stops.current().facilities == {"ID-elm": "SECURITY-FAULT"}
    waiting = {waiting.message.msh_10 for waiting in at.ledger.backlog.waiting()}
    assert waiting == {"A", "B"}


def test_a_refusal_before_its_facility_stopped_still_reaches_triage(submit_setup: Callable[..., SubmitSetup]) -> None:
    at = submit_setup(lambda msh_10: ack(msh_10, REFUSAL, code="AE"))
    at.add("A")
    at.deliver("A")
    at.resubmission.sent.clear()  # the function was killed between the outcome and telling of it
    at.ledger.stops.stop_facility("ID-elm", "SECURITY-FAULT", at.clock.time)
    assert at.deliver("A")[0] == Done("A", "elm", "facility stopped", "SECURITY-FAULT")
    assert at.resubmission.sent == ["A"]


def test_an_unknown_outcome_waits_for_its_resend_while_the_facility_is_stopped(
    submit_setup: Callable[..., SubmitSetup],
) -> None:
    at = submit_setup(lambda _: DeliveryFault("READ-TIMEOUT", 0, 60.0))
    at.add("A")
    at.deliver("A")
    at.ledger.stops.stop_facility("ID-elm", "SECURITY-FAULT", at.clock.time)
    at.deliver("A")
    assert at.resubmission.sent == []
    waiting = {waiting.message.msh_10 for waiting in at.ledger.backlog.waiting()}
    assert waiting == {"A"}


def test_a_lost_answer_is_counted_even_if_a_correction_overtakes_the_resend(
    submit_setup: Callable[..., SubmitSetup],
) -> None:
    at = submit_setup(ack)
    at.add("OLD")
    at.ledger.states.claim("OLD", at.clock.time)  # sent, and killed before the answer
    at.add("NEW", replaces="OLD")
    at.carry("OLD", "NEW")
    at.deliver("NEW")
    at.clock.time += timedelta(hours=1)
    assert at.deliver("OLD")[0] == Done("OLD", "elm", "SUPERSEDED")
    counted = {one.msh_10: one.state for one in at.ledger.outcomes.of_day(at.clock.time.date())}
    assert counted == {"NEW": State.ACCEPTED, "OLD": State.UNKNOWN}


def deliver_side_by_side(submit_setup: SubmitSetup, *msh_10s: str) -> list[Delivered]:
    """Add messages of different patients, so that only the facility can hold one back."""
    return submit_setup.submit([OutboxMessage(one, "elm", one) for one in msh_10s], lambda: 999)


MANY = tuple(f"M{number}" for number in range(10))


def test_only_one_message_of_a_batch_tries_a_refused_password(submit_setup: Callable[..., SubmitSetup]) -> None:
    one = submit_setup(lambda _: DeliveryFault("SECURITY-FAULT", 500, 0.1))
    one.add(*MANY)
    done = deliver_side_by_side(one, *MANY)
    assert len(one.iis.sent) == 1
    assert {type(result) for result in done} == {Done}
    assert {one.of(msh_10).state for msh_10 in MANY} == {State.QUEUED}


def test_a_passed_trial_expires_and_is_repeated_by_one_message(submit_setup: Callable[..., SubmitSetup]) -> None:
    one = submit_setup(ack)
    one.add("FIRST", *MANY)
    deliver_side_by_side(one, "FIRST")
    one.iis.say = lambda _: DeliveryFault("SECURITY-FAULT", 500, 0.1)
    one.clock.time += LASTS
    deliver_side_by_side(one, *MANY)
    assert len(one.iis.sent) == 2


def test_messages_of_a_facility_that_passed_its_trial_run_at_once(submit_setup: Callable[..., SubmitSetup]) -> None:
    together = threading.Barrier(len(MANY), timeout=20)

    def say(msh_10: str) -> Answer:
        if msh_10 != "FIRST":
            together.wait()
        return ack(msh_10)

    one = submit_setup(say)
    one.add("FIRST", *MANY)
    deliver_side_by_side(one, "FIRST")
    deliver_side_by_side(one, *MANY)
    assert {one.of(msh_10).state for msh_10 in MANY} == {State.ACCEPTED}


def test_a_timeout_passes_the_trial_so_that_messages_do_not_wait_one_by_one(
    submit_setup: Callable[..., SubmitSetup],
) -> None:
    together = threading.Barrier(len(MANY) - 1, timeout=20)
    first: list[str] = []

    def say(msh_10: str) -> DeliveryFault:
        if first:
            together.wait()
        first.append(msh_10)
        return DeliveryFault("READ-TIMEOUT", 0, 60.0)

    one = submit_setup(say)
    one.add(*MANY)
    deliver_side_by_side(one, *MANY)
    assert sorted(one.iis.sent) == sorted(MANY)


def test_a_changed_password_is_tried_once_before_the_facility_stops(
    submit_setup: Callable[..., SubmitSetup],
) -> None:
    at = submit_setup(lambda msh_10: DeliveryFault("SECURITY-FAULT", 500, 0.1), Vault("old", "new"))
    at.iis.say = lambda msh_10: (
        ack(msh_10) if at.iis.passwords[-1] == "new" else DeliveryFault("SECURITY-FAULT", 500, 0.1)
    )
    at.add("A")
    at.deliver("A")
    assert at.of("A").state is State.ACCEPTED
    assert at.ledger.stops.current().facilities == {}


def test_a_missing_secret_sends_nothing_and_stops_the_facility(submit_setup: Callable[..., SubmitSetup]) -> None:
    at = submit_setup(ack, Vault(None, None))
    at.add("A")
    at.deliver("A")
    assert at.iis.sent == []
    assert at.of("A").state is State.QUEUED
    assert at.ledger.stops.current().facilities == {"ID-elm": "NO-CREDENTIALS"}


def test_an_accepted_correction_supersedes_what_it_replaces(submit_setup: Callable[..., SubmitSetup]) -> None:
    at = submit_setup(lambda msh_10: ack(msh_10, REFUSAL, code="AE") if msh_10 == "OLD" else ack(msh_10))
    at.add("OLD")
    at.deliver("OLD")
    at.add("NEW", replaces="OLD")
    at.deliver("NEW")
    assert (at.of("OLD").state, at.of("NEW").state) == (State.SUPERSEDED, State.ACCEPTED)


def test_without_time_left_nothing_is_claimed(submit_setup: Callable[..., SubmitSetup]) -> None:
    at = submit_setup(ack)
    at.add("A")
    assert at.deliver("A", left=CLAIM_RESERVE - 1) == [Later("A", "elm", 0)]
    assert at.of("A").attempt_count == 0


def test_messages_of_one_patient_run_in_order_and_those_of_others_at_once(
    submit_setup: Callable[..., SubmitSetup],
) -> None:
    together = threading.Barrier(3, timeout=10)
    seen: Counter[str] = Counter()

    def say(msh_10: str) -> Answer:
        patient = msh_10[0]
        seen[patient] += 1
        if seen[patient] == 1:
            together.wait()  # three patients are on the wire at the same time, or this times out
        return ack(msh_10)

    at = submit_setup(ack)
    at.add("FIRST")
    at.deliver("FIRST", group="FIRST")  # whatever the others wait for, it is not the facility's first answer
    at.iis.say = say
    names = [f"{patient}{number}" for number in range(3) for patient in "XYZ"]
    at.add(*names)
    messages = [OutboxMessage(name, "elm", name[0]) for name in names]
    results = at.submit(messages, lambda: 999)
    assert [result.msh_10 for result in results] == names
    for patient in "XYZ":
        assert [sent for sent in at.iis.sent if sent[0] == patient] == [f"{patient}{n}" for n in range(3)]


def test_an_exception_at_one_message_does_not_affect_the_others(
    submit_setup: Callable[..., SubmitSetup],
) -> None:
    def say(msh_10: str) -> Answer:
        if msh_10 == "A":
            raise OSError("synthetic")
        return ack(msh_10)

    at = submit_setup(say)
    at.add("A", "B")
    messages = [OutboxMessage("A", "elm", "GA"), OutboxMessage("B", "elm", "GB")]
    results = at.submit(messages, lambda: 999)
    assert results[0] == Later("A", "elm", None, error="OSError")
    assert results[1].msh_10 == "B"
    assert at.of("B").state is State.ACCEPTED


def test_a_clinic_that_is_not_configured_goes_to_triage_and_stops_no_facility(
    submit_setup: Callable[..., SubmitSetup],
) -> None:
    at = submit_setup(ack)
    at.add("A", clinic="gone")
    assert at.deliver("A", clinic="gone") == [Done("A", "gone", "QUEUED", "CLINIC-NOT-CONFIGURED")]
    assert at.resubmission.sent == ["A"]
    assert at.iis.sent == []
    assert at.ledger.stops.current().facilities == {}


def test_a_redelivered_reference_completes_the_follow_up_after_a_crash(
    submit_setup: Callable[..., SubmitSetup], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("synthetic outage")

    at = submit_setup(lambda msh_10: ack(msh_10, REFUSAL, code="AE") if msh_10 == "OLD" else ack(msh_10))
    at.add("OLD")
    with monkeypatch.context() as patched:
        patched.setattr(at.resubmission, "send", broken)
        at.deliver("OLD")
    assert at.resubmission.sent == []
    at.deliver("OLD")
    assert at.resubmission.sent == ["OLD"]
    at.add("NEW", replaces="OLD")
    with monkeypatch.context() as patched:
        patched.setattr(at.ledger.states, "move", broken)
        at.deliver("NEW")
    assert at.of("OLD").state is State.REFUSED
    at.deliver("NEW")
    assert at.of("OLD").state is State.SUPERSEDED
    assert at.iis.sent == ["OLD", "NEW"]


def test_a_resend_that_was_cut_off_goes_to_triage(submit_setup: Callable[..., SubmitSetup]) -> None:
    at = submit_setup(lambda _: DeliveryFault("READ-TIMEOUT", 0, 60.0))
    at.add("A")
    at.deliver("A")
    at.ledger.states.claim("A", at.clock.time)  # the second send, by a function that is killed
    at.clock.time += timedelta(hours=1)
    assert at.deliver("A") == [Done("A", "elm", "nothing to send: UNKNOWN")]
    assert at.resubmission.sent == ["A"]
    assert at.of("A").waiting_since is None
    assert at.iis.sent == ["A"]


def test_an_acceptance_supersedes_all_predecessors(submit_setup: Callable[..., SubmitSetup]) -> None:
    at = submit_setup(lambda msh_10: ack(msh_10) if msh_10 == "C" else ack(msh_10, REFUSAL, code="AE"))
    for msh_10, replaces in (("A", ""), ("B", "A"), ("C", "B")):
        at.add(msh_10, replaces=replaces)
        at.deliver(msh_10)
    assert [at.of(msh_10).state for msh_10 in "ABC"] == [State.SUPERSEDED, State.SUPERSEDED, State.ACCEPTED]


def test_a_delivered_submission_leaves_the_worklist(submit_setup: Callable[..., SubmitSetup]) -> None:
    at = submit_setup(ack)
    at.add("A")
    at.ledger.worklist.enter("A", ("CONNECT-REFUSED",))
    at.deliver("A")
    assert list(at.ledger.worklist.entries()) == []


def test_a_submission_is_not_sent_after_its_correction(submit_setup: Callable[..., SubmitSetup]) -> None:
    at = submit_setup(ack)
    at.add("OLD")
    at.add("NEW", replaces="OLD")
    at.carry("OLD", "NEW")
    at.ledger.states.claim("NEW", at.clock.time)
    assert at.deliver("OLD") == [Done("OLD", "elm", "SUPERSEDED")]
    assert at.iis.sent == []


def test_only_the_newest_content_of_a_dose_is_sent(submit_setup: Callable[..., SubmitSetup]) -> None:
    at = submit_setup(ack)
    at.add("OLD")
    at.add("NEW", replaces="OLD")
    at.carry("OLD", "NEW")
    at.deliver("OLD", "NEW")
    assert at.iis.sent == ["NEW"]
    assert [at.of(msh_10).state for msh_10 in ("OLD", "NEW")] == [State.SUPERSEDED, State.ACCEPTED]


# The resend ----------------------------------------------------------------------------------------------------------

TRIED_AGAIN = sorted(
    fault.code for fault in faults.CATALOGUE if not fault.may_be_stored and faults.LADDERS[fault.strategy]
)


def saying(*codes: str) -> Callable[[str], Answer | DeliveryFault]:
    """Return an IIS that ends its calls in these faults, one after the other, and answers from then on."""
    left = iter(codes)

    def say(msh_10: str) -> Answer | DeliveryFault:
        code = next(left, "")
        return DeliveryFault(code, 0, 0.1) if code else ack(msh_10)

    return say


@pytest.mark.parametrize("first", ["READ-TIMEOUT", "CONNECTION-LOST", "HTTP-500"])
@pytest.mark.parametrize("second", TRIED_AGAIN)
def test_a_resend_that_the_iis_surely_did_not_take_is_sent_again(
    submit_setup: Callable[..., SubmitSetup], first: str, second: str
) -> None:
    at = submit_setup(saying(first, second, second))
    at.add("A")
    at.deliver("A")
    for _ in range(2):
        [later] = at.deliver("A")
        assert isinstance(later, Later)
        one = at.of("A")
        assert (one.state, one.resends, one.causes) == (State.UNKNOWN, 0, (first,))
        assert one.waiting_since is not None
        assert one.waiting_since > at.clock.time
    assert at.resubmission.sent == []
    assert at.deliver("A") == [Done("A", "elm", "ACCEPTED", "", 0.2)]
    assert at.of("A").resends == 1


@pytest.mark.parametrize("code", ["SECURITY-FAULT", "HTTP-401", "UNSUPPORTED-OPERATION"])
def test_a_resend_whose_password_is_refused_waits_until_the_facility_is_opened(
    submit_setup: Callable[..., SubmitSetup], code: str
) -> None:
    at = submit_setup(saying("READ-TIMEOUT", code))
    at.add("A")
    at.deliver("A")
    assert at.deliver("A") == [Done("A", "elm", "UNKNOWN", code, 0.1)]
    assert at.resubmission.sent == []
    assert [waiting.message.msh_10 for waiting in at.ledger.backlog.waiting()] == ["A"]
    at.ledger.stops.open_facility("ID-elm")
    assert at.deliver("A") == [Done("A", "elm", "ACCEPTED", "", 0.2)]


def test_a_resend_whose_tries_are_used_up_goes_to_triage_under_the_fault_of_the_first_send(
    submit_setup: Callable[..., SubmitSetup],
) -> None:
    at = submit_setup(saying("HTTP-500", *["HTTP-503"] * 99))
    at.add("A")
    at.deliver("A")
    tries = 0
    while not at.resubmission.sent:
        at.ledger.stops.save_valve(at.ledger.stops.current().valve, Valve())  # the others are answered
        at.deliver("A")
        tries += 1
    assert tries == len(faults.LADDERS[Strategy.CHECK_IIS]) + 1
    assert (at.of("A").state, at.of("A").causes, at.of("A").waiting_since) == (State.UNKNOWN, ("HTTP-500",), None)
    [outcome] = at.ledger.outcomes.of_day(at.clock.time.date())
    assert (outcome.state, outcome.fault) == (State.UNKNOWN, "HTTP-500")


@pytest.mark.parametrize("second", ["READ-TIMEOUT", "HTTP-500"])
def test_a_resend_that_may_be_stored_leaves_the_outcome_unknown_and_goes_to_triage(
    submit_setup: Callable[..., SubmitSetup], second: str
) -> None:
    at = submit_setup(saying("CONNECTION-LOST", "CONNECT-REFUSED", second))
    at.add("A")
    at.deliver("A")
    at.deliver("A")
    assert at.deliver("A") == [Done("A", "elm", "UNKNOWN", second, 0.1)]
    assert at.resubmission.sent == ["A"]
    assert (at.of("A").causes, at.of("A").waiting_since) == (("CONNECTION-LOST",), None)


def test_a_resend_that_was_too_large_stays_unknown_and_goes_to_triage(submit_setup: Callable[..., SubmitSetup]) -> None:
    at = submit_setup(saying("READ-TIMEOUT", "HTTP-413"))
    at.add("A")
    at.deliver("A")
    assert at.deliver("A") == [Done("A", "elm", "UNKNOWN", "HTTP-413", 0.1)]
    assert at.resubmission.sent == ["A"]
    assert at.of("A").causes == ("READ-TIMEOUT",)


def test_a_message_that_meets_a_closed_valve_uses_up_none_of_its_tries(
    submit_setup: Callable[..., SubmitSetup],
) -> None:
    at = submit_setup(saying(*["HTTP-503"] * 99))
    names = [f"M{number}" for number in range(CLOSE_AFTER)]
    at.add(*names)
    for name in names:
        at.deliver(name, group=name)
    assert [at.of(name).deferrals for name in names] == [1] * (CLOSE_AFTER - 1) + [0]


# Killed --------------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """Ends a process: a BaseException, which nothing catches."""


def kill(*_: object, **__: object) -> None:
    raise Killed


def restarted(at: SubmitSetup) -> SubmitSetup:
    """Return the next process on the same ledger, without the memory of the killed one."""
    again = SubmitSetup(at.ledger, ack, Vault())
    again.iis, again.clock, again.resubmission = at.iis, at.clock, at.resubmission
    again.submit = Submit(
        submissions=at.ledger.submissions,
        charts=at.ledger.charts,
        states=at.ledger.states,
        outcomes=at.ledger.outcomes,
        stops=at.ledger.stops,
        resubmission=at.resubmission,
        configurations=Fixed(CONFIGURATION),
        secrets=Vault(),
        iis=at.iis,
        clock=at.clock,
    )
    return again


# Moment of the kill → the last port call, whether it takes effect, and how often the message is sent in all.
MOMENTS = {
    "before the claim": ("ledger.states.claim", "before", 1),
    "after the claim": ("iis.submit", "before", 1),
    "after the bytes left": ("iis.submit", "after", 2),
    "after the answer, before the outcome": ("ledger.states.finish", "before", 2),
    "after the outcome": ("ledger.states.finish", "after", 1),
}


@pytest.mark.parametrize(("call", "when", "sends"), MOMENTS.values(), ids=MOMENTS.keys())
def test_a_killed_delivery_is_completed_and_resent_only_if_its_outcome_is_unknown(
    submit_setup: Callable[..., SubmitSetup], monkeypatch: pytest.MonkeyPatch, call: str, when: str, sends: int
) -> None:
    at = submit_setup(ack)
    at.add("A")
    port, _, name = call.rpartition(".")
    owner = attrgetter(port)(at)
    original = getattr(owner, name)

    def killed_after(*arguments: object, **named: object) -> None:
        original(*arguments, **named)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, kill if when == "before" else killed_after)
        with pytest.raises(Killed):
            at.deliver("A")
    at = restarted(at)
    early = at.deliver("A")[0]
    claimed = call != "ledger.states.claim" and (call, when) != ("ledger.states.finish", "after")
    if claimed:
        assert early == Later("A", "elm", CLAIM_LEASE), "its lease has not run out"
        at.clock.time += timedelta(seconds=CLAIM_LEASE + 1)
        assert at.of("A").state is State.SENDING
        at.deliver("A")
    assert at.of("A").state is State.ACCEPTED
    assert at.iis.sent == ["A"] * (sends if claimed or call == "ledger.states.claim" else 1)
    assert at.deliver("A")[0] == Done("A", "elm", "nothing to send: ACCEPTED")
    assert at.of("A").resends == (1 if claimed else 0)
    assert at.of("A").resends <= MAX_RESENDS


@pytest.mark.parametrize("moment", ["after the claim", "after the bytes left", "after the answer, before the outcome"])
def test_a_delivery_that_is_killed_twice_goes_to_triage_without_a_third_send(
    submit_setup: Callable[..., SubmitSetup], monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    at = submit_setup(ack)
    at.add("A")
    call, when, _ = MOMENTS[moment]
    port, _, name = call.rpartition(".")
    owner = attrgetter(port)(at)
    original = getattr(owner, name)

    def killed(*arguments: object, **named: object) -> object:
        if Event.LOSE_ANSWER in arguments:
            # The write that expires the lease is not the moment to kill.
            return original(*arguments, **named)
        if when == "after":
            original(*arguments, **named)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, killed)
        for _ in range(2):
            with pytest.raises(Killed):
                at.deliver("A")
            at = restarted(at)
            at.clock.time += timedelta(seconds=CLAIM_LEASE + 1)
    at.deliver("A")
    assert at.of("A").state is State.UNKNOWN
    assert at.resubmission.sent == ["A"]
    assert len(at.iis.sent) <= 2


def test_a_message_of_unknown_outcome_is_not_sent_again_under_an_old_facility_code(
    submit_setup: Callable[..., SubmitSetup],
) -> None:
    at = submit_setup(saying("READ-TIMEOUT"))
    at.add("A")
    at.deliver("A")
    at.ledger.memory.submissions["A"] = replace(at.of("A"), config_version="an older one")
    assert at.deliver("A") == [Done("A", "elm", "UNKNOWN", "FACILITY-CHANGED")]
    assert at.iis.sent == ["A"]
    assert at.resubmission.sent == ["A"]
    assert at.of("A").causes == ("READ-TIMEOUT",)
