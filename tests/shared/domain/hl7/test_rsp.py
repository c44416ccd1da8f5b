"""The reader of answers to queries: whatever comes, nothing raises and nothing is made up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.hl7.iis_profiles import CTWIZ
from shared.domain.hl7.rsp import fault_of, read_rsp
from shared.domain.hl7.rsp_model import Match, Response

HEAD = "MSH|^~\\&|WebIZ.0|CT0000||EX0000|20260301120000+0000||RSP^K11^RSP_K11|CT1|P|2.5.1|||NE|NE|||||{}^CDCPHINVS\r"
QPD = "QPD|Z44^Request Evaluated History and Forecast^CDCPHINVS|Q1|SYN1^^^EX0000^MR|Sampleton^Ada^^^^^L\r"
PID = "PID|1||9001^^^CT0000^SR~SYN1^^^EX0000^MR||SAMPLETON^ADA^^^^^L||20200102|F\r"


def rsp(*lines, profile="Z42", msa="AA", qak="OK"):
    head = HEAD.format(profile) + f"MSA|{msa}|Q1\rQAK|Q1|{qak}|Z44^x^CDCPHINVS\r" + QPD
    return head + "".join(f"{line.rstrip(chr(13))}\r" for line in lines)


segments = st.lists(
    st.sampled_from(
        [
            PID,
            "PD1|||||||||||02|Y",
            "NK1|1|Sampleton^Eve|MTH^Mother^HL70063",
            "ORC|RE||D1^EX0000",
            "RXA|0|1|20200301|20200301|08^HepB^CVX|999|||01^x^NIP001",
            "RXA|0|1|20200301||998^None^CVX",
            "OBX|1|CE|30956-7^Vaccine^LN|1|08^HepB^CVX",
            "OBX|2|DT|30980-7^Due^LN|1|20260401",
            "OBX|3|ID|59781-5^Validity^LN|1|N",
            "OBX",
            "ERR||MSH^1^11|202^x^HL70357|W",
            "ZZZ|anything",
            "NTE|1||a note",
        ]
    )
    | st.text(max_size=40)
    | st.text("|^~&\\OBXRAPID0159-", max_size=60),
    max_size=12,
)


@given(st.text())
def test_no_text_raises(text):
    assert isinstance(read_rsp(text), Response)


@given(
    segments, st.sampled_from(["Z31", "Z32", "Z33", "Z42", ""]), st.sampled_from(["OK", "NF", "TM", "PD", "AE", "?"])
)
def test_no_order_of_segments_raises_and_found_has_a_patient(lines, profile, qak):
    response = read_rsp(rsp(*lines, profile=profile, qak=qak))
    assert (response.match is Match.FOUND) == (response.patient is not None)
    assert not (response.patient and response.candidates)
    if any(one.vaccine.code == "998" for one in response.vaccinations):
        raise AssertionError("nothing given is no vaccination")


@pytest.mark.parametrize(
    ("qak", "match"),
    [
        ("NF", Match.NOT_FOUND),
        ("TM", Match.TOO_MANY),
        ("PD", Match.PROTECTED),
        ("AE", Match.ERROR),
        ("OK", Match.NOT_FOUND),
    ],
)
def test_qak_2_says_what_came_of_a_query_without_a_patient(qak, match):
    assert read_rsp(rsp(profile="Z33", qak=qak)).match is match


@pytest.mark.parametrize(("qak", "match"), [("NF", Match.NOT_FOUND), ("PD", Match.PROTECTED)])
@pytest.mark.parametrize("profile", ["Z31", "Z32", "Z33", "Z42"])
def test_a_patient_that_is_only_the_echo_of_the_query_is_nobody(qak, match, profile):
    response = read_rsp(rsp(PID, profile=profile, qak=qak))
    assert (response.match, response.patient, response.candidates) == (match, None, ())


def test_a_dose_that_the_iis_deleted_is_not_there():
    orders = [f"RXA|0|1|20200301||08^HepB^CVX|999|||01^x^NIP001|||||||||||CP|{action}" for action in "AUD"]
    response = read_rsp(rsp(PID, *orders))
    assert [one.is_there for one in response.vaccinations] == [True, True, False]


def test_a_segment_with_a_spelled_out_name_is_named_by_its_code():
    (error,) = read_rsp(rsp("ERR||QPD_QueryParameterDefinition^1^3|101|E", msa="AE", qak="AE")).errors
    assert error.path == "QPD-3"


@pytest.mark.parametrize("words", ["Internal server error", "Unexpected exception"])
def test_a_failure_of_the_iis_itself_is_told_by_its_words_too(words):
    response = read_rsp(rsp(f"ERR|||999^x^HL70357|E||||{words}", msa="AE", qak="AE", profile="Z33"))
    assert fault_of(response, msh_10="Q1", query_tag="Q1", profile=CTWIZ) == "IIS-INTERNAL-ERROR"


def test_several_patients_are_candidates_and_never_a_match():
    response = read_rsp(rsp(PID, PID.replace("9001", "9002"), profile="Z31"))
    assert response.match is Match.CANDIDATES
    assert [one.state_id for one in response.candidates] == ["9001", "9002"]


def test_an_answer_to_another_query_proves_nothing():
    response = read_rsp(rsp(PID))
    assert fault_of(response, msh_10="Q1", query_tag="Q1", profile=CTWIZ) == ""
    assert fault_of(response, msh_10="Q2", query_tag="Q2", profile=CTWIZ) == "WRONG-MSA-2"


def test_a_query_tag_of_another_query_proves_nothing_either():
    response = read_rsp(rsp(PID).replace("QAK|Q1", "QAK|Q9"))
    assert fault_of(response, msh_10="Q1", query_tag="Q1", profile=CTWIZ) == "WRONG-MSA-2"


def test_a_refused_facility_is_a_set_up_fault():
    text = rsp("ERR||MSH^1^4|999^x^HL70357|E|4^Invalid^HL70533^WEBIZ-AUTH-625^x^L", msa="AE", qak="AE", profile="Z33")
    assert fault_of(read_rsp(text), msh_10="Q1", query_tag="Q1", profile=CTWIZ) == "SECURITY-FAULT"


def test_a_failure_of_the_iis_itself_is_told_from_a_refused_query():
    broken = rsp("ERR|||207^Application internal error^HL70357|E", msa="AE", qak="AE", profile="Z33")
    refused = rsp("ERR||QPD^1^4|101^required field missing^HL70357|E", msa="AE", qak="AE", profile="Z33")
    assert fault_of(read_rsp(broken), msh_10="Q1", query_tag="Q1", profile=CTWIZ) == "IIS-INTERNAL-ERROR"
    assert fault_of(read_rsp(refused), msh_10="Q1", query_tag="Q1", profile=CTWIZ) == ""
    assert read_rsp(refused).match is Match.ERROR
