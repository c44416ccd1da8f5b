"""The items of submissions, charts and files in the ledger's table.

PHI is in one compressed attribute of an item (ADR 0003); the attributes beside it are those that conditions and indexes
read.
"""

from __future__ import annotations

import zlib
from datetime import UTC, datetime
from typing import Final

import msgspec

from shared import settings
from shared.adapters.ledger.packing import pack, unpack
from shared.adapters.ledger.table import Item, key
from shared.domain.chart import Chart
from shared.domain.lifecycle import State
from shared.domain.model import Finding, Visit
from shared.domain.submission import Attempt, BackfillLane, FileSummary, Submission

_TEXTS: Final = (
    "source",
    "clinic",
    "chart",
    "patient_group",
    "file_id",
    "file_name",
    "config_version",
    "replaces",
    "after",
    "replaced_by",
    "closed_reason",
    "closed_from",
)
"""Fields of a submission that are text attributes of the same name; an empty one is left out."""

_LISTS: Final = ("also_replaces", "deletes")
"""Fields of a submission that are lists of texts of the same name; an empty one is left out."""

LANE_END: Final = "\x7f"
"""Appended to a lane's key it sorts behind everything that waits in the lane."""


class _Body(msgspec.Struct, frozen=True, gc=False):
    """The part of a submission that no condition and no index reads."""

    visit: Visit
    findings: tuple[Finding, ...]
    vxu: str


# submissions ----------------------------------------------------------------------------------------------------------


def submission_key(msh_10: str) -> Item:
    """Return the key of a submission."""
    return key(f"SUB#{msh_10}", "SUB")


def submission_item(submission: Submission) -> Item:
    """Return the item of a new submission. Empty attributes are left out, because index keys must not be empty."""
    item: Item = submission_key(submission.msh_10) | {
        "state": {"S": submission.state.value},
        "row_count": {"N": str(submission.row_count)},
        "revision": {"N": str(submission.revision)},
        "attempt_count": {"N": "0"},
        "deferrals": {"N": "0"},
        "resends": {"N": "0"},
        "created": {"S": iso(submission.created)},
        "body": body_of(submission),
        "attempts": {"L": []},
    }
    if submission.row_count:
        item["row_list"] = {"S": f" {' '.join(str(row) for _, row in submission.visit.rows)} "}
    for name in _TEXTS:
        value = getattr(submission, name)
        if value:
            item[name] = {"S": value}
    for name in _LISTS:
        values = getattr(submission, name)
        if values:
            item[name] = strings(values)
    if submission.waiting_since is not None:
        lane = submission.lane if submission.backfill else None
        item |= waiting_keys(submission.msh_10, submission.waiting_since, lane)
    return item


def body_of(submission: Submission) -> Item:
    """Return the attribute of a submission that no condition and no index reads."""
    return {"B": pack(_Body(submission.visit, submission.findings, submission.vxu))}


def submission_from(item: Item) -> Submission:
    """Return the submission of an item."""
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
        causes=texts(item, "causes"),
        also_replaces=texts(item, "also_replaces"),
        deletes=texts(item, "deletes"),
        **{name: text(item, name) for name in _TEXTS},
    )


def msh_10_of(item: Item) -> str:
    """Return the MSH-10 of a submission's item, from the table or an index."""
    return text(item, "pk").removeprefix("SUB#")


# charts and files -----------------------------------------------------------------------------------------------------


def chart_key(chart: str) -> Item:
    """Return the key of a chart."""
    return key(f"CHART#{chart}", "CHART")


def chart_item(chart: Chart) -> Item:
    """Return the item of one version of a chart."""
    return chart_key(chart.key) | {"version": {"N": str(chart.version)}, "body": {"B": pack(chart)}}


def dose_key(dose: str) -> Item:
    """Return the key of a dose's entry in the index of doses."""
    return key(f"DOSE#{dose}", "DOSE")


def file_key(file_id: str) -> Item:
    """Return the key of a file."""
    return key("FILES", file_id)


def file_item(summary: FileSummary) -> Item:
    """Return the item of a file."""
    return file_key(summary.file_id) | {"body": {"B": pack(summary)}}


# the index `waiting` --------------------------------------------------------------------------------------------------


def waiting_keys(msh_10: str, since: datetime, lane: BackfillLane | None = None) -> Item:
    """Return the keys of the index `waiting`: by time in a shard of the backlog, or by lane in one of the backfills."""
    shard = str(zlib.crc32(msh_10.encode()) % settings.WAITING_SHARDS)
    if lane is None:
        return {"waiting_shard": {"S": shard}, "waiting_since": {"S": iso(since)}}
    return {
        "waiting_shard": {"S": settings.BACKFILL_SHARD + shard},
        "waiting_since": {"S": lane_key(lane) + iso(since)},
    }


def lane_key(lane: BackfillLane) -> str:
    """Return the prefix of a lane's sort keys. Names of sources and clinics contain no `#` (clinics.toml's schema)."""
    return f"{lane.source}#{lane.clinic}#"


def lane_of(item: Item) -> BackfillLane:
    """Return the lane of an item in a backfill."""
    source, clinic, _ = text(item, "waiting_since").split("#")
    return BackfillLane(source, clinic)


def since_of(item: Item) -> datetime:
    """Return since when an item waits, in the backlog or in a backfill."""
    return datetime.fromisoformat(text(item, "waiting_since").rpartition("#")[2])


# attributes -----------------------------------------------------------------------------------------------------------


def iso(when: datetime) -> str:
    """Return a time as text that sorts by time: UTC, in microseconds."""
    return when.astimezone(UTC).isoformat(timespec="microseconds")


def text(item: Item, name: str) -> str:
    """Return a text attribute, empty if it is missing."""
    return str(item[name]["S"]) if name in item else ""


def texts(item: Item, name: str) -> tuple[str, ...]:
    """Return a list of texts, empty if it is missing."""
    return tuple(value["S"] for value in item[name]["L"]) if name in item else ()


def number(item: Item, name: str) -> int:
    """Return a whole number, 0 if it is missing."""
    return int(item[name]["N"]) if name in item else 0


def moment(item: Item, name: str) -> datetime | None:
    """Return a time, None if it is missing."""
    return datetime.fromisoformat(item[name]["S"]) if name in item else None


def strings(values: tuple[str, ...]) -> Item:
    """Return texts as the value of an expression."""
    return {"L": [{"S": value} for value in values]}
