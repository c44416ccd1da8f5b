"""Immunity, contraindications and reactions: reported with their dose or with CVX 998, and never a 998 without one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from shared.domain.clinics import Clinic, Configuration, Iis, Source
from shared.domain.model import Visit
from shared.usecases.findings import is_error
from shared.usecases.prepare import Prepared, prepare
from tests.places import SHARED

Read = Callable[..., list[Visit]]
CASES = SHARED / "cases" / "reading"
SOURCES = {kind: Source("own", kind, clinic="elm", one_clinic=True) for kind in ("csv", "hl7")}
CLINIC = Clinic("elm", "Elm", "CT9002", "CT9001", "CT9001", "elm")
CONFIGURATION = Configuration("v", "Example", "VAXLINE", Iis("https://iis.example"), {"elm": CLINIC}, SOURCES)
NOW = datetime(2026, 12, 1, tzinfo=UTC)
NOT_GIVEN = "RXA|0|1|20261102||998^no vaccine administered^CVX|999||||||||||||||NA|A"
GIVEN = "RXA|0|1|20261102||21^Varicella^CVX|0.5|mL^^UCUM||01^^NIP001|||||||||||CP|A"


def in_csv(**cells: str) -> bytes:
    row = {
        "patient_id": "SYN-1", "last_name": "Sampleton", "first_name": "Ada", "birth_date": "1990-01-02", "sex": "F",
        "dose_date": "2026-11-02", "cvx": "",
    } | cells  # fmt: skip
    return f"{','.join(row)}\n{','.join(row.values())}\n".encode()


def in_hl7(*observations: str, rxa: str = NOT_GIVEN) -> bytes:
    lines = (
        "MSH|^~\\&|EHR|ELM|||20261102||VXU^V04^VXU_V04|M1|P|2.5.1",
        "PID|1||SYN-1^^^ELM^MR||Sampleton^Ada^^^^^L||19900102|F",
        "ORC|RE||9999^ELM",
        rxa,
        *observations,
    )
    return "\r".join((*lines, "")).encode()


def read_one(read: Read, kind: str, body: bytes) -> Visit:
    [visit] = [visit for visit in read(SOURCES[kind], {"a.txt": body}) if visit.rows]
    return visit


def sent(visit: Visit) -> Prepared:
    return prepare(visit, msh_10="C1", clinic=CLINIC, configuration=CONFIGURATION, now=NOW)


def observed(vxu: str) -> list[tuple[str, str, str, str]]:
    """(OBX-2, OBX-3.1, OBX-4, OBX-5) of each OBX."""
    lines = [line.split("|") for line in vxu.split("\r") if line.startswith("OBX")]
    return [(line[2], line[3].split("^")[0], line[4], line[5]) for line in lines]


def rxa(vxu: str) -> list[str]:
    return (next(line for line in vxu.split("\r") if line.startswith("RXA")).split("|") + [""] * 30)[:30]


VARICELLA = ("CE", "59784-9", "1", "38907003^Varicella^SCT")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"immunity": "chickenpox"}, [VARICELLA]),
        ({"immunity": "38907003"}, [VARICELLA]),
        ({"immunity_tested": "Hep B"}, [("CE", "75505-8", "1", "66071002^Hepatitis B^SCT")]),
        ({"immunity": "varicella; mumps"}, [VARICELLA, ("CE", "59784-9", "2", "36989005^Mumps^SCT")]),
        ({"contraindication": "VXC18"}, [("CE", "30945-0", "1", "VXC18^^CDCPHINVS")]),
        (
            {
                "contraindication": "91930004",
                "contraindication_begins": "2026-01-02",
                "contraindication_ends": "2027-01-02",
            },
            [
                ("CE", "30945-0", "1", "91930004^^SCT"),
                ("DT", "30946-8", "1", "20260102"),
                ("DT", "30944-3", "1", "20270102"),
            ],
        ),
    ],
    ids=["word", "code", "tested", "two", "contraindication", "dates"],
)
def test_a_csv_row_without_vaccine_reports_its_observation_with_998(
    read: Read, cells: dict[str, str], expected: list[tuple[str, str, str, str]]
) -> None:
    result = sent(read_one(read, "csv", in_csv(**cells)))
    assert not result.is_held, result.findings
    assert rxa(result.vxu)[5].startswith("998^")
    assert (rxa(result.vxu)[6], rxa(result.vxu)[9], rxa(result.vxu)[20]) == ("999", "", "NA")
    assert observed(result.vxu) == expected


def test_a_csv_row_with_a_vaccine_reports_it_with_the_dose(read: Read) -> None:
    body = in_csv(cvx="21", information_source="01", immunity="varicella", reaction="39579001")
    result = sent(read_one(read, "csv", body))
    assert rxa(result.vxu)[5].startswith("21^")
    assert observed(result.vxu) == [VARICELLA, ("CE", "31044-1", "2", "39579001^^SCT")]


def test_a_refused_dose_keeps_its_vaccine(read: Read) -> None:
    result = sent(read_one(read, "csv", in_csv(cvx="21", refusal_reason="03", immunity="varicella")))
    assert (rxa(result.vxu)[5][:3], rxa(result.vxu)[20], observed(result.vxu)) == ("21^", "RE", [VARICELLA])


@pytest.mark.parametrize(("name", "value"), [("immunity", "the usual"), ("contraindication", "allergic")])
def test_an_immunity_or_contraindication_that_cannot_be_read_holds_the_row(read: Read, name: str, value: str) -> None:
    visit = read_one(read, "csv", in_csv(cvx="21", **{name: value}))
    assert [(one.code, one.column) for one in visit.findings if is_error(one)] == [("CODE-UNKNOWN", name)]


def test_998_without_an_observation_is_held(read: Read) -> None:
    result = sent(read_one(read, "hl7", in_hl7()))
    assert [one.code for one in result.findings if is_error(one)] == ["NO-VACCINE-WITHOUT-OBSERVATION"]


@pytest.mark.parametrize("code", ["59784-9", "75505-8", "30945-0", "31044-1", "59785-6"])
@pytest.mark.parametrize("row", [NOT_GIVEN, GIVEN], ids=["998", "dose"])
def test_hl7_observations_are_sent_as_they_stand(read: Read, code: str, row: str) -> None:
    body = in_hl7(f"OBX|1|CE|{code}^Text^LN|1|38907003^Varicella^SCT||||||F|||20261102", rxa=row)
    result = sent(read_one(read, "hl7", body))
    assert not result.is_held, result.findings
    assert observed(result.vxu) == [("CE", code, "1", "38907003^Varicella^SCT")]


def test_the_dates_of_a_contraindication_have_its_sub_id(read: Read) -> None:
    body = in_hl7(
        "OBX|1|CE|30945-0^^LN|1|91930004^Egg allergy^SCT||||||F",
        "OBX|2|DT|30946-8^^LN|1|20260102||||||F",
        "OBX|3|CE|30945-0^^LN|2|VXC18^^CDCPHINVS||||||F",
        "OBX|4|DT|30944-3^^LN|2|20270102||||||F",
    )
    assert observed(sent(read_one(read, "hl7", body)).vxu) == [
        ("CE", "30945-0", "1", "91930004^Egg allergy^SCT"),
        ("DT", "30946-8", "1", "20260102"),
        ("CE", "30945-0", "2", "VXC18^^CDCPHINVS"),
        ("DT", "30944-3", "2", "20270102"),
    ]


def test_a_date_without_its_contraindication_is_said(read: Read) -> None:
    visit = read_one(read, "hl7", in_hl7("OBX|1|DT|30946-8^^LN|7|20260102||||||F", rxa=GIVEN))
    assert [(one.code, one.value) for one in visit.findings] == [("OBSERVATION-LEFT-OUT", "20260102")]


@pytest.mark.skipif(not CASES.is_dir(), reason=f"{CASES} is absent")
@pytest.mark.parametrize(("name", "code"), [("11-immunity-serology", "75505-8"), ("11-contraindication", "30945-0")])
def test_the_shared_cases_are_reported_with_their_observation(read: Read, name: str, code: str) -> None:
    result = sent(read_one(read, "hl7", (CASES / f"{name}.hl7").read_bytes()))
    assert not result.is_held
    assert [line[1] for line in observed(result.vxu)] == [code]
