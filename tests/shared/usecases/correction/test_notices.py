"""Notices, with the pending ones on DynamoDB (moto)."""

from __future__ import annotations

from datetime import datetime, timedelta

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.aws.cloud import LocalCloud
from shared.adapters.ledger.dynamodb import DynamoLedger
from shared.adapters.ledger.notices import DynamoPendingNotices
from shared.domain.lifecycle import State
from shared.domain.notice import OTHER, PendingNotice, headline
from shared.replaced import replace
from shared.usecases.correction.notices import OWN_CODES, Notices
from tests.conftest import a_submission
from tests.shared.usecases.submit_setup import Clock


class Mailbox:
    def __init__(self) -> None:
        self.mails: list[tuple[str, str]] = []
        self.fails = False

    def publish(self, subject: str, text: str) -> None:
        if self.fails:
            raise ConnectionError
        self.mails.append((subject, text))


class NoticesSetup:
    """The use case with two processes: one that requests notices, one that sends them."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.client = boto3.client("dynamodb", region_name=cloud.runtime.region)
        self.ledger = DynamoLedger(self.client, cloud.runtime.table)
        self.table = cloud.runtime.table
        self.box = Mailbox()
        self.clock = Clock()
        self.notices = self.another()

    def another(self) -> Notices:
        pending = DynamoPendingNotices(self.client, self.table)
        return Notices(worklist=self.ledger.worklist, pending=pending, topic=self.box, clock=self.clock, stage="test")

    def fail(self, msh_10: str, cause: str = "LOT-MISSING", clinic: str = "elm") -> None:
        """Do what triage does with a submission that needs a person."""
        self.ledger.submissions.add(replace(a_submission(msh_10), clinic=clinic, state=State.HELD))
        self.ledger.worklist.enter(msh_10, (cause,))
        self.notices.request(clinic, (cause,))

    def later(self, **time: int) -> int:
        self.clock.time += timedelta(**time)
        return self.notices.send()


@pytest.fixture
def setup(cloud: LocalCloud) -> NoticesSetup:
    return NoticesSetup(cloud)


def test_one_email_per_clinic_and_cause_counts_what_waits_after_the_hour(setup: NoticesSetup) -> None:
    for number in range(5):
        setup.fail(f"M{number}")
    setup.fail("N1", "CLINIC-UNKNOWN")
    setup.fail("O1", clinic="oak")
    assert setup.later(minutes=59) == 0
    assert setup.later(minutes=6) == 3
    assert setup.later(hours=5) == 0
    subjects = sorted(subject for subject, _ in setup.box.mails)
    assert subjects == [
        "vaxline test: CLINIC-UNKNOWN at elm",
        "vaxline test: LOT-MISSING at elm",
        "vaxline test: LOT-MISSING at oak",
    ]
    (text,) = (text for subject, text in setup.box.mails if subject.endswith("LOT-MISSING at elm"))
    assert text.startswith("5 submissions wait for a person at elm, cause LOT-MISSING.")
    assert "vaxline worklist --clinic elm --stage test" in text


def test_a_redelivered_reference_causes_no_second_email(setup: NoticesSetup) -> None:
    setup.fail("M1")
    for _ in range(3):
        setup.notices.request("elm", ("LOT-MISSING",))
        setup.another().request("elm", ("LOT-MISSING",))
    assert setup.later(minutes=65) == 1
    assert setup.later(minutes=15) == 0


def test_the_next_hour_has_an_email_of_its_own(setup: NoticesSetup) -> None:
    setup.fail("M1")
    setup.later(minutes=65)
    setup.fail("M2")
    assert setup.later(minutes=60) == 1
    assert [text.split()[0] for _, text in setup.box.mails] == ["1", "2"]


def test_nothing_is_sent_for_what_was_corrected_within_the_hour(setup: NoticesSetup) -> None:
    setup.fail("M1")
    setup.ledger.submissions.name_replacement("M1", "M2")
    assert setup.later(minutes=65) == 0
    assert setup.box.mails == []


def test_two_senders_at_once_send_one_email(setup: NoticesSetup) -> None:
    setup.fail("M1")
    setup.clock.time += timedelta(minutes=65)
    pending = DynamoPendingNotices(setup.client, setup.table)
    (notice,) = pending.open(setup.clock.time)
    assert pending.claim(notice, setup.clock.time)
    assert setup.notices.send() == 0


def test_a_failed_email_is_sent_by_a_later_run(setup: NoticesSetup) -> None:
    setup.fail("M1")
    setup.box.fails = True
    with pytest.raises(ConnectionError):
        setup.later(minutes=65)
    setup.box.fails = False
    assert setup.later(minutes=5) == 0, "the claim has not lapsed"
    assert setup.later(minutes=10) == 1


def test_missed_hours_make_one_email_per_cause(setup: NoticesSetup) -> None:
    setup.fail("M1")
    setup.clock.time += timedelta(hours=1)
    setup.fail("M2")
    assert setup.later(hours=2) == 1


def test_unmapped_codes_share_one_email_and_are_not_quoted(setup: NoticesSetup) -> None:
    for number, code in enumerate(("FLUZONE", "Sampleton, Ada", "MMR#2")):
        setup.fail(f"M{number}", f"UNMAPPED vaccine {code}")
    assert setup.later(minutes=65) == 1
    ((subject, text),) = setup.box.mails
    assert subject == "vaxline test: UNMAPPED at elm"
    assert not any(code in text for code in ("FLUZONE", "Sampleton", "MMR"))


def test_a_visit_of_an_unknown_clinic_has_an_email(setup: NoticesSetup) -> None:
    setup.fail("M1", "CLINIC-UNKNOWN", clinic="")
    assert setup.later(minutes=65) == 1
    assert setup.box.mails[0][0] == "vaxline test: CLINIC-UNKNOWN at no known clinic"


@pytest.mark.parametrize(
    ("cause", "told"),
    [
        ("LOT-MISSING", "LOT-MISSING"),
        ("103 PID-8", "103 PID-8"),
        ("WEBIZ-501 PID-3", "WEBIZ-501 PID-3"),
        ("AE", "AE"),
        ("SAMPLETON", OTHER),
        ("SAMPLETON-ADA PID-5", OTHER),
        ("103 Sampleton", "103"),
        ("19850412", OTHER),
        ("", OTHER),
    ],
)
def test_a_headline_is_a_known_code_or_has_the_form_of_an_iis_code(cause: str, told: str) -> None:
    assert headline(cause, OWN_CODES) == told


@given(st.text())
def test_a_headline_holds_only_codes_and_fields(cause: str) -> None:
    code, _, field = headline(cause, OWN_CODES).partition(" ")
    assert code.isascii()
    assert len(code) <= 30
    assert field == "" or (field.isascii() and len(field) <= 9)


def test_notices_of_the_current_hour_are_not_open(setup: NoticesSetup) -> None:
    pending = DynamoPendingNotices(setup.client, setup.table)
    hour = datetime.fromisoformat("2026-03-02T12:00:00+00:00")
    pending.add(PendingNotice(hour, "elm", "103 PID-8"))
    assert list(pending.open(hour - timedelta(seconds=1))) == []
    assert list(pending.open(hour)) == [PendingNotice(hour, "elm", "103 PID-8")]
