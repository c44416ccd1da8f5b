"""`vaxline explain FILE`: any ACK, RSP, QBP or VXU is read as the console's page of a message reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from console.main import app
from console.reading import read_explained
from local.ctwiz import soap
from shared.domain.hl7.iis_profiles import CTWIZ, DEFAULT
from shared.domain.hl7.rsp_model import Match
from shared.domain.lifecycle import State
from shared.usecases.explain_messages import explain_messages

HEAD = "MSH|^~\\&|{}|CT9001||CT0000|20260302120000-0500||{}|{}|P|2.5.1|||ER|AL|||||{}^CDCPHINVS\r"
PID = "PID|1||SYN-1^^^CT9001^MR||Sampleton^Ada^^^^^L|Example^Eve^^^^^M|20200102|F\r"
DOSE = "ORC|RE||{id}^CT9001\rRXA|0|1|20260301||08^HepB^CVX|0.5|mL^^UCUM||01^^NIP001|||||||||||CP|A\r"
VXU = HEAD.format("VAXLINE", "VXU^V04^VXU_V04", "MSG1", "Z22") + PID + DOSE.format(id="D1") + DOSE.format(id="D2")
ACK = (
    HEAD.format("WebIZ", "ACK^V04^ACK", "A1", "Z23")
    + "MSA|AE|MSG1|Some words\r"
    + "ERR||RXA^2^5^1^1|999^ApplicationError^HL70357|E|5^Table value not found^HL70533^WEBIZ-724^x^L|||Not recognized\r"
)
RSP = (
    HEAD.format("WebIZ", "RSP^K11^RSP_K11", "R1", "Z42")
    + "MSA|AE|Q1\rERR||QPD^1^3|999|W|3^^^WEBIZ-501|||Field too long\rQAK|Q1|OK|Z44^x^CDCPHINVS\rQPD|Z44^x|Q1\r"
    + PID
    + DOSE.format(id="T1")
    + DOSE.format(id="T2").replace("|CP|A", "|CP|D")
    + "OBX|1|CE|30956-7^Vaccine^LN|1|08^HepB^CVX||||||F\rOBX|2|ID|59781-5^Validity^LN|1|Y||||||F\r"
    + "ORC|RE||9999^CT0000\rRXA|0|1|20260302||998^None^CVX|999||||||||||||||NA|A\r"
    + "OBX|1|CE|30956-7^Vaccine^LN|1|08^HepB^CVX||||||F\rOBX|2|DT|30980-7^Due^LN|1|20260601||||||F\r"
)
QBP = HEAD.format("VAXLINE", "QBP^Q11^QBP_Q11", "Q1", "Z44") + "QPD|Z44^x|Q1|SYN-1^^^CT9001^MR|Sampleton^Ada\rRCP|I\r"


def call(*arguments: str, content: str | bytes | None = None, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["explain", *arguments], input=content, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def data(*arguments: str, content: str | bytes | None = None) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = json.loads(call(*arguments, "--json", content=content).stdout)
    return read


def marks(message: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(place, code, who) of every objection; the place of one to a whole segment is its name."""
    return [
        (place, mark["code"], mark["who"])
        for segment in message["segments"]
        for place, found in (
            (segment["name"], segment["marks"]),
            *((f["place"], f["marks"]) for f in segment["fields"]),
        )
        for mark in found
    ]


def test_an_ack_is_read_with_what_to_do_about_each_error(tmp_path: Path) -> None:
    path = tmp_path / "ack.hl7"
    path.write_text(ACK, "utf-8")
    (read,) = data(str(path))
    assert (read["kind"], read["result"], read["answers"], read["msa_3"]) == (
        "ACK",
        "PARTLY_ACCEPTED",
        "MSG1",
        "Some words",
    )
    assert read["causes"] == ["WEBIZ-724 RXA-5"]
    assert marks(read) == [("ERR", "WEBIZ-724", "code map")]
    assert "Name the VXU as well" in read["words"]
    printed = call(str(path)).stdout
    for words in ("PARTLY_ACCEPTED", "MSA-3: Some words", "RXA[2]-5.1 vaccine: Not recognized", "Fix: Map the vaccine"):
        assert words in printed


@pytest.mark.parametrize("is_same_file", [True, False])
def test_with_its_vxu_an_ack_says_which_doses_it_means(tmp_path: Path, is_same_file: bool) -> None:
    vxu, ack = tmp_path / "vxu.hl7", tmp_path / "ack.hl7"
    vxu.write_text(VXU, "utf-8")
    ack.write_text(VXU + ACK if is_same_file else ACK, "utf-8")
    read = data(str(ack), *([] if is_same_file else ["--vxu", str(vxu)]))[-1]
    assert read["counts"] == {"errors": 1, "not stored": 1, "perhaps not stored": 0}
    assert "Name the VXU" not in read["words"]
    (default,) = data(str(ack), "--vxu", str(vxu), "--profile", "default")[-1:]
    assert default["counts"] == {"errors": 1, "not stored": 1, "perhaps not stored": 1}


def test_an_rsp_is_read_with_its_match_and_counts() -> None:
    (read,) = data("-", content=RSP)
    assert (read["kind"], read["result"], read["profile"]) == ("RSP", "FOUND", "Z42")
    assert read["counts"] == {
        "patients": 1,
        "vaccinations": 2,
        "given": 1,
        "evaluations": 1,
        "recommendations": 1,
        "errors": 1,
        "segments not understood": 0,
    }
    assert marks(read) == [("ERR", "WEBIZ-501", "clinic EHR")]
    printed = call("-", content=RSP).stdout
    assert "FOUND" in printed
    assert "1 recommendations" in printed


def test_a_qbp_and_a_vxu_are_read_with_their_fields_named() -> None:
    query, message = data("-", content=QBP + VXU.replace("HepB^CVX", "HepB^XXX", 1))
    names = {field["place"]: field["name"] for one in query["segments"] for field in one["fields"]}
    assert (query["kind"], names["QPD-4"]) == ("QBP", "patient name")
    assert (message["kind"], message["counts"]["vaccinations"]) == ("VXU", 2)
    assert "RXA-5" in {place for place, _, _ in marks(message)}


@pytest.mark.parametrize(
    ("content", "result"),
    [
        (ACK.replace("MSA|AE", "MSA|CA").split("ERR")[0], "COMMIT-ACK"),
        (ACK.replace("MSG1", ""), "WRONG-MSA-2"),
        (ACK.replace("RXA^2^5^1^1", "").replace("Not recognized", "Internal server error"), "IIS-INTERNAL-ERROR"),
        (ACK.replace("WEBIZ-724", "WEBIZ-AUTH-609"), "SECURITY-FAULT"),
        (RSP.replace("|OK|", "|NF|"), "NOT_FOUND"),
        ("MSA|AA|MSG1\r", "NOT-AN-ACK"),
    ],
)
def test_what_submit_would_make_of_an_answer_is_said(content: str, result: str) -> None:
    (read,) = data("-", content=content)
    assert read["result"] == result
    assert read["words"]


def test_a_captured_soap_answer_is_read_too() -> None:
    (read,) = data("-", content=soap.answer(ACK).body)
    assert read["result"] == "PARTLY_ACCEPTED"
    result = call("-", content=soap.fault("SecurityFault", "Invalid Username or Password").body, code=1)
    assert "SECURITY-FAULT" in result.stderr
    wrapped = soap.fault("fault", f"Authentication Error Occurred.\nOriginal HL7 Response\n{ACK}").body
    assert "SECURITY-FAULT" in call("-", content=wrapped).stderr


@pytest.mark.parametrize("content", ["", "Nothing to see here", "a,b,c\n1,2,3\n"])
def test_a_file_without_a_message_is_said_to_hold_none(content: str) -> None:
    assert "holds no HL7 message" in call("-", content=content, code=1).stderr


def test_what_is_neither_code_nor_file_is_said(tmp_path: Path) -> None:
    assert "nor the name of a file" in call(str(tmp_path / "none.hl7"), code=1).stderr
    assert "no profile" in call("-", "--profile", "zzz", code=2).stderr


@given(st.text(max_size=200) | st.text("MSHPIDRXAOBXERAQK|^~\\&\r0159", max_size=200))
def test_any_text_is_explained_without_raising(text: str) -> None:
    for content in (text, ACK + text, HEAD.format("", "", "", "") + text):
        for profile in (CTWIZ, DEFAULT):
            for explained in explain_messages(content, profile):
                read_explained(explained)


def test_every_sample_message_is_explained(shared_material: Path) -> None:
    paths = sorted((shared_material / "samples" / "hl7").glob("*.hl7"))
    assert len(paths) > 250
    results: dict[str, set[str]] = {}
    for path in paths:
        text = path.read_text("utf-8")
        found = explain_messages(text, CTWIZ)
        assert found, path.name
        assert found[0].kind == path.name[:3].upper(), path.name
        for explained in found:
            segments, loose = read_explained(explained)
            assert len(segments) == len(explained.message.segments)
            shown = len(loose) + sum(len(one.marks) + sum(len(f.marks) for f in one.fields) for one in segments)
            assert shown == len(explained.errors) + len(explained.findings), path.name
            results.setdefault(explained.kind, set()).add(explained.result)
    assert results["RSP"] <= {match.value for match in Match}
    assert {State.ACCEPTED.value, State.REFUSED.value, "WRONG-MSA-2"} <= results["ACK"]
