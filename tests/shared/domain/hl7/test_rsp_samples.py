"""Answers of many IISs, one of them CT WiZ's own, and NIST's receiver examples: nothing is lost, and the facts hold."""

import json

import msgspec
import pytest

from shared.domain.hl7 import er7
from shared.domain.hl7.rsp import read_rsp
from shared.domain.hl7.rsp_model import Match
from shared.domain.model import Code
from tests.places import SHARED

SAMPLES = SHARED / "samples" / "hl7"
pytestmark = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="the sample messages are not here; set VAXLINE_SHARED to their folder"
)
FILES = sorted(SAMPLES.glob("rsp_*.hl7"))

# file: (match, family name, state id, vaccinations, forecasts), counted in the files.
FACTS = {
    "z31_024": (Match.CANDIDATES, "", "", 0, 0),
    "z31_100": (Match.CANDIDATES, "", "", 0, 0),
    "z32_025": (Match.FOUND, "Child", "987633", 1, 0),
    "z32_029": (Match.FOUND, "CHAMBERS", "7237424", 1, 0),
    "z32_030": (Match.FOUND, "CHAMBERS", "7237424", 0, 0),
    "z32_034": (Match.FOUND, "HUMBOLDT", "496239", 3, 14),
    "z32_049": (Match.FOUND, "SYKES", "10119814", 2, 7),
    "z32_068": (Match.FOUND, "HITCHCOCK", "", 2, 9),
    "z32_075": (Match.FOUND, "HARDIN", "786281", 2, 7),
    "z33_011": (Match.NOT_FOUND, "", "", 0, 0),
    "z33_015": (Match.TOO_MANY, "", "", 0, 0),
    "z33_021": (Match.TOO_MANY, "", "", 0, 0),
    "z33_027": (Match.TOO_MANY, "", "", 0, 0),
    "z33_028": (Match.ERROR, "", "", 0, 0),
    "z42_001": (Match.FOUND, "Gonzales", "987633", 28, 5),
    "z42_005": (Match.FOUND, "Gonzales", "987633", 1, 10),
    "z42_014": (Match.FOUND, "Stanley", "34500907", 1, 8),
    "z42_023": (Match.FOUND, "Child", "34500907", 0, 0),
    "z42_041": (Match.FOUND, "GLASSCOCK", "14163941", 2, 11),
    "z42_042": (Match.FOUND, "SANDERS", "3509575", 2, 18),
    "z42_045": (Match.FOUND, "BUTTE", "867287", 2, 18),
    "z42_060": (Match.FOUND, "BAKER", "3886300", 2, 8),
    "z42_061": (Match.FOUND, "IVERSEN", "7328750", 0, 35),
    "z42_080": (Match.FOUND, "OKMULGEE", "3982562", 2, 18),
    "z42_083": (Match.FOUND, "KNOX", "3080428", 2, 8),
    "z32_088": (Match.UNREADABLE, "", "", 0, 0),
}


def text_of(file):
    return file.read_text("utf-8", errors="replace")


def answer(name):
    return read_rsp((SAMPLES / f"rsp_{name}.hl7").read_text("utf-8"))


@pytest.mark.parametrize("name", FACTS)
def test_the_facts_of_an_answer_hold(name):
    response = answer(name)
    patient = response.patient
    found = (
        response.match,
        patient.name.family if patient else "",
        patient.state_id if patient else "",
        len(response.vaccinations),
        len(response.forecast),
    )
    assert found == FACTS[name]


def test_there_are_samples():
    assert len(FILES) >= 60


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_rxa_is_a_vaccination_unless_nothing_was_given(file):
    lines = [line.split("|") for line in text_of(file).splitlines()]
    given = [line for line in lines if line[0] == "RXA" and line[5].split("^")[0].strip() != "998"]
    assert len(read_rsp(text_of(file)).vaccinations) == len(given)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_an_observation_says_is_kept(file):
    response = read_rsp(text_of(file))
    written = json.dumps(json.loads(msgspec.json.encode(response)), ensure_ascii=False)
    for line in text_of(file).splitlines():
        fields = line.split("|")
        if fields[0] == "OBX" and len(fields) > 5 and fields[5]:
            said = er7.decode(fields[5].split("^")[0]).strip()
            assert json.dumps(said, ensure_ascii=False)[1:-1] in written


def test_ct_wiz_own_answer_is_read_whole():
    response = answer("z42_045")
    assert (response.profile, response.status, response.msa_1) == ("Z42", "OK", "AA")
    assert (response.patient.name.given, response.patient.updated) == ("DIANTHE", "20180827")
    assert [(one.id, one.authority, one.type) for one in response.patient.ids] == [
        ("867287", "CT0000", "SR"),
        ("C39K78647", "AART", "MR"),
    ]
    first = response.vaccinations[0]
    assert (first.order_id, first.authority) == ("14368948", "CT0000")
    assert (first.date, first.vaccine.code, first.source.code) == ("20150826", "94", "01")
    assert [(one.vaccine.text, one.validity, one.dose_number) for one in first.evaluations] == [
        ("MMR", "Y", "1"),
        ("Varicella", "Y", "1"),
    ]


def test_ct_wiz_names_the_next_and_the_following_dose_apart():
    forecast = [one for one in answer("z42_045").forecast if one.vaccine.code == "20"]
    assert [(one.ordinal, one.due, one.status.text) for one in forecast] == [
        (1, "20141015", "Overdue"),
        (2, "20180924", "On Schedule"),
    ]


def test_ct_wiz_says_why_a_series_goes_no_further():
    ended = {one.vaccine.code: one for one in answer("z42_045").forecast if one.reasons}
    assert ended["122"].reasons == (Code(text="Patient has exceeded the maximum age"),)
    assert (ended["122"].status.code, ended["03"].status.code) == ("LA13424-9", "LA13421-5")


def test_a_patient_is_found_though_msa_1_and_qak_2_say_ae():
    response = answer("z42_083")
    assert (response.msa_1, response.status, response.match) == ("AE", "AE", Match.FOUND)
    assert [error.code for error in response.errors] == ["102"]


def test_candidates_come_with_their_relatives():
    first, second = answer("z31_024").candidates
    assert (first.state_id, first.relatives[0].name.given, second.relatives) == ("99445566", "Susan", ())


def test_forecasts_under_one_group_number_are_kept_apart():
    vaccines = [(one.vaccine.text, one.due) for one in answer("z32_034").forecast]
    assert vaccines[:2] == [("DTaP", "20131121"), ("Hep A, ped/adol, 2D", "20131121")]


def test_segments_that_nobody_knows_are_kept():
    assert answer("z32_034").unknown == ("PV1|1|R",)
