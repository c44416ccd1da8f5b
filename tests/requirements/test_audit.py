"""`make check` asks about known vulnerabilities; where nobody answers it says so and goes on."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys

import pytest

from tests.places import ROOT

SCRIPT = ROOT / "requirements" / "audit.py"
CLEAN = {"name": "a", "version": "1", "vulns": []}
BAD = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-0-1", "fix_versions": ["3"]}]}
UNASKED = {"name": "c", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("dependencies", "code", "words"),
    [
        ([CLEAN, UNASKED], 0, "in 1 of 2 pinned"),
        ([CLEAN, BAD, UNASKED], 1, "b 2: PYSEC-0-1, fixed in 3"),
        ([UNASKED, UNASKED], 0, "SKIPPED pip-audit"),
        ([], 0, "SKIPPED pip-audit"),
    ],
)
def test_a_known_vulnerability_fails_and_an_unasked_question_is_said(
    dependencies: list[dict], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert runpy.run_path(str(SCRIPT))["judged"](dependencies) == code
    assert words in capsys.readouterr().out


def test_a_machine_without_network_is_told_and_passes() -> None:
    nowhere = "http://127.0.0.1:9"
    environment = os.environ | dict.fromkeys(("http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"), nowhere)
    environment |= {"no_proxy": "", "NO_PROXY": ""}
    done = subprocess.run([sys.executable, SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("SKIPPED pip-audit: "), done.stdout
