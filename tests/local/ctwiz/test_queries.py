"""The simulated CT WiZ as the one who is asked: it knows what it accepted, and answers in WebIZ's manners."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from local.ctwiz.queries import FORECAST_REASON
from local.ctwiz.registry import WebIz
from shared.domain.clinics import Clinic, Configuration, Iis
from shared.domain.hl7 import qbp
from shared.domain.hl7.qbp import Profile, Request
from shared.domain.hl7.rsp import read_rsp
from shared.domain.hl7.rsp_model import Match, Response
from shared.domain.model import Name, Patient

CLINIC = Clinic("elm", "Elm", "CT0100", "CT0100", "CT0100", "elm")
CONFIGURATION = Configuration("v1", "Example", "VAXLINE", Iis("https://iis.example"), {"elm": CLINIC}, {})
ADA = Patient("SYN1", Name("Sampleton", "Ada"), "20200102", "F")


def a_vxu(mrn: str = "SYN1", *, maiden: str = "", protection: str = "", dose: str = "D1", given: str = "Ada") -> str:
    return (
        f"MSH|^~\\&|VAXLINE|CT0100||CT0000|20260301120000+0000||VXU^V04^VXU_V04|M{mrn}{dose}|P|2.5.1\r"
        f"PID|1||{mrn}^^^CT0100^MR||Sampleton^{given}^^^^^L|{maiden}^^^^^^M|20200102|F|||1 Elm St^^Hartford^CT^06103\r"
        f"PD1|||||||||||02^x^HL70215|{protection}\r"
        f"ORC|RE||{dose}^CT0100\rRXA|0|1|20260301||08^Hep B^CVX|999|||01^Historical^NIP001|||||||||||CP|A\r"
    )


@pytest.fixture
def webiz() -> WebIz:
    return WebIz(facilities=["CT0100"], today=lambda: date(2026, 3, 10))


def ask(webiz: WebIz, patient: Patient, profile: Profile = Profile.FORECAST, limit: int = 3) -> Response:
    text = qbp.build(
        Request(patient, profile),
        msh_10="Q1",
        query_tag="T1",
        limit=limit,
        clinic=CLINIC,
        configuration=CONFIGURATION,
        now=datetime(2026, 3, 10, 12, tzinfo=UTC),
    )
    response = read_rsp(webiz.receive(text).answer)
    assert (response.control_id, response.query_tag) == ("Q1", "T1")
    return response


def test_an_exact_match_has_history_and_a_forecast_that_says_it_is_none(webiz: WebIz) -> None:
    webiz.receive(a_vxu())
    found = ask(webiz, ADA)
    assert (found.match, found.profile, found.status) == (Match.FOUND, "Z42", "OK")
    (dose,) = found.vaccinations
    assert (dose.date, dose.vaccine.code, dose.authority) == ("20260301", "08", "CT0000")
    assert (dose.evaluations[0].validity, dose.evaluations[0].dose_number) == ("Y", "1")
    assert [one.ordinal for one in found.forecast] == [1, 2]
    assert all(one.reasons[0].text == FORECAST_REASON for one in found.forecast)


def test_names_come_in_upper_case_and_under_the_iis_s_own_id(webiz: WebIz) -> None:
    webiz.receive(a_vxu())
    patient = ask(webiz, ADA).patient
    assert patient is not None
    assert (patient.name.family, patient.addresses[0].city) == ("SAMPLETON", "HARTFORD")
    assert [(one.type, one.authority) for one in patient.ids] == [("SR", "CT0000"), ("MR", "CT0100")]
    assert patient.state_id != "SYN1"


def test_the_plain_history_has_no_forecast(webiz: WebIz) -> None:
    webiz.receive(a_vxu())
    found = ask(webiz, ADA, Profile.HISTORY)
    assert (found.match, found.profile, found.forecast) == (Match.FOUND, "Z32", ())


def test_who_shares_name_and_birth_date_is_a_candidate_and_too_many_are_too_many(webiz: WebIz) -> None:
    for number in range(4):
        webiz.receive(a_vxu(f"SYN{number}", maiden=f"Maiden{number}", dose=f"D{number}"))
    stranger = Patient("", ADA.name, ADA.birth_date, "F")
    assert len(ask(webiz, stranger, Profile.HISTORY, limit=4).candidates) == 4
    assert ask(webiz, stranger, Profile.HISTORY, limit=3).match is Match.TOO_MANY
    assert ask(webiz, stranger).match is Match.NOT_FOUND
    assert ask(webiz, Patient("", ADA.name, ADA.birth_date, "F", "Maiden2")).match is Match.FOUND


def test_a_stranger_is_not_found(webiz: WebIz) -> None:
    webiz.receive(a_vxu())
    assert ask(webiz, Patient("X", Name("Nobody", "Nil"), "20200102", "F")).match is Match.NOT_FOUND


def test_a_protected_patient_is_not_told(webiz: WebIz) -> None:
    webiz.receive(a_vxu(protection="Y"))
    found = ask(webiz, ADA)
    assert (found.match, found.vaccinations) == (Match.NOT_FOUND, ())


def test_a_query_with_a_remark_is_answered_all_the_same(webiz: WebIz) -> None:
    webiz.receive(a_vxu())
    found = ask(webiz, Patient("SYN1", ADA.name, ADA.birth_date))
    assert (found.msa_1, found.status, found.match) == ("AE", "OK", Match.FOUND)
    assert [error.severity for error in found.errors] == ["W"]
