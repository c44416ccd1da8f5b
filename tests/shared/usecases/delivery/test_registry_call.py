"""One call to the IIS: credentials, the single retry with a changed secret, and the stops around it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from shared.domain.faults import BY_CODE
from shared.domain.maintenance import window
from shared.domain.submission import Answer, Credentials, DeliveryFault
from shared.domain.valve import CLOSE_AFTER, CLOSE_AFTER_DOUBTS, ClosedBy, Valve
from shared.replaced import replace
from shared.usecases.delivery.registry_call import RegistryCall, Send
from shared.usecases.delivery.stops import DeliveryStops, KnownValve, Stop
from shared.usecases.delivery.valve import close_by_hand
from tests.fakes.ledger import MemoryLedger
from tests.shared.usecases.submit_setup import CONFIGURATION, Clock, ScriptedIis, Vault

ELM, OAK = CONFIGURATION.clinics["elm"], CONFIGURATION.clinics["oak"]
MESSAGE = "MSH|^~\\&|A|B|C|D|20260302||VXU^V04^VXU_V04|M1|P|2.5.1\r"


@dataclass
class Result:
    fault: str


@dataclass
class Setup:
    """A call whose IIS answers with a fault, or with an answer where `fault` is empty."""

    fault: str = ""
    vault: Vault = field(default_factory=Vault)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.iis = ScriptedIis(lambda _: DeliveryFault(self.fault, 0, 0.1) if self.fault else Answer("", 200, 0.1))
        self.stops = self.new_stops()
        self.call = RegistryCall(secrets=self.vault, iis=self.iis, configuration=CONFIGURATION)

    def new_stops(self) -> DeliveryStops:
        return DeliveryStops(self.ledger.stops, self.clock, CONFIGURATION.iis)

    def run(self) -> Result | None:
        def exchange(send: Send) -> Result:
            answer = send(MESSAGE)
            return Result(answer.code if isinstance(answer, DeliveryFault) else "")

        return self.call(ELM, exchange)


def test_without_credentials_nothing_is_sent() -> None:
    setup = Setup(vault=Vault(cached=None))
    assert setup.run() is None
    assert setup.iis.sent == []


def test_an_answer_or_another_fault_is_not_retried() -> None:
    for fault in ("", "READ-TIMEOUT", "CONNECT-REFUSED"):
        setup = Setup(fault, Vault("old", "new"))
        assert setup.run() == Result(fault)
        assert setup.iis.passwords == ["old"]


@pytest.mark.parametrize("fault", ["SECURITY-FAULT", "TLS-CLIENT-CERTIFICATE", "TLS-REFUSED", "BAD-CERTIFICATE"])
@pytest.mark.parametrize(("fresh", "passwords"), [("new", ["old", "new"]), ("old", ["old"]), (None, ["old"])])
def test_a_fault_of_the_credentials_is_retried_once_and_only_with_a_changed_secret(
    fault: str, fresh: str | None, passwords: list[str]
) -> None:
    setup = Setup(fault, Vault("old", fresh))
    assert setup.run() == Result(fault)
    assert setup.iis.passwords == passwords


def test_a_setup_fault_stops_only_its_facility_in_this_batch_and_the_next() -> None:
    setup = Setup()
    setup.stops.record_fault(BY_CODE["SECURITY-FAULT"], ELM)
    for stops in (setup.stops, setup.new_stops()):
        assert (stops.reason(ELM), stops.facility_fault(ELM)) == (Stop.FACILITY, "SECURITY-FAULT")
        assert (stops.reason(OAK), stops.facility_fault(OAK)) == (None, "")
    assert setup.ledger.stops.current().valve.is_open


def test_consecutive_faults_of_several_batches_close_the_valve() -> None:
    setup = Setup()
    fault = BY_CODE["CONNECT-REFUSED"]
    batches = [setup.new_stops() for _ in range(CLOSE_AFTER)]
    for stops in batches:
        assert not stops.is_closed_by(fault)
        stops.record_fault(fault, ELM)
    assert batches[-1].reason(ELM) is Stop.VALVE
    assert batches[-1].is_closed_by(fault)
    assert not batches[-1].is_closed_by(BY_CODE["SECURITY-FAULT"])
    assert setup.ledger.stops.current().valve.closed_by is ClosedBy.FAULTS


def test_an_answer_resets_the_count_of_faults() -> None:
    setup = Setup()
    for _ in range(CLOSE_AFTER - 1):
        setup.stops.record_fault(BY_CODE["HTTP-503"], ELM)
    setup.stops.record_answer()
    setup.stops.record_fault(BY_CODE["HTTP-503"], ELM)
    assert setup.stops.reason(ELM) is None


def test_a_closing_that_one_batch_finds_stops_the_other_batches_of_its_process_at_once() -> None:
    setup = Setup()
    known = KnownValve()
    first, second = (DeliveryStops(setup.ledger.stops, setup.clock, CONFIGURATION.iis, known) for _ in range(2))
    elsewhere = setup.new_stops()
    for _ in range(CLOSE_AFTER_DOUBTS):
        first.record_fault(BY_CODE["READ-TIMEOUT"], ELM)
    assert second.reason(ELM) is Stop.VALVE
    assert elsewhere.reason(ELM) is None
    elsewhere.record_fault(BY_CODE["READ-TIMEOUT"], ELM)
    assert elsewhere.reason(ELM) is Stop.VALVE, "its own fault tells it"


def test_an_old_state_of_the_valve_does_not_replace_a_newer_one() -> None:
    known = KnownValve()
    known.learn(Valve(version=3, closed_by=ClosedBy.PERSON, reason="synthetic"))
    known.learn(Valve(version=2))
    assert not known.valve.is_open


def test_a_facilitys_stop_is_named_before_the_valve_and_the_valve_before_maintenance() -> None:
    setup = Setup()
    iis = replace(CONFIGURATION.iis, maintenance=tuple(filter(None, [window("Mon 07:00-08:00")])))

    def reason() -> Stop | None:
        return DeliveryStops(setup.ledger.stops, setup.clock, iis).reason(ELM)

    # Monday noon UTC is 07:00 in New York.
    assert reason() is Stop.MAINTENANCE
    close_by_hand(setup.ledger.stops, setup.clock, "synthetic")
    assert reason() is Stop.VALVE
    setup.stops.record_fault(BY_CODE["NO-CREDENTIALS"], ELM)
    assert reason() is Stop.FACILITY
    setup.clock.time += timedelta(hours=1)
    assert setup.new_stops().reason(OAK) is Stop.VALVE


def test_credentials_go_to_the_iis_with_the_clinics_facility() -> None:
    setup = Setup()
    seen: list[tuple[str, Credentials, str]] = []

    class Recorder(ScriptedIis):
        def submit(
            self, endpoint: str, credentials: Credentials, facility_id: str, message: str
        ) -> Answer | DeliveryFault:
            seen.append((endpoint, credentials, facility_id))
            return super().submit(endpoint, credentials, facility_id, message)

    setup.call = RegistryCall(secrets=setup.vault, iis=Recorder(setup.iis.say), configuration=CONFIGURATION)
    setup.run()
    assert seen == [(CONFIGURATION.iis.endpoint, Credentials("user", "old"), ELM.facility_id)]
