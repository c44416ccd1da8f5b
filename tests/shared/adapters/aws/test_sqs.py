from __future__ import annotations

from collections import defaultdict

import boto3
import pytest

from local.aws.cloud import REGION, LocalCloud
from shared.adapters.aws.sqs import SqsOutbox, received
from shared.ports.queues import OutboxMessage
from shared.settings import OUTBOX


class Recorder:
    """An SQS client that takes down what it is sent, and refuses one entry."""

    def __init__(self, refused: str = "") -> None:
        self.bodies: list[tuple[str, str]] = []
        self.refused = refused
        self.sizes: list[int] = []

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, object]:  # noqa: N803 - boto3's names
        failed = [entry["Id"] for entry in Entries if self.refused and self.refused in entry["MessageBody"]]
        self.sizes.append(len(Entries))
        self.bodies += [(entry["MessageGroupId"], entry["MessageBody"]) for entry in Entries]
        return {"Failed": failed}


def test_a_patients_messages_keep_their_order_when_several_threads_send() -> None:
    client = Recorder()
    messages = [OutboxMessage(f"M{number:03}", "elm", f"G{number % 7}") for number in range(300)]
    SqsOutbox(client, "url").send(messages)  # type: ignore[arg-type]
    by_group = defaultdict(list)
    for group, body in client.bodies:
        by_group[group].append(body)
    assert sum(map(len, by_group.values())) == 300
    assert all(bodies == sorted(bodies) for bodies in by_group.values())


def test_messages_of_many_patients_fill_every_batch() -> None:
    messages = [OutboxMessage(f"M{number:03}", "elm", f"G{number % 31}") for number in range(100)]
    client = Recorder()
    SqsOutbox(client, "url").send(messages)  # type: ignore[arg-type]
    assert client.sizes == [10] * 10


@pytest.mark.parametrize("count", [1, 10, 11, 95])
def test_every_message_is_queued_once(cloud: LocalCloud, count: int) -> None:
    client = boto3.client("sqs", region_name=REGION)
    outbox = SqsOutbox(client, cloud.runtime.outbox_url)
    outbox.send([OutboxMessage(f"M{number}", "elm", f"G{number}") for number in range(count)])
    found = client.get_queue_attributes(
        QueueUrl=cloud.runtime.outbox_url, AttributeNames=["ApproximateNumberOfMessages"]
    )
    assert found["Attributes"]["ApproximateNumberOfMessages"] == str(count)


def test_a_delay_ends_within_twelve_hours_of_the_receive() -> None:
    """SQS: ChangeMessageVisibility, 43,200 seconds in total."""
    asked: list[int] = []

    class Client:
        def change_message_visibility(self, *, VisibilityTimeout: int, **_: str) -> None:  # noqa: N803 - boto3's name
            asked.append(VisibilityTimeout)

    outbox = SqsOutbox(Client(), "url")  # type: ignore[arg-type]
    outbox.delay("R", 30)
    outbox.delay("R", 86_400)
    assert asked[0] == 30
    assert asked[1] + OUTBOX.visibility_timeout < 43_200


@pytest.mark.parametrize("body", ["", "{", "[]", "{}", '{"msh_10": 7, "clinic": "elm"}', '{"msh_10": "M"}'])
def test_a_message_that_is_no_reference_is_left_out(cloud: LocalCloud, body: str) -> None:
    assert received(body, "G", "R") is None
    if body:
        client = boto3.client("sqs", region_name=REGION)
        outbox = SqsOutbox(client, cloud.runtime.outbox_url)
        client.send_message(
            QueueUrl=cloud.runtime.outbox_url, MessageBody=body, MessageGroupId="G", MessageDeduplicationId="1"
        )
        outbox.send([OutboxMessage("M1", "elm", "H")])
        assert [one.message.msh_10 for one in outbox.receive()] == ["M1"]


def test_an_entry_that_the_queue_refuses_raises_an_error() -> None:
    messages = [OutboxMessage(f"M{number:03}", "elm", f"G{number}") for number in range(60)]
    with pytest.raises(RuntimeError, match="the queue took"):
        SqsOutbox(Recorder("M033"), "url").send(messages)  # type: ignore[arg-type]
