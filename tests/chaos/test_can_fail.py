"""The invariants can fail: each promise broken on purpose is found within a few schedules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from unittest.mock import Mock, patch

import pytest

from shared.domain.chart import Chart, Work
from shared.domain.lifecycle import Event, State
from shared.domain.submission import Submission
from shared.ports.ledger import NotClaimed, Waiting
from shared.replaced import replace
from shared.usecases.delivery import submit
from shared.usecases.delivery.attempt import AttemptResult
from shared.usecases.delivery.lineage import Standing
from shared.usecases.delivery.submit import Submit
from shared.usecases.intake.arrival import Arrival
from shared.usecases.intake.drafting import Drafting
from tests.chaos.mischief import Mischief
from tests.chaos.soak import soak
from tests.fakes.ledger import (
    Memory,
    MemoryBacklog,
    MemoryCharts,
    MemoryDoseIndex,
    MemoryLedger,
    MemorySubmissionStates,
)

SCHEDULES = 300
"""An upper bound: the soak ends with the first schedule that breaks a promise."""
# It breaks several promises, and which one first depends on the seed.
ANYTHING = ""
# A message is sent after its correction only if it was deferred or lost while its correction was not: rare otherwise.
MUCH_IS_DEFERRED = Mischief(lost=0.5, late_events=0.3, skew=10.0, iis=0.5, faults=("http-503",))


class ClaimsAnything(MemorySubmissionStates):
    """The claim without its condition."""

    def claim(self, msh_10: str, now: datetime) -> Submission | NotClaimed:
        found = self._memory.submissions.get(msh_10)
        if found is None:
            return NotClaimed(None)
        return self._memory.put(self._claimed(found, now))


class ResendsForEver(MemorySubmissionStates):
    """An unknown outcome that is tried until an answer comes."""

    def claim(self, msh_10: str, now: datetime) -> Submission | NotClaimed:
        claimed = super().claim(msh_10, now)
        if isinstance(claimed, NotClaimed) and claimed.state is State.UNKNOWN:
            return self._memory.put(self._claimed(self._memory.submissions[msh_10], now))
        return claimed


class ForgetsCharts(MemoryCharts):
    """What was taken up before is not known."""

    def get(self, keys: Iterable[str]) -> dict[str, Chart]:
        found = super().get(keys)
        return {key: replace(chart, doses=()) for key, chart in found.items()}


class LosesAttempts(Memory):
    """Only the last attempt is kept."""

    def put(self, submission: Submission) -> Submission:
        return super().put(replace(submission, attempts=submission.attempts[-1:]))


class SweepsNothing(MemoryBacklog):
    """Nobody finds what lost its queue message."""

    def waiting(self) -> Iterator[Waiting]:
        return iter(())


def ledger_with(**classes: type) -> type[MemoryLedger]:
    """A ledger in memory with a broken part."""
    return type("BrokenLedger", (MemoryLedger,), classes)


class SendsInAnyOrder(Submit):
    """A correction on the wire does not hold back what it corrects."""

    def _standing(self, submission: Submission) -> Standing:
        return Standing()


class DoesNotFollowUp(Submit):
    """Nobody is told of a refusal."""

    def __init__(self, **ports: Any) -> None:
        super().__init__(**ports)
        self._follow_up = Mock()


class TrustsAnyAnswer(Submit):
    """Whatever went wrong, the message will have arrived."""

    def _call(self, *arguments: Any) -> AttemptResult:
        result = super()._call(*arguments)
        if not result.fault:
            return result
        return replace(result, event=Event.ACCEPT, attempt=replace(result.attempt, state=State.ACCEPTED, fault=""))


BROKEN = {
    "the claim has no condition": ({"ledger_class": ledger_with(states_class=ClaimsAnything)}, ANYTHING),
    "resends are not counted": ({"ledger_class": ledger_with(states_class=ResendsForEver)}, "unknown outcomes"),
    "known charts are forgotten": ({"ledger_class": ledger_with(charts_class=ForgetsCharts)}, ANYTHING),
    "attempts are overwritten": ({"ledger_class": ledger_with(memory_class=LosesAttempts)}, "loses an attempt"),
    "the sweep finds nothing": ({"ledger_class": ledger_with(backlog_class=SweepsNothing)}, "does not drain"),
    "order is left to the queue": ({"submit": SendsInAnyOrder, "mischief": MUCH_IS_DEFERRED}, ANYTHING),
    "nobody is told": ({"submit": DoesNotFollowUp}, "not in the worklist"),
    "a fault counts as accepted": ({"submit": TrustsAnyAnswer}, "never stored it"),
}


@pytest.mark.parametrize(("options", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_promise_is_found(options: dict[str, Any], words: str) -> None:
    # The product as it is holds in the first schedules from this seed.
    _, broken = soak(3000, SCHEDULES, **options)
    assert broken is not None, "nothing was found"
    assert words in broken.what
    assert f"SEED={broken.seed} SCHEDULES=1" in broken.told()


# Changes that break a rule of the charts (ADR 0021): which function is replaced, and by what.
RULES: dict[str, tuple[object, str, object]] = {
    "a dose that moves is not deleted at its old place": (Drafting, "_move_away", lambda *_: ""),
    "the dose index finds nothing": (MemoryDoseIndex, "find", lambda *_: {}),
    "a late file counts as new": (Arrival, "as_of", property(lambda self: self.arrived.isoformat())),
    "a redelivered file does not know its own work": (Chart, "work_of", lambda _, by: Work(by)),
    "a message is sent as it was built": (submit, "is_outdated", lambda *_: False),
    "a deletion in an export is not drafted": (Drafting, "_delete", lambda *_: None),
}


@pytest.mark.parametrize(("owner", "name", "broken"), RULES.values(), ids=RULES.keys())
def test_a_broken_rule_of_the_charts_is_found(owner: object, name: str, broken: object) -> None:
    with patch.object(owner, name, broken):
        _, found = soak(1000, SCHEDULES)
    assert found is not None, "nothing was found"
