"""The queries that vaxline builds, judged by NIST's profiles of Z34 and Z44 and by hl7apy's tables of 2.5.1."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest
from hl7apy.parser import parse_message
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from shared.domain.hl7 import qbp
from shared.domain.hl7.qbp import Profile, Request
from shared.domain.model import Name, Patient
from tests.conformance.visits import CLINIC, CONFIGURATION, NOW, patients
from tests.places import ROOT

SHARED = Path(os.environ.get("VAXLINE_SHARED", ROOT.parent / "shared"))

unhurried = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow], phases=[Phase.explicit, Phase.reuse, Phase.generate]
)
requests = st.builds(Request, patients, st.sampled_from(Profile)).filter(lambda request: not qbp.missing(request))


def build(request, limit=5):
    return qbp.build(
        request,
        msh_10="EXAMPLE0000000000001",
        query_tag="EXAMPLE0000000000001",
        limit=limit,
        clinic=CLINIC,
        configuration=CONFIGURATION,
        now=NOW,
    )


@pytest.fixture(scope="module")
def nist():
    checker = SHARED / "nist" / "nist_check.py"
    if not checker.is_file():
        pytest.skip(f"NIST's profiles and checker are not here ({checker.name}); set VAXLINE_SHARED to their folder")
    spec = importlib.util.spec_from_file_location("nist_check", checker)
    module = importlib.util.module_from_spec(spec)
    sys.modules["nist_check"] = module  # its dataclasses look their module up
    spec.loader.exec_module(module)
    return {profile: module.load(checker.parent / "profiles", f"QBP-{profile.value}") for profile in Profile}


@pytest.mark.slow
@given(requests, st.integers(1, 999))
@settings(unhurried, max_examples=1000)
def test_nist_finds_no_error_in_what_we_ask(nist, request, limit):
    message = build(request, limit)
    assert [found for found in nist[request.profile].check(message) if found.severity == "error"] == []


def test_nist_does_find_errors_in_a_query_without_its_limit(nist):
    patient = Patient(name=Name("Sampleton", "Ada"), birth_date="20200102")
    message = build(Request(patient, Profile.HISTORY)).rpartition("RCP")[0]
    assert any(found.severity == "error" for found in nist[Profile.HISTORY].check(message))


@pytest.mark.slow
@given(requests)
@settings(unhurried, max_examples=60)
def test_hl7apy_reads_what_we_ask_and_writes_the_same(request):
    message = build(request)
    written = parse_message(message).to_er7()
    assert _trimmed(written) == _trimmed(message)


def _trimmed(message):
    return [segment.rstrip("|^~&") for segment in message.split("\r") if segment]
