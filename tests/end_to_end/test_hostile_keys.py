"""What an S3 key, chosen by whoever exports, can do: nothing but name a file."""

from __future__ import annotations

import pytest

from console import terminal
from shared.adapters.aws.s3 import CURRENT_CONFIGURATION
from shared.domain.lifecycle import State
from tests.end_to_end.rows import a_csv, row
from tests.local_run import OpenRun

KEYS = [
    "inbox/elm/../../config/clinics.toml",
    "inbox/elm/%2e%2e%2fconfig%2fclinics.toml",
    "inbox/elm/a+b%20c.csv",
    "inbox/elm/line\nbreak\r.csv",
    "inbox/elm/\x1b[2J\x1b]0;owned\x07.csv",
    "inbox/elm/\u202egpj.exe.csv",
    "inbox/elm/=cmd|' '!A1.csv",
    "inbox/elm/'; DROP TABLE ledger; --.csv",
    "inbox/elm/" + "é" * 480 + ".csv",
    "inbox/elm//double//slash.csv",
]


@pytest.fixture(scope="module")
def run(shared_run: OpenRun) -> OpenRun:
    """A run with one file under each of the keys."""
    bucket = shared_run.cloud.runtime.bucket

    def configuration() -> bytes:
        return shared_run.cloud.s3.get_object(Bucket=bucket, Key=CURRENT_CONFIGURATION)["Body"].read()

    before = configuration()
    for number, key in enumerate(KEYS):
        body = a_csv(row(f"SYN-{number}", f"D{number}"))
        shared_run.cloud.s3.put_object(Bucket=bucket, Key=key, Body=body)
    shared_run.settle()
    assert configuration() == before, "no key leads out of the inbox"
    return shared_run


def test_a_key_only_names_a_file_and_its_rows_go_the_whole_way(run: OpenRun) -> None:
    files = {file.name: file for file in run.ledger.files.all()}
    assert files.keys() == set(KEYS)
    assert all(file.submitted == {State.ACCEPTED: 1} for file in files.values())
    assert len(run.simulator.accepted) == len(KEYS)


def test_a_name_moves_no_cursor_and_sets_no_title_on_the_operator_s_screen(
    run: OpenRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "out", terminal.make_console())
    shown = run.called("files").stdout
    assert "gpj.exe" in shown
    assert not {character for character in shown if ord(character) < 32 or 0x7F <= ord(character) < 0xA0} - {"\n"}
    assert "\u202e" not in shown
