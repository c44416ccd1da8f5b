"""What the functions measured in a run, beside what the ledger says of it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from local import runs
from local.aws.engine import Engine
from shared.domain.lifecycle import State
from shared.metrics import BY_NAME
from tests.end_to_end.rows import CLINICS, a_csv, row


def test_the_metrics_of_a_run_say_what_the_ledger_says_and_name_nobody(places: None, tmp_path: Path) -> None:
    with runs.start(CLINICS, "clinics.toml") as run, Engine(run.cloud) as engine:
        rows = [row("SYN-1", "D1"), row("SYN-2", "D2"), row("SYN-3", "D3", lot="")]
        run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key="inbox/elm/doses.csv", Body=a_csv(*rows))
        assert engine.wait_until_idle(timeout=60)
        (file,) = run.application.ledger.files.all()
    lines = [json.loads(line) for line in (tmp_path / "functions.log").read_text("utf-8").splitlines()]
    measured: Counter[tuple[str, str]] = Counter()
    for line in lines:
        for name in BY_NAME.keys() & line.keys() if "_aws" in line else ():
            of = line.get(BY_NAME[name].by or "-", "")
            measured[name, of] += len(line[name]) if isinstance(line[name], list) else line[name]
    (clinic,) = {clinic for clinic, _, _ in file.places}
    assert measured == {
        ("Rows", "elm"): file.rows,
        ("Held", clinic): file.held,
        ("Worklist", clinic): 1,
        ("Accepted", clinic): file.submitted[State.ACCEPTED],
        ("AnswerSeconds", ""): 2,
    }
