"""Two clean weeks are counted from what reached the IIS, day by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from shared.adapters.configuration.reader import read_configuration
from shared.domain.clinics import Configuration
from shared.domain.lifecycle import Event, State
from shared.domain.outcome import Outcome, outcome_of
from shared.domain.readiness import Readiness
from shared.domain.submission import Attempt, Submission
from shared.replaced import replace
from shared.usecases.reporting.day_tallies import DayTallies
from shared.usecases.reporting.pages import readiness as readiness_page
from shared.usecases.reporting.readiness import go_live_checklist, readiness_of_each
from tests.conftest import a_submission
from tests.end_to_end.rows import CLINICS
from tests.fakes.bucket import MemoryBucket, MemoryFileStore
from tests.fakes.ledger import MemoryLedger

TODAY = date(2026, 11, 20)


ZONE = ZoneInfo("America/New_York")


class Weeks:
    """A ledger to which each message comes on its day, at nine in the morning of Hartford."""

    def __init__(self, ledger: MemoryLedger, iis: str = "") -> None:
        self.ledger = ledger
        self.configuration = read_configuration(CLINICS.replace("[iis]\n", f"[iis]\n{iis}"))
        self._count = 0

    def now(self) -> datetime:
        return datetime.combine(TODAY, time(7, 30), ZONE)

    def current(self, *, since: datetime | None = None) -> Configuration:
        return self.configuration

    def send(
        self, days_ago: int, event: Event = Event.ACCEPT, *, clinic: str = "elm", replaces: str = "", hour: int = 9
    ) -> str:
        self._count += 1
        started = datetime.combine(TODAY - timedelta(days=days_ago), time(hour), ZONE).astimezone(UTC)
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

    def send_daily(self, first: int, last: int = 1, messages: int = 3, *, clinic: str = "elm") -> None:
        """Send messages that are accepted, on each day from `first` to `last` days ago."""
        for days_ago in range(first, last - 1, -1):
            for _ in range(messages):
                self.send(days_ago, clinic=clinic)

    def each(self) -> tuple[Readiness, ...]:
        tallies = DayTallies(
            outcomes=self.ledger.outcomes,
            store=MemoryFileStore(MemoryBucket(), ""),
            configurations=self,
            clock=self,
        )
        return readiness_of_each(tallies, self.configuration, TODAY)

    def readiness(self, clinic: str = "") -> Readiness:
        return next(one for one in self.each() if one.clinic == clinic)

    def reasons(self, clinic: str = "") -> list[str]:
        return [reason.words for reason in self.readiness(clinic).reasons]


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


@pytest.mark.parametrize(("days_ago", "ready"), [(14, True), (13, False)])
def test_fourteen_whole_days_are_ready(weeks: Weeks, days_ago: int, ready: bool) -> None:
    weeks.send_daily(days_ago)
    found = weeks.readiness()
    assert (found.clean_since, found.streak, found.is_ready) == (TODAY - timedelta(days=days_ago), days_ago, ready)
    assert found.could_end == TODAY + timedelta(days=14 - days_ago)


def test_one_message_and_silence_since_is_not_ready_and_each_reason_has_its_day(weeks: Weeks) -> None:
    weeks.send(14)
    found = weeks.readiness()
    assert [reason.words for reason in found.reasons] == [
        "1 of 25 messages in these days.",
        "1 of 8 days with messages.",
        "No message on the last working day, Thu 2026-11-19.",
    ]
    begin = TODAY - timedelta(days=14)
    assert [reason.since for reason in found.reasons] == [begin, begin, begin + timedelta(days=1)]


def test_an_error_of_today_ends_readiness_at_once(weeks: Weeks) -> None:
    weeks.send_daily(20)
    assert weeks.readiness().is_ready
    weeks.send(0, Event.REFUSE, hour=6)
    reason, *others = weeks.readiness().reasons
    assert {one.since for one in (reason, *others)} == {TODAY}
    assert "0 of 14 whole days without an error or a warning, after 101 PID-8 on 2026-11-20" in reason.words
    assert "2026-12-05 at the earliest" in reason.words


def test_weekends_and_holidays_of_the_configuration_are_no_working_days() -> None:
    for holidays, ready in (("", False), ("holidays = [2026-11-19]\n", True)):
        weeks = Weeks(MemoryLedger(), holidays)
        weeks.send_daily(20, 2)
        assert weeks.readiness().is_ready is ready
    weeks = Weeks(MemoryLedger(), "ready_days = 3\nready_messages = 2\nready_active_days = 2\n")
    weeks.send(4)
    weeks.send(1)
    assert weeks.readiness().is_ready, "every number is a key"


def test_a_day_ends_at_midnight_of_the_iis(weeks: Weeks) -> None:
    weeks.send_daily(20)
    weeks.send(5, Event.REFUSE, hour=23)
    found = weeks.readiness()
    assert found.broken_on is not None
    assert found.broken_on.date == TODAY - timedelta(days=5), "in UTC it is the day after"


def test_a_clinic_that_does_not_administer_or_is_paused_keeps_nobody_back(weeks: Weeks) -> None:
    weeks.send_daily(20)

    def not_done() -> list[str]:
        items = go_live_checklist(weeks.ledger.worklist, weeks.ledger.stops, weeks.configuration, weeks.each())
        return [item.words for item in items if item.is_done is False]

    assert any("harbor" in words and "hilltop" in words for words in not_done())
    clinics = dict(weeks.configuration.clinics)
    clinics |= {
        "harbor": replace(clinics["harbor"], status="paused"),
        "hilltop": replace(clinics["hilltop"], status="does_not_administer"),
    }
    weeks.configuration = replace(weeks.configuration, clinics=clinics)
    assert not any("clinic" in words for words in not_done())


def test_coverage_of_fields_is_a_clinic_s_own(weeks: Weeks) -> None:
    weeks.send_daily(3, messages=1)
    weeks.send(1, clinic="harbor")
    of_elm = {one.field: (one.present, one.absent) for one in weeks.readiness("elm").coverage}
    assert of_elm["PID-7 birth date"] == (3, 0)
    assert {one.field: one.present for one in weeks.readiness().coverage}["PID-7 birth date"] == 4
    assert weeks.readiness("hilltop").coverage == ()


@pytest.mark.parametrize("event", [Event.ACCEPT_WITH_WARNINGS, Event.REFUSE])
def test_a_warning_or_an_error_begins_the_count_anew_on_the_next_day(weeks: Weeks, event: Event) -> None:
    weeks.send(20)
    weeks.send(5, event)
    found = weeks.readiness()
    assert found.clean_since == TODAY - timedelta(days=4)
    assert found.could_end == TODAY + timedelta(days=10)
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
    weeks.send_daily(14)
    weeks.send(1, Event.REFUSE, clinic="harbor")
    assert weeks.readiness("elm").is_ready
    assert not weeks.readiness("harbor").is_ready
    assert not weeks.readiness().is_ready


def test_silent_days_and_what_broke_the_run_are_told(weeks: Weeks) -> None:
    weeks.send(10, Event.REFUSE)
    weeks.send(5)
    weeks.send(0)
    found = weeks.readiness()
    assert (found.streak, found.silent, found.active_days) == (9, 8, 2)
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


def test_the_page_for_ct_dph_names_clinics_by_name_and_facility_code(weeks: Weeks) -> None:
    weeks.send(13)
    weeks.send(1, Event.REFUSE, clinic="harbor")
    each, configuration = weeks.each(), replace(weeks.configuration, organization="A & B")
    assert [one.clinic for one in each] == ["", *configuration.clinics]
    items = go_live_checklist(weeks.ledger.worklist, weeks.ledger.stops, configuration, each)
    assert [item.is_done for item in items if "has sent" in item.words] == [False]
    assert any("hilltop" in item.words for item in items)
    page = readiness_page.page(each, items, configuration, "test", weeks.now())
    assert "A &amp; B" in page
    assert "101 PID-8" in page
    assert page.count('class="calendar"') == len(each)
    for clinic in configuration.clinics.values():
        assert f"{clinic.name} ({clinic.facility})" in page
    assert "2026-11-20 07:30 EST" in page
    assert not any(mark in page for mark in ("src=", "href=", "<script", "url("))


# a year ---------------------------------------------------------------------------------------------------------------

_YEAR = [date(2026, 1, 1) + timedelta(days=number) for number in range(365)]


@pytest.mark.parametrize("seed", range(2))
def test_over_a_year_of_working_days_silence_and_late_answers_readiness_is_as_an_independent_count_says(
    seed: int,
) -> None:
    """Daylight-saving time begins on 2026-03-08 and ends on 2026-11-01."""
    chosen = Random(seed)
    holidays = frozenset(chosen.sample(_YEAR, 12))
    configuration = read_configuration(CLINICS)
    configuration = replace(configuration, iis=replace(configuration.iis, holidays=holidays))
    ledger, files = MemoryLedger(), MemoryFileStore(MemoryBucket(), "")
    # (local day, is an error) of each message, as the clinic's own calendar has it.
    sent: list[tuple[date, bool]] = []
    ready = 0
    for today in _YEAR:
        clock = _Clock(datetime.combine(today, time(7), ZONE), configuration)
        tallies = DayTallies(outcomes=ledger.outcomes, store=files, configurations=clock, clock=clock)
        interface, *_ = readiness_of_each(tallies, configuration, today)
        assert interface.is_ready is _by_hand(sent, today, holidays), today
        ready += interface.is_ready
        tallies.count_each(today - timedelta(days=28), today - timedelta(days=1), store=True)
        if today.weekday() < 5 and today not in holidays and chosen.random() < 0.97:
            for number in range(chosen.randrange(1, 4)):
                is_error = chosen.random() < 0.01
                # An answer of the evening is on the next day in UTC; one of a recovery comes days later.
                day = today - timedelta(days=chosen.choice([0] * 30 + [1, 5]))
                when = datetime.combine(day, time(chosen.randrange(24), 30), ZONE).astimezone(UTC)
                one = Outcome(f"{today}-{number}", "elm", "elm", State.REFUSED if is_error else State.ACCEPTED, when, 1)
                ledger.outcomes.note(one, datetime.combine(today, time(23, 59), ZONE))
                sent.append((day, is_error))
    assert 30 < ready < 335, "the year has days of both kinds"


def _by_hand(sent: list[tuple[date, bool]], today: date, holidays: frozenset[date]) -> bool:
    """Count the rule from a plain list of messages: 14 whole clean days, 25 messages, 8 days, the last working day."""
    shown = [(day, is_error) for day, is_error in sent if today - timedelta(days=27) <= day <= today]
    errors = [day for day, is_error in shown if is_error]
    clean = [day for day, is_error in shown if not errors or day > max(errors)]
    if not clean or len(clean) < 25 or len(set(clean)) < 8:
        return False
    begin = max(errors) + timedelta(days=1) if errors else min(clean)
    working = today - timedelta(days=1)
    while working.weekday() in (5, 6) or working in holidays:
        working -= timedelta(days=1)
    return (today - begin).days >= 14 and any(day >= working for day in clean if day < today)


@dataclass(frozen=True)
class _Clock:
    time: datetime
    configuration: Configuration

    def now(self) -> datetime:
        return self.time

    def current(self, *, since: datetime | None = None) -> Configuration:
        return self.configuration
