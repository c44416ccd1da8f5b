"""Reading answers: what real IISs send, and what must never be taken for an answer."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.iis.answer import Reading, clean, embedded_hl7, read

ACK = "MSH|^~\\&|WebIZ.1|CT0000||CT0100|20260301||ACK^V04^ACK|A1|P|2.5.1\rMSA|AA|M1"
SOAP = "http://www.w3.org/2003/05/soap-envelope"


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("\r", "&#13;")


def envelope(content: str) -> bytes:
    return f'<s:Envelope xmlns:s="{SOAP}"><s:Body>{content}</s:Body></s:Envelope>'.encode()


def response(content: str, namespace: str = "urn:cdc:iisb:2011") -> bytes:
    return envelope(
        f'<submitSingleMessageResponse xmlns="{namespace}"><return>{content}</return></submitSingleMessageResponse>'
    )


def fault(detail: str, reason: str = "") -> bytes:
    return envelope(
        f"<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text>{escaped(reason)}</s:Text></s:Reason>"
        f"<s:Detail>{detail}</s:Detail></s:Fault>"
    )


READABLE = {
    "as the contract has it": response(escaped(ACK)),
    "in CDATA padded with blanks": response(f" \n<![CDATA[{ACK}]]>\n "),
    "in base64": response(base64.encodebytes(ACK.encode()).decode()),
    "URL-encoded": response(quote(ACK)),
    "after a byte order mark": b"\xef\xbb\xbf<?xml version='1.0'?>" + response(escaped(ACK)),
    "after a stray byte": b"\x00<?xml version='1.0'?>" + response(escaped(ACK)),
    "after blanks and a prologue": b"\r\n <?xml version='1.0'?>" + response(escaped(ACK)),
    "in no namespace": b"<Envelope><Body><x><return>" + escaped(ACK).encode() + b"</return></x></Body></Envelope>",
    "in the 2014 contract": envelope(
        f'<SubmitSingleMessageResponse xmlns="urn:cdc:iisb:2014"><Hl7Message>{escaped(ACK)}</Hl7Message>'
        "</SubmitSingleMessageResponse>"
    ),
    "in an element of another name": envelope(
        f"<x><ExecuteHL7MessageResult>{escaped(ACK)}</ExecuteHL7MessageResult></x>"
    ),
    "in a Body that never ends": response(escaped(ACK)).replace(b"</s:Body>", b""),
    "in a MIME part": b"--x\r\nContent-Type: application/xop+xml\r\n\r\n" + response(escaped(ACK)) + b"\r\n--x--",
    "in UTF-16": ('<?xml version="1.0" encoding="utf-16"?>' + response(escaped(ACK)).decode()).encode("utf-16"),
}


@pytest.mark.parametrize("body", READABLE.values(), ids=READABLE.keys())
def test_an_ack_is_found_whatever_its_wrapping(body: bytes) -> None:
    reading = read(200, body)
    assert reading.code == ""
    assert reading.text.replace("\n", "\r") == ACK


def test_an_answer_is_read_on_400_and_500_too() -> None:
    assert read(400, response(escaped(ACK))).text == read(500, response(escaped(ACK))).text == ACK


SECURITY = (
    '<SecurityFault xmlns="urn:cdc:iisb:2011"><Code>10</Code><Reason>Other</Reason><Detail>x</Detail></SecurityFault>'
)
FAULTS = {
    "SecurityFault": (fault(SECURITY), "SECURITY-FAULT"),
    "SecurityFault without a namespace": (fault("<SecurityFault/>"), "SECURITY-FAULT"),
    "SecurityFault of 2014": (fault('<a:SecurityFault xmlns:a="urn:cdc:iisb:2014"/>'), "SECURITY-FAULT"),
    "SecurityFault in a wrapper": (fault(f"<ns:any xmlns:ns='x'>{SECURITY}</ns:any>"), "SECURITY-FAULT"),
    "MessageTooLargeFault": (fault("<MessageTooLargeFault><Size>9</Size></MessageTooLargeFault>"), "HTTP-413"),
    "UnsupportedOperationFault": (fault("<UnsupportedOperationFault/>"), "UNSUPPORTED-OPERATION"),
    "the contract's fault": (fault('<fault xmlns="urn:cdc:iisb:2011"/>'), "OTHER-FAULT"),
    "no Detail": (envelope("<s:Fault><s:Code/></s:Fault>"), "OTHER-FAULT"),
    "no Fault around it": (envelope(SECURITY), "SECURITY-FAULT"),
    "Fault under Envelope": (f'<s:Envelope xmlns:s="{SOAP}"><s:Fault/></s:Envelope>'.encode(), "OTHER-FAULT"),
    "Fault alone": (b"<Fault><Detail><SecurityFault/></Detail></Fault>", "SECURITY-FAULT"),
    "SOAP 1.1": (
        b'<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body><S:Fault><faultcode>S:Server</faultcode><faultstring>no</faultstring><detail><SecurityFault/></detail></S:Fault></S:Body></S:Envelope>',
        "SECURITY-FAULT",
    ),
    "xml:lan": (fault(SECURITY).replace(b"<s:Text>", b'<s:Text xml:lan="en">'), "SECURITY-FAULT"),
    "an unclosed tag": (fault(SECURITY).replace(b"</s:Fault>", b""), "SECURITY-FAULT"),
    "a sentence of WebIZ in any fault": (fault("<fault/>", "Authentication Error Occurred."), "SECURITY-FAULT"),
}


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize(("body", "code"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_told_by_its_local_name(body: bytes, code: str, status: int) -> None:
    assert read(status, body).code == code


AUTH_ACK = (
    "MSH|^~\\&|WebIZ.1|CT0000||CT0100|20260301||ACK^V04^ACK|A1|P|2.5.1\rMSA|AE|M1\r"
    "ERR||MSH^1^6^1^1~MSH^1^4^1^1|999^ApplicationError^HL70357|E|4^Invalid value^HL70533^WEBIZ-AUTH-609^x^L|||No\r"
)


def test_webiz_hides_an_hl7_answer_in_a_fault_and_it_is_found() -> None:
    words = f"Authentication Error Occurred. Inspect the HL7 Response.\r\nOriginal HL7 Response\r\n{AUTH_ACK}"
    body = fault(f"<fault><Detail>{escaped(words)}</Detail></fault>", words)
    assert read(500, body) == Reading("SECURITY-FAULT", embedded=AUTH_ACK)


def test_hl7_hidden_in_a_broken_fault_is_found_too() -> None:
    body = fault(f"<fault><Detail>{escaped(AUTH_ACK)}</Detail></fault>").replace(b"</s:Body>", b"")
    assert read(500, body) == Reading("SECURITY-FAULT", embedded=AUTH_ACK)


@pytest.mark.parametrize("detail", ["<Code>WEBIZ-AUTH-625</Code>", "<faultcode>soap:WEBIZ-AUTH-609</faultcode>"])
def test_a_code_of_the_account_in_an_element_of_its_own_is_a_refused_account(detail: str) -> None:
    assert read(500, fault(f"<fault><Detail>{detail}</Detail></fault>")).code == "SECURITY-FAULT"


@pytest.mark.parametrize(
    "text",
    [
        "The comment was too long: 'mother asked about WEBIZ-AUTH-609'",
        "Cannot store the note 'Authentication Error Occurred at the desk'",
        f"It failed: {ACK}\rNTE|1||WEBIZ-AUTH-609 on the screen",
        f"It failed: {ACK}\rERR||NTE^1^3|102^Data type error^HL70357|E||||Bad comment: WEBIZ-AUTH-609",
    ],
)
@pytest.mark.parametrize("end", [b"</s:Body>", b""])
def test_a_text_that_quotes_a_code_of_the_account_is_no_refused_account(text: str, end: bytes) -> None:
    body = fault(f"<fault><Detail>{escaped(text)}</Detail></fault>", text).replace(b"</s:Body>", end)
    assert read(500, body).code == "OTHER-FAULT"


def test_hl7_in_a_fault_without_an_authentication_code_leaves_the_fault_what_it_is() -> None:
    reading = read(500, fault("<fault/>", f"It failed: {ACK}"))
    assert reading == Reading("OTHER-FAULT", embedded=f"{ACK}\r")


def test_embedded_hl7_ends_where_the_segments_end() -> None:
    assert embedded_hl7(f"before MSH|a\nMSA|AE|1\nThat was it.\n{ACK}") == "MSH|a\rMSA|AE|1\r"
    assert embedded_hl7("no MSHx here") == ""


NOT_ANSWERS = {
    "empty": (200, b"", "EMPTY-ANSWER"),
    "blank": (200, b" \r\n", "EMPTY-ANSWER"),
    "no content": (204, b"", "EMPTY-ANSWER"),
    "blank return": (200, response(" \n "), "EMPTY-ANSWER"),
    "nil": (
        200,
        response("").replace(b"<return>", b'<return xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true">'),
        "EMPTY-ANSWER",
    ),
    "HTML": (200, b"<!DOCTYPE html><html><body>Sign in<br></body></html>", "NOT-SOAP"),
    "XHTML": (200, b"<html><body><p>Sign in</p></body></html>", "NOT-SOAP"),
    "words": (200, b"Message received.", "NOT-SOAP"),
    "SOAP without an ACK": (200, envelope("<ok>yes</ok>"), "NOT-AN-ACK"),
    "half an ACK": (200, response(escaped(ACK))[:-80], "NOT-SOAP"),
    "a DTD": (200, b"<!DOCTYPE a [<!ENTITY e 'x'>]>" + response("&e;"), "NOT-SOAP"),
    "a DTD in UTF-16": (200, ("<!DOCTYPE a [<!ENTITY e 'x'>]>" + response("x").decode()).encode("utf-16"), "NOT-SOAP"),
    "400 with a page": (400, b"<html/>", "HTTP-400"),
    "500 with a page": (500, b"<html/>", "HTTP-500"),
    "500 with nothing": (500, b"", "HTTP-500"),
    "a fault on a status that says it all": (403, fault("<fault/>"), "HTTP-403"),
    "redirect": (302, b"", "HTTP-REDIRECT"),
    "an odd status": (418, b"", "HTTP-OTHER"),
}


@pytest.mark.parametrize(("status", "body", "code"), NOT_ANSWERS.values(), ids=NOT_ANSWERS.keys())
def test_what_is_no_answer_is_told_apart(status: int, body: bytes, code: str) -> None:
    assert read(status, body) == Reading(code)


HARMLESS = f"{ACK}\rERR||PID^1^5|0|I||||caf@ au lait"
SALVAGED = {
    "a control character": b"\x13",
    "a reference to one": b"&#x0b;",
    "a decimal reference to one": b"&#19;",
    "a reference beyond Unicode": b"&#x1FFFFF;",
    "a reference to a surrogate": b"&#xD800;",
    "windows-1252 in UTF-8": b"\x92",
    "half a UTF-8 character": b"\xc3",
    "a non-character": "\ufffe".encode(),
}


@pytest.mark.parametrize("bad", SALVAGED.values(), ids=SALVAGED.keys())
@pytest.mark.parametrize("wrap", [escaped, lambda text: f"<![CDATA[{text}]]>"], ids=["text", "CDATA"])
@pytest.mark.parametrize("prologue", [b"", b'<?xml version="1.0" encoding="UTF-8"?>'])
def test_one_character_that_xml_forbids_does_not_lose_the_ack(
    bad: bytes, wrap: Callable[[str], str], prologue: bytes
) -> None:
    reading = read(200, prologue + response(wrap(HARMLESS)).replace(b"@", bad))
    if bad.startswith(b"&") and "CDATA" in wrap(""):
        assert reading.text == HARMLESS.replace("@", bad.decode()).replace("\r", "\n"), "it is no reference there"
        return
    assert (reading.code, reading.salvaged) == ("", True)
    assert reading.text.replace("\n", "\r") == HARMLESS.replace("@", "\ufffd")


FRAMED = {
    "in MLLP's frame": f"\x0b{ACK}\r\x1c\r",
    "a segment of nothing else": f"{ACK}\r\x1c\rNTE|1||x",
}


@pytest.mark.parametrize("text", FRAMED.values(), ids=FRAMED.keys())
def test_a_frame_of_mllp_is_no_damage(text: str) -> None:
    reading = read(200, response(escaped(text)))
    assert (reading.code, reading.salvaged) == ("", True)
    assert ACK in reading.text


NOT_TRUSTED = {
    "in MSA": ACK.replace("MSA|", "MSA|\x13"),
    "at the end of MSA": f"{ACK}\x13",
    "in MSH": ACK.replace("WebIZ", "Web\x13Z"),
    "before MSA": ACK.replace("MSA", "\x13MSA"),
    "in the name of a segment": f"{ACK}\rE\x13R||PID^1^5|101|E",
    "instead of the separator after the name": f"{ACK}\rERR\x13|PID^1^5|101|E",
    "before a segment": f"{ACK}\r\x13ERR||PID^1^5|101|E",
    "where a segment may have begun": f"{ACK}\rERR||PID^1^5|0|I||||a\x13ERR||PID^1^5|101|E",
    "where one may have begun, with a blank": f"{ACK}\rERR||PID^1^5|0|I||||a\x1e ERR||PID^1^5|101|E",
}


@pytest.mark.parametrize("text", NOT_TRUSTED.values(), ids=NOT_TRUSTED.keys())
@pytest.mark.parametrize("bad", ["\x13", "\x92", "\ufffe"])
def test_damage_that_may_have_hidden_what_decides_is_never_guessed(text: str, bad: str) -> None:
    body = response(escaped(text)).replace(b"\x13", bad.encode("latin-1") if bad < "\xff" else bad.encode())
    reading = read(200, body)
    assert reading in (Reading("NOT-SOAP"), Reading("EMPTY-ANSWER"))


def test_an_ampersand_that_begins_no_reference_is_itself() -> None:
    reading = read(200, response(f"{ACK}|Smith & Sons &#38; Co"))
    assert reading.text.replace("\n", "\r") == f"{ACK}|Smith & Sons & Co"
    assert reading.salvaged


def test_a_broken_fault_with_a_forbidden_character_stays_a_fault() -> None:
    assert read(500, fault(SECURITY).replace(b"Other", b"Oth\x13r")).code == "SECURITY-FAULT"


@given(st.integers(0, len(response(escaped(HARMLESS)))), st.integers(0, 255), st.booleans())
def test_a_damaged_byte_never_makes_another_message_of_it(at: int, byte: int, is_inserted: bool) -> None:
    """Whatever one byte does, the outcome is a fault, or MSA says what it said or visibly something else."""
    body = response(escaped(HARMLESS))
    text = read(200, body[:at] + bytes([byte]) + body[at + (not is_inserted) :]).text
    if "\ufffd" in text:
        assert "\rMSA|AA|M1\r" in text.replace("\n", "\r")


# Charsets and parts ---------------------------------------------------------------------------------------------------

REMARK = f"{ACK}\rERR|||0|I||||Dos\u00e9 \u2019n"


@pytest.mark.parametrize("charset", ["windows-1252", "utf-8", "UTF-16", "utf-16-le"])
def test_a_charset_that_only_content_type_names_is_used(charset: str) -> None:
    body = response(escaped(REMARK)).decode().encode(charset)
    assert read(200, body, f'application/soap+xml; charset="{charset}"; action=""') == Reading(text=REMARK)


@pytest.mark.parametrize("charset", ["windows-1252", "utf-16"])
def test_what_the_xml_declares_wins_over_content_type(charset: str) -> None:
    body = f'<?xml version="1.0" encoding="{charset}"?>'.encode(charset) + response(escaped(REMARK)).decode().encode(
        charset if charset != "utf-16" else "utf-16-le"
    )
    assert read(200, body, "text/xml; charset=utf-8") == Reading(text=REMARK)


@pytest.mark.parametrize(
    "charset", ["zip", "rot13", "unicode_escape", "utf-7", "idna", "\ud800", "x" * 5000, "utf-8\0"]
)
def test_a_charset_that_no_answer_has_is_passed_over(charset: str) -> None:
    assert read(200, response(escaped(ACK)), f"text/xml; charset={charset}") == Reading(text=ACK)


XOP = '<x:Include xmlns:x="http://www.w3.org/2004/08/xop/include" href="cid:{}"/>'


def multipart(root: bytes, ack: bytes, *, coding: str = "binary", end: str = "\r\n", name: str = "<a@b>") -> bytes:
    def part(kind: str, content_id: str, coding: str, content: bytes) -> bytes:
        head = (f"Content-Type: {kind}", f"Content-Transfer-Encoding: {coding}", f"Content-ID: {content_id}", "", "")
        return f"--b0und{end}".encode() + end.join(head).encode() + content + end.encode()

    return part("application/xop+xml", "<root>", "8bit", root) + part("text/plain", name, coding, ack) + b"--b0und--"


RELATED = 'multipart/related; type="application/xop+xml"; boundary=b0und; start="<root>"'
IN_PARTS = {
    "as bytes": (multipart(response(XOP.format("a%40b")), ACK.encode()), RELATED),
    "in base64": (multipart(response(XOP.format("a@b")), base64.encodebytes(ACK.encode()), coding="base64"), RELATED),
    "quoted-printable": (
        multipart(response(XOP.format("a@b")), ACK.replace("=", "=3D").encode(), coding="quoted-printable"),
        RELATED,
    ),
    "with bare line feeds": (multipart(response(XOP.format("a@b")), ACK.encode(), end="\n"), RELATED),
    "with no start": (multipart(response(XOP.format("a@b")), ACK.encode()), "multipart/related; boundary=b0und"),
    "under a wrong Content-Type": (multipart(response(XOP.format("a@b")), ACK.encode()), "text/xml"),
    "of which the first has it all": (multipart(response(escaped(ACK)), b"unused"), RELATED),
}


@pytest.mark.parametrize(("body", "content_type"), IN_PARTS.values(), ids=IN_PARTS.keys())
def test_an_ack_in_a_part_of_its_own_is_found(body: bytes, content_type: str) -> None:
    assert read(200, body, content_type) == Reading(text=ACK)


def test_a_part_that_is_not_there_is_no_answer() -> None:
    body = multipart(response(XOP.format("another")), ACK.encode())
    assert read(200, body, RELATED) == Reading("NOT-SOAP")
    assert read(200, response(XOP.format("a@b")), "text/xml") == Reading("NOT-SOAP")


@given(st.binary(max_size=300), st.text(max_size=60))
def test_any_parts_give_a_reading(body: bytes, content_type: str) -> None:
    for wrapped in (body, b"--b0und\r\n" + body, body + b"\r\n--b0und--"):
        assert isinstance(read(200, wrapped, content_type), Reading)
        assert isinstance(read(200, wrapped, f"multipart/related; boundary=b0und; {content_type}"), Reading)


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha"}">' for n in range(12))
DTDS = {
    "billion laughs": f"<!DOCTYPE x [{LAUGHS}]>",
    "an external entity": '<!DOCTYPE x [<!ENTITY l11 SYSTEM "file:///etc/hostname">]>',
    "a parameter entity": '<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///etc/hostname"> %p;]>',
    "an external DTD": '<!DOCTYPE x SYSTEM "file:///etc/hostname">',
    "a quadratic blow-up": f'<!DOCTYPE x [<!ENTITY l11 "{"A" * 50_000}">]>',
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("dtd", DTDS.values(), ids=DTDS.keys())
@pytest.mark.parametrize("before", ["", '<?xml version="1.0"?>', "?", "\n<!-- -->"])
def test_no_dtd_is_read_whatever_its_encoding(dtd: str, encoding: str, before: str) -> None:
    for place in (response("&l11;"), b'<a b="&l11;">' + response("MSH|^~\\&amp;|A") + b"</a>"):
        reading = read(200, (before + dtd + place.decode()).encode(encoding))
        assert reading.code in {"NOT-SOAP", "NOT-AN-ACK"}
        assert reading.text == reading.embedded == ""


@given(st.integers(100, 599), st.binary(max_size=400))
def test_any_bytes_give_a_reading(status: int, body: bytes) -> None:
    assert isinstance(read(status, body), Reading)


@given(st.integers(0, len(response(escaped(ACK)))))
def test_a_cut_answer_is_never_taken_for_a_shorter_one(length: int) -> None:
    assert read(200, response(escaped(ACK))[:length]).text in ("", ACK)


@given(st.text())
def test_cleaning_twice_changes_no_more_than_cleaning_once(text: str) -> None:
    once = clean(text)
    if not text.startswith(("MSH%", "TVNI")):
        assert clean(once) == once == text.strip(" \t\r\n\ufeff")


def nist(shared_material: Path, pattern: str) -> list[Path]:
    return sorted((shared_material / "samples" / "soap").glob(pattern))


NIST_FAULTS = {
    "*SOAPENV_3_MessageTooLarge*Message.xml": "HTTP-413",
    "*SOAPENV_4_Security*Message.xml": "SECURITY-FAULT",
    "*SOAPENV_5_UnsupportedOperation*Message.xml": "UNSUPPORTED-OPERATION",
    "*SOAPENV_6_Unknown*Message.xml": "OTHER-FAULT",
    "*SOAPCON_5*Response.xml": "UNSUPPORTED-OPERATION",
    "*SOAPCON_2_MessageContentDe-capsulation*Response.xml": "HTTP-413",
}


@pytest.mark.parametrize(("pattern", "code"), NIST_FAULTS.items())
def test_nists_sample_faults_are_told_apart(shared_material: Path, pattern: str, code: str) -> None:
    samples = nist(shared_material, pattern)
    assert samples
    assert {read(500, sample.read_bytes()).code for sample in samples} == {code}


@pytest.mark.parametrize(
    "pattern", ["*SOAPENV_2_SubmitSingleMessage_Response*Message.xml", "*SOAPCON_2_Submit*Response.xml"]
)
def test_nists_sample_answers_are_read(shared_material: Path, pattern: str) -> None:
    samples = nist(shared_material, pattern)
    assert samples
    for sample in samples:
        assert read(200, sample.read_bytes()).text.startswith("MSH|")


def test_every_sample_that_nist_has_gives_a_reading(shared_material: Path) -> None:
    for sample in nist(shared_material, "*.xml"):
        assert isinstance(read(200, sample.read_bytes()), Reading)


def test_real_hl7_answers_come_through_unchanged(shared_material: Path) -> None:
    samples = [*(shared_material / "samples" / "hl7").glob("ack*"), *(shared_material / "samples" / "hl7").glob("rsp*")]
    assert samples
    for sample in samples:
        text = sample.read_bytes().decode("utf-8").strip()
        if "\x0b" not in text:
            assert read(200, response(escaped(text).replace(">", "&gt;"))).text == text
