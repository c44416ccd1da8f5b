"""Convert an export into submissions: changed visits are queued or held, unchanged ones are counted.

For each chunk of visits, in this order, so that a redelivered event completes the chunk after a crash at any point:

    records (version n → n+1, optimistic lock) → submissions (if absent) → predecessors' replaced_by → queue
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from math import inf
from typing import Final

from shared.batched import batched
from shared.domain import identity
from shared.domain.lifecycle import State
from shared.domain.model import Visit
from shared.domain.outcome import collect_search_terms
from shared.domain.submission import BackfillLane, FileSummary, Record, Submission
from shared.exports.readers import READERS
from shared.ports.clock import Clock
from shared.ports.configuration import Configurations
from shared.ports.ledger import Backfills, Files, Records, SearchKeys, Submissions
from shared.ports.objects import Exports, Objects
from shared.ports.queues import Outbox, OutboxMessage, ResubmissionQueue
from shared.ports.second_opinion import SecondOpinion
from shared.replaced import replace
from shared.settings import CONVERT_RESERVE
from shared.usecases.delivery.backfill import DailyQuota
from shared.usecases.intake.arrival import Arrival, Ignored, Waiting, arrival_of
from shared.usecases.intake.bounds import bounded
from shared.usecases.intake.draft import Draft, Drafter

CHUNK: Final = 100
"""Visits that are written at once."""
# A call waits some milliseconds for DynamoDB; so many threads keep one processor busy meanwhile.
_WRITERS: Final = 16
# DynamoDB takes so many writes in one call.
_BATCH: Final = 25
# Chunks between two checkpoints, for an invocation that is killed.
_CHECKPOINT_EVERY: Final = 50
_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Time ran out after `rows` rows. The same call again goes on from the checkpoint."""

    file_id: str
    rows: int


Converted = FileSummary | Waiting | Ignored | Unfinished


class Convert:
    """The use case with its ports."""

    def __init__(  # noqa: PLR0913 - its ports, each by its name
        self,
        *,
        submissions: Submissions,
        records: Records,
        files: Files,
        search_keys: SearchKeys,
        backfills: Backfills,
        outbox: Outbox,
        resubmission: ResubmissionQueue,
        objects: Objects,
        configurations: Configurations,
        clock: Clock,
        second_opinion: SecondOpinion,
        bucket: str,
        readers: Mapping[str, Exports] = READERS,
    ) -> None:
        self._submissions = submissions
        self._records = records
        self._files = files
        self._search_keys = search_keys
        self._outbox = outbox
        self._resubmission = resubmission
        self._objects = objects
        self._configurations = configurations
        self._bucket = bucket
        self._readers = readers
        self._drafter = Drafter(submissions, clock, second_opinion)
        self._quota = DailyQuota(backfills, clock)
        self._pool = ThreadPoolExecutor(_WRITERS, thread_name_prefix="convert")

    def __call__(
        self,
        key: str,
        version_id: str = "",
        seconds_left: Callable[[], float] = lambda: inf,
        *,
        replayed: bool = False,
    ) -> Converted:
        """Convert the export that an object belongs to, once all its files are there.

        Args:
            key: The object's key.
            version_id: The version that the event names; another export may have taken the key since.
            seconds_left: The time until the caller is stopped. When little is left, the next call does the rest.
            replayed: An operator replays the export: convert it even if the event of another of its files began it.

        Returns:
            The summary of a file that is complete, or why this call did not complete one.
        """
        arrival = arrival_of(
            key, version_id, objects=self._objects, configurations=self._configurations, bucket=self._bucket
        )
        if isinstance(arrival, FileSummary):
            self._files.save(arrival)
        if not isinstance(arrival, Arrival):
            return arrival
        summary = self._files.summary(arrival.file_id) or self._begin(arrival)
        if summary.complete:
            return Ignored(arrival.name, "converted before")
        if summary.begun_by not in ("", key) and not replayed:
            # Each file of a set has an event. The event that began the set is redelivered until it is converted.
            return Ignored(arrival.name, "begun by the event of another of its files")
        return self._convert(self._remaining_visits(summary, arrival), arrival, seconds_left)

    def _begin(self, arrival: Arrival) -> FileSummary:
        """Writes a new file to the ledger; returns the ledger's summary, of this call or of a concurrent one."""
        summary = arrival.summary(complete=False)
        return summary if self._files.begin(summary) else self._files.summary(arrival.file_id) or summary

    def _remaining_visits(self, summary: FileSummary, arrival: Arrival) -> Iterator[Visit]:
        """The visits behind the checkpoint; the counts of the others are taken over into the arrival.

        Readers yield the same visits in the same order for the same bytes, so the visits of the checkpoint are read
        and skipped. If they are grouped differently, because the configuration or vaxline changed meanwhile, the file
        is read again from its start; the ledger recognizes what it has.
        """
        reader = self._readers[arrival.source.format]
        visits = iter(reader.read(arrival.parts, arrival.source, self._objects))
        checkpoint = summary.checkpoint
        if checkpoint is None or checkpoint.visits == 0:
            return visits
        arrival.count_visits(islice(visits, checkpoint.visits))
        if arrival.resume(summary, checkpoint):
            return visits
        return iter(reader.read(arrival.parts, arrival.source, self._objects))

    def _convert(
        self, visits: Iterator[Visit], arrival: Arrival, seconds_left: Callable[[], float]
    ) -> FileSummary | Unfinished:
        for number, chunk in enumerate(batched(visits, CHUNK), 1):
            self._queue(self._write_chunk(chunk, arrival))
            arrival.count_visits(chunk)
            is_late = seconds_left() < CONVERT_RESERVE
            if is_late or number % _CHECKPOINT_EVERY == 0:
                self._files.save(arrival.summary(complete=False))
            if is_late:
                return Unfinished(arrival.file_id, arrival.rows)
        summary = arrival.summary(complete=True)
        self._files.save(summary)
        return self._files.get(arrival.file_id) or summary

    # one chunk of visits ---------------------------------------------------------------------------------------------

    def _write_chunk(self, visits: list[Visit], arrival: Arrival) -> list[Submission]:
        """Writes the visits of a chunk, each one's record before its submission; returns the submissions to queue."""
        keyed = [(identity.record_key(visit), bounded(visit)) for visit in visits if visit.rows]
        for visit in visits:
            arrival.rows += len(visit.rows)
            if not visit.rows:
                arrival.findings.extend(visit.findings)
        records = self._records.get(dict.fromkeys(key for key, _ in keyed))
        drafts: dict[str, Draft] = {}
        for key, visit in keyed:
            if key not in drafts:
                drafts[key] = self._drafter.draft(records.get(key, Record(key)), visit, arrival)
        written = self._write(self._with_backfill(drafts, arrival))
        submissions: list[Submission] = []
        for key, visit in keyed:
            # No draft is left for a record that was written concurrently, and for a second visit of one record.
            draft = written.pop(key, None)
            submission = draft.submission if draft else self._write_again(key, visit, arrival)
            if submission is None:
                arrival.unchanged += len(visit.rows)
            else:
                submissions.append(submission)
        return submissions

    def _with_backfill(self, drafts: Mapping[str, Draft], arrival: Arrival) -> Mapping[str, Draft]:
        """The drafts; those beyond their lane's daily quota wait in the ledger (ADR 0014)."""
        waiting = self._quota.exceeded(_new(drafts), arrival.configuration.iis.backfill_from)
        return {key: _in_waiting(draft, waiting) for key, draft in drafts.items()} if waiting else drafts

    def _write(self, drafts: Mapping[str, Draft]) -> dict[str, Draft]:
        """Writes drafts, by record key; returns those whose record was not written concurrently."""
        # Search keys come first: one that points to nothing is harmless, a submission without one cannot be found.
        self._search_keys.add(collect_search_terms(_new(drafts)))
        records = [draft.record for draft in drafts.values() if draft.record is not None]
        saved = chain.from_iterable(self._pool.map(self._records.save_all, batched(records, _BATCH)))
        lost = {record.key for record, is_saved in zip(records, saved, strict=True) if not is_saved}
        written = {key: draft for key, draft in drafts.items() if key not in lost}
        list(self._pool.map(self._submissions.add_all, batched(_new(written), _BATCH)))
        submissions = [draft.submission for draft in written.values() if draft.submission]
        list(self._pool.map(self._name_replacement, [made for made in submissions if made.replaces]))
        return written

    def _name_replacement(self, submission: Submission) -> None:
        self._submissions.name_replacement(submission.replaces, submission.msh_10)

    def _write_again(self, key: str, visit: Visit, arrival: Arrival) -> Submission | None:
        """Drafts and writes a visit whose record has changed meanwhile, until the write succeeds."""
        for _ in range(_TRIES):
            record = self._records.get([key]).get(key, Record(key))
            draft = self._drafter.draft(record, visit, arrival)
            written = self._write(self._with_backfill({key: draft}, arrival))
            if key in written:
                return written[key].submission
        raise RuntimeError(f"a record of file {arrival.file_id} was written by others {_TRIES} times in a row")

    def _queue(self, submissions: Sequence[Submission]) -> None:
        ready = [made for made in submissions if made.state is State.QUEUED and not made.backfill]
        self._outbox.send([OutboxMessage(made.msh_10, made.clinic, made.patient_group) for made in ready])
        self._resubmission.send([made.msh_10 for made in submissions if made.state is State.HELD])


def _new(drafts: Mapping[str, Draft]) -> list[Submission]:
    """The submissions that are not in the ledger yet."""
    return [draft.submission for draft in drafts.values() if draft.submission and draft.is_new]


def _in_waiting(draft: Draft, waiting: Collection[BackfillLane]) -> Draft:
    submission = draft.submission
    if submission is None or not draft.is_new or submission.state is not State.QUEUED:
        return draft
    return replace(draft, submission=replace(submission, backfill=True)) if submission.lane in waiting else draft
