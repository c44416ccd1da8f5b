"""A simulated CT WiZ on the loopback interface: a SOAP 1.2 server of the CDC WSDL that answers as WebIZ does.

python -m local.ctwiz.server --port 8090 --facility CT0100:user:password --fault read-timeout:patient=MRN7:times=1
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import ssl
import struct
import sys
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from local.ctwiz import soap
from local.ctwiz.faults import FAULTS, Call, PlannedFault
from local.ctwiz.messages import parse_message
from local.ctwiz.registry import AUTHENTICATION_WORDS, WebIz
from local.ctwiz.scenarios import SCENARIOS, ScenarioRun, run_scenario
from local.ctwiz.soap import Reply, Request
from shared.domain.hl7 import er7

MAX_MESSAGE: Final = 256 * 1024
PATH: Final = "/cdc/v1/iisservice.svc"


class ReceivedMessage(NamedTuple):
    """One submitSingleMessage: its time, MSH-10, PID-3.1 and facilityID."""

    time: datetime
    msh_10: str
    patient: str
    facility: str


class Simulator:
    """The server. Use it as a context manager, or call `start` and `close`.

    Args:
        facilities: facilityID → (user name, password).
        clinic_codes: further HL7 facility codes allowed in MSH-4 and RXA-11.4; without any, RXA-11.4 is not checked.
        known: the only facility codes allowed in MSH-4 and RXA-11.4; where none are given, those of the two above.
        inactive: facility codes that CT WiZ has suspended (WEBIZ-AUTH-625).
        latency: seconds before each answer, or a function that returns them.
        tls: a server-side context, for https.
        faults: the faults to play (`local.ctwiz.faults.FAULTS`); a call meets the first that matches.
        port: the port; 0 for any free one.
        today: returns the current day, by which dates in the future are found.
        scenario: a measured mix of faults and answer times, besides `faults`.
    """

    def __init__(  # noqa: PLR0913 - its settings, each by its name
        self,
        *,
        facilities: Mapping[str, tuple[str, str]],
        clinic_codes: Collection[str] = (),
        known: Collection[str] = (),
        inactive: Collection[str] = (),
        latency: Callable[[], float] | float = 0.0,
        tls: ssl.SSLContext | None = None,
        faults: Iterable[PlannedFault] = (),
        port: int = 0,
        today: Callable[[], date] = date.today,
        scenario: ScenarioRun | None = None,
    ) -> None:
        self.webiz = WebIz(
            facilities=known or facilities.keys(), clinic_codes=known or clinic_codes, inactive=inactive, today=today
        )
        self._knows_all = not known
        self._facilities = dict(facilities)
        self._latency = latency if callable(latency) else lambda: latency
        self._secure = tls is not None
        self._lock = threading.Lock()
        self._plan: list[PlannedFault] = []
        self._received: list[ReceivedMessage] = []
        self._seen: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._stopped = threading.Event()
        self._scenario = scenario
        self.play(*faults)
        self._server = _Server(("127.0.0.1", port), self, tls)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> Self:
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop listening and end every connection. `received` and `accepted` can still be read."""
        self._stopped.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._server.end_connections()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def endpoint(self) -> str:
        """URL of the SOAP service."""
        return f"{'https' if self._secure else 'http'}://127.0.0.1:{self._server.server_port}{PATH}"

    @property
    def accepted(self) -> dict[str, str]:
        """MSH-10 → message, for every message that was stored at least in part."""
        return dict(self.webiz.accepted)

    @property
    def received(self) -> list[ReceivedMessage]:
        """Every submitSingleMessage in the order of arrival, repeated and refused ones included."""
        with self._lock:
            return list(self._received)

    def stats(self) -> dict[str, int]:
        """Return counts.

        They are `received`, `accepted` (different MSH-10), `duplicates` (repeats of an MSH-10), `connections`, `faults`
        (played), `refused_credentials`, `refused_facility`, `refused_size` and `connectivity_tests`.
        """
        with self._lock:
            counts = Counter(self._counts)
            counts["received"] = len(self._received)
            counts["duplicates"] = sum(count - 1 for count in self._seen.values())
        counts["accepted"] = len(self.webiz.accepted)
        counts["connections"] = self._server.connections
        return dict(counts)

    def admit(self, facilities: Mapping[str, tuple[str, str]], clinic_codes: Collection[str]) -> None:
        """Add facilities (facilityID → user name and password) and, unless the known codes were given, their codes."""
        self._facilities.update(facilities)
        if self._knows_all:
            self.webiz.admit(facilities, clinic_codes)

    def play(self, *planned: PlannedFault) -> None:
        """Add faults to play.

        Raises:
            KeyError: there is no fault of that name.
        """
        for item in planned:
            FAULTS[item.name]
        with self._lock:
            self._plan += planned

    def stop_playing(self) -> None:
        """Play no more faults."""
        with self._lock:
            self._plan.clear()

    def handle(self, body: bytes, wire: Connection) -> None:
        """Answer one HTTP request."""
        request = soap.read_request(body)
        self.wait(self._latency())
        if request is None:
            wire.reply(soap.fault("fault", "The request is not a SOAP 1.2 call of urn:cdc:iisb:2011", 400))
        elif request.operation == "connectivityTest":
            self._count("connectivity_tests")
            self._test(request, wire)
        elif request.operation == "submitSingleMessage":
            self._submit(request, wire)
        else:
            wire.reply(soap.fault("UnsupportedOperationFault", "This operation is not supported"))

    def wait(self, seconds: float) -> None:
        """Sleep, but no longer than the simulator runs."""
        if seconds > 0:
            self._stopped.wait(seconds)

    def _test(self, request: Request, wire: Connection) -> None:
        """Answer connectivityTest. It fails during an outage: while a fault without patterns and limit is planned."""
        with self._lock:
            outage = next((item for item in self._plan if item == PlannedFault(item.name)), None)
        if outage is None:
            wire.reply(soap.answer(request.values.get("echoBack", ""), "connectivityTest"))
            return
        fault = FAULTS[outage.name]
        fault.write(wire, wire.encode(fault.reply(Call("", "", "", ""))))

    def _submit(self, request: Request, wire: Connection) -> None:
        text, facility = request.values.get("hl7Message", ""), request.values.get("facilityID", "")
        message = parse_message(text)
        msh_10, patient = (message.control_id, message.pid.value(3)) if message is not None else ("", "")
        with self._lock:
            self._received.append(ReceivedMessage(datetime.now(UTC), msh_10, patient, facility))
            self._seen[msh_10] += 1
            number = self._seen[msh_10]
        planned = self._due(facility, msh_10, patient)
        if self._scenario is not None:
            self.wait(self._scenario.seconds(msh_10, number))
            name = self._scenario.fault(msh_10, number)
            planned = planned or (PlannedFault(name) if name else None)
        if planned is None:
            wire.reply(self._answer(request, facility, text))
            return
        self._count("faults")
        fault = FAULTS[planned.name]
        answer = self.webiz.receive(text).answer if fault.is_stored else ""
        call = Call(text, answer, self.webiz.application_failure(text), self.webiz.authentication_failure(text))
        fault.write(wire, wire.encode(fault.reply(call)))

    def _answer(self, request: Request, facility: str, text: str) -> Reply:
        credentials = (request.values.get("username", ""), request.values.get("password", ""))
        if self._facilities.get(facility) != credentials:
            self._count("refused_credentials")
            return soap.fault("SecurityFault", "Invalid Username or Password")
        if len(text) > MAX_MESSAGE or sum(segment.startswith("MSH|") for segment in er7.segments(text)) > 1:
            self._count("refused_size")
            return soap.fault("MessageTooLargeFault", "Please submit one HL7 message of at most 256 KiB")
        outcome = self.webiz.receive(text)
        if outcome.as_fault:
            self._count("refused_facility")
            return soap.fault("fault", AUTHENTICATION_WORDS + outcome.answer)
        return soap.answer(outcome.answer)

    def _due(self, facility: str, msh_10: str, patient: str) -> PlannedFault | None:
        """Return the first planned fault that matches the call, and count it as played."""
        with self._lock:
            for number, item in enumerate(self._plan):
                pairs = ((facility, item.facility), (msh_10, item.msh_10), (patient, item.patient))
                if all(fnmatchcase(value, pattern) for value, pattern in pairs):
                    if item.times == 1:
                        del self._plan[number]
                    elif item.times:
                        self._plan[number] = PlannedFault(
                            item.name, item.facility, item.msh_10, item.patient, item.times - 1
                        )
                    return item
        return None

    def _count(self, what: str) -> None:
        with self._lock:
            self._counts[what] += 1


class Connection(BaseHTTPRequestHandler):
    """One connection; also the `Wire` that faults write to."""

    protocol_version = "HTTP/1.1"
    server_version = "WebIZ-simulator"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > 4 * MAX_MESSAGE:
            self.close_connection = True
            self.reply(Reply(413, b""))
            return
        self.server.simulator.handle(self.rfile.read(int(length)), self)

    def reply(self, reply: Reply) -> None:
        self.send(self.encode(reply))

    def encode(self, reply: Reply) -> bytes:
        """Return headers and body in one piece, so that they are sent in one packet."""
        lines = [
            f"HTTP/1.1 {reply.status} {self.responses.get(reply.status, ('Other',))[0]}",
            f"Content-Type: {reply.content_type}",
            f"Content-Length: {len(reply.body)}",
            *(f"{name}: {value}" for name, value in reply.headers),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + reply.body

    def send(self, data: bytes) -> None:
        self.wfile.write(data)

    def reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def close(self) -> None:
        self.close_connection = True

    def wait(self, seconds: float) -> None:
        self.server.simulator.wait(seconds)

    def log_message(self, *_arguments: Any) -> None:
        """Log nothing."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], simulator: Simulator, tls: ssl.SSLContext | None) -> None:
        self.simulator = simulator
        self._tls = tls
        self._open: set[socket.socket] = set()
        self.connections = 0
        self._lock = threading.Lock()
        super().__init__(address, Connection)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Do the TLS handshake in the connection's own thread, so that a slow one delays no other connection."""
        with contextlib.suppress(OSError):  # the client went away, or does not trust the certificate
            connection = self._tls.wrap_socket(request, server_side=True) if self._tls is not None else request
            with self._lock:
                self._open.add(connection)
                self.connections += 1
            try:
                super().finish_request(connection, client_address)
            finally:
                with self._lock:
                    self._open.discard(connection)
                self.shutdown_request(connection)

    def end_connections(self) -> None:
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def _planned(text: str) -> PlannedFault:
    name, *options = text.split(":")
    values: dict[str, Any] = dict(option.split("=", 1) for option in options)
    if "times" in values:
        values["times"] = int(values["times"])
    return PlannedFault(name, **values)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the simulator until it is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m local.ctwiz.server", description="A CT WiZ on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--facility", action="append", default=[], metavar="ID:USER:PASSWORD")
    parser.add_argument("--clinic", action="append", default=[], metavar="CODE", help="allowed in MSH-4 and RXA-11.4")
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME[:facility=PATTERN][:msh_10=PATTERN][:patient=PATTERN][:times=N]",
        help="one of: " + ", ".join(FAULTS),
    )
    parser.add_argument("--scenario", choices=SCENARIOS, help="a measured mix of faults and answer times")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same faults")
    parser.add_argument("--pace", type=float, default=1.0, help="factor for the scenario's answer times")
    options = parser.parse_args(arguments)
    try:
        facilities = {
            identifier: (user, password)
            for identifier, user, password in (
                item.split(":", 2) for item in options.facility or ["CT0100:user:password"]
            )
        }
        simulator = Simulator(
            facilities=facilities,
            clinic_codes=options.clinic,
            latency=options.latency,
            faults=[_planned(item) for item in options.fault],
            port=options.port,
            scenario=run_scenario(options.scenario, seed=options.seed, pace=options.pace),
        )
    except (KeyError, TypeError, ValueError) as error:
        parser.error(f"cannot read the options: {error}")
    with simulator, contextlib.suppress(KeyboardInterrupt):
        print(f"CT WiZ simulator at {simulator.endpoint} for {', '.join(facilities)}", flush=True)
        threading.Event().wait()
    print(simulator.stats())
    return 0


if __name__ == "__main__":
    sys.exit(main())
