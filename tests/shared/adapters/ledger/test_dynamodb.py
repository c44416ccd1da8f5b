from __future__ import annotations

from datetime import timedelta

import boto3
import pytest

from local.aws.cloud import REGION, LocalCloud
from shared.adapters.ledger.dynamodb import DynamoLedger
from shared.domain import valve as valves
from shared.domain.chart import Chart, DoseState, Made, Work
from shared.domain.lifecycle import TRANSITIONS, Event, State
from shared.domain.outcome import SearchTerm
from shared.domain.submission import AckError, Attempt, FileSummary, Submission
from shared.domain.valve import ClosedBy, Valve
from shared.ports.ledger import NotClaimed, StopStatus
from shared.replaced import replace
from tests.conftest import NOON, a_submission


@pytest.fixture
def ledger(cloud: LocalCloud) -> DynamoLedger:
    return DynamoLedger(boto3.client("dynamodb", region_name=REGION), cloud.runtime.table, lease=200)


def attempt(submission: Submission, state: State, fault: str = "") -> Attempt:
    return Attempt(submission.attempt_count, NOON, 1.5, state, fault=fault, ack="MSA|AA", errors=(AckError("W"),))


def claimed(ledger: DynamoLedger, msh_10: str = "MSG1") -> Submission:
    result = ledger.states.claim(msh_10, NOON)
    assert isinstance(result, Submission)
    return result


def test_a_submission_comes_back_as_it_was_added(ledger: DynamoLedger) -> None:
    assert ledger.submissions.add(a_submission())
    assert ledger.submissions.get("MSG1") == a_submission()


def test_adding_the_same_msh_10_twice_changes_nothing(ledger: DynamoLedger) -> None:
    ledger.submissions.add(a_submission())
    assert not ledger.submissions.add(replace(a_submission(), clinic="other"))
    assert ledger.submissions.get("MSG1") == a_submission()


def test_a_claim_is_granted_once_and_carries_the_message(ledger: DynamoLedger) -> None:
    ledger.submissions.add(a_submission())
    first = claimed(ledger)
    assert first.vxu == a_submission().vxu
    assert (first.state, first.attempt_count) == (State.SENDING, 1)
    assert ledger.states.claim("MSG1", NOON) == NotClaimed(State.SENDING, busy=True)


def test_an_unknown_msh_10_is_not_claimed(ledger: DynamoLedger) -> None:
    assert ledger.states.claim("NEVER", NOON) == NotClaimed(None)


@pytest.mark.parametrize("event", [Event.ACCEPT, Event.ACCEPT_WITH_WARNINGS, Event.ACCEPT_PARTLY, Event.REFUSE])
def test_an_outcome_is_written_once_and_its_submission_is_not_claimed_again(ledger: DynamoLedger, event: Event) -> None:
    ledger.submissions.add(a_submission())
    mine = claimed(ledger)
    state = TRANSITIONS[event][State.SENDING]
    assert ledger.states.finish(mine, event, attempt(mine, state), causes=("103 PID-8",))
    assert not ledger.states.finish(mine, Event.REFUSE, attempt(mine, State.REFUSED, "LATE"))
    after = ledger.submissions.get("MSG1")
    assert after is not None
    assert (after.state, len(after.attempts), after.causes) == (state, 1, ("103 PID-8",))
    assert after.waiting_since is None
    assert ledger.states.claim("MSG1", NOON + timedelta(days=1)) == NotClaimed(state)


def test_an_outcome_that_is_written_again_after_a_lost_answer_counts_as_written(ledger: DynamoLedger) -> None:
    ledger.submissions.add(a_submission())
    mine = claimed(ledger)
    for _ in range(2):
        assert ledger.states.finish(mine, Event.REFUSE, attempt(mine, State.REFUSED))
    after = ledger.submissions.get("MSG1")
    assert after is not None
    assert len(after.attempts) == 1


def test_a_claim_that_outlived_its_lease_becomes_unknown_and_is_claimed_once_more(ledger: DynamoLedger) -> None:
    ledger.submissions.add(a_submission())
    claimed(ledger)
    later = NOON + timedelta(seconds=201)
    again = ledger.states.claim("MSG1", later)
    assert isinstance(again, Submission)
    assert (again.attempt_count, again.resends) == (2, 1)
    assert [a.fault for a in again.attempts] == ["LEASE-EXPIRED"]
    assert ledger.states.claim("MSG1", later + timedelta(seconds=201)) == NotClaimed(State.UNKNOWN)
    final = ledger.submissions.get("MSG1")
    assert final is not None
    assert [a.number for a in final.attempts] == [1, 2]


def test_a_sender_whose_lease_ran_out_cannot_overwrite_the_next_one(ledger: DynamoLedger) -> None:
    ledger.submissions.add(a_submission())
    slow = claimed(ledger)
    ledger.states.claim("MSG1", NOON + timedelta(seconds=201))
    assert not ledger.states.finish(slow, Event.REFUSE, attempt(slow, State.REFUSED))


def test_a_deferred_submission_waits_again_and_counts_its_deferrals(ledger: DynamoLedger) -> None:
    ledger.submissions.add(a_submission())
    mine = claimed(ledger)
    next_try = NOON + timedelta(minutes=5)
    ledger.states.finish(mine, Event.DEFER, attempt(mine, State.QUEUED, "DNS"), causes=("DNS",), next_try=next_try)
    after = ledger.submissions.get("MSG1")
    assert after is not None
    assert (after.state, after.deferrals, after.waiting_since) == (State.QUEUED, 1, next_try)


def test_the_backlog_is_in_order_of_creation_with_the_times_of_waiting(ledger: DynamoLedger) -> None:
    for name, minutes in (("NEW", 50), ("OLD", 0), ("MID", 20)):
        made = NOON + timedelta(minutes=minutes)
        ledger.submissions.add(replace(a_submission(name), waiting_since=made - timedelta(days=1), created=made))
    ledger.submissions.add(a_submission("HELD", state=State.HELD))
    found = [(waiting.message.msh_10, waiting.since) for waiting in ledger.backlog.waiting()]
    assert found == [
        ("OLD", NOON - timedelta(days=1)),
        ("MID", NOON - timedelta(minutes=1420)),
        ("NEW", NOON - timedelta(minutes=1390)),
    ]


def test_supersede_leaves_only_the_states_that_the_lifecycle_allows(ledger: DynamoLedger) -> None:
    for state in State:
        ledger.submissions.add(a_submission(f"S-{state}", state=state))
        moved = ledger.states.move(f"S-{state}", Event.SUPERSEDE)
        assert moved == (state in TRANSITIONS[Event.SUPERSEDE])
        after = ledger.submissions.get(f"S-{state}")
        assert after is not None
        assert after.state == (State.SUPERSEDED if moved else state)


def test_a_chart_is_written_only_over_the_version_that_was_read(ledger: DynamoLedger) -> None:
    dose = DoseState("d", "elm", "20260301", "f", "2026", ("A",))
    first = Chart("c", version=1, doses=(dose,), works=(Work("FILE", (Made("A", 0, 7, ("d",)),)),))
    assert ledger.charts.save(first)
    assert ledger.charts.get(["c"]) == {"c": first}
    assert not ledger.charts.save(first)
    assert ledger.charts.save(replace(first, version=2, as_of="B"))
    assert not ledger.charts.save(replace(first, version=2, as_of="C"))
    assert ledger.charts.get(["c", "none"])["c"].as_of == "B"


def test_more_charts_than_fit_into_one_batch_are_all_read(ledger: DynamoLedger) -> None:
    for number in range(120):
        ledger.charts.save(Chart(f"c{number}", version=1))
    assert len(ledger.charts.get(f"c{number}" for number in range(120))) == 120


def test_the_worklist_filters_by_clinic_state_and_cause_and_drops_replaced_submissions(ledger: DynamoLedger) -> None:
    ledger.submissions.add(a_submission("HELD1", state=State.HELD))
    ledger.submissions.add(a_submission("REF1", state=State.REFUSED))
    ledger.submissions.add(replace(a_submission("REF2", state=State.REFUSED), clinic="oak"))
    assert ledger.worklist.enter("HELD1", ("LOT-MISSING",))
    assert ledger.worklist.enter("REF1", ("103 PID-8",))
    assert ledger.worklist.enter("REF2", ("103 PID-8",))
    assert [e.msh_10 for e in ledger.worklist.entries(cause="103 PID-8")] == ["REF1", "REF2"]
    assert [e.msh_10 for e in ledger.worklist.entries(clinic="elm", state=State.HELD)] == ["HELD1"]
    ledger.submissions.name_replacement("REF1", "REF1-NEW")
    assert [e.msh_10 for e in ledger.worklist.entries(clinic="elm")] == ["HELD1"]
    assert not ledger.worklist.enter("REF1", ("late",))


def test_a_file_counts_its_rows_by_their_current_states(ledger: DynamoLedger) -> None:
    ledger.files.save(FileSummary("FILE1", "a.csv", "demo", NOON, rows=4, unchanged=1, complete=True))
    ledger.submissions.add(replace(a_submission("A"), row_count=2))
    ledger.submissions.add(a_submission("B", state=State.HELD))
    summary = ledger.files.get("FILE1")
    assert summary is not None
    assert summary.adds_up
    assert (summary.held, summary.submitted) == (1, {State.QUEUED: 2})
    ledger.states.finish(claimed(ledger, "A"), Event.ACCEPT, attempt(claimed_again(ledger), State.ACCEPTED))
    assert [f.submitted for f in ledger.files.all()] == [{State.ACCEPTED: 2}]


def claimed_again(ledger: DynamoLedger) -> Submission:
    found = ledger.submissions.get("A")
    assert found is not None
    return found


def test_a_stopped_facility_stays_stopped_until_it_is_opened(ledger: DynamoLedger) -> None:
    ledger.stops.stop_facility("EX1", "SECURITY-FAULT", NOON)
    ledger.stops.stop_facility("EX1", "NO-CREDENTIALS", NOON)
    assert ledger.stops.current().facilities == {"EX1": "SECURITY-FAULT"}
    assert ledger.stops.open_facility("EX1")
    assert not ledger.stops.open_facility("EX1")
    assert ledger.stops.current().facilities == {}


def test_the_patient_key_is_made_once_per_ledger(cloud: LocalCloud) -> None:
    client = boto3.client("dynamodb", region_name=REGION)
    keys = {DynamoLedger(client, cloud.runtime.table).submissions.patient_key() for _ in range(2)}
    assert len(keys) == 1


def test_a_submission_without_a_known_clinic_is_in_the_worklist(ledger: DynamoLedger) -> None:
    ledger.submissions.add(replace(a_submission("LOST", state=State.HELD), clinic=""))
    ledger.worklist.enter("LOST", ("CLINIC-UNKNOWN",))
    assert [entry.msh_10 for entry in ledger.worklist.entries()] == ["LOST"]


def test_the_valve_is_read_together_with_the_stopped_facilities(ledger: DynamoLedger) -> None:
    assert ledger.stops.current() == StopStatus({}, Valve())
    ledger.stops.stop_facility("EX1", "SECURITY-FAULT", NOON)
    shut = valves.closed(Valve(), ClosedBy.MAINTENANCE, "Sun 02:00-06:00", NOON)
    assert ledger.stops.save_valve(Valve(), shut)
    assert ledger.stops.current() == StopStatus({"EX1": "SECURITY-FAULT"}, replace(shut, version=1))


def test_of_two_concurrent_changes_of_the_valve_the_second_fails(ledger: DynamoLedger) -> None:
    first = ledger.stops.current().valve
    assert ledger.stops.save_valve(first, valves.closed(first, ClosedBy.PERSON, "asked to", NOON))
    assert not ledger.stops.save_valve(first, valves.closed(first, ClosedBy.FAULTS, "DNS", NOON))
    assert ledger.stops.current().valve.closed_by is ClosedBy.PERSON


def test_search_keys_of_overlapping_submissions_do_not_replace_each_other(ledger: DynamoLedger) -> None:
    for msh_10s in (("A", "B", "C"), ("A",), ("A", "D"), ("A", "B", "C")):
        ledger.search_keys.add([SearchTerm("lot", "AB12", msh_10s)])
    assert sorted(ledger.search_keys.find("lot", "AB12")) == ["A", "B", "C", "D"]


def test_a_search_term_finds_more_submissions_than_fit_into_one_sort_key(ledger: DynamoLedger) -> None:
    msh_10s = tuple(f"{number:020}" for number in range(100))
    ledger.search_keys.add([SearchTerm("lot", "AB12", msh_10s)])
    assert sorted(ledger.search_keys.find("lot", "AB12")) == list(msh_10s)
