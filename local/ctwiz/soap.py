"""SOAP on the simulator's side: parse requests of the CDC WSDL, write responses and faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from lxml import etree

SOAP_12: Final = "http://www.w3.org/2003/05/soap-envelope"
SOAP_11: Final = "http://schemas.xmlsoap.org/soap/envelope/"
CDC: Final = "urn:cdc:iisb:2011"
MEDIA_TYPE: Final = "application/soap+xml; charset=utf-8"
PROLOGUE: Final = '<?xml version="1.0" encoding="utf-8"?>'

# Fault → (SOAP code, number in NIST's samples, its Reason).
_KINDS: Final[dict[str, tuple[str, int, str]]] = {
    "SecurityFault": ("Sender", 10, "Security"),
    "MessageTooLargeFault": ("Sender", 1313, "MessageTooLarge"),
    "UnsupportedOperationFault": ("Sender", 8675309, "UnsupportedOperation"),
    "fault": ("Receiver", 54353, "Unknown"),
}


@dataclass(frozen=True, slots=True)
class Request:
    """One call: the operation's name, and the text of each child element by name, without namespaces."""

    operation: str
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP response before it is sent."""

    status: int
    body: bytes
    content_type: str = MEDIA_TYPE
    headers: tuple[tuple[str, str], ...] = ()


def read_request(body: bytes) -> Request | None:
    """Parse the call in a SOAP 1.2 envelope; return None for anything else. DTDs and entities are not loaded."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    content = root.find(f"{{{SOAP_12}}}Body")
    if root.tag != f"{{{SOAP_12}}}Envelope" or content is None or len(content) != 1:
        return None
    call = etree.QName(content[0])
    if call.namespace != CDC:
        return None
    values = {etree.QName(child).localname: child.text or "" for child in content[0].iterchildren(etree.Element)}
    return Request(call.localname, values)


def text_node(text: str) -> str:
    """Escape text for XML. CR becomes a character reference, since XML parsers read a plain CR as LF."""
    return escape(text, {"\r": "&#13;"})


def envelope(content: str, namespace: str = SOAP_12) -> bytes:
    """Return a SOAP envelope around XML content."""
    return f'{PROLOGUE}<s:Envelope xmlns:s="{namespace}"><s:Body>{content}</s:Body></s:Envelope>'.encode()


def answer_element(content: str, operation: str = "submitSingleMessage") -> str:
    """Return the response element of an operation around XML content."""
    return f'<{operation}Response xmlns="{CDC}"><return>{content}</return></{operation}Response>'


def answer(text: str, operation: str = "submitSingleMessage") -> Reply:
    """Return the response of an operation with this text."""
    return Reply(200, envelope(answer_element(text_node(text), operation)))


def fault_element(kind: str, words: str) -> str:
    """Return a fault of the CDC WSDL; `kind` is a key of `_KINDS`."""
    code, number, reason = _KINDS[kind]
    text = text_node(words)
    return (
        f"<s:Fault><s:Code><s:Value>s:{code}</s:Value></s:Code>"
        f'<s:Reason><s:Text xml:lang="en">{text}</s:Text></s:Reason>'
        f'<s:Detail><{kind} xmlns="{CDC}"><Code>{number}</Code>'
        '<Reason xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        f'xsi:type="xs:string">{reason}</Reason><Detail>{text}</Detail></{kind}></s:Detail></s:Fault>'
    )


def fault(kind: str, words: str, status: int = 500) -> Reply:
    """Return a fault of the CDC WSDL as an HTTP response."""
    return Reply(status, envelope(fault_element(kind, words)))
