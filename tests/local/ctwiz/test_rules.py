"""The simulated registry: each rule, what is stored, and what the answer looks like."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.ctwiz.messages import parse_message
from local.ctwiz.registry import WebIz
from local.ctwiz.rules import ORDER_RULES, PATIENT_RULES

TODAY = date(2026, 3, 2)
PATIENT = (
    "MSH|^~\\&|VAXLINE|CT0100||CT0000|20260301120000+0000||VXU^V04^VXU_V04|MSG1|P|2.5.1|||ER|AL|||||Z22^CDCPHINVS",
    "PID|1||SYN1^^^CT0100^MR||Sampleton^Ada^^^^^L||20200102|F|||1 Example Way^^Hartford^CT^06101^USA^H",
)


def an_order(number: int = 1) -> tuple[str, ...]:
    return (
        f"ORC|RE||DOSE{number}^CT0100",
        "RXA|0|1|20260301||08^Hep B^CVX|0.5|mL^mL^UCUM||00^New^NIP001||^^^CT1001||||LOT1|20270101|SKB^GSK^MVX|||CP|A",
        "RXR|C28161^Intramuscular^NCIT|LT^Left thigh^HL70163",
        "OBX|1|CE|64994-7^Eligibility^LN|1|V02^Medicaid^HL70064||||||F|||20260301",
        "OBX|2|CE|30963-3^Funding^LN|2|VXC50^Public^CDCPHINVS||||||F|||20260301",
    )


def a_message(*orders: tuple[str, ...], patient: tuple[str, ...] = PATIENT) -> str:
    return "".join(f"{segment}\r" for segment in (*patient, *(s for order in orders for s in order)))


def registry() -> WebIz:
    return WebIz(facilities=["CT0100"], clinic_codes=["CT1001"], inactive=["CT0666"], today=lambda: TODAY)


def segments(answer: str, name: str) -> list[list[str]]:
    return [segment.split("|") for segment in answer.split("\r") if segment.startswith(f"{name}|")]


def test_a_good_message_is_answered_aa_and_stored() -> None:
    webiz = registry()
    verdict = webiz.receive(a_message(an_order()))
    assert verdict.stored
    (msh,) = segments(verdict.answer, "MSH")
    assert msh[2:6] == ["WebIZ.0.0.simulator", "CT0000", "", "CT0100"]
    assert msh[8] == "ACK^V04^ACK"
    assert msh[20] == "Z23^CDCPHINVS"
    assert segments(verdict.answer, "MSA") == [["MSA", "AA", "MSG1"]]
    assert list(webiz.history("SYN1")) == ["DOSE1^CT0100"]


# One change to a good message for each rule: (code, severity) → (what stands there, what is put instead).
MUTATIONS: dict[tuple[str, str, str], tuple[str, str]] = {
    ("WEBIZ-710", "E", "PID-3.1"): ("SYN1^^^CT0100^MR", "^^^CT0100^MR"),
    ("WEBIZ-711", "E", "PID-5.1"): ("Sampleton^Ada", "Sampleton"),
    ("WEBIZ-712", "E", "PID-7.1"): ("|20200102|", "|2020|"),
    ("WEBIZ-713", "E", "PID-7.1"): ("|20200102|", "|20260303|"),
    ("WEBIZ-714", "E", "PID-5.2"): ("^Ada^", "^Baby Girl^"),
    ("WEBIZ-715", "W", "PID-8.1"): ("|20200102|F", "|20200102|female"),
    ("WEBIZ-716", "W", "PID-11.5"): ("^06101^", "^6101^"),
    ("WEBIZ-501", "W", "PID-3.1"): ("SYN1^^^", "SYN1234567890123^^^"),
    ("WEBIZ-501", "W", "MSH-10.1"): ("|MSG1|", "|MSG456789012345678901|"),
    ("WEBIZ-720", "E", "ORC-3.1"): ("DOSE1^CT0100", ""),
    ("WEBIZ-721", "E", "RXA-3.1"): ("RXA|0|1|20260301|", "RXA|0|1|20260231|"),
    ("WEBIZ-722", "E", "RXA-3.1"): ("RXA|0|1|20260301|", "RXA|0|1|20191231|"),
    ("WEBIZ-723", "E", "RXA-3.1"): ("RXA|0|1|20260301|", "RXA|0|1|20260303|"),
    ("WEBIZ-724", "E", "RXA-5.1"): ("|08^Hep B^CVX|", "|908^Hep B^CVX|"),
    ("WEBIZ-725", "E", "RXA-20.1"): ("|CP|A", "|XX|A"),
    ("WEBIZ-726", "E", "RXA-18.1"): ("|CP|A", "|RE|A"),
    ("WEBIZ-727", "E", "RXA-15.1"): ("|LOT1|", "||"),
    ("WEBIZ-728", "E", "RXA-17.1"): ("|SKB^GSK^MVX|", "|ZZZ^Nobody^MVX|"),
    ("WEBIZ-729", "E", "RXA-11.4"): ("^^^CT1001|", "^^^CT9999|"),
    ("WEBIZ-501", "W", "ORC-3.1"): ("DOSE1^", "DOSE12345678901234567^"),
    ("WEBIZ-740", "W", "RXA"): ("64994-7", "64994-0"),
    ("WEBIZ-741", "W", "RXA"): ("|V02^", "|V99^"),
    ("WEBIZ-742", "W", "RXA"): ("30963-3", "30963-0"),
    ("WEBIZ-743", "W", "RXA-16.1"): ("|20270101|", "|202602|"),
    ("WEBIZ-744", "W", "RXR-1.1"): ("C28161^", "IM^"),
    ("WEBIZ-745", "W", "RXR-2.1"): ("|LT^", "|BUTTOCK^"),
}


def test_every_rule_is_tried_here() -> None:
    assert {(rule.code, rule.severity, rule.place) for rule in PATIENT_RULES + ORDER_RULES} == MUTATIONS.keys()


@pytest.mark.parametrize(("rule", "change"), MUTATIONS.items(), ids="-".join)
def test_a_rule_finds_its_one_change(rule: tuple[str, str, str], change: tuple[str, str]) -> None:
    code, severity, place = rule
    good = a_message(an_order())
    assert change[0] in good
    webiz = registry()
    verdict = webiz.receive(good.replace(*change, 1))
    assert segments(verdict.answer, "MSA")[0][1] == "AE"
    (err,) = segments(verdict.answer, "ERR")
    name, _, path = place.partition("-")
    position, _, component = path.partition(".")
    assert err[2] == f"{name}^1" + (f"^{position}^1^{component}" if position else "")
    assert err[4] == severity
    assert err[5].split("^")[3] == code
    assert verdict.stored == (severity == "W")
    of_patient = place.startswith(("PID", "MSH"))
    consequence = "Message rejected" if of_patient else "Not processing order group 1"
    assert (consequence in err[8]) == (severity == "E")


@pytest.mark.parametrize(
    ("cvx", "is_known"),
    [
        *((code, True) for code in ("08", "8", "187", "334", "500", "501", "510", "521", "801", "998", "999")),
        # Newer than the table: an IIS has them on the day on which CDC publishes them.
        *((code, True) for code in ("335", "338", "499")),
        *((code, False) for code in ("98", "99", "0", "522", "600", "802", "997", "1000", "", "Tdap", "\u0664")),
    ],
)
def test_a_cvx_is_judged_by_cdcs_table(cvx: str, is_known: bool) -> None:
    verdict = registry().receive(a_message(an_order()).replace("|08^Hep B^CVX|", f"|{cvx}^x^CVX|"))
    assert ("WEBIZ-724" not in verdict.answer, verdict.stored) == (is_known, is_known)


def test_a_bad_order_group_is_dropped_and_the_others_are_stored() -> None:
    webiz = registry()
    bad = tuple(segment.replace("08^Hep B", "908^Nothing") for segment in an_order(2))
    verdict = webiz.receive(a_message(an_order(1), bad, an_order(3)))
    assert verdict.stored
    assert [err[2] for err in segments(verdict.answer, "ERR")] == ["RXA^2^5^1^1"]
    assert set(webiz.history("SYN1")) == {"DOSE1^CT0100", "DOSE3^CT0100"}


def test_a_message_whose_groups_are_all_bad_is_not_stored() -> None:
    webiz = registry()
    verdict = webiz.receive(a_message(an_order()).replace("08^Hep B", "908^Nothing"))
    assert not verdict.stored
    assert webiz.accepted == {}


def test_an_update_replaces_and_a_delete_removes_the_dose_with_this_orc_3() -> None:
    webiz = registry()
    webiz.receive(a_message(an_order()))
    webiz.receive(a_message(an_order()).replace("LOT1", "LOT2").replace("|CP|A", "|CP|U"))
    (dose,) = webiz.history("SYN1").values()
    assert "LOT2" in dose
    assert webiz.receive(a_message(an_order()).replace("|CP|A", "|CP|D")).stored
    assert webiz.history("SYN1") == {}


def test_a_delete_of_an_unknown_dose_is_refused() -> None:
    verdict = registry().receive(a_message(an_order()).replace("|CP|A", "|CP|D"))
    assert not verdict.stored
    assert "Not processing order group 1" in verdict.answer


BARE_DELETION = ("ORC|RE||DOSE1^CT0100", "RXA|0|1|20260301||08^Hep B^CVX|999||||||||||||||CP|D")


def test_a_delete_needs_no_more_than_orc_3_date_and_vaccine() -> None:
    webiz = registry()
    webiz.receive(a_message(an_order()))
    verdict = webiz.receive(a_message(BARE_DELETION))
    assert segments(verdict.answer, "MSA")[0][1] == "AA"
    assert webiz.history("SYN1") == {}


@pytest.mark.parametrize("day", ["20190101", "20260303"])
def test_a_delete_may_name_a_day_before_birth_or_in_the_future(day: str) -> None:
    webiz = registry()
    webiz.receive(a_message(an_order()))
    assert webiz.receive(a_message(BARE_DELETION).replace("20260301||08", f"{day}||08")).stored
    assert webiz.history("SYN1") == {}


@pytest.mark.parametrize(("old", "new"), [("|20260301||", "|||"), ("08^Hep B^CVX", ""), ("DOSE1^CT0100", "")])
def test_a_delete_without_orc_3_date_or_vaccine_is_refused_and_deletes_nothing(old: str, new: str) -> None:
    webiz = registry()
    webiz.receive(a_message(an_order()))
    verdict = webiz.receive(a_message(BARE_DELETION).replace(old, new))
    assert "Not processing order group 1" in verdict.answer
    assert len(webiz.history("SYN1")) == 1


def test_refusals_share_9999_and_do_not_overwrite_each_other() -> None:
    webiz = registry()
    refusals = [
        ("ORC|RE||9999^CT0100", f"RXA|0|1|20260301||{cvx}^x^CVX|999||||||||||||00^Parental^NIP002||RE|A")
        for cvx in ("08", "10")
    ]
    assert webiz.receive(a_message(*refusals)).stored
    assert len(webiz.history("SYN1")) == 2


FACILITY_FAULTS = {
    "another receiving facility": ("|CT0000|", "|NV0000|", "WEBIZ-AUTH-609"),
    "an unknown sender": ("|CT0100||", "|CT0999||", "WEBIZ-AUTH-609"),
}


@pytest.mark.parametrize(("old", "new", "code"), FACILITY_FAULTS.values(), ids=FACILITY_FAULTS.keys())
def test_a_wrong_facility_goes_out_inside_a_fault(old: str, new: str, code: str) -> None:
    webiz = registry()
    verdict = webiz.receive(a_message(an_order()).replace(old, new, 1))
    assert verdict.as_fault
    assert code in verdict.answer
    assert webiz.accepted == {}


def test_a_suspended_facility_goes_out_inside_a_fault() -> None:
    webiz = WebIz(facilities=["CT0100"], inactive=["CT0100"], today=lambda: TODAY)
    verdict = webiz.receive(a_message(an_order()))
    assert verdict.as_fault
    assert "WEBIZ-AUTH-625" in verdict.answer


@pytest.mark.parametrize(
    ("old", "new"), [("VXU^V04", "ADT^V04"), ("VXU^V04", "VXU^V03"), ("|2.5.1|", "|2.3.1|"), ("MSH|^~\\&", "MSH|~^\\&")]
)
def test_another_kind_of_message_is_rejected(old: str, new: str) -> None:
    verdict = registry().receive(a_message(an_order()).replace(old, new, 1))
    assert segments(verdict.answer, "MSA")[0][1] == "AR"
    assert not verdict.stored


def test_an_application_failure_brings_the_ids_of_webiz_logs() -> None:
    answer = registry().application_failure(a_message(an_order()))
    assert "|207^Application internal error^HL70357|" in answer
    (zsa,) = segments(answer, "ZSA")
    assert "HL7LogIdIncomming" in zsa[2]


@given(
    st.text(max_size=200)
    | st.text(alphabet="MSHPIDORCXA|^~\\&\r0129", max_size=200).map(lambda t: f"{PATIENT[0]}\r{t}")
)
def test_any_text_gets_an_answer(text: str) -> None:
    verdict = registry().receive(text)
    assert len(segments(verdict.answer, "MSA")) == 1


def test_real_messages_are_read_group_by_group(shared_material: Path) -> None:
    samples = sorted((shared_material / "samples" / "hl7").glob("vxu_z22*"))
    assert samples
    webiz = registry()
    for sample in samples:
        text = sample.read_bytes().decode("utf-8", "replace")
        message = parse_message(text)
        if message is not None:
            assert len(message.orders) == sum(line.startswith("ORC|") for line in text.split("\r"))
        assert "MSA|" in webiz.receive(text).answer
