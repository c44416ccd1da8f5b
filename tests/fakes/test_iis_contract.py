"""The contract of the IIS: the fake without a network reports every fault as the SOAP adapter does on a socket."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from local.ctwiz.faults import FAULTS, PlannedFault
from local.ctwiz.registry import WebIz
from local.ctwiz.server import Simulator
from shared.adapters.iis.soap import SoapIis
from shared.domain.hl7.ack import AckReading, read_ack
from shared.domain.hl7.iis_profiles import CTWIZ
from shared.domain.submission import Answer, Credentials, DeliveryFault
from tests.benchmarks.records import message, visits
from tests.fakes.iis import MemoryIis

FACILITY = "EX0000"
CREDENTIALS = Credentials("synthetic", "synthetic")
VXU = message(visits(1)[0], 0)
MSH_10 = VXU.split("|")[9]


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(facilities={FACILITY: (CREDENTIALS.username, CREDENTIALS.password)}) as running:
        yield running


def heard(outcome: Answer | DeliveryFault) -> tuple[str, int, str]:
    """What submit makes of an outcome: a fault or the event of an ACK, and the HTTP status."""
    if isinstance(outcome, DeliveryFault):
        return outcome.code, outcome.http_status, outcome.embedded[:4]
    reading = read_ack(outcome.text, msh_10=MSH_10, vxu=VXU, profile=CTWIZ)
    return (str(reading.event) if isinstance(reading, AckReading) else reading), outcome.http_status, ""


@pytest.mark.parametrize("name", FAULTS)
def test_both_report_a_fault_alike_and_leave_the_same_in_the_registry(simulator: Simulator, name: str) -> None:
    simulator.webiz.accepted.clear()
    simulator.play(PlannedFault(name, times=1))
    registry = WebIz(facilities=[FACILITY])
    memory = MemoryIis(registry, fault=lambda _facility, _message: name)
    with contextlib.closing(SoapIis(read_timeout=1.5 if name in ("read-timeout", "slow-drip") else 20)) as real:
        on_the_wire = real.submit(simulator.endpoint, CREDENTIALS, FACILITY, VXU)
    in_memory = memory.submit("", CREDENTIALS, FACILITY, VXU)
    assert heard(in_memory) == heard(on_the_wire)
    assert registry.accepted.keys() == simulator.accepted.keys()


def test_without_a_fault_both_accept_and_refuse_a_wrong_password(simulator: Simulator) -> None:
    memory = MemoryIis(WebIz(facilities=[FACILITY]), credentials=lambda _: CREDENTIALS)
    with contextlib.closing(SoapIis()) as real:
        for credentials in (CREDENTIALS, Credentials("synthetic", "wrong")):
            on_the_wire = real.submit(simulator.endpoint, credentials, FACILITY, VXU)
            assert heard(memory.submit("", credentials, FACILITY, VXU)) == heard(on_the_wire)
        assert isinstance(memory.test_connection("", "hi"), Answer)
