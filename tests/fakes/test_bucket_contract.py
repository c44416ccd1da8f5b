"""The contract of the bucket: the fake in memory and S3 on moto behave alike where vaxline depends on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from local.aws.cloud import LocalCloud
from shared.adapters.aws.s3 import S3FileStore, S3Objects
from shared.ports.objects import FileStore, Objects
from tests.fakes.bucket import MemoryBucket, MemoryFileStore

PREFIX = "reports/"


@dataclass(frozen=True, slots=True)
class Bucket:
    """Either bucket, as objects and as files under a prefix."""

    put: Callable[[str, bytes], None]
    objects: Objects
    files: FileStore


def on_moto(cloud: LocalCloud) -> Bucket:
    name = cloud.runtime.bucket

    def put(key: str, body: bytes) -> None:
        cloud.s3.put_object(Bucket=name, Key=key, Body=body)

    return Bucket(put, S3Objects(cloud.s3, name), S3FileStore(cloud.s3, name, PREFIX))


def in_memory(_: LocalCloud) -> Bucket:
    bucket = MemoryBucket()

    def put(key: str, body: bytes) -> None:
        bucket.put(key, body, datetime.now(UTC))

    return Bucket(put, bucket, MemoryFileStore(bucket, PREFIX))


@pytest.fixture(params=[on_moto, in_memory])
def bucket(request: pytest.FixtureRequest, cloud: LocalCloud) -> Bucket:
    made: Bucket = request.param(cloud)
    return made


def read(bucket: Bucket, key: str, version_id: str = "") -> bytes:
    found = bucket.objects.stat(key, version_id)
    assert found is not None
    with bucket.objects.open(found) as body:
        return body.read()


def test_an_object_has_its_size_and_its_time_in_whole_seconds(bucket: Bucket) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    bucket.put("inbox/a.csv", b"abc")
    found = bucket.objects.stat("inbox/a.csv")
    assert found is not None
    assert (found.key, found.size, found.modified.microsecond) == ("inbox/a.csv", 3, 0)
    assert before <= found.modified <= datetime.now(UTC)


def test_a_missing_object_has_no_status_and_no_content(bucket: Bucket) -> None:
    assert bucket.objects.stat("inbox/a.csv") is None
    assert bucket.files.get("a.html") is None


def test_an_old_version_can_be_read_after_a_new_one_was_stored(bucket: Bucket) -> None:
    bucket.put("inbox/a.csv", b"first")
    first = bucket.objects.stat("inbox/a.csv")
    assert first is not None
    bucket.put("inbox/a.csv", b"second")
    assert read(bucket, "inbox/a.csv") == b"second"
    assert read(bucket, "inbox/a.csv", first.version_id) == b"first"
    again = bucket.objects.stat("inbox/a.csv", first.version_id)
    assert again is not None
    assert again.version == first.version


def test_a_prefix_lists_each_object_once_in_order_of_keys(bucket: Bucket) -> None:
    for key in ("inbox/b", "inbox/a", "other/c", "inbox/b"):
        bucket.put(key, b"x")
    assert [item.key for item in bucket.objects.list("inbox/")] == ["inbox/a", "inbox/b"]
    assert [item.size for item in bucket.objects.list("inbox/")] == [1, 1]


def test_a_file_is_the_object_under_the_prefix_and_replaces_the_previous_one(bucket: Bucket) -> None:
    for content in (b"first", b"second"):
        bucket.files.put("a.html", content, "text/html")
    assert bucket.files.get("a.html") == b"second" == read(bucket, "reports/a.html")
    assert [item.key for item in bucket.objects.list("")] == ["reports/a.html"]
