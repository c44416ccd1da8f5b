"""The `vaxline` command. Every command that prints data takes `--json`.

Exit codes: 0 done, 1 the answer is "no" (errors found, nothing there), 2 the call was wrong.
"""

from __future__ import annotations

import typer
from botocore.exceptions import BotoCoreError, ClientError

from console import terminal
from console.commands import (
    audit,
    browser,
    check,
    closing,
    codes,
    config,
    connection,
    expected,
    explain,
    files,
    queries,
    query,
    readiness,
    reconcile,
    redrive,
    rehearse,
    remedy,
    report,
    search,
    submission,
    valve,
    workflow,
    worklist,
)
from console.connect import describe_error

_COMMANDS = (
    check,
    files,
    worklist,
    submission,
    closing,
    remedy,
    explain,
    search,
    report,
    query,
    queries,
    reconcile,
    workflow,
    readiness,
    expected,
    redrive,
    audit,
    connection,
    browser,
    rehearse,
    config,
    codes,
    valve,
)
"""In the order of `vaxline --help` and docs/commands.md."""

app = typer.Typer(no_args_is_help=True, add_completion=True, pretty_exceptions_show_locals=False, help=__doc__)
for module in _COMMANDS:
    module.register(app)


def main() -> None:
    """Run the command. A missing stage or configuration, or an error of AWS, ends with a sentence and exit code 2."""
    try:
        app()
    except (LookupError, BotoCoreError, ClientError) as error:
        terminal.print_error(describe_error(error))
        raise SystemExit(2) from None
