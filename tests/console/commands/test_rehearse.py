"""`vaxline rehearse` on small folders, through the real command line."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from console import terminal
from console.commands import rehearse
from console.main import app
from local import rehearsal
from local.aws import snapshot
from tests import places
from tests.end_to_end.rows import CLINICS, a_csv, row

EXAMPLE = places.ROOT / "docs" / "examples" / "rehearsal"
PAGE = places.ROOT / "docs" / "rehearse.md"
LATER = (
    CLINICS + '\n[clinics.annex]\nname = "Annex"\nfacility = "CT9004"\nsending_facility = "CT9004"\nsecret = "annex"\n'
)
LATER += '\n[sources.annex]\nformat = "csv"\nclinic = "annex"\n'
DO = """\
# The clinic found the lot.
vaxline resubmit --cause LOT-MISSING --clinic elm --set 'lot=Z 9'   # quoted
close NO-SUCH-MESSAGE --reason "nobody knows it"
no-such-command
config push later.toml
vaxline files --json
"""


def deleted(patient: str) -> bytes:
    header, dose = a_csv(row(patient)).decode().split("\n")
    return f"{header},action\n{dose},D".encode()


def fill(folder: Path, entries: dict[str, str | bytes]) -> Path:
    for name, content in entries.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


Run = Callable[..., Result]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where rehearsals have their temporary folders, and where another local run would be kept."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def run(home: Path) -> Iterator[Run]:
    """Calls `vaxline rehearse`."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tempfile, "tempdir", str(home))
        patched.setattr(snapshot, "FOLDER", home / "build" / "local")
        patched.setattr(terminal, "out", terminal.Console(width=200))
        patched.setattr(terminal, "err", terminal.Console(width=200, stderr=True))
        patched.setenv("VAXLINE_CLI_STAGE", "test")

        def call(*arguments: str | Path) -> Result:
            return CliRunner().invoke(app, ["rehearse", *map(str, arguments)], catch_exceptions=False)

        yield call


@pytest.fixture(scope="module")
def played(run: Run, home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One folder with everything in it, played once: name of the entry → its step."""
    first = a_csv(row("SYN-1"), row("SYN-2", lot=""))
    folder = fill(
        tmp_path_factory.mktemp("folder"),
        {
            "01-elm-doses.csv": first,
            "02-elm-again.csv": first,
            "03-elm-corrected.csv": a_csv(row("SYN-1", lot="CD456"), row("SYN-2", lot="")),
            "05-do.txt": DO,
            "06-annex-doses.csv": a_csv(row("SYN-1")),
            "07-elm-deleted.csv": deleted("SYN-1"),
            "later.toml": LATER,
            "notes.txt": "is not played",
        },
    )
    shutil.copytree(EXAMPLE / "05-hilltop-set", folder / "04-hilltop-set")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    result = run(folder, "--json")
    assert result.exit_code == 0, result.output
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert list(home.iterdir()) == []
    (line,) = result.stdout.splitlines()
    return {step["name"]: step for step in json.loads(line)["steps"]}


def doses(step: dict[str, Any]) -> dict[tuple[str, str], list[str]]:
    """Lots by facility and record number."""
    return {
        (patient["facility"], patient["pid_3"]): [dose["lot"] for dose in patient["doses"]] for patient in step["iis"]
    }


def counts(step: dict[str, Any]) -> tuple[int, int, int, dict[str, int]]:
    (file,) = step["files"]
    return file["rows"], file["unchanged"], file["held"], file["submitted"]


def test_entries_are_played_in_the_order_of_their_names_and_others_are_not(played: dict[str, Any]) -> None:
    assert list(played) == [
        "01-elm-doses.csv",
        "02-elm-again.csv",
        "03-elm-corrected.csv",
        "04-hilltop-set",
        "05-do.txt",
        "06-annex-doses.csv",
        "07-elm-deleted.csv",
    ]
    assert not any(step["errors"] for step in played.values())


def test_a_step_shows_its_file_the_worklist_and_what_the_iis_has(played: dict[str, Any]) -> None:
    step = played["01-elm-doses.csv"]
    assert step["files"] == [
        {
            "name": "elm/01-elm-doses.csv",
            "rows": 2,
            "unchanged": 0,
            "held": 1,
            "submitted": {"ACCEPTED": 1},
            "findings": [],
        }
    ]
    assert step["sent"] == 1
    assert step["worklist"] == [{"cause": "LOT-MISSING", "state": "HELD", "clinic": "elm", "rows": 1}]
    dose = {"orc_3": "D-SYN-1", "date": "20260302", "cvx": "115", "lot": "AB123"}
    dose |= {"completion": "CP", "action": "A", "source": "00"}
    patient = {"facility": "CT9001", "pid_3": "SYN-1", "name": "Sampleton, Ada", "birth_date": "19900506"}
    assert step["iis"] == [patient | {"doses": [dose]}]
    assert step["commands"] == []


def test_the_same_export_again_is_unchanged_and_sends_nothing(played: dict[str, Any]) -> None:
    step = played["02-elm-again.csv"]
    assert counts(step) == (2, 2, 0, {})
    assert step["sent"] == 0
    assert step["iis"] == played["01-elm-doses.csv"]["iis"]
    assert step["worklist"] == played["01-elm-doses.csv"]["worklist"]


def test_a_correction_is_a_second_message_and_the_iis_has_the_last(played: dict[str, Any]) -> None:
    step = played["03-elm-corrected.csv"]
    assert counts(step) == (2, 1, 0, {"ACCEPTED": 1})
    assert step["sent"] == 1
    assert doses(step) == {("CT9001", "SYN-1"): ["CD456"]}


def test_a_folder_is_an_export_of_many_files(played: dict[str, Any]) -> None:
    step = played["04-hilltop-set"]
    assert [file["name"] for file in step["files"]] == ["hilltop/04-hilltop-set/"]
    assert counts(step) == (1, 0, 0, {"ACCEPTED": 1})
    assert doses(step)["CT9000", "H300"] == ["W9012"]


def test_a_command_of_a_do_file_works_on_the_rehearsal(played: dict[str, Any]) -> None:
    step = played["05-do.txt"]
    assert step["sent"] == 1
    assert step["worklist"] == []
    assert doses(step)["CT9001", "SYN-2"] == ["Z 9"]
    files = json.loads(step["commands"][-1]["output"])
    assert [file["name"] for file in files][:2] == ["inbox/elm/01-elm-doses.csv", "inbox/elm/02-elm-again.csv"]


def test_a_command_that_fails_is_shown_with_its_output_and_the_rehearsal_goes_on(played: dict[str, Any]) -> None:
    called = played["05-do.txt"]["commands"]
    assert [(each["command"], each["exit_code"]) for each in called] == [
        ("vaxline resubmit --cause LOT-MISSING --clinic elm --set 'lot=Z 9'", 0),
        ("vaxline close NO-SUCH-MESSAGE --reason 'nobody knows it'", 1),
        ("vaxline no-such-command", 2),
        ("vaxline config push later.toml", 0),
        ("vaxline files --json", 0),
    ]
    assert "NO-SUCH-MESSAGE is not open" in called[1]["output"]
    assert "No such command 'no-such-command'" in called[2]["output"]


def test_a_pushed_configuration_counts_from_then_on_with_its_sources_and_clinics(played: dict[str, Any]) -> None:
    step = played["06-annex-doses.csv"]
    assert counts(step) == (1, 0, 0, {"ACCEPTED": 1})
    assert doses(step)["CT9004", "SYN-1"] == ["AB123"]


def test_a_deleted_dose_and_a_patient_without_doses_are_not_listed(played: dict[str, Any]) -> None:
    assert ("CT9001", "SYN-1") in doses(played["06-annex-doses.csv"])
    step = played["07-elm-deleted.csv"]
    assert step["sent"] == 1
    assert ("CT9001", "SYN-1") not in doses(step)
    assert ("CT9004", "SYN-1") in doses(step)


def test_only_what_changed_is_printed_unless_all_is_asked_for(run: Run, tmp_path: Path) -> None:
    first = {"01-elm-a.csv": a_csv(row("SYN-1"), row("SYN-2", lot=""))}
    fill(tmp_path, {**first, "02-elm-b.csv": a_csv(row("SYN-1", lot="CD456")), "03-do.txt": "close NO --reason no"})
    shown, full = run(tmp_path).stdout, run(tmp_path, "--all").stdout
    _, _, second = shown.partition("02-elm-b.csv ─")
    second, _, third = second.partition("03-do.txt ─")
    assert "AB123 → CD456" in second
    assert "LOT-MISSING" not in second
    assert "$ vaxline close NO --reason no\n" in third
    assert "there is nothing open of this name\nexit code 1\n" in third
    assert "did not change" in third
    _, _, third_of_all = full.partition("03-do.txt ─")
    assert "LOT-MISSING" in third_of_all
    assert "CD456" in third_of_all
    assert "elm/01-elm-a.csv" in third_of_all


def test_a_set_that_never_gets_complete_is_said_not_to_be_taken_up(run: Run, tmp_path: Path) -> None:
    manifest = json.dumps({"output": [{"type": "Patient", "url": "https://ehr.example/Missing.ndjson"}]})
    patient = (EXAMPLE / "05-hilltop-set" / "Patient.ndjson").read_bytes()
    fill(tmp_path, {"1-hilltop/manifest.json": manifest, "1-hilltop/Patient.ndjson": patient})
    text = " ".join(run(tmp_path).stdout.split())
    assert "hilltop/1-hilltop/ failed: SET-INCOMPLETE" in text
    assert "Missing.ndjson Fix: Store the missing file." in text


def test_a_file_whose_name_no_format_takes_is_said_not_to_be_read_until_it_comes_under_another(
    run: Run, tmp_path: Path
) -> None:
    doses = a_csv(row("SYN-1"))
    fill(tmp_path, {"01-elm/_doses.csv": doses, "01-elm/.more.csv": doses, "02-elm-doses.csv": doses})
    first, second = json.loads(run(tmp_path, "--json").stdout)["steps"]
    assert [(file["name"], file["findings"]) for file in first["files"]] == [
        ("elm/01-elm/.more.csv", ["FILE-NAME-SKIPPED"]),
        ("elm/01-elm/_doses.csv", ["FILE-NAME-SKIPPED"]),
    ]
    assert [waiting["cause"] for waiting in first["worklist"]] == ["FILE-NAME-SKIPPED"]
    assert counts(second) == (1, 0, 0, {"ACCEPTED": 1})


def test_what_does_not_come_to_rest_is_an_error_of_its_step(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal, "_LONGEST", 0.0)
    result = run(fill(tmp_path, {"01-elm-doses.csv": a_csv(row("SYN-1"))}), "--json")
    assert result.exit_code == 1
    (step,) = json.loads(result.stdout)["steps"]
    assert step["errors"] == ["something still moved after 0 s"]


GOOD = {"01-elm-doses.csv": a_csv(row("SYN-1"))}
WRONG: dict[str, tuple[dict[str, str | bytes], tuple[str, ...]]] = {
    "an unknown source": ({**GOOD, "02-oak-doses.csv": ""}, ("02-oak-doses.csv", "elm, harbor, hilltop")),
    "no source at all": ({**GOOD, "02": ""}, ("02:", "elm, harbor, hilltop")),
    "an empty folder": ({}, ("nothing to play",)),
    "only names without number": ({"notes.txt": "", "clinics.toml": CLINICS}, ("nothing to play",)),
    "a bad clinics.toml": (
        {**GOOD, "clinics.toml": "[organization]\nnamee = 1\n"},
        ("clinics.toml: organization.namee",),
    ),
    "a clinics.toml of bytes": ({**GOOD, "clinics.toml": b"\xff\xfe"}, ("clinics.toml is not a text",)),
    "no facility code": ({**GOOD, "ctwiz-facilities.txt": "# none\n"}, ("ctwiz-facilities.txt", "facility code")),
    "an open quote": ({**GOOD, "02-do.txt": "files\nclose 'X"}, ("02-do.txt, line 2: No closing quotation",)),
    "a command that stays open": ({**GOOD, "02-do.txt": "vaxline local"}, ("02-do.txt, line 1", "`vaxline local`")),
    "a rehearsal of itself": ({**GOOD, "02-do.txt": "rehearse ."}, ("02-do.txt, line 1", "`vaxline rehearse`")),
    "another stage": ({**GOOD, "02-do.txt": "files --stage test"}, ("02-do.txt, line 1", "stage local")),
    "another stage, in one word": ({**GOOD, "02-do.txt": "files --stage=test"}, ("02-do.txt, line 1", "stage local")),
    "commands of bytes": ({**GOOD, "02-do.txt": b"\xff\xfe"}, ("02-do.txt is not a text",)),
    "a folder without files": ({**GOOD, "02-hilltop-set/.DS_Store": ""}, ("02-hilltop-set: there is no file",)),
}


@pytest.mark.parametrize(("entries", "words"), WRONG.values(), ids=WRONG)
def test_a_folder_that_cannot_be_played_is_refused_before_anything_is(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    entries: dict[str, str | bytes],
    words: tuple[str, ...],
) -> None:
    monkeypatch.setattr(rehearsal, "opened", None)
    result = run(fill(tmp_path, entries))
    assert result.exit_code == 2
    assert result.stdout == ""
    for word in words:
        assert word in result.stderr


def test_a_folder_that_is_not_there_is_refused(run: Run, tmp_path: Path) -> None:
    assert run(tmp_path / "nowhere").exit_code == 2


def test_the_longest_source_name_that_fits_is_the_source_of_an_entry(tmp_path: Path) -> None:
    more = CLINICS + '\n[sources.elm-travel]\nformat = "csv"\nclinic = "elm"\nnumbers_of = "elm"\n'
    names = ("01-elm-travel-doses.csv", "02-elm-doses.csv", "3_elm.csv")
    fill(tmp_path, {"clinics.toml": more, **dict.fromkeys(names, "x")})
    assert [entry.source for entry in rehearsal.read_entries(tmp_path)] == ["elm-travel", "elm", "elm"]


def test_a_command_that_crashes_is_shown_and_ctrl_c_ends_the_rehearsal() -> None:
    def crash(**_: object) -> None:
        raise RuntimeError("a bug")

    def interrupt(**_: object) -> None:
        raise SystemExit(1) from KeyboardInterrupt()

    called = rehearse._called(crash, ["files"])
    assert (called.command, called.exit_code) == ("vaxline files", 1)
    assert "RuntimeError: a bug" in called.output
    with pytest.raises(KeyboardInterrupt):
        rehearse._called(interrupt, ["files"])


def test_the_example_of_the_docs_gives_what_the_page_says(run: Run) -> None:
    result = run(EXAMPLE, "--json")
    assert result.exit_code == 0
    steps = json.loads(result.stdout)["steps"]
    _, _, rest = PAGE.read_text("utf-8").partition("```json\n")
    assert json.loads(rest.partition("```")[0]) == steps[2]
    assert [step["sent"] for step in steps] == [1, 0, 1, 1, 1]
    assert steps[-1]["worklist"] == []
    assert doses(steps[-1]) == {
        ("CT9000", "H300"): ["W9012"],
        ("CT9001", "E100"): ["R1243"],
        ("CT9001", "E200"): ["V5678"],
    }
