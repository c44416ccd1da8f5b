"""Drafts of what an export's visits of one patient change in the ledger. Drafting reads the ledger and writes nothing.

visits ──► clinics by their keys ──► deletions first ──► doses compared with the chart ──► submissions, next chart
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Final

from shared.domain import identity
from shared.domain.chart import Chart, DoseState, Left, Made, Work, replaced_by, unread_id, without_left
from shared.domain.clinics import number_space
from shared.domain.lifecycle import STORED_BY_IIS, State
from shared.domain.model import Action, Dose, Finding, Visit
from shared.domain.person import Person, differences
from shared.exports import visits as reading
from shared.exports.standing_corrections import moved_corrections, still_standing
from shared.ports.ledger import Submissions
from shared.replaced import replace
from shared.usecases.intake.arrival import Arrival
from shared.usecases.intake.builder import Builder, Rows
from shared.usecases.intake.draft import Draft, Elsewhere
from shared.usecases.intake.parts import Part, mark_of, of_two_people, parts_of, rows_of, twice_in_file

MOVES_AT_ONCE: Final = 45
"""Doses that move in one draft. Each may need two of the 100 items of a transaction: its chart and its note in the
index (AWS: DynamoDB quotas)."""
_NO_ROWS: Final = mark_of(())


class Drafting:
    """Drafts one patient's visits of one export.

    Args:
        chart: The chart as the ledger has it, or an empty one.
        arrival: The export.
        submissions: What was sent before.
        builder: Builds the messages.
        elsewhere: The doses of which the index names another chart, by their ids.
        unindexed: Ids of the doses of which the index names no chart.
    """

    def __init__(
        self,
        chart: Chart,
        arrival: Arrival,
        *,
        submissions: Submissions,
        builder: Builder,
        elsewhere: Mapping[str, Elsewhere],
        unindexed: Collection[str],
    ) -> None:
        self._before = chart
        self._arrival = arrival
        self._submissions = submissions
        self._builder = builder
        self._elsewhere = elsewhere
        self._unindexed = unindexed
        self._space = number_space(arrival.source)
        self._doses = chart.by_id()
        self._changed: dict[str, DoseState] = {}
        self._made: list[Made] = []
        self._news: list[Part] = []
        self._left: list[Left] = []
        self._own = chart.work_of(arrival.file_id)
        self._corrected = chart
        self._draft = Draft()

    def __call__(self, visits: Sequence[Visit]) -> Draft:
        """Return the writes for all visits that the export has of the patient."""
        if self._arrival.as_of < self._before.as_of:
            visits = self._with_newest_patient(visits)
        parts = list(parts_of(visits, self._before, self._arrival))
        added = [part for part in parts if not part.is_deletion]
        if self._before.corrections and self._arrival.as_of >= self._before.as_of:
            standing = still_standing(self._before.corrections, [part.visit for part in added])
            self._corrected = replace(self._before, corrections=standing)
        ids = Counter(dose.id for part in added for dose in part.visit.doses)
        for part in parts:
            if part.is_deletion:
                self._delete(part, ids)
        conflicts = of_two_people(added, self._before)
        for part in added:
            found = [*conflicts.get(part.visit.rows, ()), *twice_in_file(part, ids)]
            self._add(part, tuple(found))
        self._finish()
        return self._draft

    # two people, or two doses ----------------------------------------------------------------------------------------

    def _with_newest_patient(self, visits: Sequence[Visit]) -> Sequence[Visit]:
        """The visits of a late older export with the newest patient data, so that the late one undoes nothing."""
        newest = max(self._before.doses, key=lambda dose: dose.as_of, default=None)
        found = self._submissions.get(newest.newest) if newest else None
        if found is None or not found.visit.patient.mrn:
            return visits
        return [replace(visit, patient=found.visit.patient) for visit in visits]

    def _is_of_another(self, dose: Dose, visit: Visit, other: Elsewhere) -> bool:
        """Whether an id of another patient's dose stands for another dose here, and not for a dose that moved."""
        if any(dose.id in made.doses for made in other.chart.work_of(self._arrival.file_id).made if not made.content):
            return True
        if other.chart.person != Person() and not differences(other.chart.person, Person.of(visit.patient)):
            return False
        sent = self._submissions.get(other.dose.newest)
        before = next((one for one in sent.visit.doses if one.id == dose.id), None) if sent else None
        if before is None:
            return other.dose.date != visit.date
        return (before.date, before.vaccine.code, before.lot) != (dose.date, dose.vaccine.code, dose.lot)

    # deletions -------------------------------------------------------------------------------------------------------

    def _delete(self, part: Part, added: Mapping[str, int]) -> None:
        """Drafts the deletion of doses, except those that the export has at another place: they moved."""
        groups: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for dose in part.visit.doses:
            state = self._doses.get(dose.id)
            own = self._own_deletion(state)
            if own is not None:
                self._repeat(own, part)
            elif dose.id in added or (state is not None and self._is_ahead(state, self._before)):
                continue
            elif state is None or not state.carriers:
                self._delete_nothing(part, dose, state)
            elif state.is_deleted:
                self._end_again(state)
            else:
                content = self._content(state, self._before)
                if content:
                    groups.setdefault((state.clinic, state.date), []).append((dose.id, content))
                else:
                    self._change(replace(state, is_deleted=True, is_held=False, as_of=self._arrival.as_of))
                    self._end(state.newest)
        for group in groups.values():
            rows = rows_of(part, [dose for dose, _ in group])
            self._make_deletion(group, rows, part.visit.patient.mrn)

    def _delete_nothing(self, part: Part, dose: Dose, state: DoseState | None) -> None:
        """Notes the deletion of a dose that was never reported, so that a late older export does not report it."""
        as_of = self._arrival.as_of
        if state is None or state.as_of == as_of:
            self._draft.findings.append(Finding("DELETE-NOTHING", "ORC-3", dose.row, "dose_id", dose.id))
        if state is None:
            self._change(DoseState(dose.id, part.clinic, part.date, "", as_of, (), is_deleted=True))
        # An earlier attempt at this file may have stopped before it named the dose.
        if state is None or state.as_of == as_of:
            self._name([dose.id])

    def _own_deletion(self, state: DoseState | None) -> Made | None:
        """The deletion that an earlier attempt at this file drafted of a dose, for rows of the file."""
        if state is None:
            return None
        deletions = [made for made in self._own.made if made.content and made.mark != _NO_ROWS]
        return next((made for made in deletions if made.msh_10 in state.carriers), None)

    def _make_deletion(
        self,
        doses: Sequence[tuple[str, str]],
        rows: Rows,
        mrn: str,
        chart: Chart | None = None,
    ) -> str:
        """Drafts the deletion of doses of this chart or of another one, and returns its MSH-10."""
        ids = tuple(dose for dose, _ in doses)
        revision = self._before.revision + len(self._made)
        current = chart or self._current()
        made = Made(
            msh_10=identity.msh_10(self._before.key, {dose: f"delete {msh_10}" for dose, msh_10 in doses}, revision),
            revision=revision,
            mark=mark_of(rows),
            doses=ids,
            replaces=replaced_by(current, ids) if rows else (),
            content=tuple(msh_10 for _, msh_10 in doses),
        )
        submission = self._builder.of_deletion(current.key, made, rows, mrn, self._arrival)
        self._made.append(made)
        self._draft.new.append(submission)
        if chart is not None:
            self._left.append(Left(chart.key, ids, made.msh_10))
        else:
            for dose in ids:
                state = self._doses[dose].carried_by(made.msh_10)
                self._change(replace(state, is_deleted=True, is_held=False, as_of=self._arrival.as_of))
        return made.msh_10

    def _content(self, state: DoseState, chart: Chart) -> str:
        """The newest submission with a dose that the IIS has, may have or may still get; empty if there is none."""
        carriers = {one.msh_10: one for one in self._submissions.many(reversed(state.carriers))}
        if state.newest not in carriers:
            self._wait_for(state, chart)
        for carrier in carriers.values():
            dose = next((one for one in carrier.visit.doses if one.id == state.id), None)
            if dose is None or carrier.chart != chart.key:
                # One of another chart notes that the dose went there.
                continue
            if dose.action is Action.DELETE:
                if carrier.state in STORED_BY_IIS:
                    return ""
            elif carrier.may_be_stored or carrier.state is State.QUEUED:
                return carrier.msh_10
        return ""

    def _end_again(self, state: DoseState) -> None:
        """Ends what was never sent, where an earlier attempt at this file may have stopped before it did.

        The newest submission of a deleted dose may also be its deletion, or the one of its new place.
        """
        found = self._submissions.get(state.newest) if state.as_of == self._arrival.as_of else None
        if found is not None and found.chart == self._before.key and not found.deletes:
            self._end(found.msh_10)

    def _end(self, msh_10: str) -> None:
        """Ends a submission that was never sent, unless it speaks of other doses too."""
        others = [dose for dose in self._current().current_of(msh_10) if not self._doses[dose].is_deleted]
        if msh_10 and not others:
            self._draft.ended.append(msh_10)

    # new and changed doses -------------------------------------------------------------------------------------------

    def _add(self, part: Part, findings: tuple[Finding, ...]) -> None:
        own = next((made for made in reversed(self._own.made) if not made.content and made.mark == part.mark), None)
        taken = self._taken_meanwhile(own) if own is not None else {}
        late = {dose for dose, other in taken.items() if self._is_ahead(other.dose, other.chart)}
        for dose_id in late:
            before, newer = self._doses[dose_id], taken[dose_id].dose
            carriers = before.carried_by(newer.newest).carriers if newer.carriers else ()
            self._change(replace(before, carriers=carriers, is_deleted=True, is_held=False))
        if own is not None and late.issuperset(taken):
            self._repeat(own, part)
            return
        moved: list[tuple[Dose, Elsewhere]] = []
        for dose in part.visit.doses:
            state, other = self._doses.get(dose.id), self._elsewhere_now(dose.id)
            if self._is_taken_by_newer(state, other):
                late.add(dose.id)
            elif other is None:
                if state is not None and state.is_deleted:
                    self._wait_for(state, self._before)
            elif not other.dose.is_deleted and self._is_of_another(dose, part.visit, other):
                value = f"{dose.id}: {Person.of(part.visit.patient)} / {other.chart.person}"
                findings += (Finding("DOSE-ID-ANOTHER", "ORC-3", dose.row, "dose_id", value, dose.id),)
            else:
                self._wait_for(other.dose, other.chart)
                moved.append((dose, other))
        if len(self._draft.moved) + len(moved) > MOVES_AT_ONCE and self._draft.moved:
            self._draft.is_partial = True
            return
        for dose, other in moved:
            self._corrected = moved_corrections(self._corrected, other.chart, dose.id)
        self._compare(part, late, findings, moved)

    def _elsewhere_now(self, dose_id: str) -> Elsewhere | None:
        """The dose as another chart has it; None if it stands in this chart.

        If both charts name it, it was deleted or held here, or an attempt that was cut off took it up here. Otherwise a
        person said that they are two doses.
        """
        state, other = self._doses.get(dose_id), self._elsewhere.get(dose_id)
        if other is None or state is None or state.is_deleted or state.is_held:
            return other
        return None if self._is_written(state, self._before) else other

    def _is_taken_by_newer(self, state: DoseState | None, other: Elsewhere | None) -> bool:
        if state is not None and self._is_ahead(state, self._before):
            return True
        return other is not None and self._is_ahead(other.dose, other.chart)

    def _taken_meanwhile(self, own: Made) -> dict[str, Elsewhere]:
        """The doses of an earlier attempt that another chart took up before that attempt named them in the index."""
        others = {dose: self._elsewhere[dose] for dose in own.doses if dose in self._elsewhere}
        if not others or self._submissions.get(own.msh_10) is not None:
            return {}
        return {
            dose: other
            for dose, other in others.items()
            # One that was held because of the other is in both charts.
            if self._before_has(own, dose) and (not own.findings or self._is_ahead(other.dose, other.chart))
        }

    # the order of exports --------------------------------------------------------------------------------------------

    def _is_ahead(self, state: DoseState, chart: Chart) -> bool:
        """Whether a newer export took a dose up.

        Of two exports of one time, whose conversions are at work side by side, one has to be the newer one for both.
        """
        if state.as_of != self._arrival.as_of:
            return state.as_of > self._arrival.as_of
        return chart.made_by(state.newest) > self._arrival.file_id and not self._is_written(state, chart)

    def _is_written(self, state: DoseState, chart: Chart) -> bool:
        """Whether the newest submission of a dose is in the ledger, in this draft, or one that a person writes."""
        if not state.carriers or any(state.newest == made.msh_10 for made in self._made):
            return True
        return chart.corrected_by(state.newest) != "" or self._submissions.get(state.newest) is not None

    def _wait_for(self, state: DoseState, chart: Chart) -> None:
        """Lets the draft wait if another file has begun to write the newest submission of a dose."""
        is_own = any(state.newest == made.msh_10 for made in self._own.made)
        if not is_own and not self._is_written(state, chart):
            self._draft.waits_for = state.newest

    def _compare(
        self,
        part: Part,
        late: set[str],
        findings: tuple[Finding, ...],
        moved: Sequence[tuple[Dose, Elsewhere]],
    ) -> None:
        """Drafts a submission of a part's doses if one of them says something new, or can be released."""
        states = {dose: state for dose, state in self._states_of(part).items() if dose not in late}
        if not states:
            return
        came = {dose.id for dose, _ in moved}
        news = [dose for dose, state in states.items() if dose in came or self._is_news(part, dose, state)]
        if not news and not any(self._doses[dose].is_held for dose in states):
            return
        # Before doses are moved away: a deletion is not what the new submission takes the place of.
        replaces = self._replaced(part, states, moved)
        after = "" if findings or not news else self._move_away(part, states, moved)
        made = self._made_of(part, states, replaces, findings, after)
        submission = self._builder.of_visit(self._corrected, made, part.visit, self._arrival)
        is_held = submission.state is State.HELD
        if not news:
            if is_held or not self._is_held_still(states):
                return
            # The clinic of what was held may be known only now, and not be the one where the IIS has a dose.
            after = self._move_away(part, states, moved)
            if after:
                made = self._made_of(part, states, replaces, findings, after)
                submission = self._builder.of_visit(self._corrected, made, part.visit, self._arrival)
        self._made.append(made)
        self._draft.new.append(submission)
        self._draft.changed += self._known_before(part, news)
        for dose, state in states.items():
            carriers = self._doses[dose].carriers if dose in self._doses else ()
            self._change(replace(state, carriers=carriers, is_held=is_held).carried_by(made.msh_10))
        if not findings:
            if not part.mrn:
                self._news.append(part)
            self._name(states)
            self._leave([(dose, other) for dose, other in moved if dose.id in states], made.msh_10)

    def _replaced(
        self, part: Part, states: Mapping[str, DoseState], moved: Sequence[tuple[Dose, Elsewhere]]
    ) -> tuple[str, ...]:
        """The submissions that a part takes the place of. A deletion at another place is sent all the same."""
        replaced = replaced_by(self._current(), states)
        deleted = {self._doses[dose].newest for dose in states if dose in self._doses and self._doses[dose].is_deleted}
        if not replaced or not deleted:
            return (*replaced, *_replaced_elsewhere(moved))
        place = (part.clinic, part.mrn or part.visit.patient.mrn)
        # One that another conversion is just writing is not found; its claim decides.
        ended = {
            one.msh_10
            for one in self._submissions.many(deleted.intersection(replaced))
            if not one.deletes or (one.clinic, one.visit.patient.mrn) == place
        }
        kept = deleted - ended
        return (*(msh_10 for msh_10 in replaced if msh_10 not in kept), *_replaced_elsewhere(moved))

    def _is_news(self, part: Part, dose: str, now: DoseState) -> bool:
        before = self._doses.get(dose)
        if before is None or before.is_deleted or before.fingerprint != now.fingerprint:
            return True
        if before.clinic == now.clinic:
            return False
        # A name that was unknown before, and that the export repeats, is no other place.
        return before.clinic in self._arrival.configuration.clinics or before.clinic != part.visit.clinic

    def _known_before(self, part: Part, news: Collection[str]) -> list[str]:
        """Those of the doses which the chart had, of those with an id of the EHR."""
        mrn, source, known = part.visit.patient.mrn, self._arrival.source, self._before.by_id()
        return [
            dose.id
            for dose in part.visit.doses
            if dose.id in news and dose.id in known and not reading.is_derived(dose, mrn, source)
        ]

    def _states_of(self, part: Part) -> dict[str, DoseState]:
        """The doses of a part as the chart would know them; rows that could not be read count as one."""
        as_of = self._arrival.as_of
        if not part.visit.doses:
            unread = unread_id(part.clinic, part.date)
            return {unread: DoseState(unread, part.clinic, part.date, part.fingerprints[""], as_of, ())}
        return {
            dose.id: DoseState(dose.id, part.clinic, part.date, part.fingerprints[dose.id], as_of, ())
            for dose in part.visit.doses
        }

    def _made_of(
        self,
        part: Part,
        states: Mapping[str, DoseState],
        replaces: tuple[str, ...],
        findings: tuple[Finding, ...],
        after: str,
    ) -> Made:
        revision = self._before.revision + len(self._made)
        fingerprints = {dose: state.fingerprint for dose, state in states.items()}
        return Made(
            msh_10=identity.msh_10(self._before.key, fingerprints, revision),
            revision=revision,
            mark=part.mark,
            doses=tuple(states),
            replaces=replaces,
            findings=findings,
            after=after,
        )

    def _is_held_still(self, states: Iterable[str]) -> bool:
        """Whether a submission of these doses that was held is still held: nobody closed or corrected it."""
        held = {self._doses[dose].newest for dose in states if self._doses[dose].is_held}
        return any(one.state is State.HELD and not one.replaced_by for one in self._submissions.many(held))

    def _name(self, doses: Iterable[str]) -> None:
        """Notes the doses for the index that it does not name yet."""
        self._draft.named += [identity.dose_key(self._space, dose) for dose in doses if dose in self._unindexed]

    # doses that move -------------------------------------------------------------------------------------------------

    def _move_away(self, part: Part, states: Mapping[str, DoseState], moved: Sequence[tuple[Dose, Elsewhere]]) -> str:
        """Drafts deletions where the IIS finds a dose by other numbers from now on; returns the last one's MSH-10."""
        last = ""
        places: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for dose in states:
            before = self._doses.get(dose)
            if before is not None and not before.is_deleted and before.clinic != part.clinic:
                content = self._content(before, self._before)
                if content and self._has_other_numbers(content, dose, part):
                    places.setdefault((before.clinic, before.date), []).append((dose, content))
        for group in places.values():
            last = self._make_deletion(group, (), part.visit.patient.mrn)
        others: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
        charts = {other.chart.key: other.chart for _, other in moved}
        for one, other in moved:
            content = "" if other.dose.is_deleted else self._content(other.dose, other.chart)
            if one.id in states and content and self._has_other_numbers(content, one.id, part):
                others.setdefault((other.chart.key, other.dose.clinic, other.dose.date), []).append((one.id, content))
        for (key, _, _), group in others.items():
            last = self._make_deletion(group, (), part.visit.patient.mrn, chart=charts[key])
        return last

    def _has_other_numbers(self, sent: str, dose_id: str, part: Part) -> bool:
        """Whether the IIS knows a dose that was sent by other numbers than those of its new place."""
        submission = self._submissions.get(sent)
        if submission is None:
            return False
        return self._numbers(submission.visit, submission.clinic, dose_id) != self._numbers(
            part.visit, part.clinic, dose_id
        )

    def _numbers(self, visit: Visit, clinic_key: str, dose_id: str) -> tuple[str, str, str]:
        """The assigning authority, PID-3.1 and ORC-3.1 of a dose."""
        clinic = self._arrival.configuration.clinics.get(clinic_key)
        authority = visit.numbering.authority or (clinic.sending_facility if clinic else clinic_key)
        prefix = visit.numbering.prefix
        return authority, identity.pid_3(visit.patient.mrn, prefix), identity.orc_3(dose_id, prefix)

    def _leave(self, moved: Sequence[tuple[Dose, Elsewhere]], msh_10: str) -> None:
        """Notes the doses that came from other charts, and which submission ends them there if no deletion does."""
        deleted = {(left.chart, dose) for left in self._left for dose in left.doses}
        by_chart: dict[str, list[str]] = {}
        for dose, other in moved:
            self._draft.moved[identity.dose_key(self._space, dose.id)] = other.chart.key
            if (other.chart.key, dose.id) not in deleted:
                by_chart.setdefault(other.chart.key, []).append(dose.id)
        self._left += [Left(chart, tuple(doses), msh_10) for chart, doses in by_chart.items()]

    # an event that came again ----------------------------------------------------------------------------------------

    def _repeat(self, own: Made, part: Part) -> None:
        """Completes the work of an earlier attempt at this file. Doses that are newer meanwhile are left out."""
        if not own.content:
            for made in self._deletions_before(own):
                self._complete(made, part, made.doses)
            self._name([dose for dose in own.doses if self._before_has(own, dose)])
        current = tuple(dose for dose in own.doses if self._before_has(own, dose))
        self._complete(own, part, current)

    def _deletions_before(self, own: Made) -> list[Made]:
        """The deletions at other places that were drafted with a submission."""
        before = self._own.made[: self._own.made.index(own)]
        return list(takewhile(lambda made: made.content != () and made.mark == _NO_ROWS, reversed(before)))[::-1]

    def _complete(self, own: Made, part: Part, doses: tuple[str, ...]) -> None:
        """Takes over a submission of an earlier attempt, or builds it with these doses if it is missing."""
        if any(one.msh_10 == own.msh_10 for one in (*self._draft.known, *self._draft.new)):
            return
        found = self._submissions.get(own.msh_10)
        if found is not None:
            self._draft.known.append(found)
            return
        if not doses:
            return
        if not own.content:
            made = replace(own, doses=doses)
            self._draft.new.append(self._builder.of_visit(self._corrected, made, part.visit, self._arrival))
            return
        contents = dict(zip(own.doses, own.content, strict=True))
        made = replace(own, doses=doses, content=tuple(contents[dose] for dose in doses))
        rows = () if own.mark == _NO_ROWS else rows_of(part, doses)
        key = next((left.chart for left in self._own.left if left.msh_10 == own.msh_10), self._before.key)
        self._draft.new.append(self._builder.of_deletion(key, made, rows, part.visit.patient.mrn, self._arrival))

    def _before_has(self, own: Made, dose: str) -> bool:
        state = self._doses.get(dose)
        return state is not None and state.newest == own.msh_10

    # the next chart --------------------------------------------------------------------------------------------------

    def _change(self, state: DoseState) -> None:
        self._doses[state.id] = self._changed[state.id] = state

    def _current(self) -> Chart:
        return replace(self._before, doses=tuple(self._doses.values()))

    def _finish(self) -> None:
        if not self._changed and not self._made:
            return
        before, as_of = self._corrected, self._arrival.as_of
        person = before.person
        if self._news and (as_of >= before.as_of or person == Person()):
            newest = Person.of(self._news[-1].visit.patient)
            person = newest if person == Person() else newest.completed_by(person)
        work = Work(self._arrival.file_id, tuple(self._made), tuple(self._left))
        charts = {other.chart.key: other.chart for other in self._elsewhere.values()}
        by_chart: dict[str, list[Left]] = {}
        for left in self._left:
            by_chart.setdefault(left.chart, []).append(left)
        self._draft.left = [without_left(charts[key], lefts, as_of) for key, lefts in by_chart.items()]
        self._draft.chart = replace(
            before.with_doses(self._changed).with_work(work),
            version=before.version + 1,
            revision=before.revision + len(self._made),
            person=person,
            as_of=max(as_of, before.as_of),
        )


def _replaced_elsewhere(moved: Iterable[tuple[Dose, Elsewhere]]) -> tuple[str, ...]:
    """The submissions of other charts of which every newest dose moves here."""
    doses: dict[str, list[str]] = {}
    charts: dict[str, Chart] = {}
    for dose, other in moved:
        if not other.dose.is_deleted:
            charts[other.chart.key] = other.chart
            doses.setdefault(other.chart.key, []).append(dose.id)
    return tuple(msh_10 for key, ids in doses.items() for msh_10 in replaced_by(charts[key], ids))
