"""docs/operations.md: a section for each alarm, and nothing to type that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from console import documentation
from shared.alarms import ALARMS, Alarm

PAGE = (documentation.ROOT / "docs" / "operations.md").read_text("utf-8")
SECTIONS = dict(
    re.findall(r"^### (\S+)\n(.*?)(?=^##|\Z)", PAGE.partition("## When an alarm comes")[2], re.MULTILINE | re.DOTALL)
)


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.name)
def test_an_alarm_has_a_section_that_says_what_it_means_what_to_run_and_when_it_is_over(alarm: Alarm) -> None:
    said = re.split(r"\*\*(What it means|What to run|When it is over)\.\*\*", SECTIONS[alarm.name])
    assert said[1::2] == ["What it means", "What to run", "When it is over"]
    assert all(len(part.split()) > 3 for part in said[2::2])
    assert re.search(r"^    (vaxline|aws) ", said[4], re.MULTILINE)


def test_no_section_is_of_an_alarm_that_is_gone() -> None:
    assert set(SECTIONS) == {alarm.name for alarm in ALARMS}


def test_nothing_in_the_docs_is_to_be_typed_that_the_command_lacks() -> None:
    assert list(documentation.unknown_commands()) == []


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("    vaxline valve lst              what is stopped?", "no valve"),
        ("Run `vaxline redeem outbox`.", "no redeem"),
        ("    .venv/bin/vaxline files --verbose   all of them", "no --verbose"),
        ('    vaxline close MSH-10 --reason "by hand"   done', ""),
        ("`vaxline config push clinics.toml --stage test`", ""),
    ],
)
def test_a_command_or_an_option_that_is_not_there_is_found(
    line: str, wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(f"Words.\n\n{line}\n", "utf-8")
    monkeypatch.setattr(documentation, "ROOT", tmp_path)
    found = list(documentation.unknown_commands())
    assert (len(found), found[0].rpartition(": ")[2]) == (1, wrong) if wrong else found == []
