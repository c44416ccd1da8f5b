"""`make demo`: send the exports of three clinics, or your own, through the real functions to a simulated CT WiZ.

It prints where every row is, and runs the same files again to show that nothing is submitted twice. With `--json` the
last line of standard output is a JSON object with the totals of the first run.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.live import Live
from rich.table import Table

from console import terminal
from local import demo_exports, runs
from local.aws import snapshot
from local.aws.engine import Engine
from local.ctwiz.scenarios import LAPTOP_PACE, SCENARIOS, run_scenario
from local.runs import LocalRun
from shared.domain.lifecycle import IN_FLIGHT, State
from shared.domain.submission import FileSummary
from shared.exports.arrivals import MARKER
from shared.exports.formats import FORMATS
from shared.settings import INBOX_PREFIX
from shared.usecases.correction.triage import causes_of
from shared.usecases.explain import explanation

_FAILURES_SHOWN: Final = 8
_MIN_UPDATE_SECONDS: Final = 0.4
_UPDATE_FRACTION: Final = 20
"""The pause between two updates of the progress is at least this many times as long as an update takes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; return 0 where all counts add up and nothing is in flight, else 1."""
    given = _arguments(arguments)
    out = terminal.make_console(stderr=given.json, quiet=given.quiet)
    clinics = given.config or runs.DEMO_CLINICS
    files = _files(given.exports, given.doses)
    if not files:
        out.print(f"There is no file to read in {given.exports}.")
        return 1
    scenario = run_scenario(given.scenario, seed=given.seed, pace=LAPTOP_PACE)
    text, again = clinics.read_text("utf-8"), given.again
    with runs.start(text, str(clinics), continued=again, scenario=scenario, endpoint=given.endpoint) as run:
        out.print(f"{run.iis}, AWS played by moto, configuration {clinics}")
        generated = given.exports is None
        start = f"{datetime.now(UTC):%H%M%S}"
        with Engine(run.cloud) as engine:
            first_keys = _object_keys(files, run, generated=generated, drop=start)
            began = time.monotonic()
            first = _process(run, engine, first_keys, out, "First run")
            seconds = round(time.monotonic() - began, 1)
            second_keys = _object_keys(files, run, generated=generated, drop=f"{start}-again")
            second = _process(run, engine, second_keys, out, "The same files again")
            _print_report(run, first, second, engine, out)
    totals = _totals(first) | {"seconds": seconds, "second_run": _totals(second)}
    if given.json:
        sys.stdout.write(json.dumps(totals) + "\n")
    is_done = all(summary.adds_up and summary.complete for summary in (*first, *second)) and not totals["in_flight"]
    return 0 if is_done and first else 1


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--exports", type=Path, help="your own files: a file, or a folder of CSV and FHIR NDJSON files")
    parser.add_argument("--config", type=Path, help="your own clinics.toml")
    parser.add_argument("--doses", type=int, default=120, help="approximate number of doses to generate")
    parser.add_argument("--again", action="store_true", help="continue from the saved state of the last run")
    parser.add_argument("--scenario", choices=SCENARIOS, help="faults to play, as measured at real IISs")
    parser.add_argument("--endpoint", default="", help="an IIS on this machine in the simulated CT WiZ's place")
    parser.add_argument("--seed", type=int, default=0, help="seed of the scenario; the same seed gives the same faults")
    parser.add_argument("--json", action="store_true", help="totals as JSON on the last line of standard output")
    parser.add_argument("--quiet", action="store_true", help="print nothing else")
    return parser.parse_args(arguments)


# files ----------------------------------------------------------------------------------------------------------------


def _files(own: Path | None, doses: int) -> list[Path]:
    """Return the user's own files, or generate the demo's."""
    if own is not None:
        return [own] if own.is_file() else sorted(path for path in own.rglob("*") if path.is_file())
    generated = snapshot.FOLDER.parent / "demo-exports"
    shutil.rmtree(generated, ignore_errors=True)
    demo_exports.generate(generated, today=datetime.now(UTC).date(), doses=doses)
    return sorted(path for path in generated.rglob("*") if path.is_file())


def _object_keys(files: Iterable[Path], run: LocalRun, *, generated: bool, drop: str) -> list[tuple[str, Path]]:
    """Return the key in the bucket for every file.

    A file goes to the source that one of its folders names, else to the source for its format.

    Args:
        files: the files.
        run: the local run.
        generated: whether the files are the demo's; sets of own files get a marker, since they may have none.
        drop: part of the folder name of a set, so that the same files again are a new set.
    """
    keys: list[tuple[str, Path]] = []
    sets: set[str] = set()
    for path in files:
        named = next((part for part in reversed(path.parts[:-1]) if part in run.configuration.sources), None)
        source = named or demo_exports.source_for(path)
        if FORMATS[run.configuration.sources[source].format].is_set:
            prefix = f"{INBOX_PREFIX}{source}/{path.parent.resolve().name}-{drop}/"
            sets.add(prefix)
            keys.append((prefix + path.name, path))
        else:
            keys.append((f"{INBOX_PREFIX}{source}/{path.name}", path))
    if not generated:
        marker = snapshot.FOLDER.parent / MARKER
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.write_bytes(b"")
        keys += [(prefix + MARKER, marker) for prefix in sorted(sets)]
    return keys


def _process(
    run: LocalRun, engine: Engine, keys: Sequence[tuple[str, Path]], out: Console, title: str
) -> list[FileSummary]:
    """Put the files into the inbox, wait until everything is processed, and return their summaries."""
    before = {summary.file_id for summary in run.application.ledger.files.all()}

    def new_files() -> list[FileSummary]:
        summaries = (summary for summary in run.application.ledger.files.all() if summary.file_id not in before)
        return sorted(summaries, key=lambda summary: summary.name)

    out.print()
    with _progress(out, title, new_files) as update:
        for key, path in keys:
            with path.open("rb") as body:
                run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key=key, Body=body)
        pause = _MIN_UPDATE_SECONDS
        while not engine.wait_until_idle(timeout=pause):
            began = time.monotonic()
            update()
            # Counting the rows of a file reads its whole index, so updates for a large file must be rare.
            pause = max(_MIN_UPDATE_SECONDS, _UPDATE_FRACTION * (time.monotonic() - began))
        update()
    return new_files()


@contextmanager
def _progress(out: Console, title: str, files: Callable[[], list[FileSummary]]) -> Iterator[Callable[[], None]]:
    """Show a table of the files within the context; yield a function that updates it."""
    started = time.monotonic()

    def progress_table() -> Table:
        table = terminal.new_table(f"{title}, {time.monotonic() - started:.0f} s")
        for column in ("file", "rows", "unchanged", "held", "waiting", "answered"):
            table.add_column(column, justify="left" if column == "file" else "right")
        for summary in files():
            waiting = sum(count for state, count in summary.submitted.items() if state in IN_FLIGHT)
            answered = sum(summary.submitted.values()) - waiting
            cells = (summary.rows if summary.complete else "…", summary.unchanged, summary.held, waiting, answered)
            table.add_row(summary.name.removeprefix(INBOX_PREFIX), *map(str, cells))
        return table

    with Live(progress_table(), console=out, auto_refresh=False, transient=False) as live:
        yield lambda: live.update(progress_table(), refresh=True)


# report ---------------------------------------------------------------------------------------------------------------


def _totals(summaries: Sequence[FileSummary]) -> dict[str, Any]:
    submitted: Counter[State] = Counter()
    for summary in summaries:
        submitted.update(summary.submitted)
    return {
        "files": len(summaries),
        "rows": sum(summary.rows for summary in summaries),
        "unchanged": sum(summary.unchanged for summary in summaries),
        "held": sum(summary.held for summary in summaries),
        "submitted": {state.value: submitted[state] for state in State if submitted[state]},
        "in_flight": sum(submitted[state] for state in IN_FLIGHT),
    }


def _print_report(
    run: LocalRun, first: Sequence[FileSummary], second: Sequence[FileSummary], engine: Engine, out: Console
) -> None:
    out.print()
    out.print(_rows_table(first))
    for summary in first:
        for finding in summary.findings:
            explained = explanation(finding.code)
            words, fix = (explained.words, explained.fix) if explained else (finding.code, "")
            name = summary.name.removeprefix(INBOX_PREFIX)
            out.print(f"{name}: {words} ({finding.column} {finding.value}) {fix}", markup=False)
    again = _totals(second)
    out.print(
        f"The same files again: {again['unchanged']} of {again['rows']} rows unchanged, "
        f"{sum(again['submitted'].values())} submitted."
    )
    _print_failures(run, out)
    for error in engine.errors:
        out.print(error, markup=False, style="red")
    out.print(
        "\nNext:\n"
        "  .venv/bin/vaxline worklist                what needs a person, by cause, with the fix\n"
        "  .venv/bin/vaxline show MSH-10             message, findings, attempts and ACK\n"
        "  .venv/bin/vaxline resubmit --cause MVX-UNKNOWN --clinic elm --set mvx=SKB\n"
        "  .venv/bin/vaxline local                   the same in the browser, with a folder to drop exports into\n"
        "  docs/tutorial.md                          ten minutes, to an accepted correction\n"
        "  docs/operations.md                        the daily work",
        markup=False,
        highlight=False,
    )


def _rows_table(summaries: Sequence[FileSummary]) -> Table:
    """Return a table with a line per file, a line per clinic below it, and the sum."""
    states = [state for state in State if any(place[1] is state for summary in summaries for place in summary.places)]
    table = terminal.new_table("Where every row is")
    table.show_footer = True
    columns = ("rows", "unchanged", *(state.value for state in states))
    heads = {state.value: label for state, label in terminal.STATE_LABELS.items()}
    totals: Counter[str] = Counter()
    lines: list[tuple[str, dict[str, int]]] = []
    for summary in summaries:
        of_file = {"rows": summary.rows, "unchanged": summary.unchanged}
        totals.update(of_file)
        lines.append((summary.name.removeprefix(INBOX_PREFIX), of_file))
        by_clinic: dict[str, dict[str, int]] = {}
        for clinic, state, rows in summary.places:
            by_clinic.setdefault(clinic, {})[state.value] = rows
            totals[state.value] += rows
        lines += [(f"  {clinic or '(no clinic)'}", counts) for clinic, counts in by_clinic.items()]
    table.add_column("file, clinics", footer="all", overflow="fold")
    for column in columns:
        table.add_column(heads.get(column, column), justify="right", footer=str(totals[column]))
    for name, counts in lines:
        table.add_row(name, *(str(counts.get(column, "")) for column in columns))
    return table


def _print_failures(run: LocalRun, out: Console) -> None:
    """Print the first submission of each cause, for the first causes of the worklist."""
    ledger = run.application.ledger
    entries = list(ledger.worklist.entries())
    if not entries:
        return
    out.print(f"\n{len(entries)} submissions need a person. One of each cause:", style="bold")
    seen: set[str] = set()
    for entry in entries:
        submission = ledger.submissions.get(entry.msh_10)
        cause = entry.causes[0] if entry.causes else entry.state.value
        if submission is None or cause in seen or len(seen) >= _FAILURES_SHOWN:
            continue
        seen.add(cause)
        name = submission.file_name.removeprefix(INBOX_PREFIX)
        explained = explanation(cause)
        errors = submission.attempts[-1].errors if submission.attempts else ()
        lines = [f"  {entry.state.value} {', '.join(causes_of(submission))}"]
        lines.append(f"    {name}, row {submission.visit.row_names}, MSH-10 {entry.msh_10}")
        lines += [f"    {explained.words} Fix: {explained.fix}"] if explained else []
        lines += [f"    CT WiZ: {error.severity} {error.path} {error.text}" for error in errors[:1]]
        for line in lines:
            out.print(line, highlight=False, markup=False)


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except LookupError as error:
        terminal.print_error(str(error))
        raise SystemExit(2) from None
