"""Synthesizes the stages of `cdk.json`: `python app.py`, or the `cdk` command line, which runs the same.

Context (`cdk … -c name=value`) or environment: `stage` / `VAXLINE_SYNTH_STAGE` makes one stage alone;
`bundle_for` / `VAXLINE_BUNDLE_FOR` says whom the functions are bundled for: `lambda` (the default) or `here`, this
machine, for an emulator that runs them with the local Python.
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
from infra.acknowledged import add_checks
from infra.stack import VaxlineStack
from infra.stages import Stage

ROOT = Path(__file__).resolve().parent
_TARGETS = {"lambda": bundling.LAMBDA, "here": bundling.HERE}


class RefusedError(Exception):
    """Synthesis refused; the findings are on standard error."""


def main() -> None:
    """Bundles once, then writes a template for each stage to `CDK_OUTDIR` (default: build/cdk.out)."""
    given = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))
    app = new_app(given["context"], Path(os.environ.get("CDK_OUTDIR", ROOT / given["output"])))
    target = choice(app, "bundle_for", "VAXLINE_BUNDLE_FOR") or "lambda"
    code = ROOT / "build" / "functions" / target
    bundling.bundle(ROOT, code, _TARGETS[target])
    add_checks(app)
    add_stages(app, code, only=choice(app, "stage", "VAXLINE_SYNTH_STAGE"))
    try:
        app.synth()
    except RuntimeError as refused:
        raise RefusedError(str(refused).splitlines()[0]) from refused


def new_app(context: Mapping[str, object], out: Path) -> cdk.App:
    """An app that writes its templates to this folder."""
    return cdk.App(context=context, outdir=str(out))


def choice(app: cdk.App, context: str, variable: str) -> str:
    """The value from the CDK context or the environment; empty if neither has one."""
    return str(app.node.try_get_context(context) or os.environ.get(variable, ""))


def add_stages(app: cdk.App, code: Path, *, only: str = "") -> list[VaxlineStack]:
    """One stack for each stage of the context, or for one of them, with the functions' code from this folder."""
    stages = [Stage.read(name, given) for name, given in app.node.try_get_context("stages").items()]
    return [
        VaxlineStack(app, stage=stage, code=lambda_.Code.from_asset(str(code)))
        for stage in stages
        if only in ("", stage.name)
    ]


if __name__ == "__main__":
    try:
        main()
    except (bundling.CannotBundleError, RefusedError, ValueError) as problem:
        sys.exit(str(problem))
