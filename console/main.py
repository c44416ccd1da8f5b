"""The `vaxline` command: what an analyst asks and does, with `--json` on everything that prints data.

Exit codes: 0 done, 1 the answer is "no" (errors found, nothing there), 2 the call was wrong.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from console import render
from console.commands import (
    audit,
    browser,
    check,
    expected,
    queries,
    query,
    readiness,
    reconcile,
    redrive,
    rehearse,
    remedy,
    report,
    search,
    valve,
    workflow,
    worklist,
)
from console.commands.codes_update import NotUpdated, lines, map_of_cpt, update
from console.connect import explained, to_stage
from console.options import Clinic, Json, Stage, known
from shared.domain.clinics import Configuration
from shared.domain.codes import cdc
from shared.domain.lifecycle import Event, State
from shared.domain.submission import FileSummary
from shared.settings import LOCAL_STAGE
from shared.usecases.correction.correct import NotResubmitted
from shared.usecases.correction.unmapped import unmapped
from shared.usecases.explain import explanation
from shared.usecases.reporting.by_clinic import files_of

app = typer.Typer(no_args_is_help=True, add_completion=True, pretty_exceptions_show_locals=False, help=__doc__)
config = typer.Typer(no_args_is_help=True, help="clinics.toml: who reports, for which clinics, from which feeds.")
codes = typer.Typer(no_args_is_help=True, help="CDC's code sets: vaccines, manufacturers, packages, statements.")
app.add_typer(config, name="config")
app.add_typer(codes, name="codes")
check.register(app)
worklist.register(app)
remedy.register(app)
search.register(app)
report.register(app)
query.register(app)
queries.register(app)
reconcile.register(app)
workflow.register(app)
readiness.register(app)
expected.register(app)
redrive.register(app)
audit.register(app)
valve.register(app)
browser.register(app)
rehearse.register(app)

ClinicsFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="the clinics.toml")]


@config.command("check")
def config_check(file: ClinicsFile, json: Json = False) -> None:
    """Checks a clinics.toml and says what is wrong. Example: vaxline config check clinics.toml"""
    _checked(file, json=json)


@config.command("push")
def config_push(file: ClinicsFile, stage: Stage = LOCAL_STAGE, json: Json = False) -> None:
    """Checks a clinics.toml and puts it in force. Example: vaxline config push clinics.toml --stage test"""
    configuration = _checked(file, json=False)
    with to_stage(stage) as application:
        audit.noted(application, "config push", [configuration.version])
        application.configurations.push(file.read_text("utf-8"), configuration.version)
    render.say(json, {"version": configuration.version, "stage": stage}, f"version {configuration.version} is in force")


def _checked(file: Path, *, json: bool) -> Configuration:
    from shared.adapters.configuration import reader  # noqa: PLC0415 - a command pays only for what it needs

    try:
        found = reader.valid(file.read_text("utf-8"), str(file))
    except reader.NotValid as error:
        if json:
            render.as_json({"ok": False, "errors": error.errors})
        else:
            render.err.print(str(error), markup=False, highlight=False)
        raise typer.Exit(1) from None
    if json:
        render.as_json({"ok": True, "version": found.version, "clinics": list(found.clinics)})
    else:
        render.out.print(f"{file}: {len(found.clinics)} clinics, {len(found.sources)} sources, no errors")
    return found


@app.command()
def files(clinic: Clinic = "", stage: Stage = LOCAL_STAGE, json: Json = False) -> None:
    """Lists the files that arrived and where their rows are now. Example: vaxline files --clinic elm

    Of one clinic: the files with rows of it and those of its own source; held and submitted rows are its own then, all
    rows and unchanged ones are the file's.
    """
    with to_stage(stage) as application:
        configuration = application.configurations.current()
        audit.noted(application, "files", [known(clinic, configuration) or "all files"])
        found: Iterable[FileSummary] = application.ledger.files()
        if clinic:
            found = files_of(found, configuration, clinic)
        summaries = sorted(found, key=lambda summary: (summary.arrived, summary.name))
    if json:
        render.as_json(summaries)
    else:
        render.files(summaries, clinic)


@app.command()
def failures(
    clinic: Clinic = "",
    state: Annotated[State | None, typer.Option(help="only this state")] = None,
    cause: Annotated[str, typer.Option(help="only this cause, as the list shows it")] = "",
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Lists what needs a person, with each cause's fix. Example: vaxline failures --clinic elm-street"""
    with to_stage(stage) as application:
        audit.noted(application, "failures", [clinic or "all clinics"])
        entries = list(application.ledger.worklist(clinic=clinic, state=state, cause=cause))
    if json:
        render.as_json(entries)
    elif entries:
        render.worklist(entries)
    else:
        render.out.print("Nothing waits for a person.")


@app.command()
def show(
    msh_10: Annotated[str, typer.Argument(help="the message control id")],
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Shows message, findings, attempts and ACK of one submission. Example: vaxline show 3QX7K2…"""
    with to_stage(stage) as application:
        audit.noted(application, "show", [msh_10])
        found = application.ledger.get(msh_10)
    if found is None:
        render.err.print(f"there is no submission {msh_10}")
        raise typer.Exit(1)
    if json:
        render.as_json(render.submission_json(found))
    else:
        render.submission(found)


@app.command()
def resubmit(
    msh_10s: Annotated[list[str] | None, typer.Argument(help="message control ids, as `failures` lists them")] = None,
    corrections: Annotated[
        list[str] | None, typer.Option("--set", help="column=value, with the column names of vaxline's CSV layout")
    ] = None,
    cause: Annotated[str, typer.Option(help="everything in the worklist with this cause")] = "",
    clinic: Annotated[str, typer.Option(help="with --cause: only this clinic")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would happen, change nothing")] = False,
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Sends again after a correction, under a new MSH-10. Example: vaxline resubmit 3QX7K2… --set lot=AB123"""
    changes = render.changes(corrections or [])
    with to_stage(stage) as application:
        wanted = list(msh_10s or [])
        if cause:
            wanted += [entry.msh_10 for entry in application.ledger.worklist(clinic=clinic, cause=cause)]
        if not wanted:
            raise typer.BadParameter("name at least one MSH-10, or a --cause that the worklist has")
        audit.noted(application, "resubmit --dry-run" if dry_run else "resubmit", wanted, ", ".join(sorted(changes)))
        results = [application.correct(each, changes, dry_run=dry_run) for each in wanted]
    if json:
        render.as_json(results)
    else:
        render.table(
            "Would be resubmitted" if dry_run else "Resubmitted",
            ("MSH-10", "result", "new MSH-10"),
            map(render.resubmitted, results),
        )
        for result in results:
            render.choices(result, stage, dry_run=dry_run)
    if any(isinstance(result, NotResubmitted) for result in results):
        raise typer.Exit(1)


@app.command()
def close(
    msh_10: Annotated[str, typer.Argument(help="the message control id")],
    reason: Annotated[str, typer.Option(help="why nothing more is to be done")],
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Takes a failure off the worklist; nothing is deleted. Example: vaxline close 3QX7K2… --reason duplicate"""
    with to_stage(stage) as application:
        audit.noted(application, "close", [msh_10])
        closed = application.ledger.move(msh_10, Event.CLOSE, reason=reason)
    render.say(json, {"msh_10": msh_10, "closed": closed}, "closed" if closed else f"{msh_10} is not open")
    if not closed:
        raise typer.Exit(1)


@app.command()
def explain(
    code: Annotated[str, typer.Argument(help="a code of a finding, a fault or an IIS, or a cause such as '103 PID-8'")],
    json: Json = False,
) -> None:
    """Says what a code means, how to fix it and who can. Example: vaxline explain LOT-MISSING"""
    known = explanation(code.upper())
    if known is None:
        render.err.print(f"{code} is neither a code of vaxline's own nor one that an IIS answers with")
        raise typer.Exit(1)
    words = f"{known.words}\nFix: {known.fix}\nWho: {known.who}"
    render.say(json, {"code": code.upper(), "words": known.words, "fix": known.fix, "who": known.who}, words)


@app.command("test-connection")
def try_connection(stage: Stage = LOCAL_STAGE, json: Json = False) -> None:
    """Calls connectivityTest at the IIS; needs no credentials. Example: vaxline test-connection --stage test"""
    with to_stage(stage) as application:
        answer = application.iis.test_connection(application.configurations.current().iis.endpoint, "vaxline")
    code = getattr(answer, "code", "")
    known = explanation(code) if code else None
    render.say(
        json, {"ok": not code, "fault": code}, f"{code}: {known.words} {known.fix}" if known else "the IIS answered"
    )
    if code:
        raise typer.Exit(1)


@codes.command("tables")
def codes_tables(json: Json = False) -> None:
    """Lists the code sets that vaxline carries, with their dates. Example: vaxline codes tables"""
    tables = cdc.tables()
    if json:
        render.as_json(tables)
    else:
        rows = ((table.name, table.rows, table.date, table.source) for table in tables)
        render.table("Code sets", ("table", "rows", "date", "source"), rows)


@codes.command("unmapped")
def codes_unmapped(
    clinic: Annotated[str, typer.Option(help="only what waits at this clinic")] = "",
    stage: Stage = LOCAL_STAGE,
    json: Json = False,
) -> None:
    """Lists the EHRs' own codes that no map has, with the lines to add. Example: vaxline codes unmapped"""
    with to_stage(stage) as application:
        found = unmapped(application.ledger, clinic)
    if json:
        render.as_json(found)
    else:
        render.unmapped(found)


CdcFile = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="the file as CDC publishes it")]


@codes.command("update")
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
    given = {
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
    files = {kind: path for kind, path in given.items() if path is not None}
    result = update(files, out, allow_shrink=allow_shrink)
    for line in lines(result):
        render.out.print(line, markup=False, highlight=False)
    if isinstance(result, NotUpdated):
        raise typer.Exit(1)


@codes.command("cpt")
def codes_cpt(
    source: Annotated[str, typer.Argument(help="the source whose export names vaccines by CPT")],
    table: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="cpt.tsv of `codes update --cpt --out`")],
) -> None:
    """Prints your own CPT table as a source's vaccine map for clinics.toml. Example: vaxline codes cpt elm cpt.tsv"""
    try:
        found = list(map_of_cpt(table.read_text("utf-8"), source))
    except (cdc.compact.BrokenTableError, UnicodeDecodeError) as error:
        render.err.print(f"{table}: {error}", markup=False, highlight=False)
        raise typer.Exit(1) from None
    for line in found:
        typer.echo(line)


def main() -> None:
    """Entry point; a missing stage or configuration, or an AWS that refuses, is a sentence and not a traceback."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - a command pays for what it needs

    try:
        app()
    except (LookupError, BotoCoreError, ClientError) as error:
        render.err.print(explained(error), markup=False, highlight=False)
        raise SystemExit(2) from None
