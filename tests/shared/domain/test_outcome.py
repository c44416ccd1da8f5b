"""An outcome follows from the stored submission alone, and says nothing of who it is about."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from shared.domain import outcome
from shared.domain.lifecycle import State
from shared.domain.model import Action, Code, Completion, Dose, Name, Patient, Visit
from shared.domain.outcome import Outcome, SearchTerm, collect_search_terms, outcome_of
from shared.domain.submission import AckError, Attempt, Submission
from shared.replaced import replace
from tests.conftest import NOON, a_submission

GIVEN = Dose(id="D-CANARY", date="20260301", vaccine=Code("115"), information_source=Code("00"), lot="ab 12")


def of(*doses: Dose, born: str = "20080302", attempts: tuple[Attempt, ...] = (), state: State = State.HELD) -> Outcome:
    visit = Visit("demo", Patient("CANARY", Name("Canary", "Ada"), born), "20260301", doses=doses)
    found = outcome_of(replace(a_submission(state=state), visit=visit, attempts=attempts), ("LOT-MISSING",))
    assert found is not None
    return found


@pytest.mark.parametrize("state", [State.QUEUED, State.SENDING])
def test_what_waits_has_no_outcome(state: State) -> None:
    assert outcome_of(a_submission(state=state), ()) is None


@pytest.mark.parametrize("last", [State.QUEUED, State.SUPERSEDED])
def test_what_was_tried_but_never_answered_has_no_outcome(last: State) -> None:
    tried = replace(a_submission(state=State.CLOSED), attempts=(Attempt(1, NOON, 0.1, last),))
    assert outcome_of(tried, ()) is None


def test_the_last_answer_decides_whatever_the_submission_became_since() -> None:
    attempts = (
        Attempt(1, NOON, 1.0, State.QUEUED, fault="DNS"),
        Attempt(2, NOON, 1.0, State.UNKNOWN, fault="READ-TIMEOUT"),
        Attempt(
            3, NOON + timedelta(days=1), 2.0, State.REFUSED, msa_1="AE", errors=(AckError("E", "101", path="PID-8"),)
        ),
    )
    found = of(attempts=attempts, state=State.SUPERSEDED)
    assert (found.state, found.day, found.attempts, found.msa_1) == (
        State.REFUSED,
        (NOON + timedelta(days=1)).date(),
        3,
        "AE",
    )
    assert found.errors == (("E", "101", "PID-8"),)


def test_no_name_id_or_date_of_the_patient_stands_in_it() -> None:
    assert b"CANARY" not in msgspec.json.encode(of(GIVEN)).upper()
    assert b"2008" not in msgspec.json.encode(of(GIVEN))


@pytest.mark.parametrize(
    ("born", "age"), [("20080302", "7 to 18"), ("20070301", "19 to 64"), ("20260228", "0 to 1"), ("2008", ""), ("", "")]
)
def test_the_age_band_counts_birthdays(born: str, age: str) -> None:
    assert of(GIVEN, born=born).doses[0].age == age


@pytest.mark.parametrize(
    ("dose", "kind"),
    [
        (GIVEN, outcome.ADMINISTERED),
        (replace(GIVEN, information_source=Code("01")), outcome.HISTORICAL),
        (replace(GIVEN, completion=Completion.REFUSED), outcome.REFUSED_BY_PATIENT),
        (replace(GIVEN, completion=Completion.NOT_ADMINISTERED), outcome.NOT_ADMINISTERED),
        (replace(GIVEN, action=Action.DELETE), outcome.DELETED),
    ],
)
def test_each_dose_is_of_one_kind_and_only_one_given_here_is_asked_for_its_fields(dose: Dose, kind: str) -> None:
    (found,) = of(dose).doses
    assert found.kind == kind
    assert bool(found.absent) == (kind == outcome.ADMINISTERED)
    assert "RXA-15 lot" not in found.absent
    assert (found.lot, found.delay) == ("AB12", 1)


def test_facility_and_profile_come_from_the_message_that_was_sent() -> None:
    vxu = (
        "MSH|^~\\&|vaxline|CT1|CTWIZ|CT0000|20260302||VXU^V04^VXU_V04|M1|P|2.5.1|||ER|AL|||||Z22^CDCPHINVS\r"
        "RXA|0|1|20260301||115^x^CVX|1|||00^x^NIP001||^^^CT9&x|\r"
    )
    submission: Submission = replace(a_submission(state=State.HELD), vxu=vxu)
    found = outcome_of(submission, ())
    assert found is not None
    assert (found.facility, found.profile) == ("CT9", "Z22")


def test_a_value_that_several_submissions_share_is_to_be_noted_once() -> None:
    first, second = (
        replace(a_submission(msh_10), visit=Visit("demo", Patient(mrn), "20260301", doses=(Dose(id=mrn * 2, lot=lot),)))
        for msh_10, mrn, lot in (("M1", "A", "ab 12"), ("M2", "B", "AB12"))
    )
    assert collect_search_terms([first, second]) == [
        SearchTerm("mrn", "A", ("M1",)),
        SearchTerm("orc_3", "AA", ("M1",)),
        SearchTerm("lot", "AB12", ("M1", "M2")),
        SearchTerm("mrn", "B", ("M2",)),
        SearchTerm("orc_3", "BB", ("M2",)),
    ]
