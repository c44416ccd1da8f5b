"""What must hold, whatever goes wrong: looked at while it happens, and when everything has drained."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from local.ctwiz.messages import parse_message
from shared.domain import identity
from shared.domain.faults import is_doubtful
from shared.domain.fingerprints import dose_fingerprints
from shared.domain.lifecycle import IN_FLIGHT, NEEDS_A_PERSON, STEPS, STORED_BY_IIS, State
from shared.domain.outcome import may_have_arrived
from shared.domain.submission import Submission
from tests.chaos.mischief import InjectedError

if TYPE_CHECKING:
    from tests.chaos.world import World

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
        if InjectedError.__name__ not in error:
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
            self._stored,
            self._news_only,
            self._nothing_stale,
        ):
            look()
            self.check()

    def _charts(self) -> None:
        """What a chart names is there: a row that it has taken up has its submission."""
        ledger = self._world.ledger
        for chart in ledger.memory.charts.values():
            for dose in chart.doses:
                if dose.newest and dose.newest not in ledger.memory.submissions:
                    self._violated(f"dose {dose.id} was taken up by {dose.newest}, which is nowhere")

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
            elif one.state is State.HELD:
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
            if (one.state in NEEDS_A_PERSON or one.state is State.QUEUED) and not one.replaced_by
        }
        for msh_10 in sorted(wanted - shown):
            self._violated(
                f"{msh_10} needs a person, but is not in the worklist: {ledger.memory.submissions[msh_10].state}"
            )
        for msh_10 in sorted(shown - wanted):
            self._violated(f"{msh_10} is in the worklist, but needs nobody: {ledger.memory.submissions[msh_10].state}")

    def _stored(self) -> None:
        """Where the newest version of a dose was accepted, the registry has that version and no older one."""
        ledger, registry = self._world.ledger, self._world.registry
        for dose in (dose for chart in ledger.memory.charts.values() for dose in chart.doses if dose.carriers):
            one = ledger.memory.submissions[dose.newest]
            message = parse_message(one.vxu) if one.state in STORED_BY_IIS else None
            if message is None:
                continue
            orc_3 = identity.orc_3(dose.id, one.visit.numbering.prefix)
            history = registry.history(message.pid.value(3))
            for order in message.orders:
                if order.first("ORC").value(3) != orc_3:
                    continue
                wanted = None if order.first("RXA").value(21) == "D" else order.text
                if history.get(order.key) != wanted:
                    self._violated(
                        f"the IIS does not have dose {order.key} as {one.msh_10} says, though it accepted it"
                    )

    def _news_only(self) -> None:
        """Of one place of a chart no version that was accepted is followed by one that says the same."""
        by_place: dict[tuple[str, str, str], list[Submission]] = defaultdict(list)
        for one in self._world.ledger.memory.submissions.values():
            by_place[one.chart, one.clinic, one.visit.date].append(one)
        for versions in by_place.values():
            versions.sort(key=lambda one: one.revision)
            for before, one in pairwise(versions):
                if before.state in STORED_BY_IIS and _content(before) == _content(one):
                    self._violated(f"{one.msh_10} says what {before.msh_10} said already, which was accepted")

    def _nothing_stale(self) -> None:
        """Of every dose the ledger has taken up what the newest export says of it."""
        ledger = self._world.ledger
        doses = {dose.id: dose for chart in ledger.memory.charts.values() for dose in chart.doses}
        for ehr in self._world.ehrs:
            for name, told in ehr.told.items():
                lot, action = told.said
                dose = doses.get(name)
                if dose is None or dose.is_deleted:
                    found = "D"
                else:
                    visit = ledger.memory.submissions[dose.newest].visit
                    found = next((one.lot for one in visit.doses if one.id == name), "nothing")
                if told.is_clear and found != ("D" if action == "D" else lot):
                    self._violated(f"of dose {name} the newest export says {told.said}, but the ledger has {found}")


def _content(submission: Submission) -> tuple[object, ...]:
    visit = submission.visit
    return (visit.patient, tuple(sorted(dose_fingerprints(visit).items())))
