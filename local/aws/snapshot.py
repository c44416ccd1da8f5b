"""The saved state of a local run: ledger items, bucket objects, and the messages that the simulated CT WiZ accepted."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import boto3

from local.aws.cloud import BUCKET, REGION, LocalCloud

FOLDER = Path(os.environ.get("VAXLINE_LOCAL_RUN") or Path(__file__).parents[2] / "build" / "local")
"""The folder of the saved state. The environment variable names another one, for a second local run."""


def save(cloud: LocalCloud) -> None:
    """Save the state of a local cloud. It is written beside `FOLDER` and then renamed, so it is never half-written."""
    folder = FOLDER.with_name(f"{FOLDER.name}-new")
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "objects").mkdir(parents=True)
    scan = boto3.client("dynamodb", region_name=REGION).get_paginator("scan")
    with (folder / "ledger.jsonl").open("w", encoding="utf-8") as lines:
        for items in scan.paginate(TableName=cloud.runtime.table):
            for item in items["Items"]:
                lines.write(json.dumps(item, default=_bytes_as_text) + "\n")
    keys: list[str] = []
    for page in cloud.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        for entry in page.get("Contents", []):
            body = cloud.s3.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read()
            _file(folder, entry["Key"]).write_bytes(body)
            keys.append(entry["Key"])
    (folder / "keys.json").write_text(json.dumps(keys), encoding="utf-8")
    shutil.rmtree(FOLDER, ignore_errors=True)
    folder.rename(FOLDER)


def load(cloud: LocalCloud) -> None:
    """Load the saved state into a local cloud. Objects cause no notifications.

    Raises:
        LookupError: there is no saved state.
    """
    folder = _existing()
    client = boto3.client("dynamodb", region_name=REGION)
    for item in items():
        client.put_item(TableName=cloud.runtime.table, Item=item)
    with cloud.without_notifications():
        for key in json.loads((folder / "keys.json").read_text("utf-8")):
            cloud.s3.put_object(Bucket=BUCKET, Key=key, Body=_file(folder, key).read_bytes())


def items() -> Iterator[dict[str, Any]]:
    """Yield the items of the saved ledger.

    Raises:
        LookupError: there is no saved state.
    """
    with (_existing() / "ledger.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line, object_hook=_text_as_bytes)


def save_accepted(messages: Iterable[str]) -> None:
    """Save the accepted messages, in their order. Call it after `save`, which replaces the folder."""
    with (FOLDER / "accepted.jsonl").open("w", encoding="utf-8") as lines:
        for message in messages:
            lines.write(json.dumps(message) + "\n")


def accepted() -> list[str]:
    """Return the saved messages that the simulated CT WiZ accepted, in their order."""
    path = _existing() / "accepted.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def stored(key: str) -> bytes:
    """Return one object of the saved bucket.

    Raises:
        LookupError: there is no saved state.
    """
    return _file(_existing(), key).read_bytes()


def _file(folder: Path, key: str) -> Path:
    """Return the file of an object. Its name is a hash, since a key may be too long for a file name."""
    return folder / "objects" / hashlib.sha256(key.encode()).hexdigest()


def exists() -> bool:
    """Say whether there is a saved state."""
    return (FOLDER / "ledger.jsonl").exists()


def _existing() -> Path:
    if not exists():
        raise LookupError("there is no local run yet: run `make demo` first")
    return FOLDER


def _bytes_as_text(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode("ascii")}
    raise TypeError(f"a ledger item holds a {type(value).__name__}")


def _text_as_bytes(value: dict[str, Any]) -> Any:
    return base64.b64decode(value["base64"]) if value.keys() == {"base64"} else value
