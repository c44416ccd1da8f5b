"""A local run that stays open while several tests work on it, each on rows of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner, Result

from console import demo, terminal
from console.main import app
from local import runs
from local.aws import snapshot
from local.aws.engine import Engine
from local.runs import LocalRun
from shared.domain.submission import FileSummary, Submission
from shared.settings import INBOX_PREFIX

_ONLY_READ: Final = frozenset(
    {
        "audit",
        "codes",
        "explain",
        "failures",
        "files",
        "query",
        "search",
        "show",
        "test-connection",
        "trace",
        "worklist",
    }
)
"""Commands after which nothing moves that did not move before."""


class OpenRun:
    """Exports are dropped into it, and `vaxline` commands are called on it as on what `make demo` left behind."""

    def __init__(self, run: LocalRun, engines: ExitStack, log: Path) -> None:
        self.session = run
        self._engines = engines
        self.engine = engines.enter_context(Engine(run.cloud))
        run.engine = self.engine
        self.log = log
        self.application = run.application
        self.ledger = run.application.ledger
        self.simulator = run.simulator
        self.cloud = run.cloud

    def restart(self) -> None:
        """Starts the functions anew: they keep a configuration for a minute."""
        assert self.engine.errors == []
        self._engines.close()
        self.engine = self.session.engine = self._engines.enter_context(Engine(self.cloud))

    def put(self, name: str, body: bytes) -> None:
        """Puts an object into the inbox, where the functions find it."""
        self.cloud.s3.put_object(Bucket=self.cloud.runtime.bucket, Key=f"{INBOX_PREFIX}{name}", Body=body)

    def drop(self, name: str, body: bytes) -> FileSummary:
        """Puts an export into the inbox, waits until nothing moves any more, and says what became of it."""
        before = {file.file_id for file in self.ledger.files.all()}
        self.put(name, body)
        self.settle()
        (new,) = [file for file in self.ledger.files.all() if file.file_id not in before]
        assert new.adds_up
        return new

    def file(self, name: str) -> FileSummary:
        """The one arrival of an export."""
        (found,) = [file for file in self.ledger.files.all() if file.name == f"{INBOX_PREFIX}{name}"]
        assert found.adds_up
        return found

    def submission(self, msh_10: str) -> Submission:
        found = self.ledger.submissions.get(msh_10)
        assert found is not None
        return found

    def settle(self) -> None:
        """Waits until nothing moves any more."""
        assert self.engine.wait_until_idle(timeout=120)

    def call(self, *arguments: str) -> Result:
        """One `vaxline` command; what it set going has ended when this returns."""
        result = CliRunner().invoke(app, arguments, catch_exceptions=False)
        if arguments[0] not in _ONLY_READ:
            self.settle()
        return result

    def called(self, *arguments: str, code: int = 0) -> Result:
        """One `vaxline` command that ends with this exit code."""
        result = self.call(*arguments)
        assert result.exit_code == code, result.output
        return result

    def data(self, *arguments: str, code: int = 0) -> Any:
        """What a `vaxline` command says with `--json`."""
        return json.loads(self.called(*arguments, "--json", code=code).stdout)


@contextmanager
def kept_in(folder: Path) -> Iterator[None]:
    """Local runs are kept in this folder while the context lasts; commands print as on a wide screen."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(snapshot, "FOLDER", folder / "local")
        patched.setattr(runs, "LOG", folder / "functions.log")
        patched.setattr(terminal, "out", terminal.Console(width=200))
        patched.setattr(terminal, "err", terminal.Console(width=200, stderr=True))
        yield


@contextmanager
def open_run(clinics: str, folder: Path) -> Iterator[OpenRun]:
    """A local run under the text of a clinics.toml; its functions log into the folder."""
    log = folder / "functions.log"
    with kept_in(folder), runs.temporary(clinics, "clinics.toml", log) as run, ExitStack() as engines:
        opened = OpenRun(run, engines, log)
        yield opened
        assert opened.engine.errors == []


@contextmanager
def run_after_demo(folder: Path) -> Iterator[OpenRun]:
    """What `make demo` leaves behind, opened once for all commands."""
    with kept_in(folder):
        assert demo.main(["--quiet"]) == 0
        clinics = runs.DEMO_CLINICS.read_text("utf-8")
        with runs.start(clinics, "clinics.toml", continued=True) as run, ExitStack() as engines:
            before = runs._current.set(run)
            opened = OpenRun(run, engines, runs.LOG)
            yield opened
            runs._current.reset(before)
            assert opened.engine.errors == []
