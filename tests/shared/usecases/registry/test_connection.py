"""The connection test speaks from where delivery speaks, and says so."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.ctwiz.faults import PlannedFault
from shared.adapters.aws.lambda_query import LambdaQuery
from shared.bootstrap import Application
from shared.replaced import replace
from tests.end_to_end.rows import CLINICS
from tests.local_run import OpenRun, open_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenRun]:
    with open_run(CLINICS, tmp_path_factory.mktemp("run")) as opened:
        yield opened


class Invoked:
    """Lambda's client: it invokes the real handler of `query`."""

    def __init__(self, run: OpenRun, answer: Any = None) -> None:
        self._run, self._answer = run, answer
        self.events: list[dict[str, Any]] = []

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self.events.append(json.loads(Payload))
        answer = self._answer or self._run.engine.handlers["query"](self.events[-1], None)
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


def deployed(run: OpenRun, client: Invoked) -> Application:
    """The application of a deployed stage, as the console opens it."""
    application = Application(replace(run.application.runtime, stage="test"))
    application.__dict__["_query_function"] = LambdaQuery(client, "vaxline-test-query")  # type: ignore[arg-type]
    return application


def test_on_a_deployed_stage_the_function_calls_the_iis_and_not_the_operators_machine(run: OpenRun) -> None:
    client = Invoked(run)
    application = deployed(run, client)
    application.__dict__["query_iis"] = application.__dict__["iis"] = None
    tested = application.test_connection("elm")
    assert (tested.endpoint, tested.fault) == (run.simulator.endpoint, "")
    assert client.events == [{"operation": "connectivityTest", "clinic": "elm"}]
    assert "vaxline-test-query" in application.test_connection_here._spoken_from


def test_a_fault_of_the_connection_is_told_by_its_code(run: OpenRun) -> None:
    run.simulator.play(PlannedFault("http-503"))
    try:
        assert deployed(run, Invoked(run)).test_connection("").fault == "HTTP-503"
    finally:
        run.simulator.stop_playing()


def test_a_clinic_that_is_not_configured_is_refused_by_name(run: OpenRun) -> None:
    with pytest.raises(LookupError, match="nobody"):
        deployed(run, Invoked(run)).test_connection("nobody")


def test_a_function_of_an_earlier_version_is_not_taken_for_an_answer(run: OpenRun) -> None:
    earlier = Invoked(run, {"clinic": "", "profile": "Z44", "fault": "", "not_asked": "the event has no patient"})
    with pytest.raises(LookupError, match="deploy the stage first"):
        deployed(run, earlier).test_connection("")
