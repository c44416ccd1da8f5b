"""`make demo`: exports of three clinics, or your own, through the real functions to a simulated CT WiZ.

Ends with where every row is, then runs the same files again to show that nothing is submitted twice. With `--json` the
totals of the first run stand as one JSON object on the last line of standard output.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
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

_FIRST_FAILURES: Final = 8
_LOOK_EVERY: Final = 0.4
_REST_AFTER_LOOK: Final = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the demo; 0 when every file's counts add up and nothing is left in flight, else 1."""
    given = _arguments(arguments)
    talk = terminal.make_console(stderr=given.json, quiet=given.quiet)
    clinics = given.config or runs.DEMO_CLINICS
    files = _files(given.exports, given.doses)
    if not files:
        talk.print(f"There is no file to read in {given.exports}.")
        return 1
    scenario = run_scenario(given.scenario, seed=given.seed, pace=LAPTOP_PACE)
    with runs.start(clinics.read_text("utf-8"), str(clinics), continued=given.again, scenario=scenario) as run:
        talk.print(f"Simulated CT WiZ at {run.simulator.endpoint}, AWS played by moto, configuration {clinics}")
        generated = given.exports is None
        start = f"{datetime.now(UTC):%H%M%S}"
        with Engine(run.cloud) as engine:
            first_keys = _keys(files, run, generated=generated, drop=start)
            began = time.monotonic()
            first = _run(run, engine, first_keys, talk, "First run")
            seconds = round(time.monotonic() - began, 1)
            second_keys = _keys(files, run, generated=generated, drop=f"{start}-again")
            second = _run(run, engine, second_keys, talk, "The same files again")
            _report(run, first, second, engine, talk)
    totals = _totals(first) | {"seconds": seconds, "second_run": _totals(second)}
    if given.json:
        sys.stdout.write(json.dumps(totals) + "\n")
    done = all(summary.adds_up and summary.complete for summary in (*first, *second)) and not totals["in_flight"]
    return 0 if done and first else 1


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--exports", type=Path, help="your own files: a file, or a folder of CSV and FHIR NDJSON files")
    parser.add_argument("--config", type=Path, help="your own clinics.toml")
    parser.add_argument("--doses", type=int, default=120, help="about how many doses to generate")
    parser.add_argument("--again", action="store_true", help="on top of what the last run left behind")
    parser.add_argument("--scenario", choices=SCENARIOS, help="what goes wrong meanwhile, as measured at real IISs")
    parser.add_argument("--seed", type=int, default=0, help="of the scenario: the same seed, the same faults")
    parser.add_argument("--json", action="store_true", help="totals as JSON on the last line of standard output")
    parser.add_argument("--quiet", action="store_true", help="no words")
    return parser.parse_args(arguments)


# the files ------------------------------------------------------------------------------------------------------------


def _files(own: Path | None, doses: int) -> list[Path]:
    if own is not None:
        return [own] if own.is_file() else sorted(path for path in own.rglob("*") if path.is_file())
    generated = snapshot.FOLDER.parent / "demo-exports"
    shutil.rmtree(generated, ignore_errors=True)
    demo_exports.generate(generated, today=datetime.now(UTC).date(), doses=doses)
    return sorted(path for path in generated.rglob("*") if path.is_file())


def _keys(files: Iterable[Path], run: LocalRun, *, generated: bool, drop: str) -> list[tuple[str, Path]]:
    """The key in the bucket for every file; the files of a set go into a folder of this drop's own.

    A stranger's file goes to the source that a folder above it names, else to the one for its kind.
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


def _run(
    run: LocalRun, engine: Engine, keys: Sequence[tuple[str, Path]], talk: Console, title: str
) -> list[FileSummary]:
    """Drops the files into the inbox and waits until nothing moves any more; the files of this run."""
    before = {summary.file_id for summary in run.application.ledger.files.all()}

    def mine() -> list[FileSummary]:
        found = (summary for summary in run.application.ledger.files.all() if summary.file_id not in before)
        return sorted(found, key=lambda summary: summary.name)

    talk.print()
    with _progress(talk, title, mine) as show:
        for key, path in keys:
            with path.open("rb") as body:
                run.cloud.s3.put_object(Bucket=run.cloud.runtime.bucket, Key=key, Body=body)
        pause = _LOOK_EVERY
        while not engine.wait_until_idle(timeout=pause):
            began = time.monotonic()
            show()
            # Counting a file reads its whole index: of a large one only now and then, or the look delays what it shows.
            pause = max(_LOOK_EVERY, _REST_AFTER_LOOK * (time.monotonic() - began))
        show()
    return mine()


@contextmanager
def _progress(talk: Console, title: str, files: Any) -> Iterator[Any]:
    started = time.monotonic()

    def picture() -> Table:
        table = terminal.new_table(f"{title}, {time.monotonic() - started:.0f} s")
        for column in ("file", "rows", "unchanged", "held", "waiting", "answered"):
            table.add_column(column, justify="left" if column == "file" else "right")
        for summary in files():
            waiting = sum(count for state, count in summary.submitted.items() if state in IN_FLIGHT)
            answered = sum(summary.submitted.values()) - waiting
            cells = (summary.rows if summary.complete else "…", summary.unchanged, summary.held, waiting, answered)
            table.add_row(_short(summary.name), *map(str, cells))
        return table

    with Live(picture(), console=talk, auto_refresh=False, transient=False) as live:
        yield lambda: live.update(picture(), refresh=True)


def _short(name: str) -> str:
    return name.removeprefix(INBOX_PREFIX)


# the end --------------------------------------------------------------------------------------------------------------


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


def _report(
    run: LocalRun, first: Sequence[FileSummary], second: Sequence[FileSummary], engine: Engine, talk: Console
) -> None:
    talk.print()
    talk.print(_places(first))
    for summary in first:
        for finding in summary.findings:
            known = explanation(finding.code)
            words, fix = (known.words, known.fix) if known else (finding.code, "")
            talk.print(f"{_short(summary.name)}: {words} ({finding.column} {finding.value}) {fix}", markup=False)
    again = _totals(second)
    talk.print(
        f"The same files again: {again['unchanged']} of {again['rows']} rows unchanged, "
        f"{sum(again['submitted'].values())} submitted."
    )
    _failures(run, talk)
    for error in engine.errors:
        talk.print(error, markup=False, style="red")
    talk.print(
        "\nLook further:\n"
        "  .venv/bin/vaxline worklist                what needs a person, by cause, with the fix\n"
        "  .venv/bin/vaxline show MSH-10             message, findings, attempts and ACK\n"
        "  .venv/bin/vaxline resubmit --cause MVX-UNKNOWN --clinic elm --set mvx=SKB\n"
        "  .venv/bin/vaxline local                   the same in the browser, with a folder to drop exports into\n"
        "  docs/tutorial.md                          ten minutes, to an accepted correction\n"
        "  docs/operations.md                        the daily work",
        markup=False,
        highlight=False,
    )


def _places(summaries: Sequence[FileSummary]) -> Table:
    """A line for every file and, below it, one for each of its clinics; the last line adds them up."""
    states = [state for state in State if any(place[1] is state for summary in summaries for place in summary.places)]
    table = terminal.new_table("Where every row is")
    table.show_footer = True
    columns = ("rows", "unchanged", *(state.value for state in states))
    heads = {state.value: words for state, words in terminal.STATE_LABELS.items()}
    totals: Counter[str] = Counter()
    lines: list[tuple[str, dict[str, int]]] = []
    for summary in summaries:
        own = {"rows": summary.rows, "unchanged": summary.unchanged}
        totals.update(own)
        lines.append((_short(summary.name), own))
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


def _failures(run: LocalRun, talk: Console) -> None:
    ledger = run.application.ledger
    entries = list(ledger.worklist.entries())
    if not entries:
        return
    talk.print(f"\n{len(entries)} submissions need a person. One of each cause:", style="bold")
    seen: set[str] = set()
    for entry in entries:
        submission = ledger.submissions.get(entry.msh_10)
        cause = entry.causes[0] if entry.causes else entry.state.value
        if submission is None or cause in seen or len(seen) >= _FIRST_FAILURES:
            continue
        seen.add(cause)
        talk.print(f"  {entry.state.value} {', '.join(causes_of(submission))}", highlight=False, markup=False)
        rows = ", ".join(str(row) for _, row in submission.visit.rows)
        where = f"    {_short(submission.file_name)}, row {rows}, MSH-10 {entry.msh_10}"
        talk.print(where, highlight=False, markup=False)
        known = explanation(cause)
        errors = submission.attempts[-1].errors if submission.attempts else ()
        if known is not None:
            talk.print(f"    {known.words} Fix: {known.fix}", highlight=False, markup=False)
        for error in errors[:1]:
            talk.print(f"    CT WiZ: {error.severity} {error.path} {error.text}", highlight=False, markup=False)


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except LookupError as error:
        terminal.err.print(str(error), markup=False, highlight=False)
        raise SystemExit(2) from None
