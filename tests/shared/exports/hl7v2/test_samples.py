"""The messages that others wrote (NIST, AIRA, state IISs): each is read, every RXA accounted for."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import pytest

from shared.domain.clinics import Source
from shared.domain.model import Visit
from shared.usecases.findings import OF_RECORDS
from tests.places import SHARED

Read = Callable[..., list[Visit]]
HL7 = Source("ehr", "hl7", clinic="elm")
FOLDER = SHARED / "samples" / "hl7"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the samples are not there: {FOLDER}")

# What a person sees in each message; synthetic people, all of them.
_EXPECTED: Final[dict[str, dict[str, Any]]] = {
    "vxu_z22_248": {
        "mrn": "90012",
        "days": ["20131112", "20141012", "20150624"],
        "cvx": ["88", "88", "113"],
        "ndc": ["49281-0215-88"],
        "sources": ["01", "01", "00"],
        "eligibility": ["V01"],
        "funding": ["PHC70"],
        "clinics": ["NIST-Clinic-1"],
    },
    # Version 2.8, with times, sub-components and segments that a VXU does not know.
    "vxu_noprofile_246": {"mrn": "PATID1234", "born": "19880818", "ndc": ["49281-0215-88"], "ids": ["13696"]},
    # HL70005 and HL70162, an empty OBX, trailing delimiters.
    "vxu_noprofile_107": {
        "ids": ["N90X5.1", "N90X5.2", "N90X5.3"],
        "routes": ["C38299", "C28161"],
        "races": ["2106-3"],
        "lots": ["N3783EO", "K4394LY"],
    },
    "vxu_noprofile_245": {"born": "20070706", "eligibility": ["V05"], "givers": ["Lemon"], "clinics": ["X68"]},
    # No RXA-9, a refusal without an id, RXA-20 in the wrong field.
    "vxu_noprofile_210": {"cvx": ["48", "62", "136"], "sources": ["00", "", "00"], "completions": ["CP", "RE", "CP"]},
    # NDC first, CVX first, NDC alone.
    "vxu_z22_150": {"cvx": ["03", "140", "09", "09"], "ndc": ["33332-0010-01"] * 3, "aliases": ["S"]},
    # One order number for both doses.
    "vxu_noprofile_155": {"cvx": ["03", "21"], "funding": ["VXC50", "VXC50"], "races": ["2106-3", "2054-5"]},
    "vxu_z22_027": {"ids": ["13926"], "ndc": ["58160-0820-01"], "lots": ["797397"], "races": ["2054-5"]},
    # The record number among those of social security and Medicaid; PV1-20 tells eligibility.
    "vxu_noprofile_069": {"mrn": "232101152165", "days": ["19980302"], "eligibility": ["V04"], "races": ["1002-5"]},
    # Version 2.6; an NPI by its authority.
    "vxu_z22_159": {"mrn": "PA123456", "name": "JONES, GEORGE", "givers": ["Smith"], "clinics": ["DE-000001"]},
    "vxu_noprofile_140": {"days": ["20120814", "20120815"], "completions": ["CP", "RE"], "cvx": ["140", "03"]},
    "vxu_noprofile_203": {"mrn": "1234", "cvx": [""], "completions": ["RE"], "eligibility": ["V05"]},
}


def test_every_sample_is_read_and_every_rxa_accounted_for(read: Read) -> None:
    files = sorted(FOLDER.glob("vxu_*.hl7"))
    assert len(files) >= 150
    for file in files:
        body = file.read_bytes()
        count = sum(line.startswith(b"RXA") for line in re.split(rb"[\r\n]+", body))
        visits = read(HL7, {file.name: body})
        rows = sorted(row for visit in visits for _, row in visit.rows)
        assert rows == list(range(1, max(count, 1) + 1)), file.name
        assert all(finding.code in OF_RECORDS for visit in visits for finding in visit.findings), file.name
        assert sum(len(visit.doses) for visit in visits) <= count


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("[aqr]*_*.hl7")) or ["none"])
def test_what_is_no_vxu_is_one_held_row(read: Read, name: str) -> None:
    visits = read(HL7, {name: (FOLDER / name).read_bytes()})
    assert [visit.doses for visit in visits if visit.rows] == [()] * len([visit for visit in visits if visit.rows])


def _facts(visits: list[Visit]) -> dict[str, Any]:
    patient = next((visit.patient for visit in visits if visit.patient.mrn), visits[0].patient)
    doses = [dose for visit in visits for dose in visit.doses]
    return {
        "mrn": patient.mrn,
        "name": f"{patient.name.family}, {patient.name.given}",
        "born": patient.birth_date,
        "days": sorted({visit.date for visit in visits if visit.date}),
        "cvx": [dose.vaccine.code for dose in doses],
        "ndc": [dose.ndc for dose in doses if dose.ndc],
        "ids": [dose.id for dose in doses],
        "lots": [dose.lot for dose in doses if dose.lot],
        "sources": [dose.information_source.code for dose in doses],
        "completions": [str(dose.completion) for dose in doses],
        "eligibility": [dose.eligibility.code for dose in doses if dose.eligibility],
        "funding": [dose.funding_source.code for dose in doses if dose.funding_source],
        "routes": [dose.route.code for dose in doses if dose.route],
        "races": [race.code for race in patient.races],
        "ethnicity": patient.ethnicity.code,
        "aliases": [alias.family for alias in patient.aliases],
        "givers": [dose.administered_by.family for dose in doses if dose.administered_by],
        "clinics": sorted({visit.clinic for visit in visits if visit.clinic}),
    }


@pytest.mark.parametrize(("name", "expected"), _EXPECTED.items())
def test_the_samples_say_what_they_say(read: Read, name: str, expected: dict[str, Any]) -> None:
    facts = _facts(read(HL7, {f"{name}.hl7": (FOLDER / f"{name}.hl7").read_bytes()}))
    assert {key: facts[key] for key in expected} == expected
