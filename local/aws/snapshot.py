"""The saved state of a local run: ledger items, bucket objects, and the messages that the simulated CT WiZ accepted.

All of it is in one file, which is written under another name and then renamed. So a run that is killed while it saves
leaves the state before, and the ledger and the simulated CT WiZ are always of the same moment. The file may quote
patients, so only its owner can read it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from zipfile import ZIP_DEFLATED, ZipFile

import boto3
import msgspec
from moto.backends import get_backend

from local import private
from local.aws.cloud import BUCKET, REGION, LocalCloud

FOLDER = Path(os.environ.get("VAXLINE_LOCAL_RUN") or Path(__file__).parents[2] / "build" / "local")
"""The folder of the saved state. The environment variable names another one, for a second local run."""

_STATE: Final = "state.zip"
_LEDGER, _OBJECTS, _ACCEPTED, _SAVED = "ledger.jsonl", "objects.json", "accepted.jsonl", "saved.json"
# Saving is part of the work of a busy run, and the ledger's items are compressed already.
_LEVEL: Final = 1


class Saved(msgspec.Struct, frozen=True):
    """When a state was saved.

    Attributes:
        at: the time.
        has_ended: whether the run ended then; if not, it was killed later.
        endpoint: of the IIS that stood in the simulated CT WiZ's place; empty for none.
    """

    at: datetime
    has_ended: bool
    endpoint: str = ""


class _Object(msgspec.Struct, frozen=True):
    """One object of the bucket. Its version and time are kept, because the ledger knows an export by them."""

    key: str
    version: str
    modified: datetime


def save(cloud: LocalCloud, accepted: Iterable[str], *, has_ended: bool, endpoint: str = "") -> None:
    """Save the state of a local cloud and of the simulated CT WiZ.

    Args:
        cloud: the local cloud; no function may run meanwhile.
        accepted: the messages that the simulated CT WiZ accepted, in their order.
        has_ended: whether the run ends with this.
        endpoint: of the IIS in the simulated CT WiZ's place; empty for none.
    """
    private.own_folder(FOLDER)
    new = FOLDER / f"{_STATE}-new"
    with private.opened_for_bytes(new) as stream:
        with ZipFile(stream, "w", ZIP_DEFLATED, compresslevel=_LEVEL) as state:
            _write_ledger(state, cloud)
            _write_objects(state, cloud)
            state.writestr(_ACCEPTED, "".join(json.dumps(message) + "\n" for message in accepted))
            state.writestr(_SAVED, msgspec.json.encode(Saved(datetime.now(UTC), has_ended, endpoint)))
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(FOLDER / _STATE)


def _write_ledger(state: ZipFile, cloud: LocalCloud) -> None:
    scan = boto3.client("dynamodb", region_name=REGION).get_paginator("scan")
    with state.open(_LEDGER, "w") as lines:
        for items in scan.paginate(TableName=cloud.runtime.table):
            for item in items["Items"]:
                lines.write((json.dumps(item, default=_bytes_as_text) + "\n").encode())


def _write_objects(state: ZipFile, cloud: LocalCloud) -> None:
    written: list[_Object] = []
    for page in cloud.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        for entry in page.get("Contents", []):
            found = cloud.s3.get_object(Bucket=BUCKET, Key=entry["Key"])
            state.writestr(_member(entry["Key"]), found["Body"].read())
            written.append(_Object(entry["Key"], found["VersionId"], found["LastModified"]))
    state.writestr(_OBJECTS, msgspec.json.encode(written))


def load(cloud: LocalCloud) -> Saved:
    """Load the saved state into a local cloud; return when it was saved. Objects cause no notifications.

    Raises:
        LookupError: there is no saved state.
    """
    client = boto3.client("dynamodb", region_name=REGION)
    for item in items():
        client.put_item(TableName=cloud.runtime.table, Item=item)
    with _opened() as state, cloud.without_notifications():
        for one in msgspec.json.decode(state.read(_OBJECTS), type=list[_Object]):
            cloud.s3.put_object(Bucket=BUCKET, Key=one.key, Body=state.read(_member(one.key)))
            _restore_identity(one)
        return msgspec.json.decode(state.read(_SAVED), type=Saved)


def _restore_identity(one: _Object) -> None:
    """Give a loaded object its version and time. AWS has no call for that, so this reaches into moto."""
    bucket = get_backend("s3")["123456789012"]["aws"].buckets[BUCKET]
    key: Any = bucket.keys[one.key]
    key._version_id = one.version  # noqa: SLF001 - moto has no other way
    key.last_modified = one.modified.astimezone(UTC).replace(tzinfo=None)


def items() -> Iterator[dict[str, Any]]:
    """Yield the items of the saved ledger.

    Raises:
        LookupError: there is no saved state.
    """
    with _opened() as state, state.open(_LEDGER) as lines:
        for line in lines:
            yield json.loads(line, object_hook=_text_as_bytes)


def accepted() -> list[str]:
    """Return the saved messages that the simulated CT WiZ accepted, in their order.

    Raises:
        LookupError: there is no saved state.
    """
    with _opened() as state:
        return [json.loads(line) for line in state.read(_ACCEPTED).splitlines()]


def stored(key: str) -> bytes:
    """Return one object of the saved bucket.

    Raises:
        LookupError: there is no saved state.
    """
    with _opened() as state:
        return state.read(_member(key))


def exists() -> bool:
    """Say whether there is a saved state."""
    return (FOLDER / _STATE).exists()


def _opened() -> ZipFile:
    if not exists():
        raise LookupError("there is no local run yet: run `make demo` first")
    return ZipFile(FOLDER / _STATE)


def _member(key: str) -> str:
    """Return the name of an object's content in the file: a hash, since a key may hold anything."""
    return f"objects/{hashlib.sha256(key.encode()).hexdigest()}"


def _bytes_as_text(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode("ascii")}
    raise TypeError(f"a ledger item holds a {type(value).__name__}")


def _text_as_bytes(value: dict[str, Any]) -> Any:
    return base64.b64decode(value["base64"]) if value.keys() == {"base64"} else value
