"""How values stand in the ledger's table: one item per submission, the PHI in one compressed attribute (ADR 0003)."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from shared import settings
from shared.adapters.ledger.packing import pack, unpack
from shared.domain.lifecycle import State
from shared.domain.model import Finding, Visit
from shared.domain.submission import Attempt, Lane, Record, Submission

Item = dict[str, Any]


class _Body(msgspec.Struct, frozen=True, gc=False):
    """What no condition and no index looks at, kept compressed in one attribute: it holds the PHI."""

    visit: Visit
    findings: tuple[Finding, ...]
    vxu: str


def iso(when: datetime) -> str:
    """A time as it sorts."""
    return when.astimezone(UTC).isoformat(timespec="microseconds")


def submission_item(submission: Submission) -> Item:
    """The table's item for a new submission; empty attributes are left out, index keys must not be empty."""
    item: Item = {
        "pk": {"S": f"SUB#{submission.msh_10}"},
        "sk": {"S": "SUB"},
        "state": {"S": submission.state.value},
        "row_count": {"N": str(submission.row_count)},
        "revision": {"N": str(submission.revision)},
        "attempt_count": {"N": "0"},
        "deferrals": {"N": "0"},
        "resends": {"N": "0"},
        "created": {"S": iso(submission.created)},
        "body": {"B": pack(_Body(submission.visit, submission.findings, submission.vxu))},
        "attempts": {"L": []},
    }
    if submission.row_count:
        item["row_list"] = {"S": f" {' '.join(str(row) for _, row in submission.visit.rows)} "}
    for name in _TEXTS:
        value = getattr(submission, name)
        if value:
            item[name] = {"S": value}
    if submission.waiting_since is not None:
        lane = submission.lane if submission.backfill else None
        item |= waiting_keys(submission.msh_10, submission.waiting_since, lane)
    return item


_TEXTS: Final = (
    "source",
    "clinic",
    "record",
    "patient_group",
    "file_id",
    "file_name",
    "config_version",
    "replaces",
    "replaced_by",
    "closed_reason",
)


def record_item(record: Record) -> Item:
    """The table's item for one version of a record."""
    return {
        "pk": {"S": f"REC#{record.key}"},
        "sk": {"S": "REC"},
        "version": {"N": str(record.version)},
        "body": {"B": pack(record)},
    }


def waiting_keys(msh_10: str, since: datetime, lane: Lane | None = None) -> Item:
    """The keys of the index `waiting`; what waits for its turn has shards of its own, and stands there by its lane."""
    shard = str(zlib.crc32(msh_10.encode()) % settings.WAITING_SHARDS)
    if lane is None:
        return {"waiting_shard": {"S": shard}, "waiting_since": {"S": iso(since)}}
    return {
        "waiting_shard": {"S": settings.BACKFILL_SHARD + shard},
        "waiting_since": {"S": lane_key(lane) + iso(since)},
    }


LANE_END: Final = "\x7f"
"""Behind a lane's key it is greater than everything that waits in the lane."""


def lane_key(lane: Lane) -> str:
    """What the keys of a lane begin with. Keys of sources and clinics have no `#` (schema.NAME)."""
    return f"{lane.source}#{lane.clinic}#"


def lane_of(item: Item) -> Lane:
    """The lane of an item that waits for its turn."""
    source, clinic, _ = text(item, "waiting_since").split("#")
    return Lane(source, clinic)


def since_of(item: Item) -> datetime:
    """Since when an item waits, for its turn or for delivery."""
    return datetime.fromisoformat(text(item, "waiting_since").rpartition("#")[2])


def text(item: Item, name: str) -> str:
    return str(item[name]["S"]) if name in item else ""


def number(item: Item, name: str) -> int:
    return int(item[name]["N"]) if name in item else 0


def moment(item: Item, name: str) -> datetime | None:
    return datetime.fromisoformat(item[name]["S"]) if name in item else None


def msh_10_of(item: Item) -> str:
    return text(item, "pk").removeprefix("SUB#")


def submission_from(item: Item) -> Submission:
    """The submission that an item of the table holds."""
    body = unpack(item["body"]["B"], _Body)
    return Submission(
        msh_10=msh_10_of(item),
        state=State(text(item, "state")),
        row_count=number(item, "row_count"),
        revision=number(item, "revision"),
        attempt_count=number(item, "attempt_count"),
        deferrals=number(item, "deferrals"),
        resends=number(item, "resends"),
        created=datetime.fromisoformat(text(item, "created")),
        lease_until=moment(item, "lease_until"),
        waiting_since=since_of(item) if "waiting_since" in item else None,
        backfill=text(item, "waiting_shard").startswith(settings.BACKFILL_SHARD),
        visit=body.visit,
        findings=body.findings,
        vxu=body.vxu,
        attempts=tuple(unpack(raw["B"], Attempt) for raw in item.get("attempts", {"L": []})["L"]),
        causes=causes_in(item),
        **{name: text(item, name) for name in _TEXTS},
    )


def causes_in(item: Item) -> tuple[str, ...]:
    return tuple(value["S"] for value in item.get("causes", {"L": []})["L"])
