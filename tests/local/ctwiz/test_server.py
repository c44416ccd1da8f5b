"""The simulator as a server: it keeps the contract, and what it is told to play."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
import zeep

from local.ctwiz.faults import FAULTS, PlannedFault
from local.ctwiz.server import Simulator
from shared.adapters.iis import soap
from shared.adapters.iis.soap import SoapIis
from shared.domain.submission import Answer, Credentials, DeliveryFault
from tests.places import ROOT

FACILITIES = {"CT0100": ("elm", "pw"), "CT0200": ("oak", "pw")}


def a_vxu(msh_10: str = "MSG1", facility: str = "CT0100", mrn: str = "SYN1") -> str:
    return (
        f"MSH|^~\\&|VAXLINE|{facility}||CT0000|20260301120000+0000||VXU^V04^VXU_V04|{msh_10}|P|2.5.1\r"
        f"PID|1||{mrn}^^^{facility}^MR||Sampleton^Ada||20200102|F\r"
        f"ORC|RE||D1^{facility}\rRXA|0|1|20260301||08^Hep B^CVX|999|||01^Historical^NIP001|||||||||||CP|A\r"
    )


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(facilities=FACILITIES) as running:
        yield running


@pytest.fixture
def iis() -> Iterator[SoapIis]:
    with contextlib.closing(SoapIis()) as client:
        yield client


def submit(iis: SoapIis, simulator: Simulator, message: str, facility: str = "CT0100") -> Answer | DeliveryFault:
    user, password = FACILITIES[facility]
    return iis.submit(simulator.endpoint, Credentials(user, password), facility, message)


def code(outcome: Answer | DeliveryFault) -> str:
    return outcome.code if isinstance(outcome, DeliveryFault) else ""


def test_plain_zeep_with_cdcs_own_contract_understands_it(simulator: Simulator) -> None:
    client = zeep.Client(str(Path(soap.__file__).parent / soap.WSDL))  # type: ignore[no-untyped-call]
    service = client.create_service("{urn:cdc:iisb:2011}client_Binding_Soap12", simulator.endpoint)  # type: ignore[no-untyped-call]
    with contextlib.closing(client.transport.session):
        assert service.connectivityTest(echoBack="hello") == "hello"
        answer = service.submitSingleMessage(username="elm", password="pw", facilityID="CT0100", hl7Message=a_vxu())
        assert "\rMSA|AA|MSG1\r" in answer
        with pytest.raises(zeep.exceptions.Fault) as refused:
            service.submitSingleMessage(username="elm", password="no", facilityID="CT0100", hl7Message=a_vxu())
    assert [child.tag for child in refused.value.detail] == ["{urn:cdc:iisb:2011}SecurityFault"]


def test_requests_are_kept_in_the_order_of_arrival_and_repeats_counted(iis: SoapIis, simulator: Simulator) -> None:
    for msh_10, mrn in (("A", "SYN1"), ("B", "SYN2"), ("A", "SYN1")):
        submit(iis, simulator, a_vxu(msh_10, mrn=mrn))
    assert [(r.msh_10, r.patient, r.facility) for r in simulator.received] == [
        ("A", "SYN1", "CT0100"),
        ("B", "SYN2", "CT0100"),
        ("A", "SYN1", "CT0100"),
    ]
    assert list(simulator.accepted) == ["A", "B"]
    stats = simulator.stats()
    assert (stats["received"], stats["accepted"], stats["duplicates"]) == (3, 2, 1)


def test_a_planned_fault_strikes_only_where_it_fits_and_as_often_as_planned(iis: SoapIis, simulator: Simulator) -> None:
    simulator.play(PlannedFault("http-503", patient="BAD*", times=2), PlannedFault("too-large", facility="CT0200"))
    assert code(submit(iis, simulator, a_vxu("1", mrn="GOOD1"))) == ""
    assert code(submit(iis, simulator, a_vxu("2", mrn="BAD1"))) == "HTTP-503"
    assert code(submit(iis, simulator, a_vxu("3", mrn="BAD2"))) == "HTTP-503"
    assert code(submit(iis, simulator, a_vxu("4", mrn="BAD3"))) == ""
    assert code(submit(iis, simulator, a_vxu("5", "CT0200"), "CT0200")) == "HTTP-413"
    simulator.stop_playing()
    assert code(submit(iis, simulator, a_vxu("5", "CT0200"), "CT0200")) == ""
    assert simulator.stats()["faults"] == 3


@pytest.mark.parametrize("name", ["eof", "fault-although-stored", "http-500", "security-fault"])
def test_a_fault_stores_the_message_exactly_where_its_row_says_so(
    iis: SoapIis, simulator: Simulator, name: str
) -> None:
    simulator.play(PlannedFault(name))
    assert code(submit(iis, simulator, a_vxu("X"))) != ""
    assert ("X" in simulator.accepted) == FAULTS[name].is_stored


def test_an_unknown_fault_is_refused_at_once(simulator: Simulator) -> None:
    with pytest.raises(KeyError):
        simulator.play(PlannedFault("no-such-fault"))


def test_latency_is_asked_for_before_each_answer(iis: SoapIis) -> None:
    asked: list[int] = []

    def latency() -> float:
        asked.append(1)
        return 0.0

    with Simulator(facilities=FACILITIES, latency=latency) as simulator:
        submit(iis, simulator, a_vxu())
        iis.test_connection(simulator.endpoint, "hi")
    assert len(asked) == 2


def test_closing_ends_calls_that_are_being_held_up(iis: SoapIis) -> None:
    with ThreadPoolExecutor(1) as pool:
        with Simulator(facilities=FACILITIES, faults=[PlannedFault("read-timeout")]) as simulator:
            held_up = pool.submit(submit, iis, simulator, a_vxu())
            while not simulator.received:
                assert not held_up.done()
        assert code(held_up.result(15)) in ("", "CONNECTION-LOST")
    assert code(submit(iis, simulator, a_vxu())) == "CONNECT-REFUSED"


SOAP = '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>{}</s:Body></s:Envelope>'
ODD_REQUESTS = {
    "no XML": ("hello", 400, "fault"),
    "SOAP 1.1": (SOAP.format("<x/>").replace("2003/05/soap-envelope", "soap/envelope"), 400, "fault"),
    "another namespace": (SOAP.format('<submitSingleMessage xmlns="urn:other"/>'), 400, "fault"),
    "another operation": (SOAP.format('<deleteAll xmlns="urn:cdc:iisb:2011"/>'), 500, "UnsupportedOperationFault"),
}


@pytest.mark.parametrize(("body", "status", "kind"), ODD_REQUESTS.values(), ids=ODD_REQUESTS.keys())
def test_what_is_no_call_gets_a_fault(simulator: Simulator, body: str, status: int, kind: str) -> None:
    with requests.Session() as session:
        response = session.post(simulator.endpoint, data=body.encode(), timeout=20)
    assert response.status_code == status
    assert f"<{kind} " in response.text


def test_it_runs_standing_alone() -> None:
    command = [
        sys.executable,
        "-m",
        "local.ctwiz.server",
        "--port",
        "0",
        "--facility",
        "CT0300:elm:pw",
        "--fault",
        "http-503:times=1",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None
        with contextlib.closing(SoapIis()) as client:
            arguments = (found.group(), Credentials("elm", "pw"), "CT0300", a_vxu(facility="CT0300"))
            assert code(client.submit(*arguments)) == "HTTP-503"
            assert code(client.submit(*arguments)) == ""
        process.terminate()


def test_options_that_make_no_sense_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    from local.ctwiz.server import main

    with pytest.raises(SystemExit):
        main(["--port", "0", "--fault", "no-such-fault"])
    assert "no-such-fault" in capsys.readouterr().err
