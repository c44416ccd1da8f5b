"""Both stages synthesized once for all tests, with a small folder in the place of the functions' real code."""

from __future__ import annotations

import contextlib
import fcntl
import json
from pathlib import Path
from typing import Any

import pytest

from tests.infra.templates import Template
from tests.places import ROOT


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The cloud assembly, made once for all xdist workers: the one that comes first makes it, the others wait."""
    pytest.importorskip("aws_cdk", reason="the CDK is not installed: requirements/dev.txt has it")
    own = tmp_path_factory.getbasetemp()
    folder = own.parent if hasattr(request.config, "workerinput") else own
    out, made = folder / "assembly", folder / "assembly-made"
    with (folder / "assembly.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            _synthesize(out, folder / "assembly-code")
            made.touch()
    return out


def _synthesize(out: Path, code: Path) -> None:
    """Both stages: `test` as it is in cdk.json, `production` with the fixed address switched on.

    A finding of cdk-nag stops the synthesis only after everything is written; its own test looks at the report.
    """
    import app

    code.mkdir()
    (code / "placeholder.py").write_text("", "ascii")
    context: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text("utf-8"))["context"]
    context["stages"]["production"]["fixed_egress"] = True
    context["stages"]["production"]["iis_port"] = 8443
    context["stages"]["production"]["alarm_email"] = "alarms@example.org"
    context["stages"]["production"]["notice_email"] = "desk@example.org"
    made = app.cdk.App(context=context, outdir=str(out))
    app.add_checks(made)
    app.add_stages(made, code)
    with contextlib.suppress(RuntimeError):
        made.synth()


@pytest.fixture(scope="session", params=["test", "production"])
def stage(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def template(assembly: Path, stage: str) -> Template:
    return Template(json.loads((assembly / f"vaxline-{stage}.template.json").read_text("utf-8")))
