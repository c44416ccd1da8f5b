"""Drafts of the changes that a visit makes in the ledger: a new submission and the next version of its record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.domain import identity, records
from shared.domain.fingerprints import dose_fingerprints
from shared.domain.hl7.er7 import SEGMENT_END
from shared.domain.lifecycle import State
from shared.domain.model import Finding, Visit
from shared.domain.submission import Record, Submission
from shared.ports.clock import Clock
from shared.ports.ledger import Submissions
from shared.ports.second_opinion import SecondOpinion
from shared.replaced import replace
from shared.usecases.intake.arrival import Arrival
from shared.usecases.intake.prepare import Prepared, prepare

# A second opinion takes as long as some hundred conversions. It finds faults in how messages are put together, so it
# judges the first messages of a file with different numbers of segments, and then one in so many (ADR 0002).
_SIZES_JUDGED: Final = 5
_SECOND_OPINION_EVERY: Final = 5000


@dataclass(frozen=True, slots=True)
class Draft:
    """The writes for a visit.

    Attributes:
        submission: Its submission; None if the ledger has everything that the visit says.
        record: The next version of its record, if that changes.
        is_new: The submission is not in the ledger yet.
    """

    submission: Submission | None = None
    record: Record | None = None
    is_new: bool = False


UNCHANGED: Final = Draft()


class Drafter:
    """Compares visits with their records and makes submissions of what is new. It writes nothing."""

    def __init__(self, submissions: Submissions, clock: Clock, second_opinion: SecondOpinion) -> None:
        self._submissions = submissions
        self._clock = clock
        self._second_opinion = second_opinion

    def draft(self, record: Record, visit: Visit, arrival: Arrival) -> Draft:
        """Return what has to be written for a visit of an arrival, given its record as the ledger has it."""
        own_entry = next((entry for entry in record.history if entry[0] == arrival.file_id), None)
        if own_entry is not None:
            return self._repeated(record, own_entry, visit, arrival)
        fingerprints = dose_fingerprints(visit)
        news = records.news(record, visit, fingerprints, arrival.as_of)
        if news is not None and news is not visit:
            fingerprints = dose_fingerprints(news)
        replaces = record.current if records.covers_current(record, fingerprints) else ""
        if news is None and not (record.held and replaces and arrival.as_of >= record.as_of):
            return UNCHANGED
        msh_10 = identity.msh_10(record.key, fingerprints, record.revision)
        submission = self._submission(record, news or visit, visit, arrival, msh_10, replaces)
        if news is None and not self._is_released(record, submission):
            return UNCHANGED
        version = records.after_export(record, submission, fingerprints, arrival.as_of)
        return Draft(submission, version, is_new=True)

    def _is_released(self, record: Record, submission: Submission) -> bool:
        """Whether a visit that was held passes now because the configuration changed, and nobody closed it."""
        if submission.state is State.HELD:
            return False
        held = self._submissions.get(record.current)
        return held is not None and held.state is State.HELD

    def _repeated(self, record: Record, entry: tuple[str, str, str], visit: Visit, arrival: Arrival) -> Draft:
        """The draft for a record that this very file wrote before.

        If the event was delivered again, the submission is completed: it may be missing after a crash. If the file
        says the same visit in other rows, they are unchanged. Doses that a newer export has written since are left
        to that export.
        """
        _, msh_10, replaces = entry
        submission = self._submissions.get(msh_10)
        if submission is not None:
            return Draft(submission) if submission.visit.rows == visit.rows else UNCHANGED
        own = {dose for dose, _, written_by in record.doses if written_by == msh_10}
        doses = tuple(dose for dose in visit.doses if dose.id in own)
        if visit.doses and not doses:
            return UNCHANGED
        rebuilt = self._submission(record, replace(visit, doses=doses), visit, arrival, msh_10, replaces)
        # The record may have newer versions by now; the MSH-10 tells which version this one was made from.
        fingerprints = dose_fingerprints(visit)
        revisions = (
            revision
            for revision in range(record.revision)
            if identity.msh_10(record.key, fingerprints, revision) == msh_10
        )
        return Draft(replace(rebuilt, revision=next(revisions, record.revision - 1)), is_new=True)

    def _submission(
        self, record: Record, news: Visit, visit: Visit, arrival: Arrival, msh_10: str, replaces: str
    ) -> Submission:
        """A submission of the news in a visit; it stands for all rows of the visit."""
        now = self._clock.now()
        configuration = arrival.configuration
        clinic = configuration.clinic_for(arrival.source, news.clinic)
        prepared = prepare(news, msh_10=msh_10, clinic=clinic, configuration=configuration, now=now)
        objections = self._objections(prepared, arrival)
        held = prepared.is_held or bool(objections)
        return Submission(
            msh_10=msh_10,
            state=State.HELD if held else State.QUEUED,
            source=arrival.source.name,
            clinic=clinic.key if clinic else "",
            record=record.key,
            patient_group=identity.patient_group(
                self._submissions.patient_key(), news.source, news.patient.mrn or msh_10
            ),
            file_id=arrival.file_id,
            file_name=arrival.name,
            row_count=len(visit.rows),
            config_version=configuration.version,
            created=now,
            visit=news,
            vxu=prepared.vxu,
            findings=prepared.findings + objections,
            revision=record.revision,
            replaces=replaces,
            waiting_since=None if held else now,
        )

    def _objections(self, prepared: Prepared, arrival: Arrival) -> tuple[Finding, ...]:
        """Asks for a second opinion on some messages. After an objection the rest of the file is held."""
        if prepared.is_held:
            return ()
        size = prepared.vxu.count(SEGMENT_END)
        is_new_size = size not in arrival.sizes_judged and len(arrival.sizes_judged) < _SIZES_JUDGED
        if not arrival.objection and (is_new_size or arrival.built % _SECOND_OPINION_EVERY == 0):
            arrival.sizes_judged.add(size)
            arrival.objection = self._second_opinion.objection(prepared.vxu)
        arrival.built += 1
        if not arrival.objection:
            return ()
        return (Finding("SECOND-OPINION", column="hl7apy", value=arrival.objection),)
