"""The heavy modules that each function loads at its cold start: none that it does not use."""

from __future__ import annotations

import json
import os
import subprocess
import sys

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
    "report": {"shared.adapters.aws.s3"},
    "triage": set(),
    "sweep": {"shared.adapters.aws.s3", "zoneinfo"},
    "valve": {"lxml", "requests", "shared.adapters.aws.s3", "shared.adapters.iis.soap", "zeep"},
}
SCRIPT = """
import importlib, json, sys
module = importlib.import_module(f"functions.{sys.argv[1]}.handler")
getattr(module._app, sys.argv[1])
print(json.dumps(sorted(sys.modules)))
"""


@pytest.mark.parametrize("name", sorted(LOADED))
def test_a_function_loads_at_its_cold_start_only_the_heavy_modules_it_uses(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, name],
        cwd=ROOT,
        env=os.environ | NOWHERE,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert loaded & WATCHED == LOADED[name]


def test_every_function_has_a_list() -> None:
    assert {path.parent.name for path in ROOT.glob("functions/*/handler.py")} == set(LOADED)
