"""Cold starts, and the package."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from infra.bundling import HERE, CannotBundleError, bundle
from shared.settings import FUNCTIONS
from tests.benchmarks.measure import Row, at_most, figure
from tests.functions.environment import NOWHERE
from tests.places import ROOT

_CLIENTS: Final = {
    "convert": ("dynamodb", "s3", "sqs"),
    "submit": ("dynamodb", "s3", "sqs", "secretsmanager"),
    "triage": ("dynamodb", "sqs"),
    "sweep": ("dynamodb", "s3", "sqs"),
}
_OURS: Final = """
import time; start = time.process_time()
import importlib, sys
module = importlib.import_module(f"functions.{sys.argv[1]}.handler")
getattr(module._app, sys.argv[1])
print(time.process_time() - start)
"""
_PEER: Final = """
import time; start = time.process_time()
import sys, boto3
session = boto3.Session(region_name="us-east-1")
for name in sys.argv[2].split(","): session.client(name)
print(time.process_time() - start)
"""
_ROUNDS: Final = 7


def rows() -> Iterator[Row]:
    folder = ROOT / "build/bench-package"
    try:
        bundle(ROOT, folder, HERE)
    except CannotBundleError:
        yield figure("package, unzipped (not made: no package registry here)", 0, "MiB")
        folder = ROOT
    else:
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1024**2
        yield figure("package, unzipped, with bytecode", size, "MiB", most=45)
    for function in FUNCTIONS:
        if function.name in _CLIENTS:
            yield _start(function.name, folder)


def _start(name: str, folder: Path) -> Row:
    ours, peer = [], []
    for number in range(_ROUNDS + 1):
        for script, times in ((_OURS, ours), (_PEER, peer)):
            # -S: of the package alone, as in Lambda. zeep takes up httpx where it finds it, as in our own environment.
            alone = ["-S"] if folder is not ROOT else []
            command = [sys.executable, *alone, "-c", script, name, ",".join(_CLIENTS[name])]
            done = subprocess.run(
                command, cwd=folder, env=os.environ | NOWHERE, capture_output=True, text=True, check=True
            )
            if number:
                times.append(float(done.stdout.splitlines()[-1]) * 1e3)
    return at_most(
        f"cold start of {name}, CPU",
        statistics.median(ours),
        "ms",
        peer="boto3 + its clients",
        peer_value=statistics.median(peer),
        limit=1.6,
    )
