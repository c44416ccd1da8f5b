"""Synthetic people called Canary go every way there is, at DEBUG; nothing of them is anywhere but where PHI may be."""

from __future__ import annotations

import io
import json
import logging
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions import logs
from local import runs
from local.aws.engine import Engine
from local.ctwiz import faults, soap
from local.ctwiz.faults import PlannedFault, TransportFault
from local.runs import LocalRun
from shared.domain.lifecycle import State
from shared.settings import SWEEP
from shared.usecases.correction.correct import Resubmitted
from tests.end_to_end.rows import CLINICS, HEADER

# Names, numbers, ids and lots are Canary's; so are a birthday, a telephone number and a password in digits.
CANARY = re.compile(r"canary|1983-?07-?19|555-?0199", re.IGNORECASE)
HISTORICAL = {"primarySource": False, "occurrenceDateTime": "2025-03-02"}
CVX = "http://hl7.org/fhir/sid/cvx"
MR = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}


def a_row(number: int, *, first_name: str = "Canaria Canary", lot: str = "CANARYLOT", cvx: str = "115") -> str:
    return (
        f"CANARYMRN{number},Canaryname,{first_name},1983-07-19,F,2106-3,2186-5,1 Canary Way,Canaryville,CT,"
        f"06103,CANARYDOSE{number},2026-03-02,{cvx},SKB,{lot},IM,V01,PHC70,1234567893"
    )


def a_patient(identifier: str) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": identifier,
        "identifier": [{"type": MR, "system": "urn:example", "value": f"CANARY-{identifier}"}],
        "name": [{"use": "official", "family": "Canaryname", "given": ["Canaria"]}],
        "telecom": [{"system": "phone", "value": "860-555-0199"}],
        "gender": "female",
        "birthDate": "1983-07-19",
    }


def an_immunization(identifier: str, patient: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Immunization",
        "id": f"canary-{identifier}",
        "status": "completed",
        "vaccineCode": {"coding": [{"system": CVX, "code": "115"}]},
        "patient": {"reference": patient},
        "occurrenceDateTime": "2026-03-02",
        "primarySource": True,
        "lotNumber": "CANARYLOT",
        "note": [{"text": "Canary sings"}],
    } | more


CSV = "\n".join(
    (
        HEADER,
        a_row(1),
        a_row(2, lot=""),
        a_row(3, first_name="INFANT"),
        a_row(4, cvx="A local vaccine"),
        '"CANARY open quote,Canaryname',
        "CANARY,too,few,cells",
        a_row(5).replace("1983-07-19", "Canary day"),
    )
)
NDJSON = {
    "Patient.ndjson": [a_patient("p1")],
    "Immunization.ndjson": [
        an_immunization("i1", "Patient/p1"),
        an_immunization("i0", "Patient/p1", **HISTORICAL),
        an_immunization("i2", "Patient/canary-missing"),
        an_immunization("i3", "Patient/p1", occurrenceDateTime="Canary day"),
        {"resourceType": "Immunization", "id": ["canary"]},
    ],
}
BUNDLE = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {"fullUrl": "urn:uuid:canary", "resource": a_patient("p2")},
        {"fullUrl": "urn:uuid:i5", "resource": an_immunization("i5", "urn:uuid:canary", **HISTORICAL)},
        {"fullUrl": "urn:uuid:i4", "resource": an_immunization("i4", "urn:uuid:canary")},
        {"resource": {"resourceType": "Immunization", "id": {"canary": 1}}},
    ],
}
HL7 = (
    "MSH|^~\\&|CANARY|CANARY|IIS|CT0000|20260302||VXU^V04^VXU_V04|CANARY|P|2.5.1\r"
    "PID|1||CANARY6^^^EHR^MR||Canaryname^Canaria^^^^^L||19830719|F|||1 Canary Way^^Canaryville^CT||^PRN^PH^^^860^5550199\r"
    "ORC|RE||CANARYDOSE6^EHR\r"
    "RXA|0|1|20260302||115^Tdap^CVX|0.5|mL^^UCUM||00^^NIP001||^^^ELM01||||CANARYLOT|20270101|SKB^^MVX|||CP|A\r"
    "ORC|RE||CANARYDOSE7^EHR\r"
    "RXA|0|1|20250302||115^Tdap^CVX|999|||01^Historical^NIP001||||||CANARYLOT|||||CP|A\r"
    "MSH|^~\\&|CANARY|CANARY|IIS|CT0000|20260302||ADT^A01|Canaryname|P|2.5.1\rPID|1||CANARY7\r"
)
EXPORTS = {
    "inbox/elm/doses.csv": CSV,
    "inbox/yours-hl7/doses.hl7": HL7,
    "inbox/yours-fhir-bundle/doses.json": json.dumps(BUNDLE),
    **{f"inbox/yours-fhir/a/{name}": "\n".join(map(json.dumps, lines)) for name, lines in NDJSON.items()},
    "inbox/yours-fhir/a/_SUCCESS": "",
}
QUOTING = {
    "a fault that quotes the message": lambda call: soap.fault("fault", f"Canaryname: {call.message}"),
    "an ACK that quotes it": lambda call: soap.answer(
        "".join(
            f"{segment}\r"
            for segment in (
                call.answer.split("\r")[0],
                next(part for part in call.answer.split("\r") if part.startswith("MSA")).replace("|AA|", "|AE|"),
                "ERR||PID^1^5|101^Canaryname^HL70357|E|Canary^CANARY|||Canaryname is missing|Canaria Canaryname",
            )
        )
    ),
    "a page that quotes it": lambda call: soap.Reply(200, f"<html>{call.message}</html>".encode()),
    "words that quote it": lambda call: soap.answer(f"Canaryname not stored: {call.message}"),
}


class Watch:
    """What a run says anywhere outside the places where PHI may be."""

    def __init__(self) -> None:
        self.log = io.StringIO()
        self.queued: list[str] = []

    def watch_queues(self, run: LocalRun) -> None:
        run.cloud.sqs.meta.events.register(
            "after-call.sqs.ReceiveMessage",
            lambda parsed, **_: self.queued.extend(map(repr, parsed.get("Messages", []))),
        )


@pytest.fixture
def watch(request: pytest.FixtureRequest) -> Iterator[Watch]:
    """Everything that anybody logs, at DEBUG, through the filter that the functions put before Lambda's log."""
    watching = Watch()
    handler = logging.StreamHandler(watching.log)
    handler.addFilter(logs.Scrubbed())
    root = logging.getLogger()
    before = root.level
    # pytest's own handlers would put minutes of DEBUG into words.
    plugin = request.config.pluginmanager.get_plugin("logging-plugin")
    of_pytest = [plugin.caplog_handler, plugin.report_handler] if plugin else []
    for one in of_pytest:
        one.setLevel(logging.CRITICAL)
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    logs._logger.setLevel(logging.DEBUG)
    yield watching
    root.removeHandler(handler)
    root.setLevel(before)
    logs._logger.setLevel(logging.INFO)
    for one in of_pytest:
        one.setLevel(logging.NOTSET)


@pytest.fixture
def run(places: None, watch: Watch) -> Iterator[tuple[LocalRun, Engine]]:
    with runs.start(CLINICS, "clinics.toml") as running:
        watch.watch_queues(running)
        with Engine(running.cloud) as engine:
            yield running, engine


def put(run: LocalRun, exports: dict[str, str]) -> None:
    for key, body in exports.items():
        run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key=key, Body=body.encode())


def told(folder: Path) -> str:
    return (folder / "functions.log").read_text("utf-8")


def nothing_got_out(run: LocalRun, engine: Engine, watch: Watch, folder: Path, printed: str) -> None:
    log = told(folder)
    listing = run.cloud.s3.list_object_versions(Bucket=run.cloud.runtime.bucket)["Versions"]
    today = run.application.clock.now().date()
    entries = map(repr, run.application.audit.entries(today, today))
    said = {
        "the functions' log and metrics": log,
        "what libraries log": watch.log.getvalue(),
        "the queues": "\n".join(watch.queued),
        "exceptions": "\n".join(engine.errors),
        "the keys of objects": "\n".join(item["Key"] for item in listing),
        "standard output": printed,
        "the audit trail": "\n".join(entries),
        "keys and indexes of the ledger": "\n".join(_plain(run)),
        "names of files": "\n".join(path.name for path in folder.rglob("*")),
    }
    assert '"converted"' in log
    assert "_aws" in log
    assert any("msh_10" in one for one in watch.queued)
    for place, text in said.items():
        found = CANARY.search(text)
        assert found is None, (place, text[max(0, found.start() - 300) : found.end() + 100])


def _plain(run: LocalRun) -> Iterator[str]:
    """Of every item what is not in a compressed attribute: keys, what the indexes have, the file names."""
    pages = run.application.session.client("dynamodb").get_paginator("scan").paginate(TableName=run.cloud.runtime.table)
    for page in pages:
        for item in page["Items"]:
            yield json.dumps({name: value for name, value in item.items() if "B" not in value}, default=str)


def test_nothing_of_a_patient_leaves_by_any_format(
    run: tuple[LocalRun, Engine], watch: Watch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    local, engine = run
    put(local, EXPORTS)
    assert engine.wait_until_idle(timeout=120)
    files = list(local.application.ledger.files.all())
    assert {file.source for file in files} == {"elm", "yours-fhir", "yours-hl7", "yours-fhir-bundle"}
    assert all(file.adds_up and file.held and file.submitted for file in files)
    nothing_got_out(local, engine, watch, tmp_path, "".join(capfd.readouterr()))


def test_nothing_of_a_patient_leaves_by_what_the_iis_answers(
    run: tuple[LocalRun, Engine],
    watch: Watch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    local, engine = run
    for number, (name, reply) in enumerate(QUOTING.items(), 1):
        monkeypatch.setitem(faults.FAULTS, name, TransportFault(name, True, reply, faults.send_whole))
        local.simulator.play(PlannedFault(name, patient=f"CANARYMRN{number}"))
    for fault in ("http-503", "eof-mid-body", "malformed-xml", "base64"):
        local.simulator.play(PlannedFault(fault, patient="CANARYMRN9", times=1))
    put(local, {"inbox/elm/doses.csv": "\n".join((HEADER, *(a_row(number) for number in (1, 2, 3, 4, 9))))})
    assert engine.wait_until_idle(timeout=120)
    (file,) = local.application.ledger.files.all()
    assert file.adds_up
    assert file.submitted.get(State.REFUSED), "the ACK that quotes the message was read"
    nothing_got_out(local, engine, watch, tmp_path, "".join(capfd.readouterr()))


def test_nothing_of_a_patient_leaves_by_a_folder_that_somebody_called_by_her_name(
    run: tuple[LocalRun, Engine], tmp_path: Path
) -> None:
    local, engine = run
    put(local, {"inbox/Canaryname Canaria/Canary.csv": "x", "inbox/CANARYMRN9.csv": "x", "inbox/elm/Canary.csv": CSV})
    assert engine.wait_until_idle(timeout=120)
    assert len(list(local.application.ledger.files.all())) == 3
    assert "converted" in told(tmp_path)
    assert CANARY.search(told(tmp_path)) is None


def test_nothing_of_a_patient_leaves_by_a_correction(
    run: tuple[LocalRun, Engine], watch: Watch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    local, engine = run
    put(local, {"inbox/elm/doses.csv": "\n".join((HEADER, a_row(1, lot=""), a_row(2, first_name="INFANT")))})
    assert engine.wait_until_idle(timeout=120)
    first, second = sorted(local.application.ledger.worklist.entries(), key=lambda entry: entry.state)
    for entry, changes in ((first, {"lot": "CANARYLOT2"}), (second, {"first_name": "Canaria"})):
        assert isinstance(local.application.correct(entry.msh_10, changes), Resubmitted)
    assert engine.wait_until_idle(timeout=120)
    (file,) = local.application.ledger.files.all()
    assert file.submitted == {State.SUPERSEDED: 2}
    nothing_got_out(local, engine, watch, tmp_path, "".join(capfd.readouterr()))


BREAKS = [("convert", "BatchGetItem"), ("convert", "PutItem"), ("submit", "UpdateItem"), ("triage", "GetItem")]


@pytest.mark.parametrize(("function", "operation"), BREAKS)
def test_nothing_of_a_patient_leaves_by_what_breaks(
    run: tuple[LocalRun, Engine],
    watch: Watch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    function: str,
    operation: str,
) -> None:
    local, engine = run
    breaks_once(engine, function, operation)
    put(local, {"inbox/elm/doses.csv": "\n".join((HEADER, a_row(1), a_row(2, lot="")))})
    end = time.monotonic() + 60
    while not all(name in told(tmp_path) for name in ('"error":"RuntimeError"', "converted", "_aws")):
        assert time.monotonic() < end
        time.sleep(0.1)
    if function != "submit":
        # What submit could not claim comes again when the queue shows it again.
        assert engine.wait_until_idle(timeout=120)
    nothing_got_out(local, engine, watch, tmp_path, "".join(capfd.readouterr()))


def test_nothing_of_a_patient_leaves_by_a_schedule_that_breaks(run: tuple[LocalRun, Engine]) -> None:
    _, engine = run
    breaks_once(engine, "sweep", "Query")
    with pytest.raises(logs.UnexpectedError) as raised:
        engine.invoke(SWEEP, {})
    assert CANARY.search(str(raised.value)) is None


def breaks_once(engine: Engine, function: str, operation: str) -> None:
    """The function's next call of that kind breaks with a text that quotes a patient."""
    client = engine.handlers[function].__wrapped__.__globals__["_app"]._dynamodb
    event = f"before-call.dynamodb.{operation}"

    def broken(**_: object) -> None:
        client.meta.events.unregister(event, broken)
        raise RuntimeError("Canaryname, Canaria 1983-07-19")

    client.meta.events.register(event, broken)
