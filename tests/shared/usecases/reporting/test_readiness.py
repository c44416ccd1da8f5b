"""Two clean weeks are counted from what reached the IIS, day by day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from shared.adapters.configuration.reader import read_configuration
from shared.domain.lifecycle import Event, State
from shared.domain.outcome import outcome_of
from shared.domain.readiness import Readiness
from shared.domain.submission import Attempt, Submission
from shared.replaced import replace
from shared.usecases.reporting.pages import readiness as readiness_page
from shared.usecases.reporting.readiness import go_live_checklist, readiness, readiness_of_each
from tests.conftest import a_submission
from tests.end_to_end.rows import CLINICS
from tests.fakes.ledger import MemoryLedger

TODAY = date(2026, 11, 20)


class Weeks:
    """A ledger to which each message comes on its day."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self.ledger = ledger
        self._count = 0

    def send(self, days_ago: int, event: Event = Event.ACCEPT, *, clinic: str = "elm", replaces: str = "") -> str:
        self._count += 1
        started = datetime.combine(TODAY - timedelta(days=days_ago), datetime.min.time(), UTC) + timedelta(hours=9)
        new = replace(a_submission(f"M{self._count}", replaces=replaces), clinic=clinic)
        self.ledger.submissions.add(replace(new, row_count=0 if replaces else 1))
        claimed = self.ledger.states.claim(new.msh_10, started)
        assert isinstance(claimed, Submission)
        states = {
            Event.ACCEPT: State.ACCEPTED,
            Event.ACCEPT_WITH_WARNINGS: State.ACCEPTED_WITH_WARNINGS,
            Event.REFUSE: State.REFUSED,
            Event.DEFER: State.QUEUED,
        }
        causes = () if event is Event.ACCEPT else ("101 PID-8",)
        self.ledger.states.finish(claimed, event, Attempt(1, started, 0.3, states[event]), causes=causes)
        stored = self.ledger.submissions.get(new.msh_10)
        assert stored is not None
        outcome = outcome_of(stored, stored.causes)
        if outcome is not None:
            self.ledger.outcomes.note(outcome, started)
        if replaces:
            self.ledger.submissions.name_replacement(replaces, new.msh_10)
        return new.msh_10

    def readiness(self, clinic: str = "") -> Readiness:
        return readiness(self.ledger.outcomes, TODAY, clinic)


@pytest.fixture
def weeks() -> Weeks:
    return Weeks(MemoryLedger())


def test_before_the_first_message_there_is_nothing_to_count(weeks: Weeks) -> None:
    found = weeks.readiness()
    assert (found.clean_since, found.could_end, found.is_ready) == (None, None, False)
    assert not any(day.messages for day in found.days)


def test_the_days_begin_with_the_first_that_had_anything(weeks: Weeks) -> None:
    assert len(weeks.readiness().days) == 28
    weeks.send(4)
    weeks.send(1)
    assert [day.date for day in weeks.readiness().days] == [TODAY - timedelta(days=back) for back in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize(("days_ago", "ready"), [(13, True), (12, False)])
def test_fourteen_clean_days_are_ready(weeks: Weeks, days_ago: int, ready: bool) -> None:
    weeks.send(days_ago)
    weeks.send(0)
    found = weeks.readiness()
    assert (found.clean_since, found.is_ready) == (TODAY - timedelta(days=days_ago), ready)


@pytest.mark.parametrize("event", [Event.ACCEPT_WITH_WARNINGS, Event.REFUSE])
def test_a_warning_or_an_error_begins_the_count_anew_on_the_next_day(weeks: Weeks, event: Event) -> None:
    weeks.send(20)
    weeks.send(5, event)
    found = weeks.readiness()
    assert found.clean_since == TODAY - timedelta(days=4)
    assert found.could_end == TODAY + timedelta(days=9)
    (broken,) = [day for day in found.days if day.is_broken]
    assert (broken.messages, broken.warnings + broken.errors, broken.causes) == (1, 1, ("101 PID-8",))


def test_what_never_reached_the_iis_breaks_nothing(weeks: Weeks) -> None:
    weeks.send(3, Event.DEFER)
    assert weeks.readiness().clean_since is None


def test_a_correction_counts_on_its_own_day(weeks: Weeks) -> None:
    refused = weeks.send(6, Event.REFUSE)
    weeks.send(2, replaces=refused)
    assert [(day.date, day.messages) for day in weeks.readiness().days if day.messages] == [
        (TODAY - timedelta(days=6), 1),
        (TODAY - timedelta(days=2), 1),
    ]


def test_a_clinic_s_count_is_its_own(weeks: Weeks) -> None:
    weeks.send(13)
    weeks.send(1, Event.REFUSE, clinic="oak")
    assert weeks.readiness("elm").is_ready
    assert not weeks.readiness("oak").is_ready
    assert not weeks.readiness().is_ready


def test_silent_days_and_what_broke_the_run_are_told(weeks: Weeks) -> None:
    weeks.send(10, Event.REFUSE)
    weeks.send(5)
    weeks.send(0)
    found = weeks.readiness()
    assert (found.streak, found.silent) == (10, 8)
    assert found.broken_on is not None
    assert (found.broken_on.date, found.broken_on.causes) == (TODAY - timedelta(days=10), ("101 PID-8",))


def test_the_phases_are_passed_one_after_the_other(weeks: Weeks) -> None:
    def passed() -> list[bool]:
        return [phase.is_passed for phase in weeks.readiness().phases]

    assert passed() == [False, False, False]
    weeks.send(20)
    weeks.send(19, Event.REFUSE)
    assert passed() == [True, False, False]
    for days_ago in range(18, 11, -1):
        weeks.send(days_ago, Event.ACCEPT_WITH_WARNINGS)
    assert passed() == [True, True, False]
    for days_ago in range(7, 0, -1):
        weeks.send(days_ago)
    assert passed() == [True, True, True]


def test_each_clinic_is_told_from_one_reading_and_the_checklist_knows_who_is_silent(weeks: Weeks) -> None:
    weeks.send(13)
    weeks.send(1, Event.REFUSE, clinic="harbor")
    configuration = read_configuration(CLINICS)
    each = readiness_of_each(weeks.ledger.outcomes, configuration, TODAY)
    assert [one.clinic for one in each] == ["", *configuration.clinics]
    assert each[1:] == tuple(weeks.readiness(clinic) for clinic in configuration.clinics)
    items = go_live_checklist(weeks.ledger.worklist, weeks.ledger.stops, each)
    assert [item.is_done for item in items if "configured clinic" in item.words] == [False]
    assert any("hilltop" in item.words for item in items)
    page = readiness_page.page(each, items, "A & B", "test", datetime(2026, 11, 20, tzinfo=UTC))
    assert "A &amp; B" in page
    assert "101 PID-8" in page
    assert page.count('class="calendar"') == len(each)
    assert not any(mark in page for mark in ("src=", "href=", "<script", "url("))
