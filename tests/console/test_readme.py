"""The commands of README.md do what they say on what `make demo` leaves behind."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.local_run import OpenRun, run_after_demo
from tests.places import ROOT

README = ROOT / "README.md"
LINE = re.compile(r"^    \.venv/bin/vaxline (.+?)(?: {2,}.*)?$", re.MULTILINE)
PLACES = {"MSH-10", "FILE", "ROW", "first-export.csv"}
STAYS = {"console", "local"}
COMMANDS = [line.split() for line in LINE.findall(README.read_text("utf-8"))]
WHOLE = [words for words in COMMANDS if not PLACES & set(words) and words[0] not in STAYS]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenRun]:
    with run_after_demo(tmp_path_factory.mktemp("demo")) as opened:
        yield opened


def test_a_correction_that_names_no_dose_says_what_to_call_for_each_and_that_works(run: OpenRun) -> None:
    held = next(
        one for one in run.data("failures", "--cause", "LOT-MISSING", "--clinic", "harbor") if one["row_count"] == 2
    )
    refused = run.called("resubmit", held["msh_10"], "--set", "lot=AB123", code=1)
    assert "2 doses" in refused.stdout
    doses = run.data("show", held["msh_10"])["visit"]["doses"]
    said = re.findall(r"^  (\d): ORC-3 (\S+), .*\n     vaxline (.+)$", refused.stdout, re.MULTILINE)
    assert [int(number) for number, _, _ in said] == [1, 2]
    assert [orc_3 for _, orc_3, _ in said] == [dose["id"] for dose in doses]
    missing = next(at for at, dose in enumerate(doses) if not dose["lot"])
    words = said[missing][2].replace("'", "").split()
    assert words[-1] == f"lot[{missing + 1}]=AB123"
    done = run.called(*words)
    new = re.findall(r"\b[A-Z2-7]{20}\b", done.stdout)[-1]
    after = run.data("show", new)
    assert [dose["lot"] for dose in after["visit"]["doses"]][missing] == "AB123"
    assert after["state"].startswith("ACCEPTED")


@pytest.mark.parametrize("words", WHOLE, ids=" ".join)
def test_each_command_of_the_readme_runs_to_the_letter(run: OpenRun, words: list[str]) -> None:
    # Readiness answers "not yet": exit code 1.
    done = run.called(*words, code=1 if words[0] == "readiness" else 0)
    if "--set" in words:
        assert re.search(r"[A-Z2-7]{20} +QUEUED +[A-Z2-7]{20}", done.stdout), done.stdout


def test_the_examples_with_set_are_among_them() -> None:
    assert {"resubmit", "remedy", "query"} <= {words[0] for words in WHOLE}
