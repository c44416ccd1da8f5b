import base64
import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import faults
from shared.domain.hl7.ack import AckReading, read_ack
from shared.domain.hl7.iis_profiles import CTWIZ, DEFAULT, PROFILES
from shared.domain.lifecycle import Event, State, after
from shared.domain.model import Completion, Dose
from tests.places import SHARED

SAMPLES = sorted((SHARED / "samples" / "hl7").glob("ack_*.hl7")) + sorted(
    (SHARED / "samples" / "hl7").glob("rsp_*.hl7")
)

OURS = "CONTROL-1"
ORDER = "ORC|RE||{id}^EX0000\rRXA|0|1|20250301||08^^CVX|999||01^^NIP001|||||||||||CP|A\rOBX|1|CE|64994-7^^LN|1|V02\r"
HEAD = "MSH|^~\\&|VAXLINE|EX0000||CT0000|20250301||VXU^V04^VXU_V04|CONTROL-1|P|2.5.1\rPID|1||1\rNK1|1\rNK1|2\r"
ONE_DOSE = HEAD + ORDER.format(id="D1")
TWO_DOSES = ONE_DOSE + ORDER.format(id="D2")
HEADER = "MSH|^~\\&|WebIZ.18|CT0000||EX0000|20250301120005-0500||ACK^V04^ACK|CT1|P|2.5.1|||NE|NE|||||Z23^CDCPHINVS"


def ack(*segments, end="\r"):
    return end.join([HEADER, *segments, ""])


def err(place="", code="999^ApplicationError^HL70357", severity="E", own="", text=""):
    return f"ERR||{place}|{code}|{severity}|{own}|||{text}"


def webiz(number, national="3^Illogical Value error"):
    return f"{national}^HL70533^WEBIZ-{number}^Some words^L"


def read(answer, *, vxu=TWO_DOSES, profile=CTWIZ, msh_10=OURS, doses=()):
    return read_ack(answer, msh_10=msh_10, vxu=vxu, profile=profile, doses=doses)


def event(answer, **more):
    reading = read(answer, **more)
    assert isinstance(reading, AckReading), reading
    return reading.event


# The outcome ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_aa_without_errors_is_accepted(profile):
    assert read(ack("MSA|AA|CONTROL-1"), profile=profile) == AckReading(Event.ACCEPT, "AA")


def test_ae_with_a_warning_is_stored_and_says_where():
    answer = ack(
        "MSA|AE|CONTROL-1",
        err("PID^1^3^1^1", severity="W", own=webiz(501), text="Internal Parser Error: Field too long: 16 > 15"),
    )
    reading = read(answer)
    assert reading.event is Event.ACCEPT_WITH_WARNINGS
    assert reading.causes == ("WEBIZ-501 PID-3",)
    assert reading.dropped == ()
    (error,) = reading.errors
    assert (error.severity, error.code, error.application_code) == ("W", "999", "WEBIZ-501")
    assert (error.segment, error.sequence, error.field, error.component) == ("PID", 1, 3, 1)
    assert error.path == "PID-3.1"
    assert error.text == "Internal Parser Error: Field too long: 16 > 15"
    assert error.dose_id == ""


def test_an_error_at_one_order_costs_that_dose_only():
    reading = read(ack("MSA|AE|CONTROL-1", err("RXA^2^5^1^1", "103^Table value not found^HL70357")))
    assert reading.event is Event.ACCEPT_PARTLY
    assert reading.dropped == ("D2",)
    assert reading.errors[0].dose_id == "D2"
    assert reading.errors[0].path == "RXA[2]-5.1"
    assert reading.causes == ("103 RXA-5",)


def test_errors_at_every_order_refuse_the_message():
    reading = read(ack("MSA|AE|CONTROL-1", err("RXA^1^5"), err("OBX^2^5")))
    assert reading.event is Event.REFUSE
    assert reading.dropped == ("D1", "D2")


def test_repetitions_of_the_location_count_each():
    reading = read(ack("MSA|AE|CONTROL-1", err("RXA^1^5~RXA^2^5")))
    assert reading.event is Event.REFUSE
    assert [error.dose_id for error in reading.errors] == ["D1", "D2"]


@pytest.mark.parametrize("place", ["PID^1^8", "MSH^1^12^1^1", "", "QPD^1^3"])
def test_an_error_outside_the_orders_refuses_the_message(place):
    reading = read(ack("MSA|AE|CONTROL-1", err(place, "101^Required field missing^HL70357")))
    assert reading.event is Event.REFUSE
    assert reading.dropped == ("D1", "D2")


def test_an_error_in_an_optional_segment_costs_no_dose():
    reading = read(ack("MSA|AE|CONTROL-1", err("NK1^2^3", "101^Required field missing^HL70357")))
    assert reading.event is Event.ACCEPT_PARTLY
    assert reading.dropped == ()
    assert reading.errors[0].path == "NK1[2]-3"


def test_the_errors_lead_the_causes():
    reading = read(
        ack("MSA|AE|CONTROL-1", err("PID^1^11^1^5", severity="W", own=webiz(12)), err("RXA^1^5", own=webiz(77)))
    )
    assert reading.causes == ("WEBIZ-77 RXA-5", "WEBIZ-12 PID-11")


def test_an_error_beats_an_accepting_msa_1():
    assert event(ack("MSA|AA|CONTROL-1", err("RXA^1^5"))) is Event.ACCEPT_PARTLY


def test_a_message_accepted_is_no_error_even_with_severity_e():
    assert event(ack("MSA|AA|CONTROL-1", err(code="0^Message accepted^HL70357"))) is Event.ACCEPT


def test_remarks_alone_leave_an_aa_accepted():
    reading = read(ack("MSA|AA|CONTROL-1", err(code="0^Message accepted^HL70357", severity="I")))
    assert (reading.event, reading.causes) == (Event.ACCEPT, ())


def test_ar_is_refused_whatever_it_says():
    assert event(ack("MSA|AR|CONTROL-1")) is Event.REFUSE
    assert event(ack("MSA|AR|CONTROL-1", err("NK1^1^3", severity="W"))) is Event.REFUSE
    assert read(ack("MSA|AR|CONTROL-1")).causes == ("AR",)


def test_ae_without_any_error_is_what_the_profile_says():
    assert event(ack("MSA|AE|CONTROL-1")) is Event.ACCEPT_WITH_WARNINGS
    assert event(ack("MSA|AE|CONTROL-1"), profile=DEFAULT) is Event.REFUSE
    assert read(ack("MSA|AE|CONTROL-1"), profile=DEFAULT).dropped == ("D1", "D2")


@pytest.mark.parametrize("severity", ["", "?", "F", "e"])
def test_an_error_of_no_known_severity_counts_as_one_in_ae(severity):
    assert event(ack("MSA|AE|CONTROL-1", err("PID^1^8", severity=severity))) is Event.REFUSE


def test_an_error_of_no_severity_is_a_warning_in_aa():
    assert event(ack("MSA|AA|CONTROL-1", err("PID^1^8", severity=""))) is Event.ACCEPT_WITH_WARNINGS


def test_a_dropped_order_group_is_lost_whatever_its_severity():
    reading = read(ack("MSA|AE|CONTROL-1", err("ORC^2^3", severity="W", text="Not Processing Order Group")))
    assert reading.event is Event.ACCEPT_PARTLY
    assert reading.dropped == ("D2",)
    assert reading.errors[0].severity == "E"


def test_a_dropped_order_group_that_is_not_named_may_be_any():
    reading = read(ack("MSA|AE|CONTROL-1", err(severity="W", text="Not processing order group.")))
    assert reading.event is Event.ACCEPT_PARTLY
    assert (reading.dropped, reading.unproven) == ((), ("D1", "D2"))
    assert reading.errors[0].dose_id == ""


def test_a_dropped_order_group_is_the_only_one_there_is():
    reading = read(ack("MSA|AE|CONTROL-1", err(severity="W", text="Not processing order group.")), vxu=ONE_DOSE)
    assert reading.event is Event.REFUSE
    assert reading.dropped == ("D1",)
    assert reading.errors[0].dose_id == "D1"


def test_dose_ids_and_rows_come_from_the_visit_where_it_is_given():
    doses = (Dose(id="A long id of the EHR's own", row=7), Dose(id="refusal", completion=Completion.REFUSED, row=9))
    reading = read(ack("MSA|AE|CONTROL-1", err("RXA^2^18")), doses=doses)
    assert reading.dropped == ("refusal",)
    assert (reading.errors[0].dose_id, reading.errors[0].row) == ("refusal", 9)


@pytest.mark.parametrize(
    ("place", "path", "dose"),
    [
        ("PID^7", "PID-7", ""),
        ("RXA^5", "RXA-5", ""),
        ("RXA^1^11.4^1", "RXA[1]-11.4", "D1"),
        ("ORC^^3", "ORC-3", ""),
        ("PID", "PID", ""),
        ("pid^1^5", "PID-5", ""),
        ("PID^1^11^2^5", "PID-11[2].5", ""),
        ("OBX^2^5^1^1", "OBX[2]-5.1", "D2"),
        ("RXA^9^5", "RXA[9]-5", ""),
        ("no place at all", "", ""),
        ("RXA^\u0663^5", "RXA-5", ""),
    ],
)
def test_locations_are_read_as_iiss_write_them(place, path, dose):
    (error,) = read(ack("MSA|AE|CONTROL-1", err(place, severity="W"))).errors
    assert (error.path, error.dose_id) == (path, dose)


# Faults ---------------------------------------------------------------------------------------------------------------


def test_a_refused_facility_is_a_fault_of_the_set_up():
    answer = ack(
        "MSA|AE|CONTROL-1",
        err("MSH^1^6^1^1~MSH^1^4^1^1", own="4^Invalid value^HL70533^WEBIZ-AUTH-609^Invalid Receiving Facility^L"),
    )
    assert read(answer) == "SECURITY-FAULT"
    assert isinstance(read(answer, profile=DEFAULT), AckReading)


def test_a_refused_account_may_not_know_our_control_id():
    refusal = err("MSH^1^4", own="4^Invalid value^HL70533^WEBIZ-AUTH-625^Facility is inactive or suspended^L")
    assert read(ack("MSA|AR|", refusal)) == "SECURITY-FAULT"
    assert read(ack("MSA|AR|OTHER", refusal)) == "WRONG-MSA-2"


@pytest.mark.parametrize(
    "own",
    ["4^Invalid value^HL70533^WEBIZ-AUTH-609^x^L", "WEBIZ-AUTH-609^Refused^L", "1^x^L~WEBIZ-AUTH-625^y^L"],
)
def test_a_code_of_the_account_in_a_field_of_codes_refuses_it(own):
    assert read(ack("MSA|AE|CONTROL-1", err("MSH^1^4", own=own))) == "SECURITY-FAULT"
    assert read(ack("MSA|AE|CONTROL-1|||WEBIZ-AUTH-625^x^L")) != "SECURITY-FAULT"
    assert read(ack("MSA|AE|CONTROL-1||||WEBIZ-AUTH-625^x^L")) == "SECURITY-FAULT"


@pytest.mark.parametrize("msa", ["MSA|AE|CONTROL-1", "MSA|AE|CONTROL-1|Cannot store 'saw WEBIZ-AUTH-609'"])
def test_a_text_that_quotes_a_code_of_the_account_refuses_no_account(msa):
    reading = read(ack(msa, err("OBX^1^5", text="Comment too long: saw WEBIZ-AUTH-609 on the screen")))
    assert isinstance(reading, AckReading)
    assert not any("AUTH" in cause for cause in reading.causes)
    assert read(ack("MSA|AE||WEBIZ-AUTH-609 was in the comment")) == "WRONG-MSA-2"


@pytest.mark.parametrize("code", ["206^Application record locked^HL70357", "207^Application internal error^HL70357"])
@pytest.mark.parametrize("msa_1", ["AE", "AR"])
@pytest.mark.parametrize("severity", ["E", ""])
def test_an_error_of_the_iis_itself_is_a_fault(code, msa_1, severity):
    assert read(ack(f"MSA|{msa_1}|CONTROL-1", err(code=code, severity=severity))) == "IIS-INTERNAL-ERROR"


def test_an_internal_error_may_be_told_in_words():
    assert read(ack("MSA|AE|CONTROL-1", err(text="Application internal error"))) == "IIS-INTERNAL-ERROR"
    failed = "ZSA|AF^Application Fail - Message Failed to Execute^ENV0008|1853^^^CT0000^HL7LogIdIncoming"
    assert read(ack("MSA|AR|CONTROL-1", failed)) == "IIS-INTERNAL-ERROR"


def test_an_internal_error_at_one_order_costs_that_dose():
    reading = read(ack("MSA|AE|CONTROL-1", err("RXA^1", "207^Application internal error^HL70357")))
    assert (reading.event, reading.dropped, reading.causes) == (Event.ACCEPT_PARTLY, ("D1",), ("207 RXA",))


def test_an_internal_error_beside_an_error_of_ours_wants_correction():
    answer = ack("MSA|AE|CONTROL-1", err(code="207^Application internal error^HL70357"), err("PID^1^8"))
    assert event(answer) is Event.REFUSE


@pytest.mark.parametrize(
    "segments",
    [("MSA|AA|OTHER",), ("MSA|AA|",), ("MSA|AA",), ("MSA",), ("MSA|AA|control-1",), ("MSA|AA|OTHER|CONTROL-1",)],
)
def test_an_answer_without_our_control_id_is_never_accepted(segments):
    assert read(ack(*segments)) == "WRONG-MSA-2"


def test_an_empty_control_id_of_ours_matches_nothing():
    assert read(ack("MSA|AA|"), msh_10="") == "WRONG-MSA-2"


@pytest.mark.parametrize(
    "answer", ["", " ", "OK", "<html><body>Sign in</body></html>", "MSH", "MSH|", HEADER, HEAD, ack("MSA|XX|CONTROL-1")]
)
def test_what_is_no_acknowledgment_is_a_fault(answer):
    assert read(answer) == "NOT-AN-ACK"


# Forms ----------------------------------------------------------------------------------------------------------------

PLAIN = ack("MSA|AE|CONTROL-1", err("RXA^2^5^1^1", "103^Table value not found^HL70357", own=webiz(501), text="bad"))


@pytest.mark.parametrize(
    "answer",
    [
        PLAIN.replace("\r", "\n"),
        PLAIN.replace("\r", "\r\n"),
        f"\ufeff\n  \t\x0b{PLAIN}\x1c\r",
        PLAIN.replace("\r", " \r\r"),
        f"x{PLAIN}",
        f"<![CDATA[{PLAIN}]]>",
        PLAIN.translate(str.maketrans("|^~", "#$*")),
        PLAIN.replace("^~\\&", "^\\~&", 1),
        PLAIN.replace("\r", "&#xD;"),
        PLAIN.replace("&", "&amp;"),
        quote(PLAIN),
        base64.b64encode(PLAIN.encode()).decode(),
        HEAD + PLAIN,
        ack("MSA|AA|OTHER") + PLAIN + ack("MSA|AR|ANOTHER", err("PID^1^5")),
        PLAIN + "ZXX|kept|anyhow\r",
        PLAIN + "MSA|AR|OTHER\rERR||PID^1^8|101|E\r",
    ],
    ids=[
        "LF",
        "CRLF",
        "junk before",
        "padding",
        "letter before",
        "CDATA",
        "own delimiters",
        "swapped delimiters",
        "entity as line end",
        "escaped XML",
        "URL encoding",
        "Base64",
        "after an echo",
        "among others",
        "Z segment",
        "another's MSA behind",
    ],
)
def test_the_form_does_not_change_what_is_read(answer):
    assert read(answer).causes == read(PLAIN).causes == ("WEBIZ-501 RXA-5",)
    assert read(answer).event is Event.ACCEPT_PARTLY
    assert read(answer).dropped == ("D2",)


def test_the_worst_of_our_acknowledgments_counts():
    assert event(ack("MSA|CA|CONTROL-1") + ack("MSA|AR|CONTROL-1")) is Event.REFUSE
    assert event(ack("MSA|AA|CONTROL-1", "MSA|AE|CONTROL-1", err("RXA^1^3"))) is Event.ACCEPT_PARTLY


def test_an_error_of_version_2_3_is_read():
    (error,) = read(ack("MSA|AE|CONTROL-1", "ERR|RXA^2^5^103&Table value not found&HL70357")).errors
    assert (error.path, error.code, error.severity, error.dose_id) == ("RXA[2]-5", "103", "E", "D2")
    assert error.text == "Table value not found"


def test_the_text_is_taken_from_where_it_stands():
    def text_of(segment):
        return read(ack("MSA|AE|CONTROL-1", segment)).errors[0].text

    assert text_of("ERR||PID^1^5|101|E||||Name \\T\\ more") == "Name & more"
    assert text_of("ERR||PID^1^5|101|E|||||One field too far") == "One field too far"
    assert text_of("ERR||PID^1^5|101^required field missing|E") == "required field missing"


def test_the_log_ids_of_the_iis_are_kept():
    zsa = "ZSA|AF^x|1853^^^CT0000^HL7LogIdIncoming~701^^^CT0000^WebServiceLogIdIncoming~^^^^Empty~9"
    reading = read(ack("MSA|AE|CONTROL-1", err("PID^1^8"), zsa))
    assert reading.trace_ids == ("HL7LogIdIncoming 1853", "WebServiceLogIdIncoming 701", "9")


@pytest.mark.parametrize(
    ("code", "own", "cause"),
    [
        ("103^x^HL70357", "", "103 PID-8"),
        ("999^x", "5^Table value not found^HL70533", "999-5 PID-8"),
        ("999", "", "999 PID-8"),
        ("101", "^^^DQA0314^Facility id is missing^HL70533", "DQA0314 PID-8"),
        ("101", "WEBIZ-77^words^L", "WEBIZ-77 PID-8"),
        ("", "", "ERR PID-8"),
        ("Doe John", "Doe^^^Doe", "ERR PID-8"),
    ],
)
def test_causes_are_codes_and_never_words(code, own, cause):
    assert read(ack("MSA|AE|CONTROL-1", err("PID^1^8", code, own=own))).causes == (cause,)


def test_the_code_is_found_in_the_diagnostics_too():
    answer = ack(
        "MSA|AE|CONTROL-1", "ERR||PID^1^8|999|W|3^Illogical|| NamePath: PID, ApplicationErrorCode: WEBIZ-501|x"
    )
    assert read(answer).causes == ("WEBIZ-501 PID-8",)


def test_an_ack_of_thousands_of_errors_gives_a_short_list_of_causes():
    answer = ack("MSA|AE|CONTROL-1", *(err("PID^1^8", own=webiz(number)) for number in range(1000)))
    assert len(read(answer).errors) == 1000
    assert len(read(answer).causes) == 12


# Anything -------------------------------------------------------------------------------------------------------------

fragments = st.sampled_from(
    [
        "MSH|^~\\&|",
        HEADER,
        "\r",
        "\n",
        "MSA|AA|CONTROL-1",
        "MSA|AE|CONTROL-1",
        "MSA|",
        "ERR|",
        "ERR||RXA^1^5|103|E|",
        "|",
        "^",
        "~",
        "\\",
        "&",
        "ZSA|",
        "207",
        "WEBIZ-AUTH-609",
        "WEBIZ-",
        "MSH",
        "%7C",
        "&#xD;",
        "&amp;",
        "RXA^99^99",
        "\x1c",
        "�",
    ]
)
answers = st.one_of(
    st.lists(st.one_of(fragments, st.text(st.characters(exclude_categories=()), max_size=4)), max_size=25).map("".join),
    st.lists(fragments, max_size=25).map(lambda parts: HEADER + "\rMSA|AE|CONTROL-1\r" + "".join(parts)),
)


@given(answers, st.sampled_from(list(PROFILES.values())), st.sampled_from([TWO_DOSES, ONE_DOSE, HEAD, ""]))
def test_whatever_comes_is_an_outcome_or_a_known_fault(answer, profile, vxu):
    reading = read(answer, profile=profile, vxu=vxu)
    if isinstance(reading, AckReading):
        assert after(reading.event, State.SENDING) is not None
        assert reading.event is Event.ACCEPT or reading.causes
        assert all(re.fullmatch(r"[A-Za-z0-9._-]{1,30}( [A-Z0-9]{3}(-\d{1,5})?)?", cause) for cause in reading.causes)
        assert "CONTROL-1" in answer
    else:
        assert reading in faults.BY_CODE


@given(st.integers(0, len(PLAIN)), st.text(max_size=3), st.integers(0, 5))
def test_a_damaged_ack_is_never_a_plain_acceptance(at, junk, cut):
    reading = read(PLAIN[:at] + junk + PLAIN[at + cut :])
    if isinstance(reading, AckReading) and at > len(HEADER):
        assert reading.event is not Event.ACCEPT


# Answers of real systems ----------------------------------------------------------------------------------------------


def control_id(text):
    found = re.search(r"[\r\n]MSA\|[A-Z]{2}\|([^|\r\n]+)", text)
    return found[1].strip() if found else ""


@pytest.mark.skipif(not SAMPLES, reason="the sample messages are not here; set VAXLINE_SHARED to their folder")
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_no_answer_of_a_real_system_surprises(path):
    text = path.read_text("utf-8")
    for profile in PROFILES.values():
        reading = read(text, profile=profile, msh_10=control_id(text))
        assert isinstance(reading, AckReading) or reading in faults.BY_CODE
        assert read(text, profile=profile, msh_10="NOT-IN-THERE") in {"WRONG-MSA-2", "NOT-AN-ACK"}


@pytest.mark.skipif(not SAMPLES, reason="the sample messages are not here; set VAXLINE_SHARED to their folder")
@pytest.mark.parametrize(
    ("name", "profile", "expected", "causes"),
    [
        ("ack_z23_001", DEFAULT, Event.ACCEPT, ()),
        ("ack_z23_050", DEFAULT, Event.ACCEPT, ()),
        ("ack_z23_006", DEFAULT, Event.ACCEPT_WITH_WARNINGS, ("999-5 RXR-2",)),
        ("ack_z23_008", DEFAULT, Event.REFUSE, ("999-5 RXA-5",)),
        ("ack_z23_010", DEFAULT, Event.REFUSE, ("203 MSH-12",)),
        ("ack_z23_035", DEFAULT, Event.REFUSE, ("101.1118 PID-7",)),
        ("ack_z23_047", DEFAULT, Event.REFUSE, ("999-5",)),
        ("ack_z23_049", DEFAULT, Event.REFUSE, ("AE",)),
        ("ack_z23_052", DEFAULT, Event.REFUSE, ("101 PID-7", "999-1 PID-11")),
        ("ack_z23_053", CTWIZ, Event.ACCEPT_WITH_WARNINGS, ("999-1 PID-11",)),
        ("ack_noprofile_018", DEFAULT, Event.REFUSE, ("101 PID-5", "100 PID")),
        ("ack_noprofile_019", CTWIZ, Event.ACCEPT_PARTLY, ("103 RXA-5", "101 RXA-5", "100 RXA")),
        ("ack_noprofile_039", DEFAULT, Event.REFUSE, ("0",)),
        ("ack_noprofile_020", DEFAULT, Event.ACCEPT_PARTLY, ("101 NK1-3",)),
        ("ack_noprofile_032", CTWIZ, Event.ACCEPT, ()),
        ("ack_noprofile_034", DEFAULT, Event.ACCEPT_WITH_WARNINGS, ("DQA0051", "DQA0387 ORC-2", "DQA0314 RXA-11")),
        ("ack_noprofile_038", DEFAULT, "WRONG-MSA-2", ()),
        ("rsp_z42_080", CTWIZ, "NOT-AN-ACK", ()),
    ],
)
def test_answers_of_real_systems_are_read_right(name, profile, expected, causes):
    text = (SHARED / "samples" / "hl7" / f"{name}.hl7").read_text("utf-8")
    reading = read(text, profile=profile, msh_10=control_id(text) or "NONE")
    if isinstance(reading, AckReading):
        assert (reading.event, reading.causes) == (expected, causes)
    else:
        assert reading == expected
