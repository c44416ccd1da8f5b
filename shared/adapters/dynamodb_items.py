"""How values stand in the ledger's table: one item per submission, the PHI in one compressed attribute (ADR 0003)."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from shared import settings
from shared.adapters.packing import pack, unpack
from shared.domain.lifecycle import State
from shared.domain.model import Finding, Visit
from shared.domain.submission import Attempt, Submission

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Body:
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
        item |= waiting_keys(submission.msh_10, submission.waiting_since, backfill=submission.backfill)
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


def waiting_keys(msh_10: str, since: datetime, *, backfill: bool = False) -> Item:
    """The keys of the index `waiting`; what waits for its turn has shards of its own."""
    shard = zlib.crc32(msh_10.encode()) % settings.WAITING_SHARDS
    lane = settings.BACKFILL_SHARD if backfill else ""
    return {"waiting_shard": {"S": f"{lane}{shard}"}, "waiting_since": {"S": iso(since)}}


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
        waiting_since=moment(item, "waiting_since"),
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
