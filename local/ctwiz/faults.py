"""The faults that the simulator can play, of the network and of CT WiZ: one row per fault, by name.

A row says whether the message reaches the registry first, where it is stored whatever the sender receives; what is
answered; and how the answer is written. To add a fault, add a row.
"""

from __future__ import annotations

import base64
import gzip
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import quote

from local.ctwiz import soap
from local.ctwiz.registry import AUTHENTICATION_WORDS
from local.ctwiz.soap import Reply
from shared.domain.hl7 import er7


class Wire(Protocol):
    """The connection, for the functions that write an answer."""

    def send(self, data: bytes) -> None: ...

    def reset(self) -> None:
        """End the connection with RST."""
        ...

    def close(self) -> None:
        """End the connection after what was sent."""
        ...

    def wait(self, seconds: float) -> None:
        """Sleep, but no longer than the simulator runs."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """The material for a reply.

    Attributes:
        message: the HL7 of the request.
        answer: the registry's answer to it; empty where the message did not reach the registry.
        application_failure: the answer of a WebIZ whose application failed.
        authentication_failure: the answer of a WebIZ that refuses the facility.
    """

    message: str
    answer: str
    application_failure: str
    authentication_failure: str


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """A fault to play.

    Attributes:
        name: key of `FAULTS`.
        facility: shell pattern for the facilityID of the calls that meet it.
        msh_10: shell pattern for MSH-10.
        patient: shell pattern for PID-3.1.
        times: how often it is played; 0 for always.
    """

    name: str
    facility: str = "*"
    msh_10: str = "*"
    patient: str = "*"
    times: int = 0


@dataclass(frozen=True, slots=True)
class TransportFault:
    """One kind of fault.

    Attributes:
        words: what happens.
        is_stored: whether the message reaches the registry first.
        reply: makes the answer.
        write: writes it.
    """

    words: str
    is_stored: bool
    reply: Callable[[Call], Reply]
    write: Callable[[Wire, bytes], None]


# writing --------------------------------------------------------------------------------------------------------------

DELAY_SECONDS: Final = 600.0
DRIP_SECONDS: Final = 0.2


def send_whole(wire: Wire, data: bytes) -> None:
    """Write the whole answer."""
    wire.send(data)


def _reset(wire: Wire, _data: bytes) -> None:
    wire.reset()


def _close(wire: Wire, _data: bytes) -> None:
    wire.close()


def _send_part_and_close(wire: Wire, data: bytes) -> None:
    wire.send(data[: -len(data) // 4])
    wire.close()


def _send_part_and_reset(wire: Wire, data: bytes) -> None:
    wire.send(data[: -len(data) // 4])
    wire.reset()


def _send_late(wire: Wire, data: bytes) -> None:
    wire.wait(DELAY_SECONDS)
    wire.send(data)


def _drip(wire: Wire, data: bytes) -> None:
    for position in range(len(data)):
        wire.send(data[position : position + 1])
        wire.wait(DRIP_SECONDS)


# replies --------------------------------------------------------------------------------------------------------------

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


def _with_raw_return(make: Callable[[str], str]) -> Callable[[Call], Reply]:
    """Put the changed answer into `return` without escaping it."""
    return lambda call: Reply(200, soap.envelope(soap.answer_element(make(call.answer))))


def _with_ack(make: Callable[[str], str]) -> Callable[[Call], Reply]:
    """Put another ACK into `return`."""
    return lambda call: soap.answer(make(call.answer))


def _with_xml(old: str, new: str) -> Callable[[Call], Reply]:
    """Replace a part of the answer's XML."""

    def reply(call: Call) -> Reply:
        answered = _answered(call)
        return Reply(answered.status, answered.body.replace(old.encode(), new.encode()))

    return reply


def _other_message(call: Call) -> Reply:
    segments = call.answer.split("\r")
    changed = [
        "|".join([*segment.split("|")[:2], "NOT-YOURS"]) if segment.startswith("MSA|") else segment
        for segment in segments
    ]
    return soap.answer("\r".join(changed))


def _without_msa_2(ack: str) -> str:
    return re.sub(r"(MSA\|[A-Z]{2})\|[^|\r]*", r"\1|", ack)


def _refusing_other_message(ack: str) -> str:
    """Turn an ACK into one that refuses another message."""
    return re.sub(r"MSA\|[A-Z]{2}\|[^|\r]*", "MSA|AE|NOT-YOURS", ack)


def _rejected(call: Call) -> Reply:
    control_id = er7.segments(call.message)[0].split("|")[9]
    head = call.application_failure.split("\r", 1)[0]
    return soap.answer(f"{head}\rMSA|AR|{control_id}\rERR|||207^Application internal error^HL70357|E\r")


def _fault_of_2014(_: Call) -> Reply:
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


def _remarked(text: str) -> str:
    """An ERR that only informs, with this text."""
    return f"ERR|||0^Message accepted^HL70357|I||||{text}\r"


def _with_remark(text: str, placeholder: str = "", raw: bytes = b"") -> Callable[[Call], Reply]:
    """Add a remark to the ACK; the placeholder in it is replaced by these bytes in the XML."""

    def reply(call: Call) -> Reply:
        answered = soap.answer(call.answer + _remarked(text))
        return Reply(200, answered.body.replace(placeholder.encode(), raw) if placeholder else answered.body)

    return reply


def _compressed(coding: str, compress: Callable[[bytes], bytes]) -> Callable[[Call], Reply]:
    return lambda call: Reply(200, compress(_answered(call).body), headers=(("Content-Encoding", coding),))


def _raw_deflate(body: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(body) + compressor.flush()


def _in_windows_1252(call: Call) -> Reply:
    body = soap.answer(call.answer + _remarked("Dos\u00e9 \u2019n")).body.decode().replace(soap.PROLOGUE, "")
    return Reply(200, body.encode("cp1252"), "application/soap+xml; charset=windows-1252")


def _mtom(call: Call) -> Reply:
    """The ACK in a MIME part of its own, to which the SOAP part refers."""
    include = '<x:Include xmlns:x="http://www.w3.org/2004/08/xop/include" href="cid:ack%40simulator"/>'
    envelope = soap.envelope(soap.answer_element(include))
    parts = (
        ("application/xop+xml; charset=utf-8", "root@simulator", envelope),
        ("text/plain", "ack@simulator", call.answer.encode()),
    )
    body = b"".join(
        f"--part\r\nContent-Type: {kind}\r\nContent-ID: <{name}>\r\n\r\n".encode() + content + b"\r\n"
        for kind, name, content in parts
    )
    kind = 'multipart/related; type="application/xop+xml"; boundary="part"; start="<root@simulator>"'
    return Reply(200, body + b"--part--\r\n", kind)


_STATUSES: Final = (400, 401, 403, 404, 405, 407, 408, 410, 413, 415, 418, 429, 500, 501, 502, 503, 504)

FAULTS: Final[dict[str, TransportFault]] = {
    # Network
    "reset": TransportFault("the connection is reset before an answer", False, _answered, _reset),
    "eof": TransportFault("the message is stored, and the connection ends before an answer", True, _answered, _close),
    "eof-mid-body": TransportFault("the connection ends inside the answer", True, _answered, _send_part_and_close),
    "reset-mid-body": TransportFault(
        "the connection is reset inside the answer", True, _answered, _send_part_and_reset
    ),
    "read-timeout": TransportFault("the answer comes after ten minutes", True, _answered, _send_late),
    "slow-drip": TransportFault("the answer comes a byte at a time", True, _answered, _drip),
    "not-http": TransportFault(
        "something that is not HTTP", False, _answered, lambda wire, _: wire.send(b"220 hello\r\n\r\n")
    ),
    # HTTP
    **{
        f"http-{status}": TransportFault(f"a web page with HTTP {status}", False, _html(status), send_whole)
        for status in _STATUSES
    },
    "redirect": TransportFault(
        "HTTP 302 to a file", False, _html(302, ("Location", "file:///etc/hostname")), send_whole
    ),
    "html-200": TransportFault("a log-in page with HTTP 200", False, _html(200), send_whole),
    "empty": TransportFault("HTTP 200 with no body", True, lambda _: Reply(200, b""), send_whole),
    "oversize": TransportFault(
        "an answer beyond any cap",
        True,
        lambda call: soap.answer(call.answer + "NTE|1||" + "x" * 2_000_000),
        send_whole,
    ),
    # SOAP
    "malformed-xml": TransportFault("broken XML", True, _with_xml("</return>", "</retrun>"), send_whole),
    "unclosed-body": TransportFault("a Body that never ends", True, _with_xml("</s:Body>", ""), send_whole),
    "junk-before-prologue": TransportFault(
        "a byte before the prologue", True, _with_xml("<?xml", "?<?xml"), send_whole
    ),
    "wrong-tag": TransportFault("another element than return", True, _with_xml("return>", "result>"), send_whole),
    "2014-namespace": TransportFault("another namespace", True, _with_xml("iisb:2011", "iisb:2014"), send_whole),
    "entities": TransportFault("a DTD with an external entity", True, _entities, send_whole),
    "nil": TransportFault(
        "xsi:nil instead of an answer",
        True,
        _with_xml("<return>", '<return xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true">'),
        send_whole,
    ),
    "empty-return": TransportFault("a blank return", True, _with_raw_return(lambda _: " \n "), send_whole),
    "cdata": TransportFault(
        "CDATA padded with blanks", True, _with_raw_return(lambda text: f" \n<![CDATA[{text}]]>\n "), send_whole
    ),
    "base64": TransportFault(
        "the ACK in base64", True, _with_raw_return(lambda text: base64.encodebytes(text.encode()).decode()), send_whole
    ),
    "url-encoded": TransportFault("the ACK URL-encoded", True, _with_raw_return(quote), send_whole),
    "gzip": TransportFault(
        "a compressed answer that nobody asked for", True, _compressed("gzip", gzip.compress), send_whole
    ),
    "deflate": TransportFault("the same, deflated", True, _compressed("deflate", zlib.compress), send_whole),
    "raw-deflate": TransportFault(
        "the same, without zlib's header", True, _compressed("deflate", _raw_deflate), send_whole
    ),
    "windows-1252": TransportFault("a charset that only Content-Type names", True, _in_windows_1252, send_whole),
    "mtom": TransportFault("the ACK in a MIME part of its own (xop:Include)", True, _mtom, send_whole),
    "control-character": TransportFault(
        "a byte that XML forbids, in a remark", True, _with_remark("a@@b", "@@", b"\x13"), send_whole
    ),
    "forbidden-reference": TransportFault(
        "a character reference that XML forbids", True, _with_remark("a@@b", "@@", b"&#x0b;"), send_whole
    ),
    "cp1252-in-utf-8": TransportFault(
        "a byte of windows-1252 in UTF-8", True, _with_remark("a@@b", "@@", b"\x92"), send_whole
    ),
    "damaged-msa": TransportFault("a byte that XML forbids, in MSA", True, _with_xml("MSA|", "MSA\x13|"), send_whole),
    "plain-text": TransportFault(
        "text that is no ACK", True, _with_raw_return(lambda _: "Message received."), send_whole
    ),
    "wrong-msa-2": TransportFault("the ACK of another message", True, _other_message, send_whole),
    "no-msa-2": TransportFault("an ACK that names no message", True, _with_ack(_without_msa_2), send_whole),
    "several-acks": TransportFault(
        "the ACK of another message before ours",
        True,
        _with_ack(lambda ack: _refusing_other_message(ack) + ack),
        send_whole,
    ),
    "commit-ack": TransportFault(
        "a commit-level accept only",
        True,
        _with_ack(lambda ack: re.sub(r"MSA\|[A-Z]{2}", "MSA|CA", re.sub(r"ERR\|[^\r]*\r", "", ack))),
        send_whole,
    ),
    "rsp-instead-of-ack": TransportFault(
        "an answer to a query, with our MSH-10",
        True,
        _with_ack(lambda ack: ack.replace("ACK^V04^ACK", "RSP^K11^RSP_K11") + "QAK|1|NF|Z34\r"),
        send_whole,
    ),
    "ar": TransportFault("MSA-1 AR, nothing stored", False, _rejected, send_whole),
    # SOAP faults
    "security-fault": TransportFault(
        "SecurityFault", False, _fault("SecurityFault", "Invalid Username or Password"), send_whole
    ),
    "too-large": TransportFault("MessageTooLargeFault", False, _fault("MessageTooLargeFault", "Too large"), send_whole),
    "unsupported-operation": TransportFault(
        "UnsupportedOperationFault", False, _fault("UnsupportedOperationFault", "Not supported"), send_whole
    ),
    "unknown-fault": TransportFault("the WSDL's fault", False, _fault("fault", "An unexpected problem"), send_whole),
    "fault-although-stored": TransportFault(
        "a fault, although the message was stored", True, _fault("fault", "An unexpected problem"), send_whole
    ),
    "fault-with-phi": TransportFault(
        "a fault that quotes the message",
        False,
        lambda call: soap.fault("fault", f"Cannot process {call.message}"),
        send_whole,
    ),
    "fault-with-200": TransportFault(
        "SecurityFault with HTTP 200", False, _fault("SecurityFault", "Invalid Username or Password", 200), send_whole
    ),
    "fault-2014": TransportFault("a fault of the 2014 WSDL without Value and Text", False, _fault_of_2014, send_whole),
    "fault-soap-11": TransportFault("a fault of SOAP 1.1", False, _fault_soap_11, send_whole),
    "fault-without-body": TransportFault("a Fault without a Body", False, _fault_without_body, send_whole),
    # WebIZ
    "webiz-auth": TransportFault(
        "WEBIZ-AUTH-609 inside a fault",
        False,
        lambda call: soap.fault("fault", AUTHENTICATION_WORDS + call.authentication_failure),
        send_whole,
    ),
    "application-error": TransportFault(
        "an ACK about a failed application, with ZSA",
        False,
        lambda call: soap.answer(call.application_failure),
        send_whole,
    ),
}
