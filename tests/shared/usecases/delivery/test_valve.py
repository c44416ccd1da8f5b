"""The valve: what closes it, what is not sent while it is closed, and what opens it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.domain.lifecycle import State
from shared.domain.maintenance import window
from shared.domain.submission import Answer, Credentials, DeliveryFault
from shared.domain.valve import CLOSE_AFTER, ClosedBy
from shared.replaced import replace
from shared.settings import SWEEP_AFTER, VALVE_WAIT
from shared.usecases.delivery.submit import Done, Later
from shared.usecases.delivery.sweep import Sweep
from shared.usecases.delivery.valve import ANSWERED, ValveCheck, close_by_hand, open_by_hand
from tests.fakes.configurations import Fixed
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
        self.check = ValveCheck(
            stops=submit_setup.ledger.stops,
            delivery=self.switch,
            configurations=Fixed(self.configuration),
            iis=self.probe,
            clock=submit_setup.clock,
        )

    def break_down(self) -> None:
        """Cause faults for different patients until the valve closes."""
        names = [f"DOWN{number}" for number in range(CLOSE_AFTER)]
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
    at.break_down()
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


def test_messages_that_met_a_closed_valve_use_up_no_retries(valve_setup: Callable[..., ValveSetup]) -> None:
    at = valve_setup()
    at.break_down()
    last = f"DOWN{CLOSE_AFTER - 1}"
    for _ in range(9):
        at.delivery.clock.time += timedelta(days=1)
        at.probe.fault = ""
        assert at.check().probe == ANSWERED
        assert at.delivery.deliver(last) == [Later(last, "elm", VALVE_WAIT, "CONNECT-REFUSED")]
    assert at.delivery.resubmission.sent == []


def test_probes_wait_longer_each_time_and_a_good_one_switches_delivery_on(
    valve_setup: Callable[..., ValveSetup],
) -> None:
    at = valve_setup()
    at.break_down()
    assert [at.after(seconds) for seconds in (59, 1, 119, 1)] == ["", "CONNECT-REFUSED", "", "CONNECT-REFUSED"]
    assert not at.switch.on
    at.probe.fault = ""
    assert at.after(240) == ANSWERED
    assert at.switch.on
    assert at.closed_by is None


def test_after_a_good_probe_one_message_is_the_trial_and_its_answer_lets_the_others_go(
    valve_setup: Callable[..., ValveSetup],
) -> None:
    at = valve_setup()
    at.break_down()
    at.probe.fault = ""
    at.after(60)
    before = len(at.delivery.iis.sent)
    at.delivery.add("A", "B", "C")
    results = at.delivery.submit([_reference(name) for name in "ABC"], lambda: 999)
    assert len(at.delivery.iis.sent) == before + 1
    assert {result.wait for result in results if isinstance(result, Later)} == {VALVE_WAIT}
    at.after(3600)
    at.delivery.iis.say = ack
    done = at.delivery.submit([_reference(name) for name in "ABC"], lambda: 999)
    assert {result.outcome for result in done if isinstance(result, Done)} == {"ACCEPTED"}
    assert not at.delivery.ledger.stops.current().valve.on_trial


def _reference(name: str):
    from shared.ports.queues import OutboxMessage

    return OutboxMessage(name, "elm", f"G-{name}")


def test_delivery_resumes_within_a_minute_of_the_good_probe_after_an_hours_outage(
    valve_setup: Callable[..., ValveSetup],
) -> None:
    at = valve_setup()
    at.break_down()
    for _ in range(60):
        at.after(60)
    probes = at.probe.tests
    assert probes <= 8, "fewer than one probe per minute"
    at.probe.fault, at.delivery.iis.say = "", ack
    while not at.switch.on:
        at.after(60)
    opened = at.delivery.clock.now()
    waiting_since = at.delivery.of("DOWN0").waiting_since
    assert waiting_since is not None
    assert waiting_since <= opened + timedelta(seconds=60)
    assert at.delivery.deliver("DOWN0") == [Done("DOWN0", "elm", "ACCEPTED", "", 0.2)]


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
    at.after(3600)
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
    at.probe.fault = ""
    at.after(0)
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
        clock=at.delivery.clock,
    )
    assert check().valve.is_open
