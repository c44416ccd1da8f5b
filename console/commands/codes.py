"""`vaxline codes`: CDC's code sets, and the EHRs' own codes that no map has."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from console import terminal
from console.commands.codes_update import NotUpdated, cpt_map_lines, describe_update, update_tables
from console.connect import open_stage
from console.options import Json, Stage
from shared.domain.codes import cdc
from shared.settings import LOCAL_STAGE
from shared.usecases.correction.unmapped import Unmapped, unmapped

commands = typer.Typer(no_args_is_help=True, help="CDC's code sets: vaccines, manufacturers, packages, statements.")

CdcFile = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="the file as CDC publishes it")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.add_typer(commands, name="codes")


@commands.command("tables")
def codes_tables(json: Json = False) -> None:
    """Lists the code sets in the package, with their dates. Example: vaxline codes tables"""
    tables = cdc.tables()
    if json:
        terminal.print_json(tables)
    else:
        rows = ((table.name, table.rows, table.date, table.source) for table in tables)
        terminal.print_table("Code sets", ("table", "rows", "date", "source"), rows)


@commands.command("unmapped")
def codes_unmapped(
    clinic: Annotated[str, typer.Option(help="only codes that submissions of this clinic wait for")] = "",
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Lists the EHRs' own codes that no map has, with the lines to add. Example: vaxline codes unmapped"""
    with open_stage(stage) as application:
        codes = unmapped(application.ledger.submissions, application.ledger.worklist, clinic)
    if json:
        terminal.print_json(codes)
    else:
        _print_unmapped(codes)


@commands.command("update")
def codes_update(
    cvx: CdcFile = None,
    mvx: CdcFile = None,
    tradename: CdcFile = None,
    groups: CdcFile = None,
    vis: CdcFile = None,
    cvx_vis: CdcFile = None,
    vis_url: CdcFile = None,
    ndc_use: CdcFile = None,
    ndc_sale: CdcFile = None,
    ndc_linker: CdcFile = None,
    cpt: CdcFile = None,
    out: Annotated[Path | None, typer.Option(help="another folder than the package's own")] = None,
    allow_shrink: Annotated[bool, typer.Option("--allow-shrink", help="let a table lose more than a tenth")] = False,
) -> None:
    """Rebuilds the code sets from CDC's files. Example: vaxline codes update --cvx cvx.xml --mvx mvx.xml"""
    options = {
        "cvx": cvx,
        "mvx": mvx,
        "tradename": tradename,
        "groups": groups,
        "vis": vis,
        "cvx-vis": cvx_vis,
        "vis-url": vis_url,
        "ndc-use": ndc_use,
        "ndc-sale": ndc_sale,
        "ndc-linker": ndc_linker,
        "cpt": cpt,
    }
    files = {kind: path for kind, path in options.items() if path is not None}
    result = update_tables(files, out, allow_shrink=allow_shrink)
    for line in describe_update(result):
        terminal.print_text(line)
    if isinstance(result, NotUpdated):
        raise typer.Exit(1)


@commands.command("cpt")
def codes_cpt(
    source: Annotated[str, typer.Argument(help="the source whose export names vaccines by CPT")],
    table: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="cpt.tsv of `codes update --cpt --out`")],
) -> None:
    """Prints your own CPT table as a source's vaccine map for clinics.toml. Example: vaxline codes cpt elm cpt.tsv"""
    try:
        lines = list(cpt_map_lines(table.read_text("utf-8"), source))
    except (cdc.compact.BrokenTableError, UnicodeDecodeError) as error:
        terminal.print_error(f"{table}: {error}")
        raise typer.Exit(1) from None
    for line in lines:
        typer.echo(line)


def _print_unmapped(codes: Sequence[Unmapped]) -> None:
    """Print the unmapped codes, the lines for clinics.toml, and the commands that release what waits."""
    if not codes:
        terminal.print_text("No submission waits for a code to be mapped.")
        return
    terminal.print_table(
        "Unmapped codes",
        ("table", "code", "source", "rows", "submissions", "since", "clinics"),
        (
            (
                code.table,
                code.code,
                code.source,
                code.rows,
                code.submissions,
                f"{code.first_seen:%Y-%m-%d %H:%M}",
                ", ".join(code.clinics),
            )
            for code in codes
        ),
    )
    terminal.out.print(Text("Add to clinics.toml, with the standard code in place of the ?:", style="bold"))
    for section in dict.fromkeys(code.section for code in codes):
        terminal.out.print(Text(section))
        for code in codes:
            if code.section == section:
                terminal.out.print(Text(code.line))
    terminal.out.print(Text("Then push it, and release what waits:", style="bold"))
    for cause in dict.fromkeys(code.cause for code in codes):
        terminal.out.print(Text(f"vaxline resubmit --cause {shlex.quote(cause)}"))
