"""Synthesize the stages of `cdk.json`: `python app.py`, or the `cdk` command, which runs it.

Settings are read from the context (`cdk … -c name=value`) or the environment. `stage` / `VAXLINE_SYNTH_STAGE` limits
the synthesis to one stage. `first` / `VAXLINE_SYNTH_FIRST` = true is for a stage's first deployment (docs/deploy.md).
`bundle_for` / `VAXLINE_BUNDLE_FOR` is what the functions are bundled for: `lambda` (the default), or `here` for an
emulator that runs them with the Python of this machine.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from infra.node import use_packaged_node

use_packaged_node()

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from infra import bundling
from infra.nag import add_checks
from infra.stack import VaxlineStack
from infra.stages import Stage

ROOT = Path(__file__).resolve().parent
_TARGETS = {"lambda": bundling.LAMBDA, "here": bundling.HERE}


class RefusedError(Exception):
    """Synthesis refused; the findings are on standard error."""


def main() -> None:
    """Bundle the functions, then write a template per stage to `CDK_OUTDIR` (default: build/cdk.out)."""
    given = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))
    app = new_app(given["context"], Path(os.environ.get("CDK_OUTDIR", ROOT / given["output"])))
    target = setting(app, "bundle_for", "VAXLINE_BUNDLE_FOR") or "lambda"
    code = ROOT / "build" / "functions" / target
    bundling.bundle(ROOT, code, _TARGETS[target])
    add_checks(app)
    add_stages(app, code, only=setting(app, "stage", "VAXLINE_SYNTH_STAGE"))
    try:
        app.synth()
    except RuntimeError as error:
        raise RefusedError(str(error).splitlines()[0]) from error


def new_app(context: Mapping[str, object], out: Path) -> cdk.App:
    """Return an app that writes its templates to a folder."""
    return cdk.App(context=context, outdir=str(out))


def setting(app: cdk.App, context: str, variable: str) -> str:
    """Return a setting of the context, else of the environment; empty where it is in neither."""
    return str(app.node.try_get_context(context) or os.environ.get(variable, ""))


def add_stages(app: cdk.App, code: Path, *, only: str = "") -> list[VaxlineStack]:
    """Add a stack per stage of the context, or only for one.

    Args:
        app: the app.
        code: the folder of the functions' code.
        only: the stage to add; empty for all.
    """
    first = setting(app, "first", "VAXLINE_SYNTH_FIRST").lower() == "true"
    stages = [Stage.read(name, given, first=first) for name, given in app.node.try_get_context("stages").items()]
    return [
        VaxlineStack(app, stage=stage, code=lambda_.Code.from_asset(str(code)))
        for stage in stages
        if only in ("", stage.name)
    ]


if __name__ == "__main__":
    try:
        main()
    except (bundling.CannotBundleError, RefusedError, ValueError) as error:
        sys.exit(str(error))
