"""Resubmission: a person sends a failed submission again, after a field or the clinics.toml was corrected.

The new submission has an MSH-10 of its own and replaces the old one, which becomes SUPERSEDED when the IIS accepts the
new one. It speaks only of the doses whose newest content is the old one. The chart keeps the corrected values until the
EHR changes its own, so an export of the same wrong row does not undo the correction.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.domain import identity
from shared.domain.chart import Chart, DoseState, Made, after_correction, correction_of
from shared.domain.clinics import Configuration, number_space
from shared.domain.fingerprints import dose_fingerprints
from shared.domain.lifecycle import IN_FLIGHT, STORED_BY_IIS, State
from shared.domain.model import Visit
from shared.domain.outcome import collect_search_terms
from shared.domain.person import Person
from shared.domain.submission import Submission
from shared.exports.corrections import SAME_PERSON, Choice, choices, corrected
from shared.exports.standing_corrections import in_force
from shared.ports.clock import Clock
from shared.ports.configuration import Configurations
from shared.ports.ledger import Backlog, Charts, SearchKeys, Submissions
from shared.ports.queues import Outbox, OutboxMessage, ResubmissionQueue
from shared.replaced import replace
from shared.usecases.correction.triage import causes_of
from shared.usecases.delivery.requeue import By, requeue
from shared.usecases.prepare import prepare


@dataclass(frozen=True, slots=True)
class Resubmitted:
    """The new submission, or in a dry run what it would be. `state` is QUEUED, or HELD for `causes`."""

    msh_10: str
    replaces: str
    state: State
    causes: tuple[str, ...]
    vxu: str


@dataclass(frozen=True, slots=True)
class NotResubmitted:
    """Nothing was changed, and why. `choices` are the doses that a change could mean, where it has to name one."""

    msh_10: str
    reason: str
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class _FixedConfiguration:
    """Port `Configurations` with one version."""

    configuration: Configuration

    def current(self, *, since: datetime | None = None) -> Configuration:  # noqa: ARG002 - it has one version
        return self.configuration


class Correct:
    """Resubmits single submissions.

    Args:
        submissions: The submissions, old and new.
        charts: The charts that they belong to.
        search_keys: Makes the new submission findable.
        backlog: Where a submission whose retries are used up waits again.
        outbox: Receives what can be sent.
        resubmission: Receives what is held again.
        configurations: The clinics.toml in force.
        clock: The current time.
    """

    def __init__(
        self,
        *,
        submissions: Submissions,
        charts: Charts,
        search_keys: SearchKeys,
        backlog: Backlog,
        outbox: Outbox,
        resubmission: ResubmissionQueue,
        configurations: Configurations,
        clock: Clock,
    ) -> None:
        self._submissions = submissions
        self._charts = charts
        self._search_keys = search_keys
        self._backlog = backlog
        self._outbox = outbox
        self._resubmission = resubmission
        self._configurations = configurations
        self._clock = clock

    def under(self, configuration: Configuration) -> Correct:
        """Return the use case under a clinics.toml that is not in force, or not yet."""
        return Correct(
            submissions=self._submissions,
            charts=self._charts,
            search_keys=self._search_keys,
            backlog=self._backlog,
            outbox=self._outbox,
            resubmission=self._resubmission,
            configurations=_FixedConfiguration(configuration),
            clock=self._clock,
        )

    def __call__(
        self, msh_10: str, changes: Mapping[str, str], *, dry_run: bool = False
    ) -> Resubmitted | NotResubmitted:
        """Resubmit one failed submission.

        Args:
            msh_10: The failed submission.
            changes: New values by column of vaxline's CSV layout. A dose's column may name the dose: `lot[2]`.
            dry_run: Build the new submission without writing anything.
        """
        old = self._submissions.get(msh_10)
        if old is None:
            return NotResubmitted(msh_10, "there is no such submission")
        reason = _why_not(old, changes)
        if reason:
            return NotResubmitted(msh_10, reason)
        if old.state is State.QUEUED:
            return self._queue_again(old, dry_run=dry_run)
        configuration = self._configurations.current()
        visit = self._corrected(old, changes, configuration)
        if isinstance(visit, str):
            return NotResubmitted(msh_10, visit, choices(old.visit, changes))
        chart = self._charts.get([old.chart]).get(old.chart, Chart(old.chart))
        states = self._own_doses(old, chart)
        if not states:
            return NotResubmitted(msh_10, _reported_by(old, chart))
        visit = _limited(visit, old.visit, {state.id for state in states})
        new = self._submission(old, visit, chart, states, configuration)
        if not dry_run and not self._take_up(old, new, chart, states, changes):
            return NotResubmitted(msh_10, "its patient was just changed by an export; look at it again")
        return Resubmitted(new.msh_10, msh_10, new.state, causes_of(new), new.vxu)

    def _own_doses(self, old: Submission, chart: Chart) -> tuple[DoseState, ...]:
        """The doses whose newest content is the old submission, or a correction of it that was cut off.

        Without a chart every dose counts, because nothing newer can be known.
        """
        cut_off = {made.msh_10 for made in chart.work_of(correction_of(old.msh_10)).made}
        written = {one.msh_10 for one in self._submissions.many(cut_off)}
        newest = {old.msh_10, *(cut_off - written)}
        # A correction that was written, and only not named by what it corrects, is made again with the same MSH-10.
        return tuple(state for state in chart.doses if state.newest in newest | written)

    def _queue_again(self, old: Submission, *, dry_run: bool) -> Resubmitted:
        """Try the same message again: its retries are used up, and it was never received."""
        if not dry_run:
            requeue(self._backlog, self._outbox, old, By.PERSON, self._clock.now())
        return Resubmitted(old.msh_10, old.msh_10, State.QUEUED, (), old.vxu)

    def _corrected(self, old: Submission, changes: Mapping[str, str], configuration: Configuration) -> Visit | str:
        source = configuration.sources.get(old.source)
        if source is None:
            return f"its source {old.source} is not in clinics.toml any more"
        # The IIS knows a dose that it has, or may have, by the ids that were sent.
        is_new_there = old.state in (State.HELD, State.REFUSED)
        visit = replace(old.visit, numbering=source.numbering) if is_new_there else old.visit
        return corrected(visit, changes, source)

    def _submission(
        self,
        old: Submission,
        visit: Visit,
        chart: Chart,
        states: Sequence[DoseState],
        configuration: Configuration,
    ) -> Submission:
        now = self._clock.now()
        source = configuration.sources[old.source]
        clinic = configuration.clinic_for(source, visit.clinic)
        # Made of what is corrected and of how, and of nothing that another process could change: the same correction
        # twice is one submission.
        content = {state.id: f"{old.msh_10} {state.fingerprint}" for state in states} | dose_fingerprints(visit)
        msh_10 = identity.msh_10(old.chart, {**content, "configuration": configuration.version}, old.revision)
        revision = max(chart.revision, old.revision + 1)
        prepared = prepare(visit, msh_10=msh_10, clinic=clinic, configuration=configuration, now=now)
        held = prepared.is_held
        return replace(
            old,
            msh_10=msh_10,
            state=State.HELD if held else State.QUEUED,
            clinic=clinic.key if clinic else "",
            patient_group=identity.patient_group(
                self._submissions.patient_key(), number_space(source), visit.patient.mrn or msh_10
            ),
            config_version=configuration.version,
            created=now,
            visit=visit,
            vxu=prepared.vxu,
            findings=prepared.findings,
            revision=revision,
            replaces=old.msh_10,
            also_replaces=(),
            replaced_by="",
            closed_reason="",
            # The file's rows stay counted with the first submission.
            row_count=0,
            attempt_count=0,
            deferrals=0,
            resends=0,
            attempts=(),
            causes=(),
            lease_until=None,
            backfill=False,
            waiting_since=None if held else now,
        )

    def _take_up(
        self,
        old: Submission,
        new: Submission,
        chart: Chart,
        states: Sequence[DoseState],
        changes: Mapping[str, str],
    ) -> bool:
        ids = tuple(state.id for state in states)
        made = Made(new.msh_10, new.revision, 0, ids, (old.msh_10,))
        if any(state.newest != new.msh_10 for state in states):
            after = after_correction(
                chart,
                made,
                of=old.msh_10,
                is_held=new.state is State.HELD,
                person=Person.of(new.visit.patient) if SAME_PERSON in changes else None,
                corrections=in_force(old.visit, changes, chart.corrections, ids),
            )
            if not self._charts.save(after):
                return False
        self._search_keys.add(collect_search_terms([new]))
        self._submissions.add(new)
        self._submissions.name_replacement(old.msh_10, new.msh_10)
        if new.state is State.QUEUED:
            self._outbox.send([OutboxMessage(new.msh_10, new.clinic, new.patient_group)])
        else:
            self._resubmission.send([new.msh_10])
        return True


def _limited(visit: Visit, before: Visit, ids: Collection[str]) -> Visit:
    """The corrected visit with those doses only whose ids, before the correction, are among these."""
    if not visit.doses or len(visit.doses) != len(before.doses):
        return visit
    own = [dose for dose, was in zip(visit.doses, before.doses, strict=True) if was.id in ids]
    return replace(visit, doses=tuple(own)) if own else visit


def _reported_by(old: Submission, chart: Chart) -> str:
    """Why nothing of a submission can be corrected: who has its doses meanwhile."""
    newer = [state.newest for state in chart.doses if old.msh_10 in state.carriers]
    names = ", ".join(dict.fromkeys(newer)) or "another submission"
    return f"its doses are reported by {names} meanwhile; correct that one, or close this one"


def _why_not(old: Submission, changes: Mapping[str, str]) -> str:
    """Return why a submission cannot be resubmitted; empty if it can."""
    if old.replaced_by:
        return f"it was replaced already, by {old.replaced_by}"
    if old.state in STORED_BY_IIS:
        return "the IIS accepted it; change it in the EHR and export it again"
    if old.state in IN_FLIGHT:
        if old.state is State.SENDING or old.waiting_since is not None:
            return "it is on its way"
        if changes:
            return "it was never sent; close it first, or resubmit it unchanged"
    if old.state in (State.CLOSED, State.SUPERSEDED):
        return f"it is {old.state.value}"
    return ""
