"""How IISs answer, as a table: what each style of answer must be read as. A new style is a new row."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from shared.domain import faults, guidance
from shared.domain.hl7.ack import AckReading, read_ack
from shared.domain.hl7.iis_profiles import COMMIT_ACK, CTWIZ, DEFAULT, VERDICTS, IisProfile, Verdict
from shared.domain.lifecycle import Event
from tests.places import SHARED

CASES = SHARED / "cases" / "answers"
ORDER = "ORC|RE||{id}^EX0000\rRXA|0|1|20250301||08^^CVX|999||01^^NIP001|||||||||||CP|A\r"
VXU = "MSH|^~\\&|VAXLINE|EX0000||CT0000|20250301||VXU^V04^VXU_V04|MID1|P|2.5.1\rPID|1||1\rNK1|1\r" + "".join(
    ORDER.format(id=dose) for dose in ("D1", "D2", "D3")
)
ALL = ("D1", "D2", "D3")
STORED = Event.ACCEPT
WARNED = Event.ACCEPT_WITH_WARNINGS
PARTLY = Event.ACCEPT_PARTLY
REFUSED = Event.REFUSE
INTERNAL = "IIS-INTERNAL-ERROR"


class Style(NamedTuple):
    """One style: the segments after MSH, and what the two profiles make of it (`ctwiz` None: the same)."""

    name: str
    segments: tuple[str, ...]
    default: Event | str
    ctwiz: Event | str | None = None
    causes: tuple[str, ...] | None = None
    dropped: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    message_type: str = "ACK^V04^ACK"


def err(place: str, code: str = "101", severity: str = "E", text: str = "", own: str = "") -> str:
    return f"ERR||{place}|{code}|{severity}|{own}|||{text}"


STYLES = (
    # Commit level (v2.5.1, section 2.9.3.2).
    Style("CA alone", ("MSA|CA|MID1",), COMMIT_ACK),
    Style("CA with a warning", ("MSA|CA|MID1", err("PID^1^8", severity="W")), COMMIT_ACK),
    Style("CA before AA", ("MSA|CA|MID1", "MSA|AA|MID1"), STORED),
    Style("CA with an error", ("MSA|CA|MID1", err("PID^1^3")), REFUSED, causes=("101 PID-3",)),
    Style("CE alone", ("MSA|CE|MID1",), REFUSED, causes=("CE",)),
    Style("CE with an error in one order", ("MSA|CE|MID1", err("RXA^2^5")), REFUSED, causes=("101 RXA-5",)),
    Style("CE with a warning", ("MSA|CE|MID1", err("PID^1^8", severity="W")), REFUSED),
    Style("CR alone", ("MSA|CR|MID1",), REFUSED, causes=("CR",)),
    # MSH-9.
    Style("RSP", ("MSA|AA|MID1", "QAK|1|NF|Z34"), "NOT-AN-ACK", message_type="RSP^K11^RSP_K11"),
    Style("our own VXU", ("MSA|AA|MID1",), "NOT-AN-ACK", message_type="VXU^V04^VXU_V04"),
    Style("no MSH-9", ("MSA|AA|MID1",), STORED, message_type=""),
    Style("ACK alone in MSH-9", ("MSA|AA|MID1",), STORED, message_type="ack"),
    Style("ACK^V04^VXU_V04", ("MSA|AA|MID1",), STORED, message_type="ACK^V04^VXU_V04"),
    # An error in one ORDER group.
    Style("stops at the first error", ("MSA|AE|MID1", err("RXA^1^5")), PARTLY, dropped=("D1",), unproven=("D2", "D3")),
    Style("stops at the last error", ("MSA|AE|MID1", err("RXA^3^5")), PARTLY, dropped=("D3",), unproven=("D1", "D2")),
    Style("all orders", ("MSA|AE|MID1", err("RXA^1^5~RXA^2^5~RXA^3^5")), REFUSED, dropped=ALL),
    Style("an order that is not named", ("MSA|AE|MID1", err("RXA^^5")), PARTLY, unproven=ALL),
    Style("an optional segment", ("MSA|AE|MID1", err("NK1^1^3")), PARTLY, unproven=ALL),
    # Words that say more than the codes.
    Style("message rejected, as a warning", ("MSA|AE|MID1", err("RXA^1^5", severity="W", text="Code unknown - message rejected")), REFUSED, causes=("101 RXA-5",)),
    Style("Record rejected, as information", ("MSA|AA|MID1", err("", "0", "I", "Record rejected")), REFUSED, causes=("0",)),
    Style("message rejected in MSA-3", ("MSA|AA|MID1|Message has been rejected",), REFUSED, causes=("AA",)),
    Style("IGNORED in MSA-3", ("MSA|AE|MID1|IGNORED",), REFUSED, causes=("AE",)),
    Style("ignored in MSA-3", ("MSA|AA|MID1|Message had been ignored by the system",), REFUSED),
    Style("IGNORED in ERR-8", ("MSA|AE|MID1", err("RXA^2^5", severity="W", text="IGNORED")), PARTLY, dropped=("D2",), unproven=("D1", "D3")),
    Style("vaccination ignored", ("MSA|AA|MID1", err("ORC^3", severity="W", text="Vaccination was ignored")), PARTLY, dropped=("D3",), unproven=("D1", "D2")),
    Style("segment group rejected", ("MSA|AE|MID1", err("RXA^1", severity="I", text="RXA is bad, segment-group rejected")), PARTLY, dropped=("D1",), unproven=("D2", "D3")),
    Style("a value ignored", ("MSA|AE|MID1", err("PID^1^10", severity="W", text="Value ignored")), WARNED),
    Style("a field rejected", ("MSA|AE|MID1", err("RXR^1^2", severity="W", text="Site unknown, field rejected")), WARNED),
    Style("site data not saved", ("MSA|AE|MID1", err("RXR^1^2", severity="W", text="site data will not be saved")), WARNED),
    Style("a duplicate ignored", ("MSA|AA|MID1", err("RXA^1", severity="W", text="Duplicate vaccination ignored")), WARNED),
    Style("processed", ("MSA|AA|MID1|VXU processed.",), STORED),
    # ERR-3, ERR-4, ERR-5.
    Style("ERR-3 is 0 beside ERR-5", ("MSA|AE|MID1", err("ORC^1^12", "0^Message accepted^HL70357", "W", own="5^Table value not found^HL70533")), WARNED, causes=("5 ORC-12",)),
    Style("ERR-3 is 0 beside ERR-5, as an error in AA", ("MSA|AA|MID1", err("ORC^1^12", "0", "E", own="5")), WARNED, causes=("5 ORC-12",)),
    Style("AE with information only", ("MSA|AE|MID1", err("PID^1^3^1", severity="I", text="Authority missing")), WARNED, causes=("101 PID-3",)),
    Style("AE with information beside a warning", ("MSA|AE|MID1", err("PID^1^3", severity="I"), err("PID^1^8", "103", "W")), WARNED, causes=("103 PID-8",)),
    Style("AA with information only", ("MSA|AA|MID1", err("PID^1^3", severity="I")), STORED, causes=()),
    Style("AE alone", ("MSA|AE|MID1",), REFUSED, WARNED, causes=("AE",)),
    # ERR-2.
    Style("a spelled-out segment", ("MSA|AE|MID1", err("RXA_PharmacyTreatmentAdministration^2^5")), PARTLY, causes=("101 RXA-5",), dropped=("D2",), unproven=("D1", "D3")),
    Style("a spelled-out segment outside the orders", ("MSA|AE|MID1", err("PID_PatientIdentification^1^8")), REFUSED, causes=("101 PID-8",)),
    Style("a segment with its name in parentheses", ("MSA|AE|MID1", err("RXA (Pharmacy Administration)^1^5")), PARTLY, causes=("101 RXA-5",), dropped=("D1",), unproven=("D2", "D3")),
    Style("words instead of a segment", ("MSA|AE|MID1", err("The patient")), REFUSED, causes=("101",)),
    # Failures of the IIS itself, in its words.
    *(
        Style(text, ("MSA|AE|MID1", err("", "999^Application error^HL70357", text=text)), INTERNAL)
        for text in (
            "Application internal error",
            "Internal server error",
            "An INTERNAL ERROR has occurred",
            "Internal processing failure, try later",
            "Internal exception",
            "Unhandled exception of type NullReference",
            "Unexpected error",
            "System error 17",
            "Database error: deadlock",
            "The service is temporarily unavailable",
        )
    ),
    Style("in MSA-3", ("MSA|AR|MID1|Internal system error",), INTERNAL),
    *(
        Style(text, ("MSA|AE|MID1", err("PID^1^3", "999", text=text)), REFUSED, causes=("999 PID-3",))
        for text in ("Internal Parser Error: Field too long: 16 > 15", "Coding system error", "Application error")
    ),
    Style("an internal error beside another", ("MSA|AE|MID1", err("", "207"), err("PID^1^8")), REFUSED),
)  # fmt: skip


def read(style: Style, profile: IisProfile) -> AckReading | str:
    head = f"MSH|^~\\&|IIS|X|||20261129||{style.message_type}|1|P|2.5.1|||NE|NE|||||Z23^CDCPHINVS"
    return read_ack("\r".join([head, *style.segments, ""]), msh_10="MID1", vxu=VXU, profile=profile)


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
@pytest.mark.parametrize("profile", [DEFAULT, CTWIZ], ids=lambda profile: profile.name)
def test_a_style_of_answer_is_read_for_what_it_says(style: Style, profile: IisProfile) -> None:
    reading = read(style, profile)
    expected = style.ctwiz if profile is CTWIZ and style.ctwiz is not None else style.default
    if isinstance(reading, str):
        assert reading == expected
        assert reading in faults.BY_CODE
        return
    assert reading.event is expected
    if style.causes is not None:
        assert reading.causes == style.causes
    assert all(guidance.guide_cause(cause) for cause in reading.causes)
    dropped = ALL if expected is REFUSED else style.dropped
    # WebIZ goes on with the other groups; of other IISs nobody knows.
    goes_on = profile.goes_on and (dropped or "NK1" in "".join(style.segments))
    assert (reading.dropped, reading.unproven) == (dropped, () if goes_on else style.unproven)


def test_msa_3_is_kept_as_it_came() -> None:
    reading = read(Style("", ("MSA|AE|MID1|Please \\T\\ thank you",), REFUSED), DEFAULT)
    assert isinstance(reading, AckReading)
    assert reading.msa_3 == "Please & thank you"


def test_another_iis_is_a_row_of_data() -> None:
    """An IIS with codes, words and habits of its own, which the reader has never met."""
    own = IisProfile(
        "sample",
        verdicts={**VERDICTS, "AA": VERDICTS["AE"], "OK": Verdict(1, True, STORED, WARNED), "CA": VERDICTS["AA"]},
        message_types=frozenset({"RSP"}),
        own_code=re.compile(r"SYN[0-9]{3}"),
        security_code="SYN9",
        internal_codes=frozenset({"300"}),
        internal_text=re.compile("out of coffee"),
        rejecting_text=re.compile("nope"),
        dropping_text=re.compile("not this one"),
        optional_segments=frozenset({"PID"}),
        goes_on=True,
    )
    answers: tuple[tuple[tuple[str, ...], Event | str], ...] = (
        (("MSA|OK|MID1",), STORED),
        (("MSA|CA|MID1",), STORED),
        (("MSA|AA|MID1",), REFUSED),
        (("MSA|OK|MID1|nope",), REFUSED),
        (("MSA|OK|MID1", err("RXA^2", severity="I", text="not this one")), PARTLY),
        (("MSA|AE|MID1", err("PID^1^8")), PARTLY),
        (("MSA|AE|MID1", err("NK1^1^3")), REFUSED),
        (("MSA|AE|MID1", err("", "300")), INTERNAL),
        (("MSA|AE|MID1", err("", text="out of coffee")), INTERNAL),
        (("MSA|AE|MID1", err("", own="1^^^SYN911^no^L")), "SECURITY-FAULT"),
    )
    for segments, expected in answers:
        reading = read(Style("", segments, expected, message_type="RSP^K11"), own)
        assert (reading.event if isinstance(reading, AckReading) else reading) == expected
    assert read(Style("", ("MSA|OK|MID1",), "", message_type="ACK"), own) == "NOT-AN-ACK"


@pytest.mark.skipif(not CASES.exists(), reason="the sample answers are not here; set VAXLINE_SHARED to their folder")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ack_stops_at_first_error", (PARTLY, ("101 RXA-5",), ("D1",), ("D2", "D3"))),
        ("ack_code0_with_err5", (WARNED, ("5 ORC-12",), (), ())),
        ("ack_two_remarks", (WARNED, ("101 PID-3",), (), ())),
        ("rsp_as_answer_to_vxu", "NOT-AN-ACK"),
    ],
)
def test_the_cases_are_read_right(name: str, expected: object) -> None:
    text = (CASES / f"{name}.hl7").read_text("utf-8")
    reading = read_ack(text, msh_10="MID1", vxu=VXU, profile=DEFAULT)
    if isinstance(reading, AckReading):
        assert (reading.event, reading.causes, reading.dropped, reading.unproven) == expected
    else:
        assert reading == expected
