"""What the simulated CT WiZ and the network before it can do to a sender, by name: one row per fault.

A row says whether the message reaches the registry first (then it is stored, whatever comes back), what is answered
and how it is written. A further fault is a further row.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import quote

from local.ctwiz import soap
from local.ctwiz.registry import AUTHENTICATION_WORDS
from local.ctwiz.soap import Reply
from shared.domain.hl7 import er7


class Wire(Protocol):
    """What a manner of writing may do with the connection."""

    def send(self, data: bytes) -> None: ...

    def reset(self) -> None:
        """Ends the connection with RST; whoever returns without it ends the answer in good order."""
        ...

    def close(self) -> None: ...

    def wait(self, seconds: float) -> None:
        """Sleeps, but no longer than the simulator runs."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """What a reply can be made of: the request's HL7, the registry's answer to it, and WebIZ's answers to trouble."""

    message: str
    answer: str
    application_failure: str
    authentication_failure: str


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault to play: by name, for calls whose facilityID, MSH-10 and PID-3.1 match these shell patterns.

    `times` is how often, 0 for always.
    """

    name: str
    facility: str = "*"
    msh_10: str = "*"
    patient: str = "*"
    times: int = 0


@dataclass(frozen=True, slots=True)
class TransportFault:
    """One row; `is_stored` says whether the message reaches the registry before the fault strikes."""

    words: str
    is_stored: bool
    reply: Callable[[Call], Reply]
    write: Callable[[Wire, bytes], None]


# Manners of writing ---------------------------------------------------------------------------------------------------

LATE: Final = 600.0
DRIP: Final = 0.2


def _whole(wire: Wire, data: bytes) -> None:
    wire.send(data)


def _reset(wire: Wire, _data: bytes) -> None:
    wire.reset()


def _nothing(wire: Wire, _data: bytes) -> None:
    wire.close()


def _half(wire: Wire, data: bytes) -> None:
    wire.send(data[: -len(data) // 4])
    wire.close()


def _half_then_reset(wire: Wire, data: bytes) -> None:
    wire.send(data[: -len(data) // 4])
    wire.reset()


def _late(wire: Wire, data: bytes) -> None:
    wire.wait(LATE)
    wire.send(data)


def _drip(wire: Wire, data: bytes) -> None:
    for position in range(len(data)):
        wire.send(data[position : position + 1])
        wire.wait(DRIP)


# Replies --------------------------------------------------------------------------------------------------------------

HTML: Final = (
    '<!DOCTYPE html><html><head><title>Sign in</title></head><body><form action="/login"><p>Please sign in.<br>'
    '<input name="password" type="password"></form></body></html>'
)


def _answered(call: Call) -> Reply:
    return soap.answer(call.answer)


def _html(status: int, *headers: tuple[str, str]) -> Callable[[Call], Reply]:
    return lambda _: Reply(status, HTML.encode(), "text/html; charset=utf-8", headers)


def _fault(kind: str, words: str, status: int = 500) -> Callable[[Call], Reply]:
    return lambda _: soap.fault(kind, words, status)


def _returned(make: Callable[[str], str]) -> Callable[[Call], Reply]:
    """The answer's text changed before it is put into `return` as it is."""
    return lambda call: Reply(200, soap.envelope(soap.answer_element(make(call.answer))))


def _of_the_ack(make: Callable[[str], str]) -> Callable[[Call], Reply]:
    """Another ACK, put into `return` as it should be."""
    return lambda call: soap.answer(make(call.answer))


def _rewritten(old: str, new: str) -> Callable[[Call], Reply]:
    """The answer's XML changed after the fact."""

    def reply(call: Call) -> Reply:
        whole = _answered(call)
        return Reply(whole.status, whole.body.replace(old.encode(), new.encode()))

    return reply


def _other_message(call: Call) -> Reply:
    segments = call.answer.split("\r")
    changed = ["|".join([*s.split("|")[:2], "NOT-YOURS"]) if s.startswith("MSA|") else s for s in segments]
    return soap.answer("\r".join(changed))


def _without_msa_2(ack: str) -> str:
    return re.sub(r"(MSA\|[A-Z]{2})\|[^|\r]*", r"\1|", ack)


def _refusing(ack: str) -> str:
    """The same ACK as it would refuse another message."""
    return re.sub(r"MSA\|[A-Z]{2}\|[^|\r]*", "MSA|AE|NOT-YOURS", ack)


def _rejected(call: Call) -> Reply:
    control_id = er7.segments(call.message)[0].split("|")[9]
    head = call.application_failure.split("\r", 1)[0]
    return soap.answer(f"{head}\rMSA|AR|{control_id}\rERR|||207^Application internal error^HL70357|E\r")


def _fault_2014(_: Call) -> Reply:
    detail = '<SecurityFault xmlns="urn:cdc:iisb:2014"><Code>10</Code><Reason>Access</Reason></SecurityFault>'
    return Reply(500, soap.envelope(f"<s:Fault><s:Code/><s:Detail>{detail}</s:Detail></s:Fault>"))


def _fault_soap_11(_: Call) -> Reply:
    detail = f'<MessageTooLargeFault xmlns="{soap.CDC}"/>'
    content = f"<s:Fault><faultcode>s:Client</faultcode><faultstring/><detail>{detail}</detail></s:Fault>"
    return Reply(500, soap.envelope(content, soap.SOAP_11), "text/xml")


def _fault_without_body(_: Call) -> Reply:
    fault = soap.fault_element("UnsupportedOperationFault", "Unsupported")
    return Reply(500, f'<s:Envelope xmlns:s="{soap.SOAP_12}">{fault}</s:Envelope>'.encode())


def _entities(call: Call) -> Reply:
    dtd = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
    body = soap.envelope(soap.answer_element(soap.text_node(call.answer) + "&e;"))
    return Reply(200, body.replace(b"?>", b"?>" + dtd.encode(), 1))


_STATUSES: Final = (400, 401, 403, 404, 405, 407, 408, 410, 413, 415, 418, 429, 500, 501, 502, 503, 504)

FAULTS: Final[dict[str, TransportFault]] = {
    # The network.
    "reset": TransportFault("the connection is reset before an answer", False, _answered, _reset),
    "eof": TransportFault("the connection ends before an answer, the message stored", True, _answered, _nothing),
    "eof-mid-body": TransportFault("the connection ends inside the answer", True, _answered, _half),
    "reset-mid-body": TransportFault("the connection is reset inside the answer", True, _answered, _half_then_reset),
    "read-timeout": TransportFault("the answer comes after ten minutes", True, _answered, _late),
    "slow-drip": TransportFault("the answer comes a byte at a time", True, _answered, _drip),
    "not-http": TransportFault(
        "something that is not HTTP", False, _answered, lambda w, _: w.send(b"220 hello\r\n\r\n")
    ),
    # HTTP.
    **{
        f"http-{status}": TransportFault(f"a web page with HTTP {status}", False, _html(status), _whole)
        for status in _STATUSES
    },
    "redirect": TransportFault("HTTP 302 to a file", False, _html(302, ("Location", "file:///etc/hostname")), _whole),
    "html-200": TransportFault("a log-in page with HTTP 200", False, _html(200), _whole),
    "empty": TransportFault("HTTP 200 with no body", True, lambda _: Reply(200, b""), _whole),
    "oversize": TransportFault(
        "an answer beyond any cap", True, lambda c: soap.answer(c.answer + "NTE|1||" + "x" * 2_000_000), _whole
    ),
    # SOAP.
    "malformed-xml": TransportFault("broken XML", True, _rewritten("</return>", "</retrun>"), _whole),
    "unclosed-body": TransportFault("a Body that never ends", True, _rewritten("</s:Body>", ""), _whole),
    "junk-before-prologue": TransportFault("a byte before the prologue", True, _rewritten("<?xml", "?<?xml"), _whole),
    "wrong-tag": TransportFault("another element than return", True, _rewritten("return>", "result>"), _whole),
    "2014-namespace": TransportFault("another namespace", True, _rewritten("iisb:2011", "iisb:2014"), _whole),
    "entities": TransportFault("a DTD with an external entity", True, _entities, _whole),
    "nil": TransportFault(
        "xsi:nil instead of an answer",
        True,
        _rewritten("<return>", '<return xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true">'),
        _whole,
    ),
    "empty-return": TransportFault("a blank return", True, _returned(lambda _: " \n "), _whole),
    "cdata": TransportFault("CDATA padded with blanks", True, _returned(lambda t: f" \n<![CDATA[{t}]]>\n "), _whole),
    "base64": TransportFault(
        "the ACK in base64", True, _returned(lambda t: base64.encodebytes(t.encode()).decode()), _whole
    ),
    "url-encoded": TransportFault("the ACK URL-encoded", True, _returned(quote), _whole),
    "plain-text": TransportFault("words instead of an ACK", True, _returned(lambda _: "Message received."), _whole),
    "wrong-msa-2": TransportFault("the ACK of another message", True, _other_message, _whole),
    "no-msa-2": TransportFault("an ACK that names no message", True, _of_the_ack(_without_msa_2), _whole),
    "several-acks": TransportFault(
        "the ACK of another message before ours", True, _of_the_ack(lambda ack: _refusing(ack) + ack), _whole
    ),
    "ar": TransportFault("MSA-1 AR, nothing stored", False, _rejected, _whole),
    # SOAP faults.
    "security-fault": TransportFault(
        "SecurityFault", False, _fault("SecurityFault", "Invalid Username or Password"), _whole
    ),
    "too-large": TransportFault("MessageTooLargeFault", False, _fault("MessageTooLargeFault", "Too large"), _whole),
    "unsupported-operation": TransportFault(
        "UnsupportedOperationFault", False, _fault("UnsupportedOperationFault", "Not supported"), _whole
    ),
    "unknown-fault": TransportFault("the contract's fault", False, _fault("fault", "An unexpected problem"), _whole),
    "fault-although-stored": TransportFault(
        "a fault, although the message was stored", True, _fault("fault", "An unexpected problem"), _whole
    ),
    "fault-with-phi": TransportFault(
        "a fault that quotes the message", False, lambda c: soap.fault("fault", f"Cannot process {c.message}"), _whole
    ),
    "fault-with-200": TransportFault(
        "SecurityFault with HTTP 200", False, _fault("SecurityFault", "Invalid Username or Password", 200), _whole
    ),
    "fault-2014": TransportFault("a fault of the 2014 contract without Value and Text", False, _fault_2014, _whole),
    "fault-soap-11": TransportFault("a fault of SOAP 1.1", False, _fault_soap_11, _whole),
    "fault-without-body": TransportFault("a Fault straight under Envelope", False, _fault_without_body, _whole),
    # WebIZ.
    "webiz-auth": TransportFault(
        "WEBIZ-AUTH-609 inside a fault",
        False,
        lambda call: soap.fault("fault", AUTHENTICATION_WORDS + call.authentication_failure),
        _whole,
    ),
    "application-error": TransportFault(
        "an ACK that says the application failed, with ZSA",
        False,
        lambda call: soap.answer(call.application_failure),
        _whole,
    ),
}
