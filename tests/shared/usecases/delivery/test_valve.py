"""The valve: what closes it, what is not sent while it is closed, and what opens it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.domain.lifecycle import State
from shared.domain.maintenance import window
from shared.domain.query_gate import QueryGate
from shared.domain.submission import Answer, Credentials, DeliveryFault
from shared.domain.valve import CLOSE_AFTER, CLOSE_AFTER_DOUBTS, ClosedBy, Valve, in_doubt_at_most
from shared.ports.queues import OutboxMessage
from shared.replaced import replace
from shared.settings import OUTBOX, SWEEP_AFTER, VALVE, VALVE_WAIT
from shared.usecases.delivery.backfill import Backfill
from shared.usecases.delivery.delivered import Done, Later
from shared.usecases.delivery.sweep import Sweep
from shared.usecases.delivery.trial_round import Round, TrialRound
from shared.usecases.delivery.valve import ANSWERED, ValveCheck, close_by_hand, open_by_hand
from tests.conftest import a_submission
from tests.fakes.configurations import Fixed
from tests.fakes.queues import MemoryOutbox, MemorySqs
from tests.shared.usecases.submit_setup import CONFIGURATION, SubmitSetup, ack


def refused(_: str) -> DeliveryFault:
    return DeliveryFault("CONNECT-REFUSED", 0, 0.1)


class Switch:
    """The event source mapping of submit."""

    def __init__(self) -> None:
        self.on = True
        self.switched = 0

    def is_on(self) -> bool:
        return self.on

    def switch(self, *, on: bool) -> None:
        self.on = on
        self.switched += 1


class Probed:
    """An IIS that answers probes only."""

    def __init__(self) -> None:
        self.fault = "CONNECT-REFUSED"
        self.tests = 0
        self.reached = 0

    def test_connection(
        self, endpoint: str, echo: str, credentials: Credentials | None = None
    ) -> Answer | DeliveryFault:
        self.tests += 1
        return DeliveryFault(self.fault, 0, 0.1) if self.fault else Answer(echo, 200, 0.1)

    def reach(self, endpoint: str) -> DeliveryFault | None:
        self.reached += 1
        return DeliveryFault(self.fault, 0, 0.1) if self.fault else None


class ValveSetup:
    """Submit with the valve's check beside it."""

    def __init__(self, submit_setup: SubmitSetup, **iis: object) -> None:
        self.delivery = submit_setup
        self.switch = Switch()
        self.probe = Probed()
        self.configuration = replace(CONFIGURATION, iis=replace(CONFIGURATION.iis, **iis))
        submit_setup.submit._configurations = Fixed(self.configuration)
        self.queue = MemorySqs(OUTBOX, submit_setup.clock)
        self.trial = TrialRound(
            submit=submit_setup.submit,
            outbox=MemoryOutbox(self.queue),
            submissions=submit_setup.ledger.submissions,
            clock=submit_setup.clock,
        )
        self.check = ValveCheck(
            stops=submit_setup.ledger.stops,
            delivery=self.switch,
            configurations=Fixed(self.configuration),
            iis=self.probe,
            trial=self.trial,
            clock=submit_setup.clock,
        )

    def put(self, *names: str) -> None:
        """Add messages of different patients and put them into the outbox."""
        self.delivery.add(*names)
        MemoryOutbox(self.queue).send([OutboxMessage(name, "elm", name) for name in names])

    def minutes(self, count: int) -> list[int]:
        """Check once a minute. Return how many messages each check sent."""
        sent = []
        for _ in range(count):
            before = len(self.delivery.iis.sent)
            self.after(60)
            sent.append(len(self.delivery.iis.sent) - before)
        return sent

    @property
    def valve(self) -> Valve:
        return self.delivery.ledger.stops.current().valve

    def of(self, msh_10: str) -> State:
        return self.delivery.of(msh_10).state

    def break_down(self, count: int = CLOSE_AFTER) -> None:
        """Cause faults for different patients until the valve closes."""
        names = [f"DOWN{number}" for number in range(count)]
        for name in names:
            self.delivery.add(name, group=name)
            self.delivery.deliver(name, group=name)

    def after(self, seconds: float) -> str:
        self.delivery.clock.time += timedelta(seconds=seconds)
        return self.check().probe

    @property
    def closed_by(self) -> ClosedBy | None:
        return self.delivery.ledger.stops.current().valve.closed_by


@pytest.fixture
def valve_setup(submit_setup: Callable[..., SubmitSetup]) -> Callable[..., ValveSetup]:
    return lambda say=refused, **iis: ValveSetup(submit_setup(say), **iis)


def test_consecutive_faults_close_the_valve_for_all_facilities(valve_setup: Callable[..., ValveSetup]) -> None:
    at = valve_setup()
    at.break_down()
    assert at.closed_by is ClosedBy.FAULTS
    sent = len(at.delivery.iis.sent)
    at.delivery.add("NEXT", clinic="oak")
    assert at.delivery.deliver("NEXT", clinic="oak") == [Later("NEXT", "oak", VALVE_WAIT)]
    assert len(at.delivery.iis.sent) == sent
    assert at.delivery.of("NEXT").state is State.QUEUED
    at.check()
    assert not at.switch.on


def test_lost_answers_close_the_valve(valve_setup: Callable[..., ValveSetup]) -> None:
    at = valve_setup(lambda _: DeliveryFault("READ-TIMEOUT", 0, 60.0))
    at.break_down(CLOSE_AFTER_DOUBTS)
    assert at.closed_by is ClosedBy.FAULTS


def test_a_facilitys_refused_password_does_not_count_on_the_valve(valve_setup: Callable[..., ValveSetup]) -> None:
    at = valve_setup(lambda _: DeliveryFault("SECURITY-FAULT", 200, 0.1))
    at.break_down()
    stops = at.delivery.ledger.stops.current()
    assert (stops.valve.is_open, dict(stops.facilities)) == (True, {"ID-elm": "SECURITY-FAULT"})


def test_faults_with_answers_in_between_do_not_close_the_valve(valve_setup: Callable[..., ValveSetup]) -> None:
    at = valve_setup(lambda msh_10: ack(msh_10) if msh_10.startswith("GOOD") else refused(msh_10))
    for number in range(3):
        bad = [f"BAD{number}{one}" for one in range(CLOSE_AFTER - 1)]
        at.delivery.add(*bad, f"GOOD{number}")
        for name in (*bad, f"GOOD{number}"):
            at.delivery.deliver(name, group=name)
    assert at.closed_by is None
    assert at.delivery.ledger.stops.current().valve.faults == 0


def test_an_answer_is_saved_even_if_the_valve_cannot_be_written(
    valve_setup: Callable[..., ValveSetup], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = valve_setup(lambda msh_10: ack(msh_10) if msh_10 == "GOOD" else refused(msh_10))
    at.delivery.add("BAD", "GOOD")
    at.delivery.deliver("BAD", group="B")

    def broken(*_: object) -> bool:
        raise RuntimeError("synthetic outage")

    with monkeypatch.context() as patched:
        patched.setattr(at.delivery.ledger.stops, "save_valve", broken)
        assert at.delivery.deliver("GOOD") == [Later("GOOD", "elm", None, error="RuntimeError")]
    assert at.delivery.of("GOOD").state is State.ACCEPTED
    assert at.delivery.deliver("GOOD") == [Done("GOOD", "elm", "nothing to send: ACCEPTED")]


def test_an_answer_without_faults_before_does_not_write_the_valve(valve_setup: Callable[..., ValveSetup]) -> None:
    at = valve_setup(ack)
    at.delivery.add("A", "B")
    at.delivery.deliver("A", "B")
    assert at.delivery.ledger.stops.current().valve.version == 0


def test_probes_wait_longer_each_time(valve_setup: Callable[..., ValveSetup]) -> None:
    at = valve_setup()
    at.break_down()
    assert [at.after(seconds) for seconds in (59, 1, 119, 1)] == ["", "CONNECT-REFUSED", "", "CONNECT-REFUSED"]
    assert not at.switch.on


def test_after_a_good_probe_a_round_of_messages_goes_each_minute_and_each_is_twice_as_large(
    valve_setup: Callable[..., ValveSetup],
) -> None:
    at = valve_setup()
    at.break_down()
    at.put(*[f"M{number}" for number in range(40)])
    at.probe.fault, at.delivery.iis.say = "", ack
    assert at.after(60) == ANSWERED
    assert (len(at.delivery.iis.sent) - CLOSE_AFTER, at.closed_by, at.switch.on) == (1, ClosedBy.TRIAL, False)
    assert at.minutes(3) == [2, 4, 8]
    assert (at.closed_by, at.switch.on) == (None, True)
    assert at.probe.tests == 1


def test_a_trial_without_messages_goes_on_until_one_comes(valve_setup: Callable[..., ValveSetup]) -> None:
    at = valve_setup()
    at.break_down()
    at.probe.fault, at.delivery.iis.say = "", ack
    assert at.minutes(60) == [0] * 60
    assert (at.closed_by, at.valve.round) == (ClosedBy.TRIAL, 1)
    at.put("NEXT")
    assert at.minutes(1) == [1]
    assert at.of("NEXT") is State.ACCEPTED


def test_a_good_probe_before_a_failing_message_opens_nothing(valve_setup: Callable[..., ValveSetup]) -> None:
    at = valve_setup(lambda _: DeliveryFault("HTTP-500", 500, 0.1))
    at.break_down(CLOSE_AFTER_DOUBTS)
    at.put(*[f"M{number}" for number in range(40)])
    at.probe.fault = ""
    assert sum(at.minutes(8 * 60)) <= in_doubt_at_most(1, 8) - CLOSE_AFTER_DOUBTS
    assert not at.switch.on
    in_doubt = [one for one in at.delivery.ledger.memory.submissions.values() if one.state is State.UNKNOWN]
    assert len(in_doubt) <= in_doubt_at_most(1, 8)
    assert all(one.resends == 0 and one.waiting_since is not None for one in in_doubt), "none needs a person"
    at.delivery.iis.say = ack
    at.minutes(31 + 4)
    assert at.switch.on


def test_refused_trials_use_up_no_tries(valve_setup: Callable[..., ValveSetup]) -> None:
    at = valve_setup(lambda _: DeliveryFault("HTTP-503", 503, 0.1))
    at.break_down()
    at.put("ONLY")
    at.probe.fault = ""
    assert sum(at.minutes(24 * 60)) > 90
    one = at.delivery.of("ONLY")
    assert (one.state, one.deferrals) == (State.QUEUED, 0)
    assert at.delivery.resubmission.sent == []
    assert at.queue.dead == []


def test_a_message_in_doubt_is_no_trial_while_another_waits(valve_setup: Callable[..., ValveSetup]) -> None:
    at = valve_setup(lambda _: DeliveryFault("HTTP-500", 500, 0.1))
    at.put("IN-DOUBT")
    at.break_down(CLOSE_AFTER_DOUBTS - 1)
    at.trial(1, lambda: 999)
    at.probe.fault, at.delivery.iis.say = "", ack
    assert at.of("IN-DOUBT") is State.UNKNOWN
    at.delivery.clock.time += timedelta(hours=2)
    at.put("FRESH")
    assert [result.msh_10 for result in at.trial(1, lambda: 999).results] == ["FRESH"]
    assert at.trial(1, lambda: 999).results == (), "it waits for half an hour"
    at.delivery.clock.time += timedelta(minutes=30)
    assert [result.msh_10 for result in at.trial(1, lambda: 999).results] == ["IN-DOUBT"]


def test_a_message_in_doubt_is_a_trial_after_an_hour_where_nothing_else_waits(
    valve_setup: Callable[..., ValveSetup],
) -> None:
    at = valve_setup(lambda _: DeliveryFault("HTTP-500", 500, 0.1))
    names = [f"M{number}" for number in range(3)]
    at.put(*names)
    for _ in names:
        at.trial(1, lambda: 999)
    at.break_down(CLOSE_AFTER_DOUBTS)
    at.probe.fault, at.delivery.iis.say = "", ack
    assert sum(at.minutes(59)) == 0
    at.minutes(70)
    assert {at.of(name) for name in names} == {State.ACCEPTED}


def test_messages_of_a_stopped_facility_are_no_trial(valve_setup: Callable[..., ValveSetup]) -> None:
    at = valve_setup()
    at.break_down()
    at.delivery.iis.say = lambda msh_10: (
        DeliveryFault("SECURITY-FAULT", 500, 0.1) if msh_10.startswith("ELM") else ack(msh_10)
    )
    at.put("ELM1", "ELM2", "ELM3")
    at.delivery.add("OAK1", clinic="oak")
    MemoryOutbox(at.queue).send([OutboxMessage("OAK1", "oak", "OAK1")])
    at.probe.fault = ""
    at.after(60)
    assert at.delivery.iis.sent[CLOSE_AFTER:] == ["ELM1", "OAK1"]
    assert at.valve.round == 2


def test_two_checks_at_once_send_one_round(valve_setup: Callable[..., ValveSetup]) -> None:
    at = valve_setup()
    at.break_down()
    at.put("A", "B", "C")
    at.probe.fault = ""
    nested: list[str] = []

    def say(msh_10: str) -> Answer:
        nested.append(at.check().probe)
        return ack(msh_10)

    at.delivery.iis.say = say
    at.after(60)
    assert nested == [""]
    assert len(at.delivery.iis.sent) == CLOSE_AFTER + 1
    assert at.valve.busy_until is None


def test_a_round_that_was_killed_is_sent_again_once_its_time_is_over(
    valve_setup: Callable[..., ValveSetup], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> Round:
        raise KeyboardInterrupt

    at = valve_setup()
    at.break_down()
    at.put("A")
    at.probe.fault, at.delivery.iis.say = "", ack
    with monkeypatch.context() as patched:
        patched.setattr(at.check, "_trial", killed)
        with pytest.raises(KeyboardInterrupt):
            at.after(60)
    assert at.minutes(VALVE.timeout // 60 - 1) == [0] * (VALVE.timeout // 60 - 1)
    assert at.minutes(1) == [1]


def test_a_backfill_gives_the_trial_its_messages_where_nothing_else_waits(
    valve_setup: Callable[..., ValveSetup],
) -> None:
    at = valve_setup()
    at.break_down()
    for number in range(50):
        one = a_submission(f"B{number:02}")
        at.delivery.add(one.msh_10, group=one.msh_10)
        waiting = at.delivery.of(one.msh_10)
        at.delivery.ledger.memory.put(replace(waiting, backfill=True, waiting_since=at.delivery.clock.time))
    backfill = Backfill(
        backfills=at.delivery.ledger.backfills,
        stops=at.delivery.ledger.stops,
        outbox=MemoryOutbox(at.queue),
        configurations=Fixed(at.configuration),
        clock=at.delivery.clock,
    )
    assert backfill().admitted == 0
    at.probe.fault, at.delivery.iis.say = "", ack
    admitted = []
    for _ in range(5):
        at.after(60)
        admitted.append(backfill().admitted)
    assert admitted == [1, 2, 4, 8, 35]
    assert at.switch.on


def test_queries_that_cannot_connect_make_the_check_probe_for_delivery(valve_setup: Callable[..., ValveSetup]) -> None:
    at = valve_setup()
    now = at.delivery.clock.time + timedelta(seconds=1)
    gate = QueryGate(faults=5, reason="CONNECT-REFUSED", until=now + timedelta(hours=1))
    at.delivery.ledger.stops.save_query_gate(QueryGate(), gate)
    at.probe.fault = ""
    assert at.after(1) == ANSWERED
    assert at.closed_by is None
    at.probe.fault = "HTTP-500"
    assert at.after(1) == "HTTP-500"
    assert at.closed_by is None, "it was reached"
    at.probe.fault = "DNS"
    at.after(1)
    assert (at.closed_by, at.valve.reason, at.switch.on) == (ClosedBy.FAULTS, "DNS", False)


def test_queries_that_the_iis_fails_do_not_concern_delivery(valve_setup: Callable[..., ValveSetup]) -> None:
    at = valve_setup()
    gate = QueryGate(faults=5, reason="HTTP-500", until=at.delivery.clock.time + timedelta(hours=1))
    at.delivery.ledger.stops.save_query_gate(QueryGate(), gate)
    assert at.after(60) == ""
    assert at.probe.tests == 0


@pytest.mark.parametrize("fault", ["UNSUPPORTED-OPERATION", "TLS-CLIENT-CERTIFICATE", "TLS-REFUSED"])
def test_an_iis_that_answers_a_probe_with_what_a_probe_lacks_counts_as_reachable(
    valve_setup: Callable[..., ValveSetup], fault: str
) -> None:
    at = valve_setup()
    at.break_down()
    at.probe.fault = fault
    assert at.after(60) == ANSWERED


def test_the_probe_can_be_a_connection_only(valve_setup: Callable[..., ValveSetup]) -> None:
    at = valve_setup(probe="connect")
    at.break_down()
    assert at.after(60) == "CONNECT-REFUSED"
    assert (at.probe.reached, at.probe.tests) == (1, 0)


def test_nothing_is_sent_or_probed_in_a_maintenance_window_and_a_probe_ends_it(
    valve_setup: Callable[..., ValveSetup],
) -> None:
    # The clock is at Monday noon UTC, 07:00 in New York.
    at = valve_setup(ack, maintenance=(window("Mon 07:00-08:00"),))
    at.delivery.add("A")
    assert at.delivery.deliver("A") == [Later("A", "elm", VALVE_WAIT)], "before the first check"
    at.after(0)
    assert at.closed_by is ClosedBy.MAINTENANCE
    assert not at.switch.on
    for _ in range(3):
        at.after(900)
    assert at.probe.tests == 0
    assert at.after(900) == "CONNECT-REFUSED"
    assert at.closed_by is ClosedBy.FAULTS
    at.probe.fault = ""
    at.put(*"BCDEFGHIJKLMNOPQ")
    at.after(3600)
    at.minutes(3)
    assert at.switch.on
    assert at.delivery.deliver("A") == [Done("A", "elm", "ACCEPTED", "", 0.2)]


def test_only_a_person_opens_what_a_person_closed(valve_setup: Callable[..., ValveSetup]) -> None:
    at = valve_setup(ack, maintenance=(window("Mon 07:00-08:00"),))
    at.probe.fault = ""
    assert close_by_hand(at.delivery.ledger.stops, at.delivery.clock, "CT asked us to wait")
    assert not close_by_hand(at.delivery.ledger.stops, at.delivery.clock, "again")
    for _ in range(5):
        assert at.after(3600) == ""
    assert (at.closed_by, at.switch.on) == (ClosedBy.PERSON, False)
    assert open_by_hand(at.delivery.ledger.stops, at.delivery.clock)
    assert not open_by_hand(at.delivery.ledger.stops, at.delivery.clock)
    at.after(60)
    assert at.switch.on


def test_a_check_corrects_a_switch_that_differs_from_the_valve(valve_setup: Callable[..., ValveSetup]) -> None:
    at = valve_setup(ack)
    at.switch.on = False
    at.after(0)
    assert at.switch.on
    at.after(60)
    assert at.switch.switched == 1


def test_a_check_that_lost_the_race_with_a_person_follows_the_person(
    valve_setup: Callable[..., ValveSetup],
) -> None:
    at = valve_setup()
    at.break_down()
    at.probe.fault = ""

    def meanwhile(endpoint: str, echo: str) -> Answer:
        close_by_hand(at.delivery.ledger.stops, at.delivery.clock, "CT asked us to wait")
        return Answer(echo, 200, 0.1)

    at.probe.test_connection = meanwhile
    at.after(60)
    assert (at.closed_by, at.switch.on) == (ClosedBy.PERSON, False)


def test_the_sweep_queues_nothing_while_the_valve_is_closed(
    valve_setup: Callable[..., ValveSetup],
) -> None:
    at = valve_setup()
    at.break_down()
    queue: list[str] = []

    class Outbox:
        def send(self, messages) -> None:
            queue.extend(message.msh_10 for message in messages)

    sweep = Sweep(
        backlog=at.delivery.ledger.backlog,
        stops=at.delivery.ledger.stops,
        outbox=Outbox(),
        configurations=Fixed(at.configuration),
        clock=at.delivery.clock,
    )
    at.delivery.clock.time += timedelta(days=1)
    assert sweep().queued == 0
    open_by_hand(at.delivery.ledger.stops, at.delivery.clock)
    assert sweep().queued == 0, "the queue drains first"
    at.delivery.clock.time += timedelta(seconds=SWEEP_AFTER)
    assert sweep().queued == CLOSE_AFTER
    assert sweep(everything=True).queued == CLOSE_AFTER, "however short they have waited"


def test_a_stage_without_a_configuration_is_not_probed(submit_setup: Callable[..., SubmitSetup]) -> None:
    class Nothing:
        def current(self, *, since=None):
            raise LookupError("no configuration was pushed yet")

    at = ValveSetup(submit_setup(refused))
    check = ValveCheck(
        stops=at.delivery.ledger.stops,
        delivery=at.switch,
        configurations=Nothing(),
        iis=at.probe,
        trial=at.trial,
        clock=at.delivery.clock,
    )
    assert check().valve.is_open
