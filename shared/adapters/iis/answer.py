"""Reading what an IIS sent back: the text of `return`, or the fault that it amounts to.

Answers are read by local names, whatever their namespace and wrapping, since real IISs disagree with the WSDL in every
way that a parser built from it would refuse (2014 namespace, SOAP 1.1 faults, a Fault straight under Envelope, no
Value or Text, a junk byte before the prologue, an unclosed Body). Nothing is guessed, though: text is taken from
complete elements only, because half an ACK can look like a whole one. Where one character that XML forbids breaks the
document, it is repaired and read once more (`salvage`). The texts of faults may quote patients; they leave this module
in `Reading.embedded` alone.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from typing import Final
from urllib.parse import unquote

import msgspec
from lxml import etree

from shared.adapters.iis import mime, salvage
from shared.adapters.iis.mime import Parts
from shared.domain.hl7.account import refuses_account
from shared.domain.hl7.er7 import segments
from shared.domain.hl7.iis_profiles import PROFILES
from shared.domain.hl7.message import parse as parse_hl7

# SOAP bodies are read on these (IZ Gateway does the same); elsewhere the status says it all.
READ_ON: Final = frozenset({200, 201, 202, 400, 500})

_STATUS: Final[dict[int, str]] = {
    204: "EMPTY-ANSWER",
    400: "HTTP-400",
    401: "HTTP-401",
    403: "HTTP-403",
    407: "HTTP-403",
    404: "HTTP-404",
    405: "HTTP-404",
    410: "HTTP-404",
    415: "HTTP-404",
    501: "HTTP-404",
    408: "HTTP-408",
    413: "HTTP-413",
    429: "HTTP-429",
    500: "HTTP-500",
    502: "HTTP-502",
    503: "HTTP-503",
    504: "HTTP-502",
}

# Local names of what stands in a fault's Detail (CDC WSDL); `Fault` and the WSDL's `fault` say no more than "failed".
_FAULTS: Final[dict[str, str]] = {
    "SecurityFault": "SECURITY-FAULT",
    "MessageTooLargeFault": "HTTP-413",
    "UnsupportedOperationFault": "UNSUPPORTED-OPERATION",
}
_UNNAMED_FAULTS: Final = frozenset({"Fault", "fault"})
# 2011 and 2014 contracts.
_ANSWERS: Final = frozenset({"return", "Hl7Message", "EchoBack"})

_FAULT_TAG: Final = re.compile(
    rb"<(?:[\w.-]+:)?(SecurityFault|MessageTooLargeFault|UnsupportedOperationFault|[Ff]ault)\b"
)
_ANSWER_TAG: Final = re.compile(
    rb"<(?:[\w.-]+:)?(return|Hl7Message|EchoBack)(?:\s[^<>]*)?>(.*?)</(?:[\w.-]+:)?\1\s*>", re.DOTALL
)
_TAG: Final = re.compile(r"<[^<>]*>")
# WebIZ refuses credentials and facilities inside a fault of any kind: with a code in an element of its own, or with a
# sentence and an HL7 answer behind it. Elsewhere in a text either may be quoted from a comment of our message.
_AUTHENTICATION: Final = re.compile(r"(?:[\w.-]+:)?WEBIZ-AUTH-[0-9]+$|Authentication Error Occurred")
_SEGMENT: Final = re.compile(r"[A-Z][A-Z0-9]{2}\|")
_INCLUDE: Final = "Include"
"""XOP's element, in whatever namespace."""
_NIL: Final = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_HL7: Final = re.compile(r"MSH[^\w\s]")


class Reading(msgspec.Struct, frozen=True):
    """The content of an answer.

    Attributes:
        code: The code of a fault; empty where there is an answer.
        text: The answer's text, where there is one.
        embedded: The HL7 found inside the text of a fault.
        salvaged: Characters that XML forbids were replaced in the text.
    """

    code: str = ""
    text: str = ""
    embedded: str = ""
    salvaged: bool = False


def read(status: int, body: bytes, content_type: str = "") -> Reading:
    """Read one complete HTTP answer.

    Args:
        status: The HTTP status.
        body: The body, without content codings.
        content_type: The Content-Type, which may name the charset and the parts of the body.

    Returns:
        The answer, or a fault with a code of the fault catalogue.
    """
    if status not in READ_ON:
        return Reading(_STATUS.get(status, "HTTP-REDIRECT" if 300 <= status < 400 else "HTTP-OTHER"))
    if not body.strip():
        return Reading(_STATUS.get(status, "EMPTY-ANSWER"))
    reading = _read(mime.parts_of(body, content_type))
    if reading.code in ("NOT-SOAP", "NOT-AN-ACK"):
        # On 400 and 500 an unreadable body says less than the status.
        return Reading(_STATUS.get(status, reading.code))
    return reading


def _read(parts: Parts) -> Reading:
    charset = salvage.known_charset(mime.charset_of(parts.content_type))
    body = parts.root
    if charset and not salvage.declares_charset(body):
        body = _in_utf_8(body, charset)
    root = parse(body)
    if root is not None:
        return _from_tree(root, parts)
    reading = _from_pieces(body)
    if reading.code != "NOT-SOAP" or _has_dtd(body):
        return reading
    repaired = salvage.repaired(parts.root, charset)
    root = None if repaired is None else parse(repaired)
    if repaired is None or (salvaged := _from_pieces(repaired) if root is None else _from_tree(root, parts)).code:
        return reading
    is_good = salvage.is_trustworthy(salvaged.text)
    return Reading(text=salvaged.text, salvaged=True) if is_good else reading


def _in_utf_8(body: bytes, charset: str) -> bytes:
    """The body in the charset that XML has without a declaration; as it is if it is not in the one that was named."""
    try:
        return body.decode(charset).encode()
    except UnicodeError:
        return body


def _has_dtd(body: bytes) -> bool:
    return b"<!DOCTYPE" in body or b"<!ENTITY" in body


def parse(body: bytes) -> etree._Element | None:
    """The document's root; None where it is not well-formed or brings a DTD. Loads nothing, expands nothing."""
    if _has_dtd(body):
        return None
    start = body.find(b"<")
    # Byte order marks, blanks and stray bytes before the prologue; UTF-16 starts with its own mark and stays as it is.
    if 0 < start <= 16 and not body.startswith((b"\xff\xfe", b"\xfe\xff")):
        body = body[start:]
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    return root if root.getroottree().docinfo.internalDTD is None else None


def _from_tree(root: etree._Element, parts: Parts) -> Reading:
    names = [(etree.QName(element).localname, element) for element in root.iter(etree.Element)]
    known = next((_FAULTS[name] for name, _ in names if name in _FAULTS), None)
    if known is not None or any(name in _UNNAMED_FAULTS for name, _ in names):
        return _fault(known or "OTHER-FAULT", _texts(root))
    answer = next((element for name, element in names if name in _ANSWERS), None)
    if answer is not None:
        if answer.get(_NIL) in ("true", "1"):
            return Reading("EMPTY-ANSWER")
        return _answer_of_parts(answer, parts)
    # Wrong tag names: any leaf that is plainly HL7.
    leaf = next((text for text in map(clean, _texts(root)) if _HL7.match(text)), None)
    if leaf is not None:
        return Reading(text=leaf)
    return Reading("NOT-AN-ACK" if names[0][0] == "Envelope" else "NOT-SOAP")


def _from_pieces(body: bytes) -> Reading:
    """An answer that is no XML document: its fault's name, or a `return` element that is complete and well-formed."""
    if _has_dtd(body):
        return Reading("NOT-SOAP")
    faults = {name.decode() for name in _FAULT_TAG.findall(body)}
    if faults:
        known = next((code for name, code in _FAULTS.items() if name in faults), "OTHER-FAULT")
        return _fault(known, [html.unescape(text) for text in _TAG.split(body.decode("utf-8", "replace"))])
    answer = _ANSWER_TAG.search(body)
    if answer is not None:
        piece = parse(b"<piece>" + answer.group(2) + b"</piece>")
        if piece is not None:
            return _answer("".join(_texts(piece)))
    return Reading("NOT-SOAP")


def _texts(element: etree._Element) -> list[str]:
    return [str(text) for text in element.itertext()]


def _fault(code: str, texts: list[str]) -> Reading:
    """The reading of a fault from the texts of its elements, one each."""
    embedded = embedded_hl7("\n".join(texts))
    refused = any(_AUTHENTICATION.match(text.strip()) for text in texts)
    if refused or (embedded and _refuses_account(embedded)):
        code = "SECURITY-FAULT"
    return Reading(code, embedded=embedded)


def _refuses_account(message: str) -> bool:
    """Tell if a message has a code by which any IIS refuses an account; the transport knows no profile."""
    found = parse_hl7(message).segments
    return any(refuses_account(segment, profile) for segment in found for profile in PROFILES.values())


def _answer_of_parts(element: etree._Element, parts: Parts) -> Reading:
    """The reading of an answer's element. What it includes (`xop:Include`) stands in other parts, as bytes."""
    hrefs = [one.get("href", "") for one in element.iter(etree.Element) if etree.QName(one).localname == _INCLUDE]
    if not hrefs:
        return _answer("".join(_texts(element)))
    included = [parts.included(href) for href in hrefs]
    content = b"".join(part for part in included if part is not None)
    text = content.decode("utf-8", "replace")
    if None in included or not salvage.is_trustworthy(text):
        return Reading("NOT-SOAP")
    reading = _answer(text)
    return msgspec.structs.replace(reading, salvaged=salvage.MARK in text)


def _answer(raw: str) -> Reading:
    text = clean(raw)
    return Reading(text=text) if text else Reading("EMPTY-ANSWER")


def clean(raw: str) -> str:
    """The text without padding; URL-encoded or base64 HL7 is decoded where it then clearly is HL7."""
    text = raw.strip(" \t\r\n\ufeff")
    if text[:6].upper() == "MSH%7C":
        text = unquote(text)
    elif _HL7.match(text):
        return text
    elif text.startswith("TVNI"):  # "MSH" in base64
        try:
            text = base64.b64decode("".join(text.split()), validate=True).decode("utf-8")
        except (binascii.Error, ValueError):
            return text
    return text.strip(" \t\r\n\ufeff")


def embedded_hl7(text: str) -> str:
    """The first HL7 message inside a fault's text, its segments ended by CR; empty where there is none."""
    start = re.search(r"(?:^|(?<=\W))MSH\|", text)
    if start is None:
        return ""
    found: list[str] = []
    for segment in segments(text[start.start() :]):
        if _SEGMENT.match(segment) is None or (found and segment.startswith("MSH|")):
            break
        found.append(segment)
    return "".join(f"{segment}\r" for segment in found)
