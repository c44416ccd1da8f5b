from __future__ import annotations

import importlib
import json

import pytest

from functions import logs
from local.aws.cloud import LocalCloud
from shared.adapters.aws.s3 import S3Objects
from shared.adapters.aws.sqs import announcement
from shared.domain.shares import PatientShare, shares
from shared.usecases.intake.convert import Ignored, Split


def test_object_keys_are_decoded_as_s3_encodes_them(cloud: LocalCloud) -> None:
    convert = importlib.import_module("functions.convert.handler")
    keys = ["inbox/elm/my+export.csv", "inbox%2Felm%2Fa%20b.csv", "inbox/elm/%C3%A9.csv"]
    body = json.dumps({"Records": [{"s3": {"object": {"key": key}}} for key in keys]})
    assert [key for key, _ in convert.arrivals(json.loads(body))] == [
        "inbox/elm/my export.csv",
        "inbox/elm/a b.csv",
        "inbox/elm/é.csv",
    ]


def test_the_test_notification_that_s3_sends_at_first_names_no_object(cloud: LocalCloud) -> None:
    convert = importlib.import_module("functions.convert.handler")
    assert convert.arrivals({"Service": "Amazon S3", "Event": "s3:TestEvent"}) == []


def test_a_share_travels_beside_what_s3_says_and_an_event_of_s3_has_none(cloud: LocalCloud) -> None:
    convert = importlib.import_module("functions.convert.handler")
    body = announcement("inbox/elm/my export.csv", "V1", PatientShare(2, 4))
    assert convert.share_of(json.loads(body)) == PatientShare(2, 4)
    assert convert.arrivals(json.loads(body)) == [("inbox/elm/my export.csv", "V1")]
    assert json.loads(body).keys() == {"Records", "share"}
    assert convert.share_of(json.loads(announcement("inbox/elm/a.csv"))) is None
    assert convert.share_of({"Service": "Amazon S3", "Event": "s3:TestEvent"}) is None


@pytest.mark.parametrize("replayed", [False, True])
def test_a_split_file_is_queued_once_for_each_share_by_its_own_object_alone(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, replayed: bool
) -> None:
    """S3 may tell of several objects in one message."""
    convert = importlib.reload(importlib.import_module("functions.convert.handler"))
    told = [announcement("inbox/elm/large.csv", "V1"), announcement("inbox/elm/small.csv", "V2")]
    event = {"Records": [record for one in told for record in json.loads(one)["Records"]]}
    body = json.dumps(event | ({"replayed": True} if replayed else {}))
    called = []

    def play(key: str, version_id: str, _: object, share: object, *, replayed: bool) -> object:
        called.append((key, share, replayed))
        return Split("FILE", 3) if "large" in key else Ignored(key, "converted before")

    monkeypatch.setattr(convert._app, "convert", play)
    assert convert.handler({"Records": [{"messageId": "1", "body": body}]}, None) == {"batchItemFailures": []}
    assert called == [("inbox/elm/large.csv", None, replayed), ("inbox/elm/small.csv", None, replayed)]
    received = cloud.sqs.receive_message(QueueUrl=cloud.queue_urls["intake"], MaxNumberOfMessages=10)["Messages"]
    queued = [one["Body"] for one in received if "share" in one["Body"]]
    expected = [announcement("inbox/elm/large.csv", "V1", share, replayed=replayed) for share in shares(3)]
    assert sorted(queued) == sorted(expected)


def test_a_log_line_takes_only_the_fields_that_are_allowed() -> None:
    with pytest.raises(ValueError, match="patient"):
        logs.line("x", patient="Sampleton")


def test_the_version_of_the_event_is_the_one_that_is_read(cloud: LocalCloud) -> None:
    convert = importlib.import_module("functions.convert.handler")
    body = json.dumps({"Records": [{"s3": {"object": {"key": "inbox/elm/a.csv", "versionId": "V1"}}}]})
    assert convert.arrivals(json.loads(body)) == [("inbox/elm/a.csv", "V1")]
    versions = [
        cloud.s3.put_object(Bucket=cloud.runtime.bucket, Key="k", Body=body)["VersionId"]
        for body in (b"first", b"second")
    ]
    objects = S3Objects(cloud.s3, cloud.runtime.bucket)
    first = objects.stat("k", versions[0])
    assert first is not None
    with objects.open(first) as stream:
        assert stream.read() == b"first"


@pytest.mark.parametrize("name", ["sweep", "valve"])
def test_a_new_stage_rings_nobody_before_its_first_configuration(cloud: LocalCloud, name: str) -> None:
    module = importlib.reload(importlib.import_module(f"functions.{name}.handler"))
    assert module.handler({"source": "aws.scheduler"}, None) in (
        {"queued": 0, "stopped": 0},
        {"valve": "OPEN", "probe": ""},
    )
