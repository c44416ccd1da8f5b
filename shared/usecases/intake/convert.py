"""An export that arrived becomes submissions: changed visits are queued or held, unchanged ones are counted.

For each chunk of visits, in this order, so that a crash between any two steps is finished by the redelivered event:

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
from shared.domain.clinics import Configuration, Source
from shared.domain.fingerprints import dose_fingerprints
from shared.domain.hl7.er7 import SEGMENT_END
from shared.domain.lifecycle import State
from shared.domain.model import Finding, Visit
from shared.domain.outcome import findable
from shared.domain.submission import FileSummary, Lane, Record, Submission
from shared.exports import arrivals
from shared.exports.formats import FORMATS
from shared.exports.readers import READERS
from shared.ports.clock import Clock
from shared.ports.configuration import Configurations
from shared.ports.ledger import Ledger
from shared.ports.objects import Exports, Objects, StoredObject
from shared.ports.queues import Outbox, OutboxMessage, ResubmissionQueue
from shared.ports.second_opinion import SecondOpinion
from shared.replaced import replace
from shared.settings import CONVERT_RESERVE, INBOX_PREFIX
from shared.usecases.delivery.backfill import Shares
from shared.usecases.intake.arrival import Arrival
from shared.usecases.intake.bounds import bounded
from shared.usecases.intake.prepare import Prepared, prepare

CHUNK: Final = 100
# A call waits some milliseconds for DynamoDB; so many at once keep one processor busy meanwhile.
_WRITERS: Final = 16
# So many writes are one call of DynamoDB's.
_TOGETHER: Final = 25
# After so many chunks the ledger learns how far a file is, for an invocation that is killed.
_CHECKPOINT_EVERY: Final = 50
_HISTORY: Final = 20
_TRIES: Final = 5
# The second opinion takes as long as some hundred conversions. It judges the first messages of a file that differ in
# how many segments they have, since what it finds is how they are put together, and every so many after (ADR 0002).
_SIZES_JUDGED: Final = 5
_SECOND_OPINION_EVERY: Final = 5000


@dataclass(frozen=True, slots=True)
class Waiting:
    """The object belongs to a set of files that is not complete yet; its last file brings the next event."""

    key: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing to convert: not in the inbox, a folder marker, gone, converted before, or at work for another event."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Time ran out; `rows` are taken up so far. The same call again goes on from the checkpoint."""

    file_id: str
    rows: int


Converted = FileSummary | Waiting | Ignored | Unfinished


@dataclass(frozen=True, slots=True)
class _Draft:
    """What a visit comes to: its submission (None: the ledger has it all) and its record's next version, if any.

    `is_new`: the submission is not in the ledger yet.
    """

    submission: Submission | None = None
    record: Record | None = None
    is_new: bool = False


_NOTHING_NEW: Final = _Draft()


class Convert:
    """The use case with its ports."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        outbox: Outbox,
        resubmission: ResubmissionQueue,
        objects: Objects,
        configurations: Configurations,
        clock: Clock,
        second_opinion: SecondOpinion,
        bucket: str,
        readers: Mapping[str, Exports] = READERS,
    ) -> None:
        self._ledger = ledger
        self._outbox = outbox
        self._resubmission = resubmission
        self._objects = objects
        self._configurations = configurations
        self._clock = clock
        self._second_opinion = second_opinion
        self._bucket = bucket
        self._readers = readers
        self._shares = Shares(ledger, clock)
        self._pool = ThreadPoolExecutor(_WRITERS, thread_name_prefix="convert")

    def __call__(
        self,
        key: str,
        version_id: str = "",
        seconds_left: Callable[[], float] = lambda: inf,
        *,
        replayed: bool = False,
    ) -> Converted:
        """Converts the export that the object at `key` belongs to, once all of it is there.

        `version_id` is the version that the event spoke of: the next export may have taken the key since.
        `seconds_left` is the time until the caller is stopped: with too little of it the rest is left to the next call.
        Of a set of files only the event that began it goes on with it, unless a person has it `replayed`.
        """
        folder, slash, rest = key.removeprefix(INBOX_PREFIX).partition("/")
        if key.startswith(INBOX_PREFIX) and folder and not slash:
            return self._of_no_source(key, "", Finding("FOLDER-MISSING", column="folder"))
        if not key.startswith(INBOX_PREFIX) or not rest:
            return Ignored(key, "not in a source's folder of the inbox")
        configuration = self._configurations.current()
        source = configuration.sources.get(folder)
        if source is None:
            return self._of_no_source(key, folder, Finding("SOURCE-UNKNOWN", column="folder", value=folder))
        parts = self._parts(key, version_id, source)
        if isinstance(parts, Waiting | Ignored):
            return parts
        arrival = self._arrival(key, parts, source, configuration)
        known = self._ledger.file(arrival.file_id) or self._begin(arrival)
        if known.complete:
            return Ignored(arrival.name, "converted before")
        if known.begun_by not in ("", key) and not replayed:
            # Each file of a set has an event. The one that began comes again until the set is converted.
            return Ignored(arrival.name, "begun by the event of another of its files")
        return self._convert(self._from_checkpoint(known, arrival, parts), arrival, seconds_left)

    def _of_no_source(self, key: str, folder: str, finding: Finding) -> Converted:
        """A file that cannot be read: the list of files shows it, with what to do."""
        item = self._objects.stat(key)
        if item is None:
            return Ignored(key, "gone")
        file_id = identity.file_id(self._bucket, item.key, item.version)
        summary = FileSummary(file_id, key, folder, item.modified, 0, 0, complete=True, findings=(finding,))
        self._ledger.save_file(summary)
        return summary

    def _parts(self, key: str, version_id: str, source: Source) -> tuple[StoredObject, ...] | Waiting | Ignored:
        arrived = self._objects.stat(key, version_id)
        if arrived is None:
            return Ignored(key, "gone")
        if arrived.size == 0 and key.endswith("/"):
            return Ignored(key, "a folder")
        if not FORMATS[source.format].is_set and not arrivals.is_part(source.format, key):
            return Ignored(key, "not an export by its name")
        found = arrivals.parts_to_convert(source, arrived, self._objects)
        return Waiting(key) if found is None else found

    def _arrival(
        self, key: str, parts: tuple[StoredObject, ...], source: Source, configuration: Configuration
    ) -> Arrival:
        last = max(parts, key=lambda part: part.modified)
        version = "+".join(f"{part.key}@{part.version}" for part in parts)
        name = arrivals.export_name(source, parts)
        file_id = identity.file_id(self._bucket, name, version)
        as_of = last.modified.isoformat(timespec="microseconds")
        return Arrival(file_id, name, source, as_of, configuration, last.modified, begun_by=key)

    def _convert(
        self, visits: Iterator[Visit], arrival: Arrival, seconds_left: Callable[[], float]
    ) -> FileSummary | Unfinished:
        for number, chunk in enumerate(batched(visits, CHUNK), 1):
            self._queue(self._take_up(chunk, arrival))
            arrival.pass_over(chunk)
            is_late = seconds_left() < CONVERT_RESERVE
            if is_late or number % _CHECKPOINT_EVERY == 0:
                self._ledger.save_file(arrival.summary(complete=False))
            if is_late:
                return Unfinished(arrival.file_id, arrival.rows)
        summary = arrival.summary(complete=True)
        self._ledger.save_file(summary)
        return self._ledger.file(arrival.file_id) or summary

    def _begin(self, arrival: Arrival) -> FileSummary:
        """Writes the file down as begun; returns what the ledger has of it now, from this call or a concurrent one."""
        new = arrival.summary(complete=False)
        return new if self._ledger.begin_file(new) else self._ledger.file(arrival.file_id) or new

    def _from_checkpoint(
        self, known: FileSummary, arrival: Arrival, parts: tuple[StoredObject, ...]
    ) -> Iterator[Visit]:
        """The visits that are still to be taken up; what is counted of the others comes into the arrival.

        Readers give the same visits in the same order for the same bytes, so the first ones are read and passed over.
        Where they are grouped otherwise than before, because the configuration or vaxline itself changed meanwhile,
        the file begins anew: what is in the ledger already is recognised visit by visit.
        """
        reader = self._readers[arrival.source.format]
        visits = iter(reader.read(parts, arrival.source, self._objects))
        checkpoint = known.checkpoint
        if checkpoint is None or checkpoint.visits == 0:
            return visits
        arrival.pass_over(islice(visits, checkpoint.visits))
        if arrival.go_on(known, checkpoint):
            return visits
        return iter(reader.read(parts, arrival.source, self._objects))

    # one chunk of visits ---------------------------------------------------------------------------------------------

    def _take_up(self, visits: list[Visit], arrival: Arrival) -> list[Submission]:
        """Writes a chunk down: one visit's record before its submission, the visits beside each other."""
        keyed = [(identity.record_key(visit), bounded(visit)) for visit in visits if visit.rows]
        for visit in visits:
            arrival.rows += len(visit.rows)
            if not visit.rows:
                arrival.findings.extend(visit.findings)
        records = self._ledger.records(dict.fromkeys(key for key, _ in keyed))
        drafts: dict[str, _Draft] = {}
        for key, visit in keyed:
            if key not in drafts:
                drafts[key] = self._draft(records.get(key, Record(key)), visit, arrival)
        written = self._write(self._with_turns(drafts, arrival))
        made: list[Submission] = []
        for key, visit in keyed:
            # Written by somebody else meanwhile, or the second of its record in this chunk: from the record as it is.
            draft = written.pop(key, None)
            submission = draft.submission if draft else self._retry(key, visit, arrival)
            if submission is None:
                arrival.unchanged += len(visit.rows)
            else:
                made.append(submission)
        return made

    def _with_turns(self, drafts: Mapping[str, _Draft], arrival: Arrival) -> Mapping[str, _Draft]:
        """The drafts, those of them that are beyond their clinic's share of the day waiting for their turn."""
        waiting = self._shares.waiting(_new(drafts), arrival.configuration.iis.backfill_from)
        return {key: _in_waiting(draft, waiting) for key, draft in drafts.items()} if waiting else drafts

    def _queue(self, made: Sequence[Submission]) -> None:
        ready = [one for one in made if one.state is State.QUEUED and not one.backfill]
        self._outbox.send([_reference(submission) for submission in ready])
        self._resubmission.send([submission.msh_10 for submission in made if submission.state is State.HELD])

    def _draft(self, record: Record, visit: Visit, arrival: Arrival) -> _Draft:
        """What a visit comes to, given what the ledger knows of its record; nothing of it is written yet."""
        mine = next((entry for entry in record.history if entry[0] == arrival.file_id), None)
        if mine is not None:
            return self._own_work(record, mine, visit, arrival)
        marks = dose_fingerprints(visit)
        news = _news(record, visit, marks, arrival.as_of)
        if news is not None and news is not visit:
            marks = dose_fingerprints(news)
        replaces = record.current if _covers(record, marks) else ""
        if news is None and not (record.held and replaces and arrival.as_of >= record.as_of):
            return _NOTHING_NEW
        msh_10 = identity.msh_10(record.key, marks, record.revision)
        submission = self._submission(record, news or visit, visit, arrival, msh_10, replaces)
        if news is None and not self._is_released(record, submission):
            return _NOTHING_NEW
        return _Draft(submission, _next_version(record, submission, marks, arrival), is_new=True)

    def _write(self, drafts: Mapping[str, _Draft]) -> dict[str, _Draft]:
        """Writes drafts down, by their records' keys; those whose record nobody else wrote meanwhile."""
        # Before they are written: what points to nothing does no harm, what nothing points to is not found.
        self._ledger.make_findable(findable(_new(drafts)))
        records = [draft.record for draft in drafts.values() if draft.record is not None]
        saved = chain.from_iterable(self._pool.map(self._ledger.save_records, batched(records, _TOGETHER)))
        lost = {record.key for record, is_saved in zip(records, saved, strict=True) if not is_saved}
        written = {key: draft for key, draft in drafts.items() if key not in lost}
        list(self._pool.map(self._ledger.add_all, batched(_new(written), _TOGETHER)))
        made = [draft.submission for draft in written.values() if draft.submission]
        list(self._pool.map(self._replace, [one for one in made if one.replaces]))
        return written

    def _replace(self, submission: Submission) -> None:
        self._ledger.name_replacement(submission.replaces, submission.msh_10)

    def _retry(self, key: str, visit: Visit, arrival: Arrival) -> Submission | None:
        """A visit whose record was written by others, once more from the record as it is now."""
        for _ in range(_TRIES):
            known = self._ledger.records([key]).get(key, Record(key))
            written = self._write(self._with_turns({key: self._draft(known, visit, arrival)}, arrival))
            if key in written:
                return written[key].submission
        raise RuntimeError(f"a record of file {arrival.file_id} was written by others {_TRIES} times in a row")

    def _is_released(self, record: Record, submission: Submission) -> bool:
        """Whether a visit that was held passes now, because the configuration changed, and nobody closed it."""
        if submission.state is State.HELD:
            return False
        held = self._ledger.get(record.current)
        return held is not None and held.state is State.HELD

    def _own_work(self, record: Record, mine: tuple[str, str, str], visit: Visit, arrival: Arrival) -> _Draft:
        """The record was written by this very file: a redelivered event, or a row that the file says twice.

        The first makes sure that the rest is done too; the second is unchanged. What a newer export said meanwhile
        of some doses is left to it.
        """
        _, msh_10, replaces = mine
        submission = self._ledger.get(msh_10)
        if submission is not None:
            return _Draft(submission) if submission.visit.rows == visit.rows else _NOTHING_NEW
        own = {dose for dose, _, taken_up_by in record.doses if taken_up_by == msh_10}
        doses = tuple(dose for dose in visit.doses if dose.id in own)
        if visit.doses and not doses:
            return _NOTHING_NEW
        rebuilt = self._submission(record, replace(visit, doses=doses), visit, arrival, msh_10, replaces)
        # The record may have had newer versions since: which one this was is told by its MSH-10.
        marks = dose_fingerprints(visit)
        was = (number for number in range(record.revision) if identity.msh_10(record.key, marks, number) == msh_10)
        return _Draft(replace(rebuilt, revision=next(was, record.revision - 1)), is_new=True)

    def _submission(
        self, record: Record, visit: Visit, whole: Visit, arrival: Arrival, msh_10: str, replaces: str
    ) -> Submission:
        """A new submission for the news in a visit; it stands for all rows of the whole visit."""
        now = self._clock.now()
        configuration = arrival.configuration
        clinic = configuration.clinic_for(arrival.source, visit.clinic)
        prepared = prepare(visit, msh_10=msh_10, clinic=clinic, configuration=configuration, now=now)
        doubts = self._doubts(prepared, arrival)
        held = prepared.is_held or bool(doubts)
        return Submission(
            msh_10=msh_10,
            state=State.HELD if held else State.QUEUED,
            source=arrival.source.name,
            clinic=clinic.key if clinic else "",
            record=record.key,
            patient_group=identity.patient_group(self._ledger.patient_key(), visit.source, visit.patient.mrn or msh_10),
            file_id=arrival.file_id,
            file_name=arrival.name,
            row_count=len(whole.rows),
            config_version=configuration.version,
            created=now,
            visit=visit,
            vxu=prepared.vxu,
            findings=prepared.findings + doubts,
            revision=record.revision,
            replaces=replaces,
            waiting_since=None if held else now,
        )

    def _doubts(self, prepared: Prepared, arrival: Arrival) -> tuple[Finding, ...]:
        """Asks the second opinion now and then; once it objects, the rest of the file is held."""
        if prepared.is_held:
            return ()
        size = prepared.vxu.count(SEGMENT_END)
        is_new = size not in arrival.sizes_judged and len(arrival.sizes_judged) < _SIZES_JUDGED
        if not arrival.objection and (is_new or arrival.built % _SECOND_OPINION_EVERY == 0):
            arrival.sizes_judged.add(size)
            arrival.objection = self._second_opinion.objection(prepared.vxu)
        arrival.built += 1
        if not arrival.objection:
            return ()
        return (Finding("SECOND-OPINION", column="hl7apy", value=arrival.objection),)


def _new(drafts: Mapping[str, _Draft]) -> list[Submission]:
    """The submissions that are not in the ledger yet."""
    return [draft.submission for draft in drafts.values() if draft.submission and draft.is_new]


def _in_waiting(draft: _Draft, waiting: Collection[Lane]) -> _Draft:
    made = draft.submission
    has_to_wait = made and draft.is_new and made.state is State.QUEUED and made.lane in waiting
    return replace(draft, submission=replace(made, backfill=True)) if made and has_to_wait else draft


def _reference(submission: Submission) -> OutboxMessage:
    return OutboxMessage(submission.msh_10, submission.clinic, submission.patient_group)


def _news(record: Record, visit: Visit, marks: Mapping[str, str], as_of: str) -> Visit | None:
    """The part of a visit that the ledger does not have yet, or None.

    A record that says something new is sent whole, with all its doses. An export that arrived before the one that the
    record knows brings only doses that the record lacks: what it says of the others is old.
    """
    known = {dose: mark for dose, mark, _ in record.doses}
    changed = [dose for dose, mark in marks.items() if known.get(dose) != mark]
    if as_of >= record.as_of:
        return visit if changed else None
    fresh = [dose for dose in changed if dose not in known]
    if not fresh:
        return None
    return replace(visit, doses=tuple(dose for dose in visit.doses if dose.id in fresh))


def _covers(record: Record, fingerprints: Mapping[str, str]) -> bool:
    """Whether a new submission speaks of every dose of the record's newest one, so that it can replace it."""
    return record.current != "" and all(
        dose in fingerprints for dose, _, msh_10 in record.doses if msh_10 == record.current
    )


def _next_version(record: Record, submission: Submission, marks: Mapping[str, str], arrival: Arrival) -> Record:
    doses = {dose: (mark, msh_10) for dose, mark, msh_10 in record.doses}
    for dose, mark in marks.items():
        doses[dose] = (mark, submission.msh_10)
    return Record(
        key=record.key,
        version=record.version + 1,
        revision=record.revision + 1,
        current=submission.msh_10,
        held=submission.state is State.HELD,
        as_of=max(arrival.as_of, record.as_of),
        history=(*record.history[-_HISTORY + 1 :], (arrival.file_id, submission.msh_10, submission.replaces)),
        doses=tuple((dose, mark, msh_10) for dose, (mark, msh_10) in doses.items()),
    )
