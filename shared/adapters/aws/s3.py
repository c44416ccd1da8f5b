"""The bucket: objects, files by name, and the versions of clinics.toml in `config/`."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import IO, TYPE_CHECKING, Final, cast

from botocore.exceptions import ClientError

from shared import settings
from shared.adapters.configuration.reader import parse_configuration
from shared.domain.clinics import Configuration
from shared.ports.objects import StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

CURRENT_CONFIGURATION: Final = f"{settings.CONFIG_PREFIX}clinics.toml"
_FRESH: Final = timedelta(seconds=60)
_SKEW: Final = timedelta(seconds=60)
"""The most by which the clocks of two hosts may differ."""
_MISSING: Final = frozenset({"NoSuchKey", "404", "NotFound"})


def _missing(error: ClientError) -> bool:
    return error.response.get("Error", {}).get("Code") in _MISSING


class S3Objects:
    """Port `Objects` on one bucket."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self.bucket = bucket

    def stat(self, key: str, version_id: str = "") -> StoredObject | None:
        wanted = {"VersionId": version_id} if version_id else {}
        try:
            head = self._client.head_object(Bucket=self.bucket, Key=key, **wanted)  # type: ignore[arg-type]
        except ClientError as error:
            if _missing(error):
                return None
            raise
        version = head.get("VersionId") or head["ETag"]
        return StoredObject(key, version, head["ContentLength"], head["LastModified"], head.get("VersionId", ""))

    def list(self, prefix: str) -> Iterator[StoredObject]:
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
            for item in page.get("Contents", []):
                # A listing contains no version ids; content and time together tell one arrival from the next.
                version = f"{item['ETag']}@{item['LastModified'].isoformat()}"
                yield StoredObject(item["Key"], version, item["Size"], item["LastModified"])

    def versions(self, prefix: str, since: datetime) -> Iterator[StoredObject]:
        """Yield each version that arrived since then in order of time, also of overwritten and deleted keys."""
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=prefix)
        versions = [
            StoredObject(item["Key"], item["VersionId"], item["Size"], item["LastModified"], item["VersionId"])
            for page in pages
            for item in page.get("Versions", [])
            if item["LastModified"] >= since
        ]
        yield from sorted(versions, key=lambda item: item.modified)

    def open(self, item: StoredObject) -> IO[bytes]:
        wanted = {"VersionId": item.version_id} if item.version_id else {}
        body = self._client.get_object(Bucket=self.bucket, Key=item.key, **wanted)["Body"]  # type: ignore[arg-type]
        return cast(IO[bytes], io.BufferedReader(_Raw(cast(IO[bytes], body)), buffer_size=1 << 20))


class _Raw(io.RawIOBase):
    """botocore's streaming body as a raw stream, which the standard library can buffer and decode."""

    def __init__(self, body: IO[bytes]) -> None:
        super().__init__()
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        data = self._body.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._body.close()
        super().close()


class S3Configurations:
    """Port `Configurations`: the clinics.toml in force, and every version that was pushed."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket
        self._read_at = datetime.min.replace(tzinfo=UTC)
        self._cached: Configuration | None = None

    def current(self, *, since: datetime | None = None) -> Configuration:
        now = datetime.now(UTC)
        if self._cached is None or not now - _FRESH < self._read_at <= now or self._is_older_than(since):
            self._cached = self._read()
            self._read_at = now
        return self._cached

    def _is_older_than(self, since: datetime | None) -> bool:
        """Whether a version may have come into force by then that is not the cached one, by the clock of any host."""
        return since is not None and self._read_at < since + _SKEW

    def text(self) -> str:
        """Return the clinics.toml in force, as it was pushed.

        Raises:
            LookupError: None was pushed yet.
        """
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=CURRENT_CONFIGURATION)["Body"].read()
        except ClientError as error:
            if _missing(error):
                raise LookupError("no clinics.toml was pushed yet: run `vaxline config push clinics.toml`") from None
            raise
        return body.decode("utf-8")

    def _read(self) -> Configuration:
        parsed = parse_configuration(self.text())
        if isinstance(parsed, Configuration):
            return parsed
        raise LookupError(
            f"the stored clinics.toml has {len(parsed)} errors: run `vaxline config check` and push it again"
        )

    def push(self, text: str, version: str) -> None:
        """Store a checked text under its version, and as the one in force."""
        body = text.encode("utf-8")
        for key in (f"{settings.CONFIG_PREFIX}versions/{version}.toml", CURRENT_CONFIGURATION):
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType="application/toml")
        self._cached = None


class S3FileStore:
    """Port `FileStore` on the objects under one prefix."""

    def __init__(self, client: S3Client, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix

    def get(self, name: str) -> bytes | None:
        try:
            return self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)["Body"].read()
        except ClientError as error:
            if _missing(error):
                return None
            raise

    def put(self, name: str, content: bytes, content_type: str) -> None:
        self._client.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=content, ContentType=content_type)
