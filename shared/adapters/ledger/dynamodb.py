"""The ledger in one DynamoDB table (ADR 0003).

    SUB#<MSH-10>  SUB        one submission: state, lineage, its visit and VXU (compressed), every attempt
    REC#<record>  REC        one record: what was last taken up of each dose, under an optimistic lock
    FILES         <file id>  one arrival of one export
    STOPPED       <facility> delivery stopped until a person opens it; beside them the valve of the whole IIS
    CLINICS       <clinic>   it has had an entry in the worklist
    DAY#<day>     <clinic>#<MSH-10>  what became of one submission (ADR 0011)
    FIND#<shelf>  <mark><MSH-10> …  where values stand that people search by, as keyed hashes (ADR 0011)
    META          patient_key
    AUDIT#<day>   <time>     who read or changed what (shared/adapters/ledger/audit.py)

    convert ── record (version n → n+1) ── submission (if absent) ── queue ──┐   a crash between any two is finished
                                                                             │   by the redelivered event
    submit ─── claim (QUEUED → SENDING, lease) ── wire ── finish (SENDING → outcome, if the claim is still ours)
                     │                               │
                     └─ lease over: → UNKNOWN ───────┘── one claim again, same MSH-10

Every write of a state carries the condition that the lifecycle table gives for it.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.exceptions import ClientError

from shared import settings
from shared.adapters.ledger.backfill import DynamoBackfill
from shared.adapters.ledger.index import condition_failed
from shared.adapters.ledger.items import (
    Item,
    causes_in,
    iso,
    moment,
    msh_10_of,
    number,
    record_item,
    since_of,
    submission_from,
    submission_item,
    text,
    waiting_keys,
)
from shared.adapters.ledger.packing import pack, unpack
from shared.domain.lifecycle import TRANSITIONS, Event, State, sources
from shared.domain.submission import Attempt, FileSummary, Record, Submission
from shared.domain.valve import Valve
from shared.ports.ledger import NO_CLINIC, NotClaimed, Stops, Waiting, WorklistEntry
from shared.ports.queues import OutboxMessage
from shared.replaced import replace

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

_BATCH_GET: Final = 100
_MAX_RESENDS: Final = 1
_VALVE: Final = "the whole IIS"
"""Sort key of the valve beside the stopped facilities, so that one query tells both: no facilityID has spaces."""


def _strings(values: Iterable[str]) -> Item:
    return {"L": [{"S": value} for value in values]}


def _names(states: Iterable[State], prefix: str) -> Item:
    return {f":{prefix}{number}": {"S": state.value} for number, state in enumerate(sorted(states))}


class DynamoLedger(DynamoBackfill):
    """Port `Ledger` on a DynamoDB table with the key and indexes of `shared.settings`."""

    def __init__(self, client: DynamoDBClient, table: str, *, lease: int = settings.CLAIM_LEASE) -> None:
        super().__init__(client, table)
        self._lease = timedelta(seconds=lease)
        self._noted: set[str] = set()

    # records ---------------------------------------------------------------------------------------------------------

    def records(self, keys: Iterable[str]) -> dict[str, Record]:
        wanted: list[Any] = [{"pk": {"S": f"REC#{key}"}, "sk": {"S": "REC"}} for key in keys]
        found: dict[str, Record] = {}
        while wanted:
            batch, wanted = wanted[:_BATCH_GET], wanted[_BATCH_GET:]
            answer = self._client.batch_get_item(RequestItems={self._table: {"Keys": batch, "ConsistentRead": True}})
            for item in answer["Responses"].get(self._table, []):
                record = unpack(item["body"]["B"], Record)
                found[record.key] = record
            unread: Any = answer.get("UnprocessedKeys", {}).get(self._table, {})
            wanted += unread.get("Keys", [])
        return found

    def save_record(self, record: Record) -> bool:
        first = record.version == 1
        return self._put(
            record_item(record),
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
        state = State(text(claimed, "state")) if "state" in claimed else None
        return NotClaimed(state, busy=state is State.SENDING and not _over(claimed, now))

    def _claim(self, msh_10: str, now: datetime, event: Event, extra: str) -> Submission | Item:
        """The claimed submission, or the item as it is (empty where there is none)."""
        (before, after), *_ = TRANSITIONS[event].items()
        values: Item = {
            ":before": {"S": before.value},
            ":after": {"S": after.value},
            ":lease": {"S": iso(now + self._lease)},
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
            if not condition_failed(error):
                raise
            return cast(Item, error.response.get("Item", {}))
        return submission_from(answer["Attributes"])

    def _expire(self, item: Item, now: datetime) -> None:
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
            ":attempt": {"L": [{"B": pack(attempt)}]},
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
            waiting = waiting_keys(submission.msh_10, next_try)
            values |= {":shard": waiting["waiting_shard"], ":since": waiting["waiting_since"]}
        condition = f"{_state_in(sources(event))} AND attempt_count = :number"
        written = self._update(submission.msh_10, update + remove, condition, values)
        return written or self._was_written(submission.msh_10, attempt)

    def _was_written(self, msh_10: str, attempt: Attempt) -> bool:
        """Whether this very attempt stands there: botocore tries again where the answer to a write was lost."""
        found = self.get(msh_10)
        return found is not None and attempt in found.attempts

    def requeue(self, msh_10: str, now: datetime) -> bool:
        waiting = waiting_keys(msh_10, now)
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
            msh_10,
            "SET waiting_since = :since",
            "attribute_exists(waiting_since) AND NOT begins_with(waiting_shard, :backfill)",
            {":since": {"S": iso(since)}, ":backfill": {"S": settings.BACKFILL_SHARD}},
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
            values: Item = {":clinic": {"S": one}}
            if state is not None:
                condition += " AND begins_with(worklist_key, :state)"
                values[":state"] = {"S": f"{state.value}#"}
            for item in self._query(settings.WORKLIST.name, condition, values):
                causes = causes_in(item)
                if cause and cause not in causes:
                    continue
                yield WorklistEntry(
                    msh_10=msh_10_of(item),
                    clinic=one,
                    source=text(item, "source"),
                    state=State(text(item, "state")),
                    row_count=number(item, "row_count"),
                    causes=causes,
                    created=datetime.fromisoformat(text(item, "created")),
                    file_id=text(item, "file_id"),
                )

    def _clinics(self) -> list[str]:
        return [text(item, "sk") for item in self._query(None, "pk = :pk", {":pk": {"S": "CLINICS"}})]

    def _note_clinic(self, clinic: str) -> None:
        """The index can only be asked clinic by clinic, so every clinic that enters it is noted, once per process."""
        if clinic not in self._noted:
            self._put_if_absent({"pk": {"S": "CLINICS"}, "sk": {"S": clinic}})
            self._noted.add(clinic)

    def waiting(self) -> Iterator[Waiting]:
        found: list[tuple[str, Waiting]] = []
        for shard in range(settings.WAITING_SHARDS):
            for item in self._query(settings.WAITING.name, "waiting_shard = :shard", {":shard": {"S": str(shard)}}):
                message = OutboxMessage(msh_10_of(item), text(item, "clinic"), text(item, "patient_group"))
                since = since_of(item)
                found.append((text(item, "created"), Waiting(message, since)))
        yield from (entry for _, entry in sorted(found, key=lambda pair: (pair[0], pair[1].message.msh_10)))

    # files -----------------------------------------------------------------------------------------------------------

    def begin_file(self, summary: FileSummary) -> bool:
        is_new = self._put_if_absent(_file_item(summary))
        if is_new:
            self._heard_of(summary)
        return is_new

    def save_file(self, summary: FileSummary) -> None:
        self._client.put_item(TableName=self._table, Item=_file_item(summary))
        self._heard_of(summary)

    def _heard_of(self, summary: FileSummary) -> None:
        if summary.source:
            self._hear_of(summary.source, summary.arrived, "attribute_not_exists(since) OR since < :since")

    def quiet_since(self) -> dict[str, datetime]:
        found = self._query(None, "pk = :pk", {":pk": {"S": "SOURCES"}})
        return {text(item, "sk"): datetime.fromisoformat(text(item, "since")) for item in found}

    def expect_files(self, source: str, now: datetime) -> None:
        self._hear_of(source, now, "attribute_not_exists(since)")

    def _hear_of(self, source: str, when: datetime, condition: str) -> None:
        key = {"pk": {"S": "SOURCES"}, "sk": {"S": source}}
        self._update_item(key, "SET since = :since", condition, {":since": {"S": iso(when)}})

    def file(self, file_id: str) -> FileSummary | None:
        key = {"pk": {"S": "FILES"}, "sk": {"S": file_id}}
        item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return self._counted(unpack(item["body"]["B"], FileSummary)) if item else None

    def files(self, *, but: Container[str] = ()) -> Iterator[FileSummary]:
        for item in self._query(None, "pk = :pk", {":pk": {"S": "FILES"}}):
            if text(item, "sk") not in but:
                yield self._counted(unpack(item["body"]["B"], FileSummary))

    def of_file(self, file_id: str) -> Iterator[str]:
        for item in self._query(settings.BY_FILE.name, "file_id = :file", {":file": {"S": file_id}}):
            if number(item, "row_count"):
                yield msh_10_of(item)

    def _counted(self, summary: FileSummary) -> FileSummary:
        rows: dict[tuple[str, State], int] = {}
        for item in self._query(settings.BY_FILE.name, "file_id = :file", {":file": {"S": summary.file_id}}):
            place = (text(item, "clinic"), State(text(item, "state")))
            rows[place] = rows.get(place, 0) + number(item, "row_count")
        places = tuple((clinic, state, count) for (clinic, state), count in sorted(rows.items()) if count)
        return replace(summary, places=places)

    # stopped facilities ----------------------------------------------------------------------------------------------

    def stop_facility(self, facility: str, fault: str, now: datetime) -> None:
        self._put_if_absent(
            {"pk": {"S": "STOPPED"}, "sk": {"S": facility}, "fault": {"S": fault}, "since": {"S": iso(now)}}
        )

    def open_facility(self, facility: str) -> bool:
        answer = self._client.delete_item(
            TableName=self._table, Key={"pk": {"S": "STOPPED"}, "sk": {"S": facility}}, ReturnValues="ALL_OLD"
        )
        return bool(answer.get("Attributes"))

    def stops(self) -> Stops:
        found = {text(item, "sk"): item for item in self._query(None, "pk = :pk", {":pk": {"S": "STOPPED"}})}
        valve = found.pop(_VALVE, None)
        facilities = {facility: text(item, "fault") for facility, item in found.items()}
        return Stops(facilities, unpack(valve["body"]["B"], Valve) if valve else Valve())

    def save_valve(self, before: Valve, after: Valve) -> bool:
        kept = replace(after, version=before.version + 1)
        return self._put(
            {
                "pk": {"S": "STOPPED"},
                "sk": {"S": _VALVE},
                "version": {"N": str(kept.version)},
                "body": {"B": pack(kept)},
            },
            condition="attribute_not_exists(pk) OR version = :before",
            values={":before": {"N": str(before.version)}},
        )

    # the table -------------------------------------------------------------------------------------------------------

    def _update(self, msh_10: str, update: str, condition: str, values: Item) -> bool:
        return self._update_item(_key(msh_10), update, condition, values)


def _key(msh_10: str) -> Item:
    return {"pk": {"S": f"SUB#{msh_10}"}, "sk": {"S": "SUB"}}


def _over(item: Item, now: datetime) -> bool:
    lease = moment(item, "lease_until")
    return lease is None or lease <= now


def _state_in(states: Iterable[State]) -> str:
    return f"#state IN ({', '.join(f':from{number}' for number, _ in enumerate(sorted(states)))})"


def _file_item(summary: FileSummary) -> Item:
    return {"pk": {"S": "FILES"}, "sk": {"S": summary.file_id}, "body": {"B": pack(summary)}}
