"""Each function started as Lambda starts it: the heavy modules that it loads, and a log without PHI."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

from tests.functions.environment import NOWHERE
from tests.places import ROOT

# Modules that are heavy or belong to one function. A new name here is a decision.
WATCHED = {
    "difflib", "hl7apy", "lxml", "pydantic", "requests", "shared.adapters.hl7apy_opinion", "shared.adapters.aws.s3",
    "shared.adapters.aws.secrets_manager", "shared.adapters.iis.soap", "shared.domain.hl7.ack", "shared.domain.hl7.vxu",
    "shared.exports.csv.cells", "shared.exports.readers", "shared.usecases.intake.convert", "shared.usecases.correction.correct", "shared.usecases.delivery.submit",
    "sqlite3", "zeep", "zoneinfo",
}  # fmt: skip
LOADED = {
    "convert": {
        "shared.adapters.hl7apy_opinion",
        "shared.adapters.aws.s3",
        "shared.domain.hl7.vxu",
        "shared.exports.csv.cells",
        "shared.exports.readers",
        "shared.usecases.intake.convert",
        "sqlite3",
    },
    "submit": {
        "lxml",
        "requests",
        "shared.adapters.aws.s3",
        "shared.adapters.aws.secrets_manager",
        "shared.adapters.iis.soap",
        "shared.domain.hl7.ack",
        "shared.usecases.delivery.submit",
        "zeep",
    },
    "query": {
        "lxml",
        "requests",
        "shared.adapters.aws.s3",
        "shared.adapters.aws.secrets_manager",
        "shared.adapters.iis.soap",
        "shared.domain.hl7.vxu",
        "zeep",
    },
    "query_files": {
        "lxml",
        "requests",
        "shared.adapters.aws.s3",
        "shared.adapters.aws.secrets_manager",
        "shared.adapters.iis.soap",
        "shared.domain.hl7.vxu",
        "zeep",
    },
    "backfill": {"shared.adapters.aws.s3"},
    "report": {"shared.adapters.aws.s3", "zoneinfo"},
    "triage": set(),
    "sweep": {"shared.adapters.aws.s3", "zoneinfo"},
    "valve": {"lxml", "requests", "shared.adapters.aws.s3", "shared.adapters.iis.soap", "zeep"},
}
NAMES = sorted(path.parent.name for path in ROOT.glob("functions/*/handler.py"))
# Lambda's runtime puts its handler on the root logger before it imports the function.
IN_LAMBDA = """
import importlib, logging, sys
logging.basicConfig(stream=sys.stdout, level=logging.DEBUG)
module = importlib.import_module(f"functions.{sys.argv[1]}.handler")
getattr(module._app, sys.argv[1])
print("LOADED", *sorted(sys.modules))
logging.getLogger("urllib3").debug("Sampleton")
logging.getLogger("urllib3").error("Sampleton")
from functions import logs
logs.line("one", count=1)
try:
    module.handler({"Records": [{"body": "Sampleton", "messageId": "1", "attributes": {}}]}, None)
except logs.UnexpectedError as error:
    print(error)
"""
LAMBDA = {
    "POWERTOOLS_LOG_LEVEL": "DEBUG",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_MAX_ATTEMPTS": "1",
}


@dataclass(frozen=True)
class ColdStart:
    """The modules that a start loads, and what the process printed while loading and afterwards."""

    modules: frozenset[str]
    before: str
    after: str


@functools.cache
def cold_start(name: str) -> ColdStart:
    done = subprocess.run(
        [sys.executable, "-c", IN_LAMBDA, name],
        cwd=ROOT,
        env=os.environ | NOWHERE | LAMBDA | {"AWS_LAMBDA_FUNCTION_NAME": name},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    before, _, rest = done.stdout.partition("LOADED ")
    modules, _, after = rest.partition("\n")
    return ColdStart(frozenset(modules.split()), before + done.stderr, after)


@pytest.mark.parametrize("name", NAMES)
def test_a_function_loads_at_its_cold_start_only_the_heavy_modules_it_uses(name: str) -> None:
    assert cold_start(name).modules & WATCHED == LOADED[name]


@pytest.mark.parametrize("name", NAMES)
def test_in_lambda_every_function_scrubs_the_logs_of_libraries(name: str) -> None:
    start = cold_start(name)
    assert "urllib3 at " in start.after
    assert '"count":1' in start.after
    if name != "query":
        assert "Error at " in start.after or '"place":"' in start.after, "what broke is told by its type and place"
    assert "Sampleton" not in start.before + start.after


def test_every_function_has_a_list() -> None:
    assert set(NAMES) == set(LOADED)
