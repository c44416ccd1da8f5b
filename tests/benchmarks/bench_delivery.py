"""Delivery: a batch on a slow IIS over TLS, CPU per message, and a day's traffic at measured answer times."""

from __future__ import annotations

import base64
import json
import random
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import requests
import trustme
import zeep
from zeep.transports import Transport

from local.ctwiz.server import Simulator
from shared.adapters.clock import SystemClock
from shared.adapters.iis.soap import SoapIis
from shared.adapters.ledger.items import submission_item
from shared.bootstrap import CLIENT_OPTIONS
from shared.domain.clinics import Configuration, Iis
from shared.domain.lifecycle import State
from shared.domain.submission import Answer, Credentials, Submission
from shared.domain.valve import Valve
from shared.ports.ledger import StopStatus
from shared.ports.queues import OutboxMessage, Received
from shared.replaced import replace
from shared.settings import SUBMIT
from shared.usecases.delivery.deliver import Deliver
from shared.usecases.delivery.delivered import Done
from shared.usecases.delivery.submit import Submit
from tests.benchmarks import records
from tests.benchmarks.measure import Row, at_most, faster, in_turn
from tests.benchmarks.stub import TABLE, Stub
from tests.fakes.configurations import Fixed
from tests.fakes.queues import MemoryQueue
from tests.places import ROOT

LATENCY: Final = 0.3
BATCH: Final = 10
_USER: Final = ("user", "password")
_FACILITY: Final = records.CLINIC.facility_id
_WSDL: Final = ROOT / "shared/adapters/iis/wsdl/cdc-iis.wsdl"
_BINDING: Final = "{urn:cdc:iisb:2011}client_Binding_Soap12"
# IZ Gateway's answer times (seconds at percentiles), at a twentieth so that the run is short.
_ANSWERS: Final = ((0.0, 0.4), (0.5, 1.6), (0.75, 3.0), (0.9, 4.8), (0.95, 6.1), (0.99, 8.75), (1.0, 15.0))
_SHRUNK: Final = 20
MESSAGES: Final = 2_000


def rows() -> Iterator[Row]:
    yield from _batch()
    yield from _cpu()
    yield from _traffic()


class _States:
    """Claims in memory; one message a patient unless the group says otherwise."""

    def __init__(self) -> None:
        self.finished: list[str] = []

    def claim(self, msh_10: str, now: datetime) -> Submission:
        return _submission(int(msh_10.removeprefix("BENCH")))

    def finish(self, submission: Submission, *_: object, **__: object) -> bool:
        self.finished.append(submission.msh_10)
        return True


class _Stops:
    def current(self) -> StopStatus:
        return StopStatus({}, Valve())


class _Outcomes:
    def note(self, outcome: object, now: object) -> None:
        pass


class _Ledger:
    """The ports that `Submit` asks when all goes well."""

    def __init__(self) -> None:
        self.states, self.stops, self.outcomes = _States(), _Stops(), _Outcomes()
        self.submissions: Any = None


class _Secrets:
    def credentials(self, secret: str, *, fresh: bool = False) -> Credentials:
        return Credentials(*_USER)


def _submission(number: int) -> Submission:
    at = number % records.PATIENTS
    # Another day for each round over the patients, so that the IIS does not take one dose for a duplicate.
    vxu = records.messages(1)[at].replace(records.MSH_10S[at], f"BENCH{number:015}")
    return Submission(
        msh_10=f"BENCH{number:015}",
        state=State.SENDING,
        source="bench",
        clinic="harbor",
        chart=f"bench#{number}",
        patient_group=f"G{at}",
        file_id="F",
        file_name="a.csv",
        row_count=1,
        config_version="v1",
        created=datetime(2026, 3, 1, tzinfo=UTC),
        visit=records.visits(1)[at],
        vxu=vxu,
        attempt_count=1,
    )


def _use_case(ledger: Any, iis: Any, endpoint: str) -> Submit:
    configuration: Configuration = replace(records.CONFIGURATION, iis=Iis(endpoint))
    return Submit(
        submissions=ledger.submissions,
        charts=ledger.charts,
        states=ledger.states,
        outcomes=ledger.outcomes,
        stops=ledger.stops,
        resubmission=MemoryQueue(),
        configurations=Fixed(configuration),
        secrets=_Secrets(),
        iis=iis,
        clock=SystemClock(),
    )


def _references(numbers: range, groups: int = 10**9) -> list[OutboxMessage]:
    return [OutboxMessage(f"BENCH{number:015}", "harbor", f"G{number % groups}") for number in numbers]


# a batch of ten on a 300 ms IIS over TLS --------------------------------------------------------------------------------


def _batch() -> Iterator[Row]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "ca.pem"
        authority.cert_pem.write_to_path(str(bundle))
        with (
            Simulator(facilities={_FACILITY: _USER}, clinic_codes=["EX0001"], latency=LATENCY, tls=context) as iis,
            closing(SoapIis(ca_bundle=str(bundle))) as client,
        ):
            submit = _use_case(_Ledger(), client, iis.endpoint)
            single, batch = _references(range(1)), _references(range(BATCH))
            usual = _usual(iis.endpoint, str(bundle))
            results = submit(batch, lambda: 900.0)
            assert all(isinstance(one, Done) and not one.fault for one in results), results
            taken = in_turn(
                {
                    "round trip": lambda: client.submit(
                        iis.endpoint, Credentials(*_USER), _FACILITY, _submission(0).vxu
                    ),
                    "batch": lambda: submit(batch, lambda: 900.0),
                    "one by one": lambda: [_ask(usual, number) for number in range(BATCH)],
                    "alone": lambda: submit(single, lambda: 900.0),
                },
                rounds=5,
                clock=time.perf_counter,
            )
    name, value = "submit a batch of 10, IIS answers in 300 ms, TLS", taken["batch"] * 1e3
    yield at_most(name, value, "ms", peer="one round trip", peer_value=taken["round trip"] * 1e3, limit=1.15)
    yield faster(name, value, "ms", peer="zeep, one by one", peer_value=taken["one by one"] * 1e3, limit=8)


def _usual(endpoint: str, bundle: str | None) -> Any:
    """zeep as its documentation shows it."""
    session = requests.Session()
    # An environment that names a bundle of its own would win over this one.
    session.trust_env = False
    session.verify = bundle or True
    client = zeep.Client(str(_WSDL), transport=Transport(session=session))
    return client.create_service(_BINDING, endpoint)


def _ask(service: Any, number: int) -> Any:
    return service.submitSingleMessage(
        username=_USER[0], password=_USER[1], facilityID=_FACILITY, hl7Message=_submission(number).vxu
    )


# CPU per message ------------------------------------------------------------------------------------------------------


def _cpu() -> Iterator[Row]:
    command = [sys.executable, "-m", "local.ctwiz.server", "--port", "8197", "--clinic", "EX0001"]
    command += ["--facility", f"{_FACILITY}:{_USER[0]}:{_USER[1]}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as simulator:
        try:
            assert simulator.stdout is not None
            endpoint = simulator.stdout.readline().split(" at ")[1].split(" for ")[0]
            yield _cpu_row(endpoint)
        finally:
            simulator.terminate()


def _cpu_row(endpoint: str) -> Row:
    stub, count = Stub(**CLIENT_OPTIONS), 100
    claimed = submission_item(_submission(0)) | {"attempt_count": {"N": "1"}, "state": {"S": "SENDING"}}
    stub.claimed = _as_json(claimed)
    plain = Stub()
    usual = _usual(endpoint, None)
    item: Any = submission_item(_submission(0))
    with closing(SoapIis()) as iis:
        submit = _use_case(stub.ledger(), iis, endpoint)
        batches = [_references(range(start, start + BATCH)) for start in range(0, count, BATCH)]

        def ours() -> None:
            for batch in batches:
                submit(batch, lambda: 900.0)

        def parts() -> None:
            for _ in range(count):
                _ask(usual, 0)
                plain.dynamodb.put_item(TableName=TABLE, Item=item)
                plain.dynamodb.put_item(TableName=TABLE, Item=item)

        taken = in_turn({"ours": ours, "parts": parts}, rounds=3)
    return at_most(
        "submit, CPU of one message",
        taken["ours"] / count * 1e3,
        "ms",
        peer="zeep call + 2 boto3 writes",
        peer_value=taken["parts"] / count * 1e3,
        limit=1.3,
    )


def _as_json(item: dict[str, Any]) -> bytes:
    def plain(value: Any) -> Any:
        return base64.b64encode(value).decode() if isinstance(value, bytes) else value

    return json.dumps({"Attributes": item}, default=plain).encode()


# a day's traffic ------------------------------------------------------------------------------------------------------


class _SlowIis:
    """Answers as late as IZ Gateway measured IISs to; remembers what was asked when, by patient."""

    def __init__(self) -> None:
        self._random = random.Random(7)
        self.waits: list[float] = []

    def submit(self, endpoint: str, credentials: Credentials, facility_id: str, message: str) -> Answer:
        at = self._random.random()
        (low, least), (high, most) = next(pair for pair in pairwise(_ANSWERS) if at <= pair[1][0])
        seconds = (least + (most - least) * (at - low) / (high - low)) / _SHRUNK
        self.waits.append(seconds)
        time.sleep(seconds)
        msh_10 = message.split("|", 10)[9]
        head = "MSH|^~\\&|CTWIZ|CT0000|VAXLINE|EX0000|20260301||ACK^V04^ACK|A|P|2.5.1\r"
        return Answer(f"{head}MSA|AA|{msh_10}\r", 200, seconds)


class _Backlog:
    """An outbox with a message of another patient each, given out in tens."""

    def __init__(self) -> None:
        self._left = [Received(one, one.msh_10) for one in reversed(_references(range(MESSAGES)))]
        self._lock = threading.Lock()

    def receive(self) -> list[Received]:
        with self._lock:
            return [self._left.pop() for _ in range(min(BATCH, len(self._left)))]

    def remove(self, receipts: object) -> None:
        pass

    def delay(self, receipt: str, seconds: int) -> None:
        raise AssertionError(receipt)


def _traffic() -> Iterator[Row]:
    iis, ledger, outbox = _SlowIis(), _Ledger(), _Backlog()
    deliver = Deliver(submit=_use_case(ledger, iis, "https://iis.example"), outbox=outbox)
    start = time.perf_counter()
    while brought := outbox.receive():
        end = time.perf_counter() + SUBMIT.timeout / _SHRUNK
        # The time runs as many times faster as the IIS does.
        deliver(brought, lambda end=end: (end - time.perf_counter()) * _SHRUNK)
    seconds = time.perf_counter() - start
    possible = BATCH / statistics.mean(iis.waits)
    assert len(ledger.states.finished) == MESSAGES
    reached = MESSAGES / seconds
    peer = f"concurrency ÷ mean latency: {possible / _SHRUNK:.2f}/s"
    ratio = reached / possible
    yield Row(
        f"deliver {MESSAGES:,}, 10 at once", reached / _SHRUNK, "messages/s", peer, ratio, "≥ 0.9 x", ratio >= 0.9
    )
