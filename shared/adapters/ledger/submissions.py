"""The submissions in the ledger's table, and their changes of state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from shared.adapters.ledger.items import (
    body_of,
    iso,
    moment,
    strings,
    submission_from,
    submission_item,
    submission_key,
    text,
    waiting_keys,
)
from shared.adapters.ledger.packing import pack
from shared.adapters.ledger.secret_key import LedgerKey
from shared.adapters.ledger.table import Item, Table, inserting
from shared.batched import batched
from shared.domain import faults
from shared.domain.lifecycle import MAX_RESENDS, TRANSITIONS, Event, State, may_resend, sources
from shared.domain.submission import Attempt, Submission
from shared.ports.ledger import NotClaimed

_PAGE: Final = 100


class DynamoSubmissions:
    """Port `Submissions`."""

    def __init__(self, table: Table, key: LedgerKey) -> None:
        self._table = table
        self._key = key

    def patient_key(self) -> bytes:
        return self._key.get()

    def add(self, submission: Submission) -> bool:
        # Leaves nothing: guards a submission that exists, whatever became of it.
        return self._table.put_if_absent(submission_item(submission))

    def add_all(self, submissions: Sequence[Submission]) -> None:
        # Leaves nothing: guards the submissions that exist, whatever became of them.
        self._table.execute([inserting(self._table.name, submission_item(submission)) for submission in submissions])

    def get(self, msh_10: str) -> Submission | None:
        item = self._table.get(submission_key(msh_10))
        return submission_from(item) if item else None

    def many(self, msh_10s: Iterable[str]) -> Iterator[Submission]:
        for batch in batched(dict.fromkeys(msh_10s), _PAGE):
            found = {one.msh_10: one for one in map(submission_from, self._table.get_many(map(submission_key, batch)))}
            yield from (found[msh_10] for msh_10 in batch if msh_10 in found)

    def name_replacement(self, msh_10: str, replaced_by: str) -> None:
        # Leaves any state: guards against an item without a submission, which an update would make.
        self._table.update_if(
            "attribute_exists(pk)",
            submission_key(msh_10),
            "SET replaced_by = :by REMOVE worklist_clinic, worklist_key",
            {":by": {"S": replaced_by}},
        )


class DynamoSubmissionStates:
    """Port `SubmissionStates`. `lease` is how long a claim holds, in seconds.

    claim (QUEUED → SENDING, lease) ── call ── finish (SENDING → outcome, if the claim is still ours)
       │                                 │
       └─ lease over: → UNKNOWN ─────────┘── one claim again, with the same MSH-10
    """

    def __init__(self, table: Table, submissions: DynamoSubmissions, *, lease: int) -> None:
        self._table = table
        self._submissions = submissions
        self._lease = timedelta(seconds=lease)

    def claim(self, msh_10: str, now: datetime) -> Submission | NotClaimed:
        # Leaves QUEUED: guards a submission that another process has claimed, or that is decided.
        is_ours, item = self._claim(msh_10, now, Event.CLAIM)
        if is_ours:
            return submission_from(item)
        if _state(item) is State.SENDING and _is_over(item, now):
            self._expire(item, now)
            item = item | {"state": {"S": State.UNKNOWN.value}}
        if _state(item) is State.UNKNOWN:
            # Leaves UNKNOWN with a resend left: guards against a second resend.
            is_ours, item = self._claim(
                msh_10, now, Event.CLAIM_AGAIN, also=" AND resends < :limit", count=", resends :one"
            )
            if is_ours:
                return submission_from(item)
        state = _state(item)
        return NotClaimed(state, busy=state is State.SENDING and not _is_over(item, now))

    def _claim(self, msh_10: str, now: datetime, event: Event, *, also: str = "", count: str = "") -> tuple[bool, Item]:
        """Claim; True with the item as claimed, or False with the item as it is (empty if there is none)."""
        ((before, after),) = TRANSITIONS[event].items()
        values: Item = {
            ":before": {"S": before.value},
            ":after": {"S": after.value},
            ":lease": {"S": iso(now + self._lease)},
            ":one": {"N": "1"},
        }
        if also:
            values[":limit"] = {"N": str(MAX_RESENDS)}
        return self._table.update_if_returning(
            f"#state = :before{also}",
            submission_key(msh_10),
            f"SET #state = :after, lease_until = :lease ADD attempt_count :one{count}",
            values,
        )

    def _expire(self, item: Item, now: datetime) -> None:
        """Make a claim that outlived its lease UNKNOWN, since its message may have been sent."""
        lost = submission_from(item)
        started = (lost.lease_until or now) - self._lease
        attempt = Attempt(
            lost.attempt_count, started, (now - started).total_seconds(), State.UNKNOWN, fault="LEASE-EXPIRED"
        )
        next_try = now if may_resend(lost.resends) else None
        causes = (faults.cause_of_unknown((*lost.attempts, attempt)),)
        self.finish(lost, Event.LOSE_ANSWER, attempt, causes=causes, next_try=next_try)

    def finish(
        self,
        submission: Submission,
        event: Event,
        attempt: Attempt,
        *,
        causes: tuple[str, ...] = (),
        next_try: datetime | None = None,
    ) -> bool:
        states, values = _any_of(sources(event))
        values |= {
            ":after": {"S": attempt.state.value},
            ":attempt": {"L": [{"B": pack(attempt)}]},
            ":causes": strings(causes),
            ":number": {"N": str(submission.attempt_count)},
        }
        update = "SET #state = :after, attempts = list_append(attempts, :attempt), causes = :causes"
        remove = " REMOVE lease_until, worklist_clinic, worklist_key"
        if event in (Event.DEFER, Event.DEFER_RESEND) and not attempt.free:
            update += ", deferrals = deferrals + :one"
            values[":one"] = {"N": "1"}
        if event is Event.DEFER_RESEND:
            update += ", resends = resends - :resend"
            values[":resend"] = {"N": "1"}
        if next_try is None:
            remove += ", waiting_shard, waiting_since"
        else:
            update += ", waiting_shard = :shard, waiting_since = :since"
            waiting = waiting_keys(submission.msh_10, next_try)
            values |= {":shard": waiting["waiting_shard"], ":since": waiting["waiting_since"]}
        # Leaves SENDING under our own claim: guards the outcome of whoever took over after our lease.
        is_written = self._table.update_if(
            f"{states} AND attempt_count = :number", submission_key(submission.msh_10), update + remove, values
        )
        return is_written or self._was_written(submission.msh_10, attempt)

    def _was_written(self, msh_10: str, attempt: Attempt) -> bool:
        """Whether this very attempt was written: botocore repeats a write if the answer to it was lost."""
        found = self._submissions.get(msh_10)
        return found is not None and attempt in found.attempts

    def move(self, msh_10: str, event: Event, *, reason: str = "") -> bool:
        (after,) = set(TRANSITIONS[event].values())
        states, values = _any_of(sources(event))
        kept = ", closed_from = #state" if event is Event.CLOSE else ""
        # Leaves the states that the lifecycle names for the event: guards what is sending or final.
        return self._table.update_if(
            states,
            submission_key(msh_10),
            f"SET #state = :after, closed_reason = :reason{kept} "
            "REMOVE worklist_clinic, worklist_key, waiting_shard, waiting_since",
            values | {":after": {"S": after.value}, ":reason": {"S": reason}},
        )

    def reopen(self, msh_10: str) -> bool:
        # Leaves CLOSED, not replaced: guards what somebody reopened before, and what an export reports anew.
        return self._table.update_if(
            "#state = :closed AND attribute_exists(closed_from) AND attribute_not_exists(replaced_by)",
            submission_key(msh_10),
            "SET #state = closed_from REMOVE closed_from, closed_reason",
            {":closed": {"S": State.CLOSED.value}},
        )

    def note_proof(self, msh_10: str, evidence: str) -> bool:
        states, values = _any_of((State.PARTLY_ACCEPTED,))
        # Guards the reason of whoever closed it meanwhile.
        return self._table.update_if(
            states, submission_key(msh_10), "SET closed_reason = :reason", values | {":reason": {"S": evidence}}
        )

    def build_anew(self, submission: Submission) -> bool:
        # Leaves SENDING under our own claim: guards the outcome of whoever took over after our lease.
        values: Item = {
            ":state": {"S": State.SENDING.value},
            ":number": {"N": str(submission.attempt_count)},
            ":body": body_of(submission),
            ":clinic": {"S": submission.clinic},
            ":version": {"S": submission.config_version},
        }
        return self._table.update_if(
            "#state = :state AND attempt_count = :number",
            submission_key(submission.msh_10),
            "SET body = :body, clinic = :clinic, config_version = :version",
            values,
        )


def _state(item: Item) -> State | None:
    return State(text(item, "state")) if "state" in item else None


def _is_over(item: Item, now: datetime) -> bool:
    lease = moment(item, "lease_until")
    return lease is None or lease <= now


def _any_of(states: Iterable[State]) -> tuple[str, Item]:
    """The condition that an item is in one of these states, and its values."""
    values: Item = {f":from{number}": {"S": state.value} for number, state in enumerate(sorted(states))}
    return f"#state IN ({', '.join(values)})", values
