"""The function `query_files`: needs a configuration, stops in time, and logs only counts."""

from __future__ import annotations

import importlib
import io
import json
import time
from pathlib import Path

import pytest

from functions import logs
from local import runs
from local.aws import snapshot
from local.aws.cloud import LocalCloud
from local.aws.engine import Context
from shared.settings import QUERY_FILES, QUERY_FILES_PREFIX, QUERY_FILES_RESERVE
from tests.end_to_end.rows import CLINICS

FILE = b"last_name,first_name,birth_date\nSampleton,Nobody,1990-05-06\n"


def test_it_ends_before_its_next_start() -> None:
    assert QUERY_FILES.every_minutes is not None
    assert QUERY_FILES.timeout < QUERY_FILES.every_minutes * 60
    assert QUERY_FILES.timeout > 2 * QUERY_FILES_RESERVE, "with time left to ask"


def test_nothing_is_asked_without_a_configuration(cloud: LocalCloud) -> None:
    cloud.s3.put_object(Bucket=cloud.runtime.bucket, Key=f"{QUERY_FILES_PREFIX}a.csv", Body=FILE)
    handler = importlib.reload(importlib.import_module("functions.query_files.handler")).handler
    assert handler({}, Context("query-files", time.monotonic() + 700)) == {"rows": 0, "sent": 0, "waiting": 0}


def test_it_asks_while_time_is_left_and_logs_only_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "FOLDER", tmp_path / "local")
    monkeypatch.setattr(runs, "LOG", tmp_path / "functions.log")
    with runs.start(CLINICS, "clinics.toml") as run:
        run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key=f"{QUERY_FILES_PREFIX}elm/ada.csv", Body=FILE)
        handler = importlib.reload(importlib.import_module("functions.query_files.handler")).handler
        late = handler({}, Context("query-files", time.monotonic() + QUERY_FILES_RESERVE - 1))
        written = io.StringIO()
        with logs.written_to(written):
            early = handler({}, Context("query-files", time.monotonic() + QUERY_FILES_RESERVE + 30))
    assert late == {"rows": 0, "sent": 0, "waiting": 1}
    assert early == {"rows": 1, "sent": 1, "waiting": 0}
    line = json.loads(written.getvalue().splitlines()[-1])
    assert (line["message"], line["rows"], line["count"], line["later"]) == ("asked about files", 1, 1, 0)
    assert not any(word in written.getvalue() for word in ("ada", "Sampleton", "Nobody"))
