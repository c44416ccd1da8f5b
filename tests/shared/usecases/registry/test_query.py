"""Queries: what is sent, what is not, and what keeps queries and messages apart."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from shared.domain.faults import BY_CODE
from shared.domain.hl7.qbp import Request
from shared.domain.hl7.rsp_model import Match
from shared.domain.maintenance import window
from shared.domain.model import Address, Name, Patient, Telecom
from shared.domain.query_gate import CLOSE_AFTER
from shared.domain.submission import Answer, DeliveryFault
from shared.domain.valve import ClosedBy, Valve
from shared.replaced import replace
from shared.usecases.delivery.delivered import Done
from shared.usecases.delivery.stops import Stop
from shared.usecases.registry.query import (
    CLINIC_NOT_CONFIGURED,
    NOT_ENOUGH,
    Asked,
    Query,
    columns_of,
    fresh_id,
    is_batch_time,
    patient_of,
)
from tests.conftest import NOON
from tests.fakes.configurations import Fixed
from tests.shared.usecases.submit_setup import CONFIGURATION, SubmitSetup, Vault, ack

ADA = Patient("SYN1", Name("Sampleton", "Ada"), "20200102", "F")


def nobody(msh_10: str) -> Answer:
    head = "MSH|^~\\&|WebIZ|CT0000||ORG|20260302||RSP^K11^RSP_K11|1|P|2.5.1|||NE|NE|||||Z33^CDCPHINVS"
    return Answer(f"{head}\rMSA|AA|{msh_10}\rQAK|{msh_10}|NF|Z44^x^CDCPHINVS\r", 200, 0.2)


def a_query(submit_setup: SubmitSetup, vault: Vault | None = None) -> Query:
    return Query(
        stops=submit_setup.ledger.stops,
        configurations=Fixed(CONFIGURATION),
        secrets=vault or Vault(),
        iis=submit_setup.iis,
        clock=submit_setup.clock,
    )


def test_every_query_has_an_id_of_its_own_and_its_answer_is_read(submit_setup: Callable[..., SubmitSetup]) -> None:
    here = submit_setup(nobody)
    query = a_query(here)
    first, second = query(Request(ADA), "elm"), query(Request(ADA), "elm")
    assert first.response is not None
    assert first.response.match is Match.NOT_FOUND
    assert here.iis.sent == [first.msh_10, second.msh_10]
    assert first.msh_10 != second.msh_10


def test_query_ids_are_short_enough_for_webiz() -> None:
    ids = {fresh_id() for _ in range(200)}
    assert len(ids) == 200
    assert {len(one) for one in ids} == {20}


@pytest.mark.parametrize(
    ("patient", "missing"),
    [
        (replace(ADA, name=Name("Sampleton")), ("QPD-4.2",)),
        (replace(ADA, birth_date="2020"), ("QPD-6",)),
        (Patient("SYN1"), ("QPD-4.1", "QPD-4.2", "QPD-6")),
    ],
)
def test_a_query_without_the_required_fields_is_not_sent(
    submit_setup: Callable[..., SubmitSetup], patient: Patient, missing: tuple[str, ...]
) -> None:
    here = submit_setup(nobody)
    asked = a_query(here)(Request(patient), "elm")
    assert (asked.not_asked, asked.missing, here.iis.sent) == (NOT_ENOUGH, missing, [])


def test_a_clinic_that_is_not_configured_sends_no_query(submit_setup: Callable[..., SubmitSetup]) -> None:
    assert a_query(submit_setup(nobody))(Request(ADA), "nowhere").not_asked == CLINIC_NOT_CONFIGURED


def test_a_refused_password_stops_the_queries_of_the_facility_and_not_its_messages(
    submit_setup: Callable[..., SubmitSetup],
) -> None:
    here = submit_setup(lambda _: DeliveryFault("SECURITY-FAULT", 500, 0.1))
    query = a_query(here)
    assert query(Request(ADA), "elm").fault == "SECURITY-FAULT"
    assert query(Request(ADA), "elm").not_asked == Stop.FACILITY
    assert len(here.iis.sent) == 1
    stops = here.ledger.stops.current()
    assert (stops.facilities, stops.query_facilities) == ({}, {"ID-elm": "SECURITY-FAULT"})
    here.iis.say = ack
    here.add("A")
    assert here.deliver("A") == [Done("A", "elm", "ACCEPTED", "", 0.2)]
    assert here.ledger.stops.open_facility("ID-elm")
    here.iis.say = nobody
    assert query(Request(ADA), "elm").response is not None


def test_a_stopped_facility_may_still_ask(submit_setup: Callable[..., SubmitSetup]) -> None:
    here = submit_setup(nobody)
    here.ledger.stops.stop_facility("ID-elm", "SECURITY-FAULT", here.clock.time)
    assert a_query(here)(Request(ADA), "elm").response is not None


def test_a_new_password_gets_one_try_before_the_facility_stops(submit_setup: Callable[..., SubmitSetup]) -> None:
    here = submit_setup(lambda _: DeliveryFault("SECURITY-FAULT", 500, 0.1))
    a_query(here, Vault("old", "new"))(Request(ADA), "elm")
    assert here.iis.passwords == ["old", "new"]


def test_faults_of_queries_hold_queries_for_a_while_and_no_messages(submit_setup: Callable[..., SubmitSetup]) -> None:
    here = submit_setup(lambda _: DeliveryFault("HTTP-500", 500, 0.1))
    query = a_query(here)
    assert {query(Request(ADA), "elm").fault for _ in range(CLOSE_AFTER)} == {"HTTP-500"}
    assert query(Request(ADA), "elm").not_asked == Stop.QUERIES
    assert len(here.iis.sent) == CLOSE_AFTER
    assert here.ledger.stops.current().valve == Valve()
    here.iis.say = nobody
    here.clock.time += timedelta(seconds=60)
    assert query(Request(ADA), "elm").response is not None
    assert not here.ledger.stops.current().query_gate.faults


def closed(by: ClosedBy, reason: str) -> Valve:
    return Valve(closed_by=by, reason=reason, since=NOON, last_try=NOON)


@pytest.mark.parametrize(
    ("valve", "stop"),
    [
        (closed(ClosedBy.FAULTS, "CONNECT-REFUSED"), Stop.VALVE),
        (closed(ClosedBy.FAULTS, "DNS"), Stop.VALVE),
        (closed(ClosedBy.PERSON, "CT asked us to wait"), Stop.VALVE),
        (closed(ClosedBy.FAULTS, "HTTP-500"), ""),
        (closed(ClosedBy.FAULTS, "READ-TIMEOUT"), ""),
        (closed(ClosedBy.TRIAL, "CONNECT-REFUSED"), ""),
    ],
)
def test_a_closed_valve_stops_queries_only_where_they_have_its_cause_in_common(
    submit_setup: Callable[..., SubmitSetup], valve: Valve, stop: str
) -> None:
    here = submit_setup(nobody)
    here.ledger.stops.save_valve(Valve(), valve)
    assert a_query(here)(Request(ADA), "elm").not_asked == stop


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (lambda _: nobody("another"), "WRONG-MSA-2"),
        (lambda _: Answer("<html>", 200, 0.1), "NOT-AN-ACK"),
        (lambda _: DeliveryFault("READ-TIMEOUT", 0, 60.0), "READ-TIMEOUT"),
    ],
)
def test_an_unusable_answer_is_a_fault_of_the_catalogue(
    submit_setup: Callable[..., SubmitSetup], answer: Callable[[str], Answer | DeliveryFault], fault: str
) -> None:
    asked = a_query(submit_setup(answer))(Request(ADA), "elm")
    assert (asked.fault, asked.response) == (fault, None)
    assert fault in BY_CODE


def test_a_patient_survives_the_way_through_columns() -> None:
    patient = Patient(
        "SYN1",
        Name("Sampleton", "Ada", "Q", "Jr"),
        "20200102",
        "F",
        "Example",
        addresses=(Address("1 Example Way", "", "Hartford", "CT", "06103"),),
        telecoms=(Telecom("PRN", "PH", "860", "5550100"),),
        multiple_birth="Y",
        birth_order="2",
    )
    assert patient_of(columns_of(patient)) == patient


def test_query_files_are_worked_on_only_in_the_query_hours() -> None:
    hours = window("daily 22:00-05:00")
    assert hours is not None
    iis = replace(CONFIGURATION.iis, query_hours=(hours,))
    night, noon = datetime(2026, 3, 3, 4, tzinfo=UTC), datetime(2026, 3, 2, 17, tzinfo=UTC)
    assert [is_batch_time(iis, night), is_batch_time(iis, noon)] == [True, False]
    assert is_batch_time(CONFIGURATION.iis, noon)


def test_an_unreadable_column_is_named() -> None:
    assert "birth_date" in str(patient_of({"last_name": "Sampleton", "birth_date": "soon"}))
    assert "there is no column" in str(patient_of({"password": "x"}))


def test_a_result_survives_the_way_through_json(submit_setup: Callable[..., SubmitSetup]) -> None:
    asked = a_query(submit_setup(nobody))(Request(ADA), "elm")
    assert msgspec.json.decode(msgspec.json.encode(asked), type=Asked) == asked
