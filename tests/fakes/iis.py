"""CT WiZ without a network: the simulator's registry, its faults as bytes, and vaxline's reader of answers.

`test_iis_contract.py` compares every fault with what the SOAP adapter reports of the simulator on a socket.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from local.ctwiz import soap
from local.ctwiz.faults import FAULTS, Call
from local.ctwiz.registry import AUTHENTICATION_WORDS, WebIz
from local.ctwiz.soap import Reply
from shared.adapters.iis import answer as soap_answer
from shared.adapters.iis import coding
from shared.domain.submission import Answer, Credentials, DeliveryFault
from shared.settings import ANSWER_CAP_BYTES, CONNECT_TIMEOUT, READ_TIMEOUT

# What strikes before a byte is sent: name → code of the fault catalogue and seconds.
CONNECTING: Final[dict[str, tuple[str, float]]] = {
    "connect-refused": ("CONNECT-REFUSED", 0.1),
    "connect-timeout": ("CONNECT-TIMEOUT", CONNECT_TIMEOUT),
    "connect-failed": ("CONNECT-FAILED", 0.1),
    "dns": ("DNS", 0.1),
    "tls": ("TLS", 0.2),
}
# What a fault is made of where a probe meets it: it rewrites the answer to some message.
_PROBE: Final = "MSH|^~\\&|||||20260302||VXU^V04^VXU_V04|PROBE|P|2.5.1\r"
EVERY_FAULT: Final = (*CONNECTING, *FAULTS)


class _TimedOutError(Exception):
    """The read timeout has passed."""


class MemoryWire:
    """Port `Wire` of the simulator's faults: records the bytes and the seconds waited."""

    def __init__(self) -> None:
        self.sent = b""
        self.seconds = 0.0
        self.is_reset = False

    def send(self, data: bytes) -> None:
        self.sent += data

    def reset(self) -> None:
        self.is_reset = True

    def close(self) -> None:
        pass

    def wait(self, seconds: float) -> None:
        self.seconds += seconds
        if self.seconds >= READ_TIMEOUT:
            raise _TimedOutError


class MemoryIis:
    """Port `Iis`.

    Args:
        registry: Stores the messages.
        credentials: Returns the credentials of a facility; None accepts any.
        fault: Returns the fault to play for (facility, message), or an empty text.
        latency: Returns the seconds that the next call takes.
        wait: Lets that many seconds pass.
    """

    def __init__(
        self,
        registry: WebIz,
        *,
        fault: Callable[[str, str], str] = lambda _facility, _message: "",
        latency: Callable[[], float] = lambda: 0.0,
        wait: Callable[[float], None] = lambda _: None,
        credentials: Callable[[str], Credentials] | None = None,
    ) -> None:
        self.registry = registry
        self._fault = fault
        self._latency = latency
        self._wait = wait
        self._credentials = credentials

    def submit(self, endpoint: str, credentials: Credentials, facility_id: str, message: str) -> Answer | DeliveryFault:
        name = self._fault(facility_id, message)
        if name in CONNECTING:
            code, seconds = CONNECTING[name]
            self._wait(seconds)
            return DeliveryFault(code, 0, seconds)
        seconds = self._latency()
        self._wait(seconds / 2)
        if not name:
            return self._read(self._answer(credentials, facility_id, message), seconds)
        fault = FAULTS[name]
        answer = self.registry.receive(message).answer if fault.is_stored else ""
        call = self._call(message, answer)
        return self._written(fault.reply(call), fault.write, seconds)

    def _call(self, message: str, answer: str) -> Call:
        failed, refused = self.registry.application_failure(message), self.registry.authentication_failure(message)
        return Call(message, answer, failed, refused)

    def test_connection(
        self, endpoint: str, echo: str, credentials: Credentials | None = None
    ) -> Answer | DeliveryFault:
        name = self._fault("", "")
        if name in CONNECTING:
            code, seconds = CONNECTING[name]
            self._wait(seconds)
            return DeliveryFault(code, 0, seconds)
        seconds = self._latency()
        self._wait(seconds / 2)
        if not name:
            return self._read(soap.answer(echo, "connectivityTest"), seconds)
        fault = FAULTS[name]
        return self._written(
            fault.reply(self._call(_PROBE, self.registry.receive(_PROBE).answer)), fault.write, seconds
        )

    def reach(self, endpoint: str) -> DeliveryFault | None:
        name = self._fault("", "")
        if name not in CONNECTING:
            return None
        code, seconds = CONNECTING[name]
        self._wait(seconds)
        return DeliveryFault(code, 0, seconds)

    def _answer(self, credentials: Credentials, facility_id: str, message: str) -> Reply:
        if self._credentials is not None and self._credentials(facility_id) != credentials:
            return soap.fault("SecurityFault", "Invalid Username or Password")
        verdict = self.registry.receive(message)
        if verdict.as_fault:
            return soap.fault("fault", AUTHENTICATION_WORDS + verdict.answer)
        return soap.answer(verdict.answer)

    def _written(
        self, reply: Reply, write: Callable[[MemoryWire, bytes], None], seconds: float
    ) -> Answer | DeliveryFault:
        """The result of reading a reply as the fault writes it."""
        wire = MemoryWire()
        head = f"HTTP/1.1 {reply.status} \r\n\r\n".encode()
        try:
            write(wire, head + reply.body)
        except _TimedOutError:
            self._wait(READ_TIMEOUT)
            return DeliveryFault("READ-TIMEOUT", 0, READ_TIMEOUT)
        if wire.sent and not wire.sent.startswith(b"HTTP/"):
            return DeliveryFault("NOT-SOAP", 0, seconds)
        if wire.is_reset or wire.sent != head + reply.body:
            self._wait(seconds / 2)
            return DeliveryFault("CONNECTION-LOST", reply.status if wire.sent else 0, seconds)
        return self._read(reply, seconds + wire.seconds)

    def _read(self, reply: Reply, seconds: float) -> Answer | DeliveryFault:
        self._wait(seconds / 2)
        if len(reply.body) > ANSWER_CAP_BYTES:
            return DeliveryFault("OVERSIZE-ANSWER", reply.status, seconds)
        body = coding.decoded(reply.body, dict(reply.headers).get("Content-Encoding", ""), ANSWER_CAP_BYTES)
        if body is None:
            return DeliveryFault("NOT-SOAP", reply.status, seconds)
        reading = soap_answer.read(reply.status, body, reply.content_type)
        if reading.code:
            return DeliveryFault(reading.code, reply.status, seconds, reading.embedded)
        return Answer(reading.text, reply.status, seconds, salvaged=reading.salvaged)
