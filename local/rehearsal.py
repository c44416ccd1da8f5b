"""A rehearsal: the entries of a folder, played one after the other through a local run that leaves nothing behind.

01-elm-doses.csv     an export of the source elm, dropped into its inbox
02-hilltop-set/      a folder of files of the source hilltop
03-do.txt            `vaxline` commands, one a line
clinics.toml         the configuration; without it the demo's
ctwiz-facilities.txt the facility codes that CT WiZ knows; without it those of the configuration
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, chdir, contextmanager
from pathlib import Path
from typing import Final

import msgspec

from local import runs
from local.aws.engine import Engine
from local.ctwiz.stored import StoredPatient
from local.runs import LocalRun
from shared.adapters.configuration.reader import parse_configuration, read_configuration
from shared.domain.clinics import number_space
from shared.domain.lifecycle import State
from shared.domain.submission import FileSummary
from shared.exports.arrivals import MANIFEST, MARKER
from shared.exports.formats import FORMATS
from shared.settings import INBOX_PREFIX, LOCAL_STAGE, QUERY_FILES, SWEEP
from shared.usecases.correction.file_problems import file_groups
from shared.usecases.correction.worklist import NO_CAUSE

CLINICS: Final = "clinics.toml"
FACILITIES: Final = "ctwiz-facilities.txt"
_ENTRY: Final = re.compile(r"\d+[-_. ]*(?P<rest>.*)", re.DOTALL)
_DO: Final = re.compile(r"do([-_. ].*)?\.txt", re.DOTALL)
_STAYS_OPEN: Final = frozenset({"console", "local", "rehearse"})
"""Commands that run until Ctrl-C, or that rehearse themselves."""
_OF_TOOLS: Final = (".DS_Store", "._*", ".git*", ".*.sw?")
"""Files that tools leave beside one's own."""
_LONGEST: Final = 300.0
"""Seconds after which an entry that still moves is said to."""


class Called(msgspec.Struct, frozen=True):
    """One `vaxline` command of a rehearsal, its exit code, and all that it printed."""

    command: str
    exit_code: int
    output: str


Call = Callable[[Sequence[str]], Called]
"""Runs the `vaxline` command with these arguments."""


class Entry(msgspec.Struct, frozen=True):
    """One entry of the folder: an export of `source`, or `commands` where `source` is empty."""

    name: str
    path: Path
    source: str = ""
    commands: tuple[tuple[str, ...], ...] = ()


class File(msgspec.Struct, frozen=True):
    """One file that arrived: `rows = unchanged + held + sum(submitted)`; `findings` are codes about the file itself."""

    name: str
    rows: int
    unchanged: int
    held: int
    submitted: dict[State, int]
    findings: tuple[str, ...] = ()


class Waiting(msgspec.Struct, frozen=True, order=True):
    """Rows that wait for a person, by cause, state and clinic. A submission with two causes counts under each."""

    cause: str
    state: State
    clinic: str
    rows: int


class Step(msgspec.Struct, frozen=True):
    """One entry, played.

    Attributes:
        name: the name of the entry.
        files: what arrived with it, counted when nothing moved any more.
        sent: how many messages the IIS received meanwhile, repeats and refused ones too.
        worklist: all that waits for a person after it.
        iis: what the simulated CT WiZ has after it.
        commands: what was called, of an entry of commands.
        errors: functions that failed, and whether something still moved in the end.
    """

    name: str
    files: tuple[File, ...]
    sent: int
    worklist: tuple[Waiting, ...]
    iis: tuple[StoredPatient, ...]
    commands: tuple[Called, ...] = ()
    errors: tuple[str, ...] = ()


# Reading the folder ---------------------------------------------------------------------------------------------------


def read_entries(folder: Path) -> tuple[Entry, ...]:
    """The entries of a folder in the order of their names: all that begins with a number.

    Raises:
        LookupError: clinics.toml has errors, ctwiz-facilities.txt has no code, there is no entry, or an entry is of no
            source or cannot be read.
    """
    sources = _sources(folder)
    read_facilities(folder)
    found = [_entry(path, sources) for path in sorted(folder.iterdir()) if _ENTRY.fullmatch(path.name)]
    if not found:
        raise LookupError(f"{folder} has nothing to play: no name in it begins with a number, as 01-SOURCE.csv does")
    return tuple(found)


def read_clinics(folder: Path) -> tuple[str, str]:
    """The text of the clinics.toml to play by, and what it is called: the folder's own, else the demo's."""
    file = folder / CLINICS
    file = file if file.exists() else runs.DEMO_CLINICS
    return _text(file), str(file)


def read_facilities(folder: Path) -> frozenset[str]:
    """The facility codes that the simulated CT WiZ knows, one a line; empty for those of the configuration.

    Raises:
        LookupError: the file is no text, or names no code.
    """
    file = folder / FACILITIES
    if not file.exists():
        return frozenset()
    codes = frozenset(line.partition("#")[0].strip() for line in _text(file).splitlines()) - {""}
    if not codes:
        raise LookupError(f"{FACILITIES}: no line has a facility code. Remove the file to have all codes known")
    return codes


def _sources(folder: Path) -> list[str]:
    """The sources of clinics.toml, and of other TOML files beside it, which commands may push."""
    sources = list(read_configuration(*read_clinics(folder)).sources)
    for file in sorted(folder.glob("*.toml")):
        if file.name != CLINICS:
            parsed = parse_configuration(_text(file))
            sources += parsed.sources if not isinstance(parsed, tuple) else ()
    return list(dict.fromkeys(sources))


def _entry(path: Path, sources: Collection[str]) -> Entry:
    match = _ENTRY.fullmatch(path.name)
    assert match is not None
    rest = match["rest"]
    if _DO.fullmatch(rest) and path.is_file():
        return Entry(path.name, path, commands=tuple(_commands(path)))
    source = max((name for name in sources if rest.startswith(name)), key=len, default="")
    if not source:
        raise LookupError(
            f"{path.name}: after its number stands no source of {CLINICS}. It has {', '.join(sources)}; commands stand "
            "in NUMBER-do.txt"
        )
    if not _files(path):
        raise LookupError(f"{path.name}: there is no file in this folder")
    return Entry(path.name, path, source)


def _commands(path: Path) -> Iterator[tuple[str, ...]]:
    for number, line in enumerate(_text(path).splitlines(), 1):
        try:
            words = shlex.split(line, comments=True)
        except ValueError as error:
            raise LookupError(f"{path.name}, line {number}: {error}") from None
        if words and Path(words[0]).name == "vaxline":
            words = words[1:]
        if not words:
            continue
        if words[0] in _STAYS_OPEN:
            raise LookupError(f"{path.name}, line {number}: `vaxline {words[0]}` cannot be rehearsed")
        if any(stage != LOCAL_STAGE for stage in _stages(words)):
            raise LookupError(f"{path.name}, line {number}: a rehearsal has the stage {LOCAL_STAGE} only")
        yield tuple(words)


def _stages(words: Sequence[str]) -> Iterator[str]:
    """The stage that a command names with `--stage`."""
    for word, following in zip(words, (*words[1:], ""), strict=True):
        if word == "--stage":
            yield following
        elif word.startswith("--stage="):
            yield word.removeprefix("--stage=")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise LookupError(f"{path} is not a text in UTF-8") from None


def _files(path: Path) -> list[Path]:
    """The files of an entry; what says that a set is complete comes last."""
    if path.is_file():
        return [path]
    files = [file for file in path.rglob("*") if file.is_file() and not any(map(file.match, _OF_TOOLS))]
    return sorted(files, key=lambda file: (file.name == MARKER, file.name == MANIFEST, file))


# Playing it -----------------------------------------------------------------------------------------------------------


@contextmanager
def opened(folder: Path, entries: Sequence[Entry], call: Call) -> Iterator[Rehearsal]:
    """A rehearsal of a copy of the folder, on a local run that is gone when the context ends.

    Args:
        folder: holds the entries, and what their commands read.
        entries: as `read_entries` found them there.
        call: runs a `vaxline` command.
    """
    with runs.sigterm_as_interrupt(), tempfile.TemporaryDirectory(prefix="vaxline-rehearsal-") as home:
        copy = Path(home) / "folder"
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(*_OF_TOOLS))
        clinics, name = read_clinics(folder)
        known, log = read_facilities(folder), Path(home) / "functions.log"
        with runs.temporary(clinics, name, log, known=known) as run, ExitStack() as engines:
            yield Rehearsal(run, copy, entries, call, engines)


class Rehearsal:
    """The entries on their local run; `play` it once."""

    def __init__(self, run: LocalRun, folder: Path, entries: Sequence[Entry], call: Call, engines: ExitStack) -> None:
        self._run = run
        self._folder = folder
        self._entries = entries
        self._call = call
        self._engines = engines
        self._engine = engines.enter_context(Engine(run.cloud))
        self._errors: list[str] = []
        self._taken = 0
        self._next_second: dict[str, int] = {}

    def play(self) -> Iterator[Step]:
        """Plays the entries; each step is there as soon as nothing moves after its entry."""
        for entry in self._entries:
            yield self._played(entry)

    def files(self) -> list[FileSummary]:
        """Every file so far, with where its rows are now."""
        return sorted(self._run.application.ledger.files.all(), key=lambda file: (file.arrived, file.name))

    def _played(self, entry: Entry) -> Step:
        before = {file.file_id for file in self.files()}
        received = len(self._run.simulator.received)
        if entry.source:
            self._drop(entry)
            self._settle()
        called = [self._command(words) for words in entry.commands]
        self._take_errors()
        errors, self._errors = self._errors, []
        return Step(
            name=entry.name,
            files=tuple(_file(file) for file in self.files() if file.file_id not in before),
            sent=len(self._run.simulator.received) - received,
            worklist=self._worklist(),
            iis=self._run.simulator.webiz.stored(),
            commands=tuple(called),
            errors=tuple(errors),
        )

    def _drop(self, entry: Entry) -> None:
        """Puts an export into the inbox; the marker that a set is complete is added where it has none."""
        path = self._folder / entry.name
        source = self._run.application.configurations.current().sources[entry.source]
        self._wait_for_next_second(number_space(source))
        of_set = FORMATS[source.format].is_set
        folder = f"{INBOX_PREFIX}{entry.source}/" + (f"{entry.name}/" if of_set or path.is_dir() else "")
        files = _files(path)
        for file in files:
            key = folder + (file.relative_to(path).as_posix() if path.is_dir() else file.name)
            with file.open("rb") as body:
                self._run.cloud.s3.put_object(Bucket=self._run.cloud.runtime.bucket, Key=key, Body=body)
        if of_set and not {MARKER, MANIFEST} & {file.name for file in files}:
            self._run.cloud.s3.put_object(Bucket=self._run.cloud.runtime.bucket, Key=folder + MARKER, Body=b"")

    def _wait_for_next_second(self, space: str) -> None:
        """Lets two exports of one number space arrive at different times: the bucket tells them in whole seconds."""
        while time.time() < self._next_second.get(space, 0):
            time.sleep(0.01)
        self._next_second[space] = int(time.time()) + 1

    def _command(self, words: Sequence[str]) -> Called:
        """One command, in the folder; functions that start after it know the configuration that it pushed."""
        configurations = self._run.application.configurations
        before = configurations.text()
        with chdir(self._folder), _local_stage():
            called = self._call(words)
        if configurations.text() != before:
            self._take_errors()
            self._engines.close()
            self._taken = 0
            self._engine = self._engines.enter_context(Engine(self._run.cloud))
        self._settle()
        return called

    def _settle(self) -> None:
        """Waits until nothing moves: queues, backfills, and what query files and sweep set going.

        Files that are unread then are shown at once, because nothing will read them any more.
        """
        self._engine.invoke(QUERY_FILES, {})
        while self._engine.wait_until_idle(timeout=_LONGEST):
            swept = self._engine.invoke(SWEEP, {})
            if not swept or not swept["queued"]:
                self._run.application.unread(at_once=True)
                return
        self._errors.append(f"something still moved after {_LONGEST:.0f} s")

    def _take_errors(self) -> None:
        """Keeps the last line of what failed in this engine's functions: the exception and its place."""
        self._errors += [error.strip().splitlines()[-1] for error in self._engine.errors[self._taken :]]
        self._taken = len(self._engine.errors)

    def _worklist(self) -> tuple[Waiting, ...]:
        rows: dict[tuple[str, State, str], int] = {}
        for entry in self._run.application.ledger.worklist.entries():
            for cause in entry.causes or (NO_CAUSE,):
                key = (cause, entry.state, entry.clinic)
                rows[key] = rows.get(key, 0) + entry.row_count
        application = self._run.application
        for group in file_groups(application.ledger.files, application.configurations.current()):
            rows.setdefault((group.cause, State.HELD, group.clinic), 0)
        return tuple(sorted(Waiting(*key, count) for key, count in rows.items()))


def _file(summary: FileSummary) -> File:
    name = summary.name.removeprefix(INBOX_PREFIX)
    findings = tuple(dict.fromkeys(finding.code for finding in summary.findings))
    return File(name, summary.rows, summary.unchanged, summary.held, summary.submitted, findings)


@contextmanager
def _local_stage() -> Iterator[None]:
    """Commands work on the rehearsal, whatever stage the environment names."""
    before = os.environ.get("VAXLINE_CLI_STAGE")
    os.environ["VAXLINE_CLI_STAGE"] = LOCAL_STAGE
    try:
        yield
    finally:
        if before is None:
            del os.environ["VAXLINE_CLI_STAGE"]
        else:
            os.environ["VAXLINE_CLI_STAGE"] = before
