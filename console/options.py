"""The options that commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Stage = Annotated[str, typer.Option(envvar="VAXLINE_CLI_STAGE", help="local, test or production")]
Json = Annotated[bool, typer.Option("--json", help="print JSON instead of tables")]
