"""Convert an export into submissions: changed visits are queued or held, unchanged ones are counted.

For each chunk of patients, in this order, so that a redelivered event completes the chunk after a crash at any point:

    search keys → charts (version n → n+1, optimistic lock) → dose index (if absent) → submissions (if absent)
                → predecessors' replaced_by → queue

Where a dose comes from another chart, both charts and the dose's note in the index are written in one transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from math import inf
from typing import Final

from shared.batched import batched
from shared.domain import identity
from shared.domain.chart import Chart
from shared.domain.clinics import number_space
from shared.domain.lifecycle import Event, State
from shared.domain.model import Visit
from shared.domain.outcome import collect_search_terms
from shared.domain.submission import BackfillLane, FileSummary, Submission
from shared.exports.readers import READERS
from shared.exports.visits import is_derived
from shared.ports.clock import Clock
from shared.ports.configuration import Configurations
from shared.ports.ledger import Backfills, Charts, DoseIndex, Files, SearchKeys, Submissions, SubmissionStates
from shared.ports.objects import Exports, Objects
from shared.ports.queues import Outbox, OutboxMessage, ResubmissionQueue
from shared.ports.second_opinion import SecondOpinion
from shared.replaced import replace
from shared.settings import CONVERT_RESERVE
from shared.usecases.delivery.backfill import DailyQuota
from shared.usecases.delivery.lineage import supersede_predecessors
from shared.usecases.intake.arrival import Arrival, Ignored, Waiting, arrival_of
from shared.usecases.intake.bounds import bounded
from shared.usecases.intake.builder import Builder
from shared.usecases.intake.by_chart import by_chart
from shared.usecases.intake.draft import Draft, Elsewhere
from shared.usecases.intake.drafting import Drafting
from shared.usecases.intake.parts import says_nothing_new

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


class UnwrittenError(RuntimeError):
    """A dose that moves or is deleted was taken up by another file that has not written its submission yet.

    Another conversion is at work, or was killed. The event comes again when the other file's is done.
    """


Converted = FileSummary | Waiting | Ignored | Unfinished


class Convert:
    """The use case with its ports."""

    def __init__(  # noqa: PLR0913 - its ports, each by its name
        self,
        *,
        submissions: Submissions,
        states: SubmissionStates,
        charts: Charts,
        dose_index: DoseIndex,
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
        self._states = states
        self._charts = charts
        self._dose_index = dose_index
        self._files = files
        self._search_keys = search_keys
        self._outbox = outbox
        self._resubmission = resubmission
        self._objects = objects
        self._configurations = configurations
        self._bucket = bucket
        self._readers = readers
        self._builder = Builder(submissions, clock, second_opinion)
        self._quota = DailyQuota(backfills, outbox, clock)
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
        for number, chunk in enumerate(_in_chunks(visits), 1):
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

    # one chunk of patients -------------------------------------------------------------------------------------------

    def _write_chunk(self, visits: list[Visit], arrival: Arrival) -> list[Submission]:
        """Writes the visits of a chunk, each chart before its submissions; returns the submissions to queue."""
        for visit in visits:
            arrival.rows += len(visit.rows)
            if not visit.rows:
                arrival.findings.extend(visit.findings)
        sound = [bounded(visit) for visit in visits if visit.rows]
        patients = by_chart(sound, number_space(arrival.source), self._dose_index, self._charts)
        charts = self._charts.get(patients)
        for key, chart in charts.items():
            # Most rows of a full export say nothing new, and this is the cheapest way to see it.
            if says_nothing_new(chart, patients[key], arrival):
                arrival.unchanged += sum(len(visit.rows) for visit in patients.pop(key))
        unsure = {key: _unsure_doses(own, charts.get(key, Chart(key)), arrival) for key, own in patients.items()}
        index = self._dose_index.find(chain.from_iterable(unsure.values()))
        times = Counter(chain.from_iterable(unsure.values()))
        drafts = {
            key: self._drafted(charts.get(key, Chart(key)), own, arrival, unsure[key], index)
            for key, own in patients.items()
            # A patient with a dose that another chart has, or another patient of this chunk, is written alone.
            if all(times[dose] == 1 and index.get(dose, key) == key for dose in unsure[key])
        }
        drafts = {key: draft for key, draft in drafts.items() if not draft.waits_for}
        written = self._write(self._with_backfill(self._sure(drafts, arrival), arrival))
        submissions: list[Submission] = []
        for key, own in patients.items():
            # No draft is left for a chart that was written concurrently.
            own_drafts = [written[key]] if key in written else self._write_alone(key, own, arrival)
            arrival.unchanged += sum(len(visit.rows) for visit in own)
            for draft in own_drafts:
                arrival.findings += draft.findings
                arrival.unchanged -= draft.rows
                submissions += (*draft.known, *draft.new)
        return submissions

    def _drafted(
        self,
        chart: Chart,
        visits: Sequence[Visit],
        arrival: Arrival,
        doses: Mapping[str, str],
        index: Mapping[str, str],
    ) -> Draft:
        drafting = Drafting(
            chart,
            arrival,
            submissions=self._submissions,
            builder=self._builder,
            elsewhere=self._doses_elsewhere(chart, doses, index),
            unindexed={dose for key, dose in doses.items() if key not in index},
        )
        return drafting(visits)

    def _sure(self, drafts: Mapping[str, Draft], arrival: Arrival) -> dict[str, Draft]:
        """The drafts without those that change a dose which the index does not call theirs.

        An attempt that was cut off took it up there before it named the dose in the index.
        """
        space = number_space(arrival.source)
        changed = {identity.dose_key(space, dose): key for key, draft in drafts.items() for dose in draft.changed}
        index = self._dose_index.find(changed) if changed else {}
        unsure = {key for dose, key in changed.items() if index.get(dose) != key}
        return {key: draft for key, draft in drafts.items() if key not in unsure}

    def _with_backfill(self, drafts: Mapping[str, Draft], arrival: Arrival) -> Mapping[str, Draft]:
        """The drafts; those beyond their lane's daily quota or the IIS's pace wait in the ledger (ADR 0014)."""
        iis = arrival.configuration.iis
        waiting = self._quota.exceeded(_new(drafts), iis.backfill_from, iis.backfill_per_minute)
        for draft in drafts.values() if waiting else ():
            draft.new = [_in_waiting(submission, waiting) for submission in draft.new]
        return drafts

    def _write(self, drafts: Mapping[str, Draft]) -> dict[str, Draft]:
        """Writes drafts, by the key of their chart; returns those that no other conversion got ahead of.

        A draft of which another conversion named a dose first ends with its chart, and is completed as after a crash.
        """
        # Search keys come first: one that points to nothing is harmless, a submission without one cannot be found.
        self._search_keys.add(collect_search_terms(_new(drafts)))
        written = self._with_saved_charts(drafts)
        named = {dose: key for key, draft in written.items() for dose in draft.named}
        if named:
            lost = {named[dose] for dose in self._dose_index.add(named)}
            written = {key: draft for key, draft in written.items() if key not in lost}
        for draft in written.values():
            for ended in self._submissions.many(draft.ended):
                self._states.move(ended.msh_10, Event.SUPERSEDE)
                supersede_predecessors(self._submissions, self._states, ended)
        list(self._pool.map(self._submissions.add_all, batched(_new(written), _BATCH)))
        made = [one for draft in written.values() for one in (*draft.new, *draft.known) if one.replaces]
        list(self._pool.map(self._name_replacement, made))
        return written

    def _with_saved_charts(self, drafts: Mapping[str, Draft]) -> dict[str, Draft]:
        """The drafts whose charts were written; not those of which another process wrote a version first."""
        charts = [draft.chart for draft in drafts.values() if draft.chart is not None and not draft.moved]
        saved = chain.from_iterable(self._pool.map(self._charts.save_all, batched(charts, _BATCH)))
        lost = {chart.key for chart, is_saved in zip(charts, saved, strict=True) if not is_saved}
        lost |= {
            key
            for key, draft in drafts.items()
            if draft.chart is not None
            and draft.moved
            and not self._charts.move([draft.chart, *draft.left], draft.moved, key)
        }
        return {key: draft for key, draft in drafts.items() if key not in lost}

    def _name_replacement(self, submission: Submission) -> None:
        for replaced in submission.predecessors:
            self._submissions.name_replacement(replaced, submission.msh_10)

    def _write_alone(self, key: str, visits: Sequence[Visit], arrival: Arrival) -> list[Draft]:
        """Drafts and writes one patient's visits, with the ledger read anew, until the write succeeds.

        A deletion by id alone follows its dose to another chart, so that there may be several drafts.
        """
        tries = 0
        while tries < _TRIES:
            # Before the index, so that a dose which is not here any more is found where it is.
            chart = self._charts.get([key]).get(key, Chart(key))
            by_key = by_chart(visits, number_space(arrival.source), self._dose_index, self._charts)
            if by_key.keys() != {key}:
                return [draft for other, own in by_key.items() for draft in self._write_alone(other, own, arrival)]
            doses = _exported_doses(visits, arrival)
            draft = self._drafted(chart, visits, arrival, doses, self._dose_index.find(doses))
            if draft.waits_for:
                raise UnwrittenError(
                    f"file {arrival.file_id} has to wait for {draft.waits_for}, which another file has begun to write"
                )
            if not self._write(self._with_backfill({key: draft}, arrival)):
                tries += 1
            elif not draft.is_partial:
                return [draft]
        raise _contended(arrival)

    def _doses_elsewhere(self, own: Chart, doses: Mapping[str, str], index: Mapping[str, str]) -> dict[str, Elsewhere]:
        """The doses of which the index names another chart, by their ids."""
        others = {dose: chart for dose, chart in index.items() if chart != own.key and dose in doses}
        charts = self._charts.get(dict.fromkeys(others.values())) if others else {}
        found: dict[str, Elsewhere] = {}
        for dose_key, chart_key in others.items():
            dose = charts[chart_key].dose(doses[dose_key])
            if dose is not None:
                found[dose.id] = Elsewhere(charts[chart_key], dose)
        return found

    def _queue(self, submissions: Sequence[Submission]) -> None:
        ready = [made for made in submissions if made.state is State.QUEUED and not made.backfill]
        self._outbox.send([OutboxMessage(made.msh_10, made.clinic, made.patient_group) for made in ready])
        self._resubmission.send([made.msh_10 for made in submissions if made.state is State.HELD])


def _new(drafts: Mapping[str, Draft]) -> list[Submission]:
    """The submissions that are not in the ledger yet."""
    return [submission for draft in drafts.values() for submission in draft.new]


def _in_waiting(submission: Submission, waiting: Collection[BackfillLane]) -> Submission:
    # A deletion goes out at once: what follows it may be of another lane, and waits for it.
    is_waiting = submission.state is State.QUEUED and not submission.deletes and submission.lane in waiting
    return replace(submission, backfill=True) if is_waiting else submission


def _unsure_doses(visits: Iterable[Visit], chart: Chart, arrival: Arrival) -> dict[str, str]:
    """The doses with an id of the EHR that are new to a chart, or may stand in another one: their ids by their keys."""
    space, known = number_space(arrival.source), chart.by_id()
    # Another file may have taken doses up before an earlier attempt at this one named them in the index.
    is_again = chart.work_of(arrival.file_id).made != ()
    unsure: dict[str, str] = {}
    for visit in visits:
        for dose in visit.doses:
            state = known.get(dose.id)
            is_unsure = is_again or state is None or state.is_deleted or state.is_held
            if is_unsure and not is_derived(dose, visit.patient.mrn, arrival.source):
                unsure[identity.dose_key(space, dose.id)] = dose.id
    return unsure


def _exported_doses(visits: Iterable[Visit], arrival: Arrival) -> dict[str, str]:
    """The doses with an id of the EHR: their ids by their keys."""
    space = number_space(arrival.source)
    return {
        identity.dose_key(space, dose.id): dose.id
        for visit in visits
        for dose in visit.doses
        if not is_derived(dose, visit.patient.mrn, arrival.source)
    }


def _in_chunks(visits: Iterable[Visit]) -> Iterator[list[Visit]]:
    """The visits in chunks that do not split a patient: readers yield a patient's visits one after the other."""
    chunk: list[Visit] = []
    for visit in visits:
        if len(chunk) >= CHUNK and (not visit.patient.mrn or visit.patient.mrn != chunk[-1].patient.mrn):
            yield chunk
            chunk = []
        chunk.append(visit)
    if chunk:
        yield chunk


def _contended(arrival: Arrival) -> RuntimeError:
    return RuntimeError(f"a chart of file {arrival.file_id} was written by others {_TRIES} times in a row")
