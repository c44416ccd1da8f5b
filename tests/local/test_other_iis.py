"""Another IIS on this machine stands in the place of the simulated CT WiZ, and no other machine does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from console import demo
from local import other_iis, runs
from local.aws.engine import Engine
from local.ctwiz.scenarios import LAPTOP_PACE, run_scenario
from local.ctwiz.server import Simulator
from shared.domain.lifecycle import State
from tests.end_to_end.rows import CLINICS, a_csv, row
from tests.local_run import kept_in


@pytest.fixture(autouse=True)
def places(tmp_path: Path) -> Iterator[None]:
    with kept_in(tmp_path):
        yield


@pytest.fixture
def test_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """A server of its own, with an account that no local run makes."""
    monkeypatch.setenv(other_iis.USERNAME, "tester")
    monkeypatch.setenv(other_iis.PASSWORD, "of the test server")
    account = ("tester", "of the test server")
    with Simulator(facilities={f"CT900{number}": account for number in range(1, 4)}) as server:
        yield server


def test_messages_go_to_the_other_iis_with_its_account_and_later_commands_do_too(test_server: Simulator) -> None:
    with runs.start(CLINICS, "clinics.toml", endpoint=test_server.endpoint) as run, Engine(run.cloud) as engine:
        assert run.iis == f"Your IIS at {test_server.endpoint}"
        body = a_csv(row("SYN-1", "D1"), row("SYN-2", "D2", lot=""))
        run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key="inbox/elm/doses.csv", Body=body)
        assert engine.wait_until_idle(timeout=60)
        (file,) = run.application.ledger.files.all()
        assert file.submitted == {State.ACCEPTED: 1}
        assert run.simulator.received == []
        (held,) = (entry.msh_10 for entry in run.application.ledger.worklist.entries())
    assert len(test_server.accepted) == 1
    with runs.open_last() as application:
        application.correct(held, {"lot": "AB123"})
    assert len(test_server.accepted) == 2
    with runs.keep_running(endpoint=other_iis.SIMULATED) as run:
        assert run.endpoint == run.simulator.endpoint
    with runs.open_last() as application:
        assert application.configurations.current().iis.endpoint != test_server.endpoint


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://ctwiz.example/cdc/v1/iisservice.svc",
        "http://10.0.0.1/",
        "http://127.0.0.1.example/",
        "ftp://127.0.0.1/",
        "127.0.0.1:80",
        'http://127.0.0.1/"\nendpoint = "https://ctwiz.example/',
        "http://127.0.0.1@ctwiz.example/",
        "http://[::1",
    ],
)
def test_an_address_of_another_machine_is_refused(endpoint: str) -> None:
    with pytest.raises(LookupError, match="no address on this machine"), runs.start(CLINICS, "x", endpoint=endpoint):
        pass


def test_only_the_simulated_ct_wiz_plays_a_scenario() -> None:
    scenario = run_scenario("typical-week", seed=1, pace=LAPTOP_PACE)
    with pytest.raises(LookupError, match="--scenario"):  # noqa: SIM117 - the inner one raises
        with runs.start(CLINICS, "x", scenario=scenario, endpoint="http://127.0.0.1:1/"):
            pass


@pytest.mark.slow
def test_the_demo_sends_to_the_other_iis(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    configuration = runs.read_configuration(runs.DEMO_CLINICS.read_text("utf-8"))
    with Simulator(
        facilities=runs._accounts(configuration.clinics.values()),
        clinic_codes=runs._facility_codes(configuration.clinics.values()),
    ) as server:
        assert demo.main(["--quiet", "--doses", "20", "--endpoint", server.endpoint]) == 0
        assert server.accepted
