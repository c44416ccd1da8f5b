"""The queries that vaxline builds, judged by NIST's profiles of Z34 and Z44 and by hl7apy's tables of 2.5.1."""

import pytest
from hl7apy.parser import parse_message
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from shared.domain.hl7 import qbp
from shared.domain.hl7.qbp import Profile, Request
from shared.domain.model import Name, Patient
from tests.conformance.visits import CLINIC, CONFIGURATION, NOW, patients

without_shrinking = settings(phases=[Phase.explicit, Phase.reuse, Phase.generate])
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


@pytest.mark.slow
@given(requests, st.integers(1, 999))
@settings(without_shrinking, max_examples=1000)
def test_nist_finds_no_error_in_what_we_ask(nist, request, limit):
    message = build(request, limit)
    assert [found for found in nist[request.profile].check(message) if found.severity == "error"] == []


def test_nist_does_find_errors_in_a_query_without_its_limit(nist):
    patient = Patient(name=Name("Sampleton", "Ada"), birth_date="20200102")
    message = build(Request(patient, Profile.HISTORY)).rpartition("RCP")[0]
    assert any(found.severity == "error" for found in nist[Profile.HISTORY].check(message))


@pytest.mark.slow
@given(requests)
@settings(without_shrinking, max_examples=60)
def test_hl7apy_reads_what_we_ask_and_writes_the_same(request):
    message = build(request)
    written = parse_message(message).to_er7()
    assert _trimmed(written) == _trimmed(message)


def _trimmed(message):
    return [segment.rstrip("|^~&") for segment in message.split("\r") if segment]
