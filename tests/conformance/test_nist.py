"""What vaxline builds, judged by two referees that are not ours: NIST's profile of Z22, and hl7apy's tables of 2.5.1."""

import pytest
from hl7apy.parser import parse_message
from hypothesis import Phase, given, settings

from shared.domain.hl7 import vxu
from tests.conformance.visits import CLINIC, CONFIGURATION, NOW, visits

# hl7apy takes a tenth of a second per message: shrinking a failure would take minutes.
without_shrinking = settings(phases=[Phase.explicit, Phase.reuse, Phase.generate])


def build(visit):
    return vxu.build(visit, msh_10="EXAMPLE0000000000001", clinic=CLINIC, configuration=CONFIGURATION, now=NOW)


@pytest.mark.slow
@given(visits)
@settings(without_shrinking, max_examples=300)
def test_nist_finds_no_error_in_what_we_build(z22, visit):
    message = build(visit)
    assert [finding for finding in z22.check(message) if finding.severity == "error"] == []


@pytest.mark.slow
@given(visits)
@settings(without_shrinking, max_examples=80)
def test_hl7apy_reads_what_we_build_and_writes_the_same(visit):
    message = build(visit)
    # hl7apy writes the line break of formatted text as if it were data; it reads it right.
    written = parse_message(message, find_groups=True).to_er7().replace("\\E\\.br\\E\\", "\\.br\\")
    assert _trimmed(written) == _trimmed(message)


def _trimmed(message):
    return [segment.rstrip("|^~&") for segment in message.split("\r") if segment]
