"""What must hold, whatever goes wrong: looked at while it happens, and when everything has drained."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from local.ctwiz.messages import parse_message
from shared.domain import identity
from shared.domain.faults import is_doubtful
from shared.domain.fingerprints import dose_fingerprints
from shared.domain.lifecycle import IN_FLIGHT, NEEDS_A_PERSON, STEPS, STORED_BY_IIS, State
from shared.domain.outcome import may_have_arrived
from shared.domain.submission import Submission
from shared.usecases.intake.convert import UnwrittenError
from tests.chaos.exports import SPELLINGS, Ehr, Told
from tests.chaos.mischief import InjectedError

if TYPE_CHECKING:
    from tests.chaos.world import World

MOST_CARRIERS: Final = 12
"""Submissions that a chart names of a dose (ADR 0021, "Limits")."""

_STEPS: Final = {(before, after) for _, before, after in STEPS}


class ViolationError(Exception):
    """A promise was broken. Not an AssertionError, so that no use case takes it for one of its own."""


class Promises:
    """Looks on, and raises `ViolationError`. One that is found inside a function call is kept and told by `check`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.sent: dict[str, list[str]] = defaultdict(list)
        self.order: list[str] = []
        self.held: set[str] = set()
        self._found: list[str] = []

    # while it happens ------------------------------------------------------------------------------------------------

    def sends(self, msh_10: str, fault: str) -> None:
        """A message is about to go out; `fault` is what the IIS will do."""
        self._world.note("submit", f"sends {msh_10} {fault}")
        submission = self._world.ledger.submissions.get(msh_10)
        if submission is None:
            self._violated(f"{msh_10} is sent, but the ledger does not know it")
            return
        if submission.state is not State.SENDING:
            self._violated(f"{msh_10} is sent while it is {submission.state}")
        if submission.resends > 1:
            self._violated(f"{msh_10} is resent {submission.resends} times")
        doubtful = sum(map(is_doubtful, submission.attempts))
        if doubtful > 1:
            self._violated(f"{msh_10} is sent again after {doubtful} unknown outcomes")
        newer = submission.replaced_by
        while newer:
            correction = self._world.ledger.submissions.get(newer)
            # What the IIS surely did not take, such as a send under a refused password, is behind the older one still.
            if newer in self.sent and correction is not None and correction.state is not State.QUEUED:
                self._violated(f"{msh_10} is sent after {newer}, which corrects it")
            newer = correction.replaced_by if correction else ""
        self.sent[msh_10].append(fault)
        self.order.append(msh_10)

    def changed(self, before: Submission | None, after: Submission) -> None:
        """The ledger changes."""
        if before is None:
            if after.state is State.HELD:
                self.held.add(after.msh_10)
            return
        if before.state is not after.state and (before.state, after.state) not in _STEPS:
            self._violated(
                f"{after.msh_10} goes from {before.state} to {after.state}, which the lifecycle does not know"
            )
        if after.attempts[: len(before.attempts)] != before.attempts:
            self._violated(f"{after.msh_10} loses an attempt")

    def noted(self, error: str) -> None:
        """A handler logs or raises an error: by the exception's type, which is all that a handler tells."""
        if InjectedError.__name__ not in error and UnwrittenError.__name__ not in error:
            self._violated(f"a handler meets an error that nobody caused: {error}")

    def check(self) -> None:
        """Raises the first thing found so far."""
        if self._found:
            raise ViolationError(self._found[0])

    def _violated(self, what: str) -> None:
        self._world.note("VIOLATION", what)
        self._found.append(what)

    # when everything has drained -------------------------------------------------------------------------------------

    def at_rest(self) -> None:
        """Everything at once; raises the first thing found.

        Raises:
            ViolationError: a promise was broken.
        """
        for look in (
            self._charts,
            self._files,
            self._submissions,
            self._worklist,
            self._outcomes,
            self._read_charts,
            self._stored,
            self._news_only,
            self._nothing_stale,
        ):
            look()
            self.check()

    def _charts(self) -> None:
        """Every submission that a chart names is in the ledger."""
        ledger = self._world.ledger
        for chart in ledger.memory.charts.values():
            for dose in chart.doses:
                is_cut_off = self._is_to_be_corrected_again(chart.corrected_by(dose.newest))
                if dose.newest and dose.newest not in ledger.memory.submissions and not is_cut_off:
                    self._violated(f"dose {dose.id} was taken up by {dose.newest}, which is nowhere")

    def _is_to_be_corrected_again(self, corrected: str) -> bool:
        """Whether a correction of this submission was cut off: it stays in the worklist, and is corrected again."""
        one = self._world.ledger.memory.submissions.get(corrected)
        return one is not None and not one.replaced_by

    def _is_cut_off(self, one: Submission) -> bool:
        return one.row_count == 0 and self._is_to_be_corrected_again(one.replaces)

    def _files(self) -> None:
        """Every export is taken up, and its counts add up to the rows that it has."""
        ledger = self._world.ledger
        for (key, version), rows in self._world.rows_of.items():
            summary = ledger.files.get(identity.file_id("chaos", key, f"{key}@{version}"))
            if summary is None or not summary.complete:
                self._violated(f"{key} {version} was not taken up")
            elif not (summary.adds_up and summary.rows == rows):
                self._violated(
                    f"{key} {version} has {rows} rows, but {summary.rows} = {summary.unchanged} unchanged + "
                    f"{summary.held} held + {summary.submitted}"
                )

    def _submissions(self) -> None:
        """Nothing waits any more, and nothing is called accepted that is not."""
        for one in self._world.ledger.memory.submissions.values():
            self._submission(one)

    def _submission(self, one: Submission) -> None:
        if one.state in IN_FLIGHT:
            self._violated(f"{one.msh_10} is still {one.state} after everything has drained")
        if one.state in STORED_BY_IIS and one.msh_10 not in self._world.registry.accepted:
            self._violated(f"{one.msh_10} is called {one.state}, but the IIS never stored it")
        if one.attempt_count != len(one.attempts):
            self._violated(f"{one.msh_10} has {one.attempt_count} claims, but {len(one.attempts)} attempts")

    def _outcomes(self) -> None:
        """Every answer, and everything held, is counted once on its day, as what it was.

        What was held, or unknown before its resend, may go uncounted where a correction superseded it before anybody was
        told of it.
        """
        ledger = self._world.ledger
        counted = {(outcome.msh_10, outcome.state) for outcome in ledger.memory.outcomes.values()}
        wanted, possible = set(), set()
        for one in ledger.memory.submissions.values():
            answers = [attempt.state for attempt in one.attempts if may_have_arrived(attempt)]
            if answers == [State.UNKNOWN] and one.state is State.SUPERSEDED:
                possible.add((one.msh_10, State.UNKNOWN))
            elif answers:
                wanted.add((one.msh_10, answers[-1]))
            elif one.state is State.HELD and not self._is_cut_off(one):
                wanted.add((one.msh_10, State.HELD))
            elif one.msh_10 in self.held:
                possible.add((one.msh_10, State.HELD))
        for msh_10, state in sorted(wanted - counted):
            self._violated(f"{msh_10} is not counted as {state}")
        for msh_10, state in sorted(counted - wanted - possible):
            self._violated(f"{msh_10} is wrongly counted as {state}")

    def _worklist(self) -> None:
        """What needs a person and was not replaced is in the worklist, and nothing else."""
        ledger = self._world.ledger
        shown = {entry.msh_10 for entry in ledger.worklist.entries()}
        wanted = {
            one.msh_10
            for one in ledger.memory.submissions.values()
            if (one.state in NEEDS_A_PERSON or one.state is State.QUEUED)
            and not one.replaced_by
            and not (one.state is State.HELD and one.msh_10 not in shown and self._is_cut_off(one))
        }
        for msh_10 in sorted(wanted - shown):
            self._violated(
                f"{msh_10} needs a person, but is not in the worklist: {ledger.memory.submissions[msh_10].state}"
            )
        for msh_10 in sorted(shown - wanted):
            self._violated(f"{msh_10} is in the worklist, but needs nobody: {ledger.memory.submissions[msh_10].state}")

    def _stored(self) -> None:
        """Of every dose the IIS has exactly the newest version that was accepted, once, under the right numbers."""
        copies: dict[str, int] = Counter()
        for (authority, number), patient in self._world.registry.patients.items():
            for key in patient.doses:
                copies[key.split("^")[0]] += 1
                if (authority, number, key) not in self._expected:
                    self._violated(f"the IIS has {key} of {number}, but no chart names it")
        for (_, number, key), expected in self._expected.items():
            found = self._history(number, key)
            versions = expected.versions if expected.is_decided else {*expected.versions, None}
            if found not in versions:
                self._violated(f"the IIS has {found!r} of dose {key} of {number}, not what {expected.by} says")
        for orc_3, count in copies.items():
            if count > 1 and orc_3 not in self._undecided:
                self._violated(f"the IIS has dose {orc_3} {count} times")

    def _read_charts(self) -> None:
        """Reads from the ledger what the IIS must have at every place where a dose ever stood."""
        self._expected: dict[tuple[str, str, str], Expected] = {}
        self._undecided: set[str] = set()
        memory = self._world.ledger.memory
        for chart in memory.charts.values():
            for dose in chart.doses:
                if len(dose.carriers) >= MOST_CARRIERS:
                    self._undecided.add(dose.id)
                for msh_10 in reversed(dose.carriers):
                    one = memory.submissions.get(msh_10)
                    # One of another chart notes that the dose went there, and is read with that chart.
                    if one is not None and one.chart == chart.key:
                        self._read_carrier(one, dose.id, is_cut=len(dose.carriers) >= MOST_CARRIERS)

    def _read_carrier(self, one: Submission, dose_id: str, *, is_cut: bool) -> None:
        orc_3 = identity.orc_3(dose_id, one.visit.numbering.prefix)
        if one.deletes and one.state not in (*STORED_BY_IIS, State.SUPERSEDED):
            # A move whose deletion failed is in the worklist.
            self._undecided.add(orc_3)
        message = parse_message(one.vxu)
        if message is None:
            return
        order = next((order for order in message.orders if order.first("ORC").value(3) == orc_3), None)
        was_sent = dose_id not in one.attempts[-1].dropped if one.attempts else False
        is_perhaps = one.was_perhaps_received and (was_sent or len(one.attempts) > 1)
        if order is None:
            if is_perhaps and len(one.attempts) > 1:
                self._undecided.add(orc_3)
            return
        key = (message.pid.value(3, 4), message.pid.value(3), order.key)
        expected = self._expected.setdefault(key, Expected(one.msh_10, set()))
        if expected.is_decided:
            return
        version = None if order.is_deletion else order.text
        is_stored = one.state in STORED_BY_IIS or (
            one.state is State.PARTLY_ACCEPTED and was_sent and dose_id not in one.unproven
        )
        if is_stored:
            expected.by = one.msh_10
            expected.is_decided = True
            expected.versions.add(version)
        elif is_perhaps or is_cut:
            expected.versions.add(version)

    def _history(self, number: str, key: str) -> str | None:
        return self._world.registry.history(number).get(key)

    def _news_only(self) -> None:
        """A submission says something that the accepted ones before it did not say of its doses."""
        memory = self._world.ledger.memory
        before: dict[str, dict[str, Submission | None]] = defaultdict(dict)
        for chart in memory.charts.values():
            for dose in chart.doses:
                for earlier, later in pairwise(dose.carriers):
                    before[later][dose.id] = memory.submissions.get(earlier)
        for msh_10, earlier_ones in before.items():
            one = memory.submissions.get(msh_10)
            if one is None or one.deletes or not one.visit.doses:
                continue
            if all(_said(earlier_ones.get(dose.id), one, dose.id) for dose in one.visit.doses):
                self._violated(f"{msh_10} says what was accepted already")

    def _nothing_stale(self) -> None:
        """Of every dose the ledger has taken up what the newest export says of it, or a person's correction of that."""
        for ehr in self._world.ehrs:
            for name, told in ehr.told.items():
                if told.is_clear:
                    self._is_taken_up(ehr, name, told)

    def _is_taken_up(self, ehr: Ehr, name: str, told: Told) -> None:
        ledger, said = self._world.ledger, told.said
        chart = ledger.memory.charts.get(identity.chart_key(ehr.space, said.patient_id))
        dose = chart.dose(name) if chart else None
        if dose is None or dose.is_deleted:
            if said.action != "D":
                self._violated(f"of dose {name} the newest export says {said}, but the ledger has no such dose")
            return
        if said.action == "D":
            if not dose.is_held:
                self._violated(f"dose {name} is deleted in the newest export, but not in the ledger")
            return
        written = [one for one in map(ledger.submissions.get, dose.carriers) if one is not None]
        lot = next((one.lot for one in written[-1].visit.doses if one.id == name), "nothing") if written else "nothing"
        if lot != said.lot and (lot not in self._world.corrected[ehr.space, name] or lot.startswith(("LOT", "FIX"))):
            self._violated(f"of dose {name} the newest export says {said}, but the ledger has lot {lot}")
        if dose.date != said.day.replace("-", "") or dose.clinic not in SPELLINGS[said.clinic]:
            self._violated(f"of dose {name} the newest export says {said}, but it stands at {dose.clinic} {dose.date}")


@dataclass(slots=True)
class Expected:
    """The versions of a dose that the IIS may have at one place (None: no such dose), and who says so."""

    by: str
    versions: set[str | None]
    is_decided: bool = False


def _said(earlier: Submission | None, later: Submission, dose_id: str) -> bool:
    """Whether the earlier submission was accepted and says of a dose what the later one says, at the same clinic."""
    if earlier is None or earlier.state not in STORED_BY_IIS or earlier.deletes or earlier.clinic != later.clinic:
        return False
    return dose_fingerprints(earlier.visit).get(dose_id) == dose_fingerprints(later.visit)[dose_id]
