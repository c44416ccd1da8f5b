from __future__ import annotations

import importlib
import io
import json

import pytest

from functions import logs
from local.aws.cloud import LocalCloud
from shared.adapters.aws.s3 import S3Objects
from shared.adapters.aws.sqs import announcement
from shared.domain.lifecycle import State
from shared.ports.queues import OutboxMessage, Received
from shared.usecases.correction.triage import Triaged
from shared.usecases.delivery.submit import Done
from shared.usecases.intake.arrival import Ignored


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


def test_an_announced_object_is_read_back_with_its_version(cloud: LocalCloud) -> None:
    convert = importlib.import_module("functions.convert.handler")
    body = announcement("inbox/elm/my export.csv", "V1")
    assert convert.arrivals(json.loads(body)) == [("inbox/elm/my export.csv", "V1")]


@pytest.mark.parametrize("replayed", [False, True])
def test_every_object_of_a_message_is_converted_and_replayed_where_the_message_says_so(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, replayed: bool
) -> None:
    """An S3 message may name several objects."""
    convert = importlib.reload(importlib.import_module("functions.convert.handler"))
    notifications = [announcement("inbox/elm/a.csv", "V1"), announcement("inbox/elm/b.csv", "V2")]
    event = {"Records": [record for text in notifications for record in json.loads(text)["Records"]]}
    body = json.dumps(event | ({"replayed": True} if replayed else {}))
    called = []

    def play(key: str, version_id: str, _: object, *, replayed: bool) -> object:
        called.append((key, version_id, replayed))
        return Ignored(key, "converted before")

    monkeypatch.setattr(convert._app, "convert", play)
    assert convert.handler({"Records": [{"messageId": "1", "body": body}]}, None) == {"batchItemFailures": []}
    assert called == [("inbox/elm/a.csv", "V1", replayed), ("inbox/elm/b.csv", "V2", replayed)]


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
def test_scheduled_functions_succeed_before_the_first_configuration(cloud: LocalCloud, name: str) -> None:
    module = importlib.reload(importlib.import_module(f"functions.{name}.handler"))
    assert module.handler({"source": "aws.scheduler"}, None) in (
        {"queued": 0, "stopped": 0},
        {"valve": "OPEN", "probe": ""},
    )


@pytest.mark.parametrize("body", ["", "{", "[]", "{}", '{"msh_10": 7}'])
@pytest.mark.parametrize("name", ["submit", "triage", "convert"])
def test_a_message_that_cannot_be_read_fails_alone(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, name: str, body: str
) -> None:
    module = importlib.reload(importlib.import_module(f"functions.{name}.handler"))
    seen: list[object] = []

    def deliver(brought: list[Received], _left: object) -> list[tuple[Received, Done]]:
        seen.extend(brought)
        return [(one, Done("MSG1", "elm", "nothing to send: ACCEPTED")) for one in brought]

    def triage(msh_10: str) -> object:
        seen.append(msh_10)
        return Triaged(msh_10, "elm", "gone")

    monkeypatch.setattr(module._app, "deliver", deliver)
    monkeypatch.setattr(module._app, "triage", triage)
    monkeypatch.setattr(module._app, "convert", lambda key, *_, **__: seen.append(key) or Ignored(key, "before"))
    good = announcement("inbox/elm/a.csv") if name == "convert" else '{"msh_10": "MSG1", "clinic": "elm"}'
    records = [
        {"messageId": f"{at}", "body": text, "receiptHandle": "H", "attributes": {"MessageGroupId": "GROUP"}}
        for at, text in enumerate((body, good))
    ]
    failed = module.handler({"Records": records}, Enough())["batchItemFailures"]
    assert len(seen) == 1
    # To convert, a JSON object without records is S3's test notification.
    names_nothing = (name == "convert" and body.startswith('{"')) or (name, body) == ("convert", "{}")
    assert failed == ([] if names_nothing else [{"itemIdentifier": "0"}])


class Enough:
    """Lambda's context with time left."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def test_a_delivered_batch_does_not_come_back_for_a_number_of_an_alarm(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = importlib.reload(importlib.import_module("functions.submit.handler"))
    done = Done("MSG1", "elm", State.ACCEPTED.value)
    message = OutboxMessage("MSG1", "elm", "GROUP")
    monkeypatch.setattr(submit._app, "deliver", lambda _messages, _left: [(message, done)])

    def broken(_clinics: frozenset[str]) -> int:
        raise TimeoutError

    monkeypatch.setattr(submit._app, "certificate_days", broken)
    body = json.dumps({"msh_10": "MSG1", "clinic": "elm"})
    record = {"messageId": "1", "body": body, "receiptHandle": "H", "attributes": {"MessageGroupId": "GROUP"}}
    written = io.StringIO()
    with logs.written_to(written):
        assert submit.handler({"Records": [record]}, Enough()) == {"batchItemFailures": []}
    assert "certificates not looked at" in written.getvalue()
    assert '"Accepted"' in written.getvalue()
