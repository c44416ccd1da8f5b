"""Keys of the inbox are hostile input: a key names its own object, and nothing else follows from it."""

from __future__ import annotations

import importlib
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.aws.cloud import LocalCloud
from local.aws.engine import Context
from shared.adapters.aws.s3 import CURRENT_CONFIGURATION, S3Configurations
from shared.adapters.configuration.reader import parse_configuration
from shared.domain.clinics import Configuration
from tests.end_to_end.rows import CLINICS, a_csv, row
from tests.functions.environment import NOWHERE

ODD = [
    "a b+c.csv",
    "100%25 done%2F..%2F..csv",
    "%2e%2e%2fconfig.csv",
    "Ünïcödé\u0301 你好 \U0001f489.csv",
    "right\u202eto\u202cleft.csv",
    "tab\tnew\nline\x1b[2Jbell\x07.csv",
    "'; DROP TABLE x; --<b>&amp;.csv",
    "[red]markup[/red] {0} %s ${HOME} `id`.csv",
    "./../../../../etc/passwd",
    "a//b/../c.csv",
    "x" * 990 + ".csv",
]


def event(*keys: str) -> dict[str, Any]:
    """Return an SQS event with S3's notification (S3 user guide, "Event message structure")."""
    body = json.dumps({"Records": [{"s3": {"object": {"key": quote_plus(key, safe="/")}}} for key in keys]})
    return {"Records": [{"messageId": "1", "body": body}]}


@pytest.fixture
def convert(cloud: LocalCloud) -> Any:
    configuration = parse_configuration(CLINICS)
    assert isinstance(configuration, Configuration)
    S3Configurations(cloud.s3, cloud.runtime.bucket).push(CLINICS, configuration.version)
    return importlib.reload(importlib.import_module("functions.convert.handler"))


def called(convert: Any, *keys: str) -> None:
    assert convert.handler(event(*keys), Context("convert", time.monotonic() + 600)) == {"batchItemFailures": []}


def test_an_object_with_any_key_is_read_and_the_file_has_its_name(
    cloud: LocalCloud, convert: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    keys = [f"inbox/elm/{name}" for name in ODD]
    for number, key in enumerate(keys):
        cloud.s3.put_object(Bucket=cloud.runtime.bucket, Key=key, Body=a_csv(row(f"SYN-{number}", f"D{number}")))
    called(convert, *keys)
    files = {file.name: file for file in convert._app.ledger.files.all()}
    assert set(files) == set(keys)
    for key, file in files.items():
        assert (file.source, file.rows, file.adds_up) == ("elm", 1, True)
        (msh_10,) = convert._app.ledger.files.msh_10s(file.file_id)
        assert convert._app.ledger.submissions.get(msh_10).visit.rows == ((key.rpartition("/")[2], 2),)
    assert list(tmp_path.iterdir()) == []


ELSEWHERE = [
    CURRENT_CONFIGURATION,
    "inbox/../config/clinics.toml",
    "inbox/elm/../../config/clinics.toml",
    "inbox//config/clinics.toml",
    "inbox/%2e%2e/config/clinics.toml",
    "/etc/passwd",
    "file:///etc/passwd",
    "",
]


def test_a_key_leads_only_to_its_own_object(cloud: LocalCloud, convert: Any) -> None:
    before = cloud.s3.list_objects_v2(Bucket=cloud.runtime.bucket)["KeyCount"]
    called(convert, *ELSEWHERE)
    assert list(convert._app.ledger.files.all()) == []
    assert cloud.s3.list_objects_v2(Bucket=cloud.runtime.bucket)["KeyCount"] == before


def test_a_folder_that_is_no_source_is_reported_and_not_read(cloud: LocalCloud, convert: Any) -> None:
    keys = ["inbox/../a.csv", "inbox/ELM/a.csv", "inbox/elm\u200b/a.csv", "inbox/ elm/a.csv"]
    for key in keys:
        cloud.s3.put_object(Bucket=cloud.runtime.bucket, Key=key, Body=a_csv(row("SYN-1", "D1")))
    called(convert, *keys)
    files = {
        file.name: (file.rows, [finding.code for finding in file.findings]) for file in convert._app.ledger.files.all()
    }
    assert files == dict.fromkeys(keys, (0, ["SOURCE-UNKNOWN"]))


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=30))
def test_every_key_is_decoded_to_the_key_in_the_bucket(key: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in NOWHERE.items():
            patch.setenv(name, value)
        handler = importlib.import_module("functions.convert.handler")
    assert handler.arrivals(json.loads(event(key)["Records"][0]["body"])) == [(key, "")]
