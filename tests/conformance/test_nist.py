"""What vaxline builds, judged by two referees that are not ours: NIST's profile of Z22, and hl7apy's tables of 2.5.1."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest
from hl7apy.parser import parse_message
from hypothesis import HealthCheck, Phase, given, settings

from shared.domain.hl7 import vxu
from tests.conformance.visits import CLINIC, CONFIGURATION, NOW, visits
from tests.places import ROOT

SHARED = Path(os.environ.get("VAXLINE_SHARED", ROOT.parent / "shared"))

# hl7apy takes a tenth of a second per message: shrinking a failure would take minutes.
unhurried = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow], phases=[Phase.explicit, Phase.reuse, Phase.generate]
)


def build(visit):
    return vxu.build(visit, msh_10="EXAMPLE0000000000001", clinic=CLINIC, configuration=CONFIGURATION, now=NOW)


@pytest.fixture(scope="module")
def z22():
    checker = SHARED / "nist" / "nist_check.py"
    if not checker.is_file():
        pytest.skip(f"NIST's profiles and checker are not here ({checker.name}); set VAXLINE_SHARED to their folder")
    spec = importlib.util.spec_from_file_location("nist_check", checker)
    nist_check = importlib.util.module_from_spec(spec)
    sys.modules["nist_check"] = nist_check  # its dataclasses look their module up
    spec.loader.exec_module(nist_check)
    return nist_check.load(checker.parent / "profiles", "VXU-Z22")


@pytest.mark.slow
@given(visits)
@settings(unhurried, max_examples=300)
def test_nist_finds_no_error_in_what_we_build(z22, visit):
    message = build(visit)
    assert [finding for finding in z22.check(message) if finding.severity == "error"] == []


@pytest.mark.slow
@given(visits)
@settings(unhurried, max_examples=80)
def test_hl7apy_reads_what_we_build_and_writes_the_same(visit):
    message = build(visit)
    # hl7apy writes the line break of formatted text as if it were data; it reads it right.
    written = parse_message(message, find_groups=True).to_er7().replace("\\E\\.br\\E\\", "\\.br\\")
    assert _trimmed(written) == _trimmed(message)


def _trimmed(message):
    return [segment.rstrip("|^~&") for segment in message.split("\r") if segment]
