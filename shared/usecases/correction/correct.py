"""Resubmission: a person sends a failed submission again, after a field or the clinics.toml was corrected.

The new submission has an MSH-10 of its own and replaces the old one, which becomes SUPERSEDED when the IIS accepts the
new one. It speaks only of the doses whose newest content is the old one. The chart keeps the corrected values until the
EHR changes its own, so an export of the same wrong row does not undo the correction.

Order of writes: chart, search keys, submission, queue, and last the name of the new submission in the old one. Until
then the old one stays in the worklist, and the same correction made again completes what was cut off.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.domain import identity
from shared.domain.chart import Chart, DoseState, Made, after_correction, correction_of
from shared.domain.clinics import Configuration, Source, number_space
from shared.domain.lifecycle import IN_FLIGHT, STORED_BY_IIS, State
from shared.domain.model import Visit
from shared.domain.outcome import collect_search_terms
from shared.domain.person import Person
from shared.domain.submission import Submission
from shared.exports.corrections import ANOTHER_PERSON, SAME_PERSON, Choice, choices, corrected, numbers_of
from shared.exports.csv.again import read_again
from shared.exports.standing_corrections import in_force, with_corrections
from shared.ports.clock import Clock
from shared.ports.configuration import Configurations
from shared.ports.ledger import Backlog, Charts, SearchKeys, Submissions
from shared.ports.queues import Outbox, OutboxMessage, ResubmissionQueue
from shared.replaced import replace
from shared.usecases.correction.triage import causes_of
from shared.usecases.delivery.lineage import standing_of
from shared.usecases.delivery.requeue import By, requeue
from shared.usecases.prepare import prepare

_TRIES: Final = 5
"""How often a correction is built anew because the chart was written meanwhile."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A dose of the corrected submission that the new one does not carry, because another submission reports it.

    Attributes:
        number: Its number in the corrected submission, from 1.
        orc_3: Its id in the message.
        reported_by: MSH-10 of its newest submission; empty if the chart does not know the dose.
    """

    number: int
    orc_3: str
    reported_by: str

    def __str__(self) -> str:
        """The dose and who reports it, for a person."""
        return f"dose {self.number} ({self.orc_3}) is reported by {self.reported_by or 'another submission'} meanwhile"


@dataclass(frozen=True, slots=True)
class Resubmitted:
    """The new submission, or in a dry run what it would be.

    `state` is QUEUED, or HELD for `causes`; if the same correction was made before, it is the state that its submission
    has by now. `left_out` are the doses that others report.
    """

    msh_10: str
    replaces: str
    state: State
    causes: tuple[str, ...]
    vxu: str
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class NotResubmitted:
    """Nothing was changed, and why. `choices` are the doses that a change could mean, where it has to name one."""

    msh_10: str
    reason: str
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class _Draft:
    """A correction before it is written.

    Attributes:
        old: What is corrected.
        new: The new submission.
        chart: The chart that it was drafted from.
        states: The doses that it carries.
        left_out: The doses of `old` that it does not carry.
        source: The feed.
        first: A correction of `old` that was written before, and is not named by it.
    """

    old: Submission
    new: Submission
    chart: Chart
    states: tuple[DoseState, ...]
    left_out: tuple[LeftOut, ...]
    source: Source
    first: Submission | None


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
        for _ in range(_TRIES):
            old = self._submissions.get(msh_10)
            if old is None:
                return NotResubmitted(msh_10, "there is no such submission")
            reason = _why_not(old, changes)
            if reason:
                return NotResubmitted(msh_10, reason)
            if old.state is State.QUEUED:
                return self._queue_again(old, dry_run=dry_run)
            draft = self._draft(old, changes)
            if isinstance(draft, NotResubmitted):
                return draft
            if draft.first is not None:
                return self._completed(draft, draft.first, dry_run=dry_run)
            if dry_run or self._take_up(draft, changes):
                return _resubmitted(old, draft.new, draft.left_out)
        return NotResubmitted(msh_10, "its patient is being changed by exports or other people; look at it again")

    def _draft(self, old: Submission, changes: Mapping[str, str]) -> _Draft | NotResubmitted:
        """The new submission as it would be, from the chart as it is now."""
        configuration = self._configurations.current()
        chart = self._charts.get([old.chart]).get(old.chart, Chart(old.chart))
        begun = self._begun(old, chart)
        states = self._own_doses(old, chart, begun)
        left_out = _left_out(old, chart, states)
        reason = _reaches_nothing(old.visit, changes, left_out) if states else _reported_by(left_out)
        if reason:
            return NotResubmitted(old.msh_10, reason)
        own = {state.id for state in states}
        visit = self._corrected(old, changes, chart, configuration)
        if isinstance(visit, str):
            return NotResubmitted(old.msh_10, visit, choices(old.visit, changes, own))
        new = self._submission(old, _limited(visit, old.visit, own), chart, configuration, changes)
        first = next((one for one in begun.values() if one is not None), None)
        reason = self._why_not_moved(old, new, states)
        if reason and first is None:
            return NotResubmitted(old.msh_10, reason)
        return _Draft(old, new, chart, states, left_out, configuration.sources[old.source], first)

    def _own_doses(self, old: Submission, chart: Chart, begun: Collection[str]) -> tuple[DoseState, ...]:
        """The doses that the old submission, or a correction of it, is the newest to speak of.

        A deletion at an old place speaks of it until the dose comes back there.
        """
        if not old.deletes:
            return tuple(state for state in chart.doses if state.newest in {old.msh_10, *begun})
        outdated = standing_of(self._charts, self._submissions, old).outdated
        return tuple(
            state
            for state in chart.doses
            if old.msh_10 in state.carriers and (state.id not in outdated or not set(begun).isdisjoint(state.carriers))
        )

    def _completed(self, draft: _Draft, first: Submission, *, dry_run: bool) -> Resubmitted | NotResubmitted:
        """Complete a correction that was cut off before the old submission named it, whatever is asked for now."""
        if not dry_run:
            self._complete(draft.old, first)
        if first.msh_10 != draft.new.msh_10:
            return NotResubmitted(draft.old.msh_10, _replaced(first.msh_10))
        return _resubmitted(draft.old, first, draft.left_out)

    def _begun(self, old: Submission, chart: Chart) -> dict[str, Submission | None]:
        """The corrections of a submission that the chart names, by MSH-10; None for one that was not written."""
        msh_10s = [made.msh_10 for made in chart.work_of(correction_of(old.msh_10)).made]
        written = {one.msh_10: one for one in self._submissions.many(msh_10s)} if msh_10s else {}
        return {msh_10: written.get(msh_10) for msh_10 in msh_10s}

    def _why_not_moved(self, old: Submission, new: Submission, states: Sequence[DoseState]) -> str:
        """Why doses cannot get another clinic or record number here: the IIS may have them under the old ones."""
        place = (new.clinic, new.visit.patient.mrn)
        if place == (old.clinic, old.visit.patient.mrn):
            return ""
        carriers = self._submissions.many(dict.fromkeys(carrier for state in states for carrier in state.carriers))
        there = next((one for one in carriers if one.may_be_stored and _place(one) != place), None)
        if there is None:
            return ""
        return (
            f"the IIS has its doses, or may have them, by {there.msh_10} for clinic {there.clinic}; change clinic and "
            "record number in the EHR: the next export deletes them there first"
        )

    def _queue_again(self, old: Submission, *, dry_run: bool) -> Resubmitted:
        """Try the same message again: its retries are used up, and it was never received."""
        if not dry_run:
            requeue(self._backlog, self._outbox, old, By.PERSON, self._clock.now())
        return Resubmitted(old.msh_10, old.msh_10, State.QUEUED, (), old.vxu)

    def _corrected(
        self, old: Submission, changes: Mapping[str, str], chart: Chart, configuration: Configuration
    ) -> Visit | str:
        source = configuration.sources.get(old.source)
        if source is None:
            return f"its source {old.source} is not in clinics.toml any more"
        # The IIS knows a dose that it has, or may have, by the ids that were sent.
        is_new_there = old.state in (State.HELD, State.REFUSED)
        read = read_again(old.visit, source) if old.state is State.HELD else old.visit
        if isinstance(read, str):
            return read
        visit = replace(read, numbering=source.numbering) if is_new_there else read
        if old.deletes:
            # A deletion says what was sent.
            return corrected(visit, changes, source)
        standing = with_corrections(visit, chart.corrections, source)
        said = [finding.code for finding in standing.findings]
        left = {
            target: value
            for target, value in changes.items()
            if target != SAME_PERSON or ANOTHER_PERSON in said or standing is visit
        }
        return corrected(standing, left, source)

    def _submission(
        self, old: Submission, visit: Visit, chart: Chart, configuration: Configuration, changes: Mapping[str, str]
    ) -> Submission:
        now = self._clock.now()
        source = configuration.sources[old.source]
        clinic = configuration.clinic_for(source, visit.clinic)
        # Made of what is corrected and of how, and of nothing that another process could change: the same correction
        # twice is one submission.
        content = {"of": old.msh_10, "to": identity.digest(visit), "configuration": configuration.version}
        if SAME_PERSON in changes:
            content[SAME_PERSON] = "yes"
        msh_10 = identity.msh_10(old.chart, content, old.revision)
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
            closed_from="",
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

    def _take_up(self, draft: _Draft, changes: Mapping[str, str]) -> bool:
        """Write a draft; False if the chart was written meanwhile."""
        old, new, chart = draft.old, draft.new, draft.chart
        ids = tuple(state.id for state in draft.states)
        if any(new.msh_10 not in state.carriers for state in draft.states):
            after = after_correction(
                chart,
                Made(new.msh_10, new.revision, 0, ids, (old.msh_10,)),
                of=old.msh_10,
                is_held=new.state is State.HELD,
                clinic=new.clinic or new.visit.clinic,
                person=Person.of(new.visit.patient) if SAME_PERSON in changes else None,
                corrections=in_force(old.visit, changes, chart.corrections, ids, draft.source),
            )
            if not self._charts.save(after):
                return False
        self._search_keys.add(collect_search_terms([new]))
        self._submissions.add(new)
        self._complete(old, new)
        return True

    def _complete(self, old: Submission, new: Submission) -> None:
        """Queue a new submission, unless it is decided or others have it, and name it in the old one."""
        if new.state is State.QUEUED and new.waiting_since is not None:
            self._outbox.send([OutboxMessage(new.msh_10, new.clinic, new.patient_group)])
        elif new.state is State.HELD and not new.replaced_by:
            self._resubmission.send([new.msh_10])
        self._submissions.name_replacement(old.msh_10, new.msh_10)


def may_be_one_person(submission: Submission) -> bool:
    """Whether a submission waits for somebody to say whether its two sets of patient data are one person."""
    return (
        submission.state is State.HELD
        and not submission.replaced_by
        and any(finding.code == ANOTHER_PERSON for finding in submission.findings)
    )


def _limited(visit: Visit, before: Visit, ids: Collection[str]) -> Visit:
    """The corrected visit with those doses only whose ids, before the correction, are among these."""
    if not visit.doses or len(visit.doses) != len(before.doses):
        return visit
    own = [dose for dose, was in zip(visit.doses, before.doses, strict=True) if was.id in ids]
    return replace(visit, doses=tuple(own)) if own else visit


def _left_out(old: Submission, chart: Chart, own: Sequence[DoseState]) -> tuple[LeftOut, ...]:
    """The doses of a submission that others report, or that the chart does not know."""
    ids, known, prefix = {state.id for state in own}, chart.by_id(), old.visit.numbering.prefix
    return tuple(
        LeftOut(number, identity.orc_3(dose.id, prefix), known[dose.id].newest if dose.id in known else "")
        for number, dose in enumerate(old.visit.doses, 1)
        if dose.id not in ids
    )


def _reported_by(left_out: Sequence[LeftOut]) -> str:
    """Why nothing of a submission can be corrected: who has its doses meanwhile."""
    if not left_out:
        return "its rows are reported by another submission meanwhile; correct that one, or close this one"
    return f"{'; '.join(map(str, left_out))}; correct that one, or close this one"


def _reaches_nothing(visit: Visit, changes: Mapping[str, str], left_out: Sequence[LeftOut]) -> str:
    """Why a change cannot be made: every dose that it is for is reported by another submission."""
    others = {one.number: one for one in left_out}
    reached: dict[tuple[str, str], list[int]] = {}
    for target, value in changes.items():
        for number in numbers_of(visit, target):
            reached.setdefault((target.partition("[")[0], value), []).append(number)
    for (column, _), numbers in reached.items():
        if others.keys() >= set(numbers):
            found = "; ".join(str(others[number]) for number in numbers)
            return f"{column} cannot be changed here: {found}; correct that one"
    return ""


def _resubmitted(old: Submission, new: Submission, left_out: tuple[LeftOut, ...]) -> Resubmitted:
    return Resubmitted(new.msh_10, old.msh_10, new.state, causes_of(new), new.vxu, left_out)


def _place(submission: Submission) -> tuple[str, str]:
    return submission.clinic, submission.visit.patient.mrn


def _replaced(by: str) -> str:
    return f"it was replaced already, by {by}"


def _why_not(old: Submission, changes: Mapping[str, str]) -> str:
    """Return why a submission cannot be resubmitted; empty if it can."""
    if old.replaced_by:
        return _replaced(old.replaced_by)
    if old.state in STORED_BY_IIS:
        return "the IIS accepted it; change it in the EHR and export it again"
    if old.state in IN_FLIGHT:
        if old.state is State.SENDING or old.waiting_since is not None:
            return "it is on its way"
        if changes:
            return "it was never sent; close it first, or resubmit it unchanged"
    if old.state is State.CLOSED:
        return "it is CLOSED; reopen it first"
    if old.state is State.SUPERSEDED:
        return "it is SUPERSEDED"
    return ""
