"""The ledger in one DynamoDB table (ADR 0003).

    SUB#<MSH-10>  SUB        one submission: state, lineage, its visit and VXU (compressed), every attempt
    REC#<record>  REC        one record: what was last taken up of each dose, under an optimistic lock
    FILES         <file id>  one arrival of one export
    STOPPED       <facility> delivery stopped until a person opens it; beside them the valve of the whole IIS
    CLINICS       <clinic>   it has had an entry in the worklist
    META          patient_key
    AUDIT#<day>   <time>     who read or changed what (shared/adapters/audit.py)

    convert ── record (version n → n+1) ── submission (if absent) ── queue ──┐   a crash between any two is finished
                                                                             │   by the redelivered event
    submit ─── claim (QUEUED → SENDING, lease) ── wire ── finish (SENDING → outcome, if the claim is still ours)
                     │                               │
                     └─ lease over: → UNKNOWN ───────┘── one claim again, same MSH-10

Every write of a state carries the condition that the lifecycle table gives for it.
"""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import msgspec
from botocore.exceptions import ClientError

from shared import settings
from shared.domain.lifecycle import TRANSITIONS, Event, State, sources
from shared.domain.model import Finding, Visit
from shared.domain.submission import Attempt, FileSummary, Record, Submission
from shared.domain.valve import Valve
from shared.ports import NotClaimed, OutboxMessage, Stops, Waiting, WorklistEntry

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

_T = TypeVar("_T")
_Item = dict[str, Any]
_BATCH_GET: Final = 100
NO_CLINIC: Final = "-"
"""What the worklist calls the clinic of a visit whose clinic is not known."""

_MAX_RESENDS: Final = 1
_VALVE: Final = "the whole IIS"
"""Sort key of the valve beside the stopped facilities, so that one query tells both: no facilityID has spaces."""


@dataclass(frozen=True, slots=True)
class _Body:
    """What no condition and no index looks at, kept compressed in one attribute: it holds the PHI."""

    visit: Visit
    findings: tuple[Finding, ...]
    vxu: str


def _pack(value: object) -> bytes:
    return zlib.compress(msgspec.json.encode(value), 6)


def _unpack(raw: bytes, kind: type[_T]) -> _T:
    return msgspec.json.decode(zlib.decompress(raw), type=kind)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _condition_failed(error: ClientError) -> bool:
    return error.response.get("Error", {}).get("Code") == "ConditionalCheckFailedException"


def submission_item(submission: Submission) -> _Item:
    """The table's item for a new submission; empty attributes are left out, index keys must not be empty."""
    item: _Item = {
        "pk": {"S": f"SUB#{submission.msh_10}"},
        "sk": {"S": "SUB"},
        "state": {"S": submission.state.value},
        "row_count": {"N": str(submission.row_count)},
        "revision": {"N": str(submission.revision)},
        "attempt_count": {"N": "0"},
        "deferrals": {"N": "0"},
        "resends": {"N": "0"},
        "created": {"S": _iso(submission.created)},
        "body": {"B": _pack(_Body(submission.visit, submission.findings, submission.vxu))},
        "attempts": {"L": []},
    }
    for name in _TEXTS:
        value = getattr(submission, name)
        if value:
            item[name] = {"S": value}
    if submission.waiting_since is not None:
        item |= _waiting(submission.msh_10, submission.waiting_since)
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


def _waiting(msh_10: str, since: datetime) -> _Item:
    shard = zlib.crc32(msh_10.encode()) % settings.WAITING_SHARDS
    return {"waiting_shard": {"S": str(shard)}, "waiting_since": {"S": _iso(since)}}


def _text(item: _Item, name: str) -> str:
    return str(item[name]["S"]) if name in item else ""


def _number(item: _Item, name: str) -> int:
    return int(item[name]["N"]) if name in item else 0


def _moment(item: _Item, name: str) -> datetime | None:
    return datetime.fromisoformat(item[name]["S"]) if name in item else None


def _msh_10(item: _Item) -> str:
    return _text(item, "pk").removeprefix("SUB#")


def submission_from(item: _Item) -> Submission:
    """The submission that an item of the table holds."""
    body = _unpack(item["body"]["B"], _Body)
    return Submission(
        msh_10=_msh_10(item),
        state=State(_text(item, "state")),
        row_count=_number(item, "row_count"),
        revision=_number(item, "revision"),
        attempt_count=_number(item, "attempt_count"),
        deferrals=_number(item, "deferrals"),
        resends=_number(item, "resends"),
        created=datetime.fromisoformat(_text(item, "created")),
        lease_until=_moment(item, "lease_until"),
        waiting_since=_moment(item, "waiting_since"),
        visit=body.visit,
        findings=body.findings,
        vxu=body.vxu,
        attempts=tuple(_unpack(raw["B"], Attempt) for raw in item.get("attempts", {"L": []})["L"]),
        causes=_causes(item),
        **{name: _text(item, name) for name in _TEXTS},
    )


def _causes(item: _Item) -> tuple[str, ...]:
    return tuple(value["S"] for value in item.get("causes", {"L": []})["L"])


def _strings(values: Iterable[str]) -> _Item:
    return {"L": [{"S": value} for value in values]}


def _names(states: Iterable[State], prefix: str) -> _Item:
    return {f":{prefix}{number}": {"S": state.value} for number, state in enumerate(sorted(states))}


class DynamoLedger:
    """Port `Ledger` on a DynamoDB table with the key and indexes of `shared.settings`."""

    def __init__(self, client: DynamoDBClient, table: str, *, lease: int = settings.CLAIM_LEASE) -> None:
        self._client = client
        self._table = table
        self._lease = timedelta(seconds=lease)
        self._patient_key: bytes | None = None
        self._noted: set[str] = set()

    # records ---------------------------------------------------------------------------------------------------------

    def patient_key(self) -> bytes:
        if self._patient_key is None:
            key = {"pk": {"S": "META"}, "sk": {"S": "patient_key"}}
            self._put_if_absent(key | {"key": {"B": secrets.token_bytes(32)}})
            found = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
            self._patient_key = bytes(found["Item"]["key"]["B"])
        return self._patient_key

    def records(self, keys: Iterable[str]) -> dict[str, Record]:
        wanted: list[Any] = [{"pk": {"S": f"REC#{key}"}, "sk": {"S": "REC"}} for key in keys]
        found: dict[str, Record] = {}
        while wanted:
            batch, wanted = wanted[:_BATCH_GET], wanted[_BATCH_GET:]
            answer = self._client.batch_get_item(RequestItems={self._table: {"Keys": batch, "ConsistentRead": True}})
            for item in answer["Responses"].get(self._table, []):
                record = _unpack(item["body"]["B"], Record)
                found[record.key] = record
            unread: Any = answer.get("UnprocessedKeys", {}).get(self._table, {})
            wanted += unread.get("Keys", [])
        return found

    def save_record(self, record: Record) -> bool:
        first = record.version == 1
        return self._put(
            {
                "pk": {"S": f"REC#{record.key}"},
                "sk": {"S": "REC"},
                "version": {"N": str(record.version)},
                "body": {"B": _pack(record)},
            },
            condition="attribute_not_exists(pk)" if first else "version = :before",
            values={} if first else {":before": {"N": str(record.version - 1)}},
        )

    # submissions -----------------------------------------------------------------------------------------------------

    def add(self, submission: Submission) -> bool:
        return self._put_if_absent(submission_item(submission))

    def get(self, msh_10: str) -> Submission | None:
        item = self._client.get_item(TableName=self._table, Key=_key(msh_10), ConsistentRead=True).get("Item")
        return submission_from(item) if item else None

    def claim(self, msh_10: str, now: datetime) -> Submission | NotClaimed:
        claimed = self._claim(msh_10, now, Event.CLAIM, "")
        if isinstance(claimed, Submission):
            return claimed
        if claimed.get("state", {}).get("S") == State.SENDING and _over(claimed, now):
            self._expire(claimed, now)
            claimed = claimed | {"state": {"S": State.UNKNOWN.value}}
        if claimed.get("state", {}).get("S") == State.UNKNOWN:
            again = self._claim(msh_10, now, Event.CLAIM_AGAIN, " AND resends < :limit")
            if isinstance(again, Submission):
                return again
            claimed = again
        state = State(_text(claimed, "state")) if "state" in claimed else None
        return NotClaimed(state, busy=state is State.SENDING and not _over(claimed, now))

    def _claim(self, msh_10: str, now: datetime, event: Event, extra: str) -> Submission | _Item:
        """The claimed submission, or the item as it is (empty where there is none)."""
        (before, after), *_ = TRANSITIONS[event].items()
        values: _Item = {
            ":before": {"S": before.value},
            ":after": {"S": after.value},
            ":lease": {"S": _iso(now + self._lease)},
            ":one": {"N": "1"},
        }
        update = "SET #state = :after, lease_until = :lease ADD attempt_count :one"
        if extra:
            update += ", resends :one"
            values[":limit"] = {"N": str(_MAX_RESENDS)}
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=_key(msh_10),
                UpdateExpression=update,
                ConditionExpression="#state = :before" + extra,
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if not _condition_failed(error):
                raise
            return cast(_Item, error.response.get("Item", {}))
        return submission_from(answer["Attributes"])

    def _expire(self, item: _Item, now: datetime) -> None:
        """A claim outlived its lease: bytes may have left, so the outcome is UNKNOWN, and an attempt says so."""
        lost = submission_from(item)
        started = (lost.lease_until or now) - self._lease
        attempt = Attempt(
            lost.attempt_count, started, (now - started).total_seconds(), State.UNKNOWN, fault="LEASE-EXPIRED"
        )
        next_try = now if lost.resends < _MAX_RESENDS else None
        self.finish(lost, Event.LOSE_ANSWER, attempt, causes=("LEASE-EXPIRED",), next_try=next_try)

    def finish(
        self,
        submission: Submission,
        event: Event,
        attempt: Attempt,
        *,
        causes: tuple[str, ...] = (),
        next_try: datetime | None = None,
    ) -> bool:
        values = _names(sources(event), "from") | {
            ":after": {"S": attempt.state.value},
            ":attempt": {"L": [{"B": _pack(attempt)}]},
            ":causes": _strings(causes),
            ":number": {"N": str(submission.attempt_count)},
        }
        update = "SET #state = :after, attempts = list_append(attempts, :attempt), causes = :causes"
        remove = " REMOVE lease_until, worklist_clinic, worklist_key"
        if event is Event.DEFER:
            update += ", deferrals = deferrals + :one"
            values[":one"] = {"N": "1"}
        if next_try is None:
            remove += ", waiting_shard, waiting_since"
        else:
            update += ", waiting_shard = :shard, waiting_since = :since"
            waiting = _waiting(submission.msh_10, next_try)
            values |= {":shard": waiting["waiting_shard"], ":since": waiting["waiting_since"]}
        return self._update(
            submission.msh_10, update + remove, f"{_state_in(sources(event))} AND attempt_count = :number", values
        )

    def requeue(self, msh_10: str, now: datetime) -> bool:
        waiting = _waiting(msh_10, now)
        return self._update(
            msh_10,
            "SET deferrals = :zero, waiting_shard = :shard, waiting_since = :since "
            "REMOVE worklist_clinic, worklist_key",
            _state_in({State.QUEUED}),
            _names({State.QUEUED}, "from")
            | {":zero": {"N": "0"}, ":shard": waiting["waiting_shard"], ":since": waiting["waiting_since"]},
        )

    def wait_anew(self, msh_10: str, since: datetime) -> None:
        self._update(
            msh_10, "SET waiting_since = :since", "attribute_exists(waiting_since)", {":since": {"S": _iso(since)}}
        )

    def move(self, msh_10: str, event: Event, *, reason: str = "") -> bool:
        (after,) = set(TRANSITIONS[event].values())
        return self._update(
            msh_10,
            "SET #state = :after, closed_reason = :reason "
            "REMOVE worklist_clinic, worklist_key, waiting_shard, waiting_since",
            _state_in(sources(event)),
            _names(sources(event), "from") | {":after": {"S": after.value}, ":reason": {"S": reason}},
        )

    def name_replacement(self, msh_10: str, replaced_by: str) -> None:
        self._update(
            msh_10,
            "SET replaced_by = :by REMOVE worklist_clinic, worklist_key",
            "attribute_exists(pk)",
            {":by": {"S": replaced_by}},
        )

    # worklist and waiting --------------------------------------------------------------------------------------------

    def enter_worklist(self, msh_10: str, causes: tuple[str, ...]) -> bool:
        submission = self.get(msh_10)
        if submission is None:
            return False
        clinic = submission.clinic or NO_CLINIC
        self._note_clinic(clinic)
        key = "#".join((submission.state.value, causes[0] if causes else "", msh_10))
        return self._update(
            msh_10,
            "SET worklist_clinic = :clinic, worklist_key = :key, causes = :causes",
            "#state = :state AND attribute_not_exists(replaced_by)",
            {
                ":clinic": {"S": clinic},
                ":key": {"S": key},
                ":causes": _strings(causes),
                ":state": {"S": submission.state.value},
            },
        )

    def worklist(self, *, clinic: str = "", state: State | None = None, cause: str = "") -> Iterator[WorklistEntry]:
        for one in [clinic] if clinic else self._clinics():
            condition = "worklist_clinic = :clinic"
            values: _Item = {":clinic": {"S": one}}
            if state is not None:
                condition += " AND begins_with(worklist_key, :state)"
                values[":state"] = {"S": f"{state.value}#"}
            for item in self._query(settings.WORKLIST.name, condition, values):
                causes = _causes(item)
                if cause and cause not in causes:
                    continue
                yield WorklistEntry(
                    msh_10=_msh_10(item),
                    clinic=one,
                    source=_text(item, "source"),
                    state=State(_text(item, "state")),
                    row_count=_number(item, "row_count"),
                    causes=causes,
                    created=datetime.fromisoformat(_text(item, "created")),
                    file_id=_text(item, "file_id"),
                )

    def _clinics(self) -> list[str]:
        return [_text(item, "sk") for item in self._query(None, "pk = :pk", {":pk": {"S": "CLINICS"}})]

    def _note_clinic(self, clinic: str) -> None:
        """The index can only be asked clinic by clinic, so every clinic that enters it is noted, once per process."""
        if clinic not in self._noted:
            self._put_if_absent({"pk": {"S": "CLINICS"}, "sk": {"S": clinic}})
            self._noted.add(clinic)

    def waiting(self) -> Iterator[Waiting]:
        found: list[tuple[str, Waiting]] = []
        for shard in range(settings.WAITING_SHARDS):
            for item in self._query(settings.WAITING.name, "waiting_shard = :shard", {":shard": {"S": str(shard)}}):
                message = OutboxMessage(_msh_10(item), _text(item, "clinic"), _text(item, "patient_group"))
                since = datetime.fromisoformat(_text(item, "waiting_since"))
                found.append((_text(item, "created"), Waiting(message, since)))
        yield from (entry for _, entry in sorted(found, key=lambda pair: (pair[0], pair[1].message.msh_10)))

    # files -----------------------------------------------------------------------------------------------------------

    def save_file(self, summary: FileSummary) -> None:
        self._client.put_item(
            TableName=self._table,
            Item={"pk": {"S": "FILES"}, "sk": {"S": summary.file_id}, "body": {"B": _pack(summary)}},
        )

    def file(self, file_id: str) -> FileSummary | None:
        key = {"pk": {"S": "FILES"}, "sk": {"S": file_id}}
        item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return self._counted(_unpack(item["body"]["B"], FileSummary)) if item else None

    def files(self) -> Iterator[FileSummary]:
        for item in self._query(None, "pk = :pk", {":pk": {"S": "FILES"}}):
            yield self._counted(_unpack(item["body"]["B"], FileSummary))

    def of_file(self, file_id: str) -> Iterator[str]:
        for item in self._query(settings.BY_FILE.name, "file_id = :file", {":file": {"S": file_id}}):
            if _number(item, "row_count"):
                yield _msh_10(item)

    def _counted(self, summary: FileSummary) -> FileSummary:
        rows: dict[tuple[str, State], int] = {}
        for item in self._query(settings.BY_FILE.name, "file_id = :file", {":file": {"S": summary.file_id}}):
            place = (_text(item, "clinic"), State(_text(item, "state")))
            rows[place] = rows.get(place, 0) + _number(item, "row_count")
        places = tuple((clinic, state, count) for (clinic, state), count in sorted(rows.items()) if count)
        return replace(summary, places=places)

    # stopped facilities ----------------------------------------------------------------------------------------------

    def stop_facility(self, facility: str, fault: str, now: datetime) -> None:
        self._put_if_absent(
            {"pk": {"S": "STOPPED"}, "sk": {"S": facility}, "fault": {"S": fault}, "since": {"S": _iso(now)}}
        )

    def open_facility(self, facility: str) -> bool:
        answer = self._client.delete_item(
            TableName=self._table, Key={"pk": {"S": "STOPPED"}, "sk": {"S": facility}}, ReturnValues="ALL_OLD"
        )
        return bool(answer.get("Attributes"))

    def stops(self) -> Stops:
        found = {_text(item, "sk"): item for item in self._query(None, "pk = :pk", {":pk": {"S": "STOPPED"}})}
        valve = found.pop(_VALVE, None)
        facilities = {facility: _text(item, "fault") for facility, item in found.items()}
        return Stops(facilities, _unpack(valve["body"]["B"], Valve) if valve else Valve())

    def save_valve(self, before: Valve, after: Valve) -> bool:
        kept = replace(after, version=before.version + 1)
        return self._put(
            {
                "pk": {"S": "STOPPED"},
                "sk": {"S": _VALVE},
                "version": {"N": str(kept.version)},
                "body": {"B": _pack(kept)},
            },
            condition="attribute_not_exists(pk) OR version = :before",
            values={":before": {"N": str(before.version)}},
        )

    # the table -------------------------------------------------------------------------------------------------------

    def _put_if_absent(self, item: _Item) -> bool:
        return self._put(item, condition="attribute_not_exists(pk)", values={})

    def _put(self, item: _Item, *, condition: str, values: _Item) -> bool:
        extra: _Item = {"ExpressionAttributeValues": values} if values else {}
        try:
            self._client.put_item(TableName=self._table, Item=item, ConditionExpression=condition, **extra)
        except ClientError as error:
            if not _condition_failed(error):
                raise
            return False
        return True

    def _update(self, msh_10: str, update: str, condition: str, values: _Item) -> bool:
        names = {"#state": "state"} if "#state" in update + condition else {}
        extra: _Item = {"ExpressionAttributeNames": names} if names else {}
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(msh_10),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
                **extra,
            )
        except ClientError as error:
            if not _condition_failed(error):
                raise
            return False
        return True

    def _query(self, index: str | None, condition: str, values: _Item) -> Iterator[_Item]:
        request: _Item = {
            "TableName": self._table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }
        if index is not None:
            request["IndexName"] = index
        else:
            request["ConsistentRead"] = True
        for page in self._client.get_paginator("query").paginate(**request):
            yield from page["Items"]


def _key(msh_10: str) -> _Item:
    return {"pk": {"S": f"SUB#{msh_10}"}, "sk": {"S": "SUB"}}


def _over(item: _Item, now: datetime) -> bool:
    lease = _moment(item, "lease_until")
    return lease is None or lease <= now


def _state_in(states: Iterable[State]) -> str:
    return f"#state IN ({', '.join(f':from{number}' for number, _ in enumerate(sorted(states)))})"
