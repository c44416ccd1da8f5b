"""Local runs: AWS played by moto, a simulated CT WiZ, and a configuration, all on this machine.

`make demo` starts a run. Its state is saved when it ends, and `vaxline` commands at the local stage continue from it.
"""

from __future__ import annotations

import fcntl
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from functions import logs
from local import other_iis, private
from local.aws import snapshot
from local.aws.cloud import LocalCloud, writes
from local.aws.engine import Engine
from local.ctwiz.scenarios import ScenarioRun
from local.ctwiz.server import Simulator
from shared.adapters.aws.s3 import CURRENT_CONFIGURATION, S3Configurations
from shared.adapters.configuration.reader import read_configuration, version_of
from shared.bootstrap import Application
from shared.domain.clinics import Clinic
from shared.ports.objects import LONG_AGO, StoredObject
from shared.settings import INBOX_PREFIX, QUERY_FILES

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

DEMO_CLINICS: Final = Path(__file__).with_name("clinics.toml")
"""The configuration of the demo, and of a local run that names none."""

LOG: Final = snapshot.FOLDER.parent / "functions.log"
"""The functions' log, since standard output belongs to the command."""

_SAVE_SECONDS: Final = 5.0
_SAVE_FRACTION: Final = 20
"""The pause between two savings is at least this many times as long as a saving takes."""

_PASSWORD: Final = "synthetic"  # noqa: S105 - opens the simulator only

_current: ContextVar[LocalRun | None] = ContextVar("_current", default=None)
"""The `temporary` run that is open in this process."""


class LocalRun:
    """A running local cloud, and a simulated CT WiZ with an account for every clinic of every configuration."""

    def __init__(
        self,
        cloud: LocalCloud,
        clinics: str,
        name: str,
        scenario: ScenarioRun | None = None,
        known: Collection[str] = (),
        other_iis: str = "",
    ) -> None:
        """Create the run without starting the simulator.

        Args:
            cloud: the local cloud.
            clinics: the text of a clinics.toml.
            name: the name of that file, for error messages.
            scenario: the faults that the simulator plays.
            known: the facility codes that the simulator knows; where none are given, those of every configuration.
            other_iis: endpoint of an IIS on this machine in the simulator's place; empty for none.
        """
        self.cloud = cloud
        self.other_iis = other_iis
        self.saved: snapshot.Saved | None = None
        """Of which saved state it is the continuation; None for a new run."""
        self._clinics = clinics
        self.configuration = read_configuration(clinics, name)
        configured = self.configuration.clinics.values()
        self.simulator = Simulator(
            facilities=_accounts(configured), clinic_codes=_facility_codes(configured), known=known, scenario=scenario
        )
        self.application = Application(cloud.runtime)
        self.application.configurations = _LocalConfigurations(cloud.s3, cloud.runtime.bucket, self._prepare)
        self._secrets: set[str] = set()
        self._saving = threading.Lock()
        self.engine: Engine | None = None
        """Runs the functions meanwhile; None where they do not run, or are stopped already."""

    def save(self, *, has_ended: bool = False) -> bool:
        """Save the state as of one moment, in which no function runs.

        Queues are not saved; the next run queues again what waits in the ledger, and what of the inbox is not read.

        Returns:
            False where a function runs on for too long; then the state before stays.
        """
        with self._saving, self.engine.paused() if self.engine else nullcontext(enter_result=True) as is_still:
            if is_still:
                accepted = list(self.simulator.accepted.values())
                snapshot.save(self.cloud, accepted, has_ended=has_ended, endpoint=self.other_iis)
            return is_still

    def resume(self) -> tuple[str, ...]:
        """Queue again what waited in queues when the state was saved; return what was found, in lines for the user."""
        found: list[str] = []
        if self.saved is not None and not self.saved.has_ended:
            found.append(
                f"The last run was cut off. This one continues from what it saved at {self.saved.at:%H:%M:%S} UTC."
            )
        again = self._unconverted()
        for key in again:
            self.application.intake.announce(key)
        waiting = self.application.sweep(everything=True).queued
        if found:
            found += [f"{key.removeprefix(INBOX_PREFIX)}: read again" for key in again]
            found.append(f"{waiting} messages wait for delivery.")
        return tuple(found)

    def _unconverted(self) -> list[str]:
        """Return the keys of objects in the inbox that are not of an export that was converted since they arrived."""
        converted: dict[str, datetime] = {}
        for summary in self.application.ledger.files.summaries():
            if summary.complete:
                converted[summary.name] = max(summary.arrived, converted.get(summary.name, summary.arrived))

        def is_converted(item: StoredObject) -> bool:
            folders = [item.key[: end + 1] for end, letter in enumerate(item.key) if letter == "/"]
            return any(converted.get(name, LONG_AGO) >= item.modified for name in (item.key, *folders))

        return [item.key for item in self.application.objects.list(INBOX_PREFIX) if not is_converted(item)]

    def configure(self) -> None:
        """Put the configuration in force, with the run's own endpoint, and store the clinics' secrets."""
        self.application.configurations.push(self._clinics, self.configuration.version)
        self.configuration = self.application.configurations.current()

    def _prepare(self, text: str) -> str:
        """Return a clinics.toml with the run's own endpoint; give its clinics accounts and secrets."""
        configuration = read_configuration(text)
        clinics = configuration.clinics.values()
        self.simulator.admit(_accounts(clinics), _facility_codes(clinics))
        for secret in {clinic.secret for clinic in clinics} - self._secrets:
            username, password = other_iis.account(secret, _PASSWORD) if self.other_iis else (secret, _PASSWORD)
            self.cloud.put_secret(secret, username, password)
            self._secrets.add(secret)
        return text.replace(configuration.iis.endpoint, self.endpoint)

    @property
    def endpoint(self) -> str:
        """The endpoint that the run sends to."""
        return self.other_iis or self.simulator.endpoint

    @property
    def iis(self) -> str:
        """The system at the endpoint, in words."""
        return f"{'Your IIS' if self.other_iis else 'Simulated CT WiZ'} at {self.endpoint}"


class _LocalConfigurations(S3Configurations):
    """Configurations of a local run. None of them leads to a real IIS, whatever endpoint its text names."""

    def __init__(self, client: S3Client, bucket: str, prepare: Callable[[str], str]) -> None:
        super().__init__(client, bucket)
        self._prepare = prepare

    def push(self, text: str, version: str) -> None:  # noqa: ARG002 - the text that is stored has another
        prepared = self._prepare(text)
        super().push(prepared, version_of(prepared))


def _accounts(clinics: Iterable[Clinic]) -> dict[str, tuple[str, str]]:
    """Return facilityID → user name and password at the simulator."""
    return {clinic.facility_id: (clinic.secret, _PASSWORD) for clinic in clinics}


def _facility_codes(clinics: Iterable[Clinic]) -> set[str]:
    """Return the HL7 facility codes of MSH-4 and RXA-11.4."""
    return {code for clinic in clinics for code in (clinic.facility, clinic.sending_facility)}


@contextmanager
def start(
    clinics: str, name: str, *, continued: bool = False, scenario: ScenarioRun | None = None, endpoint: str = ""
) -> Iterator[LocalRun]:
    """Start a run. Its state is saved when the context ends, also after an error or Ctrl-C.

    Args:
        clinics: the text of a clinics.toml.
        name: the name of that file, for error messages.
        continued: continue from the saved state of the last run.
        scenario: the faults that the simulator plays.
        endpoint: of an IIS on this machine in the simulator's place; empty for that of the run that is continued, or
            else the simulator; `simulated` for the simulator.

    Raises:
        LookupError: the configuration has errors, the endpoint is on another machine, or another process has a run
            open.
    """
    with _exclusively(), LocalCloud() as cloud:
        saved = snapshot.load(cloud) if continued else None
        other = _other_iis(endpoint or (saved.endpoint if saved else ""), scenario)
        run = LocalRun(cloud, clinics, name, scenario, other_iis=other)
        run.saved = saved
        if continued:
            # The simulator answers queries about what it accepted earlier.
            for message in snapshot.accepted():
                run.simulator.webiz.receive(message)
        with run.simulator, _logs_in(LOG):
            run.configure()
            try:
                yield run
            finally:
                run.save(has_ended=True)


def _other_iis(endpoint: str, scenario: ScenarioRun | None) -> str:
    """Return the endpoint of an IIS in the simulator's place, or an empty text for the simulator."""
    if endpoint in ("", other_iis.SIMULATED):
        return ""
    if scenario is not None:
        raise LookupError("only the simulated CT WiZ plays a scenario: leave --scenario or --endpoint out")
    return other_iis.checked_endpoint(endpoint)


@contextmanager
def temporary(clinics: str, name: str, log: Path, *, known: Collection[str] = ()) -> Iterator[LocalRun]:
    """Start a run that is never saved. Commands at the local stage use it while the context lasts.

    Args:
        clinics: the text of a clinics.toml.
        name: the name of that file, for error messages.
        log: the file for the functions' log.
        known: the facility codes that the simulator knows; where none are given, those of every configuration.

    Raises:
        LookupError: the configuration has errors.
    """
    with LocalCloud() as cloud:
        run = LocalRun(cloud, clinics, name, known=known)
        with run.simulator, _logs_in(log):
            run.configure()
            token = _current.set(run)
            try:
                yield run
            finally:
                _current.reset(token)


@contextmanager
def open_last() -> Iterator[Application]:
    """Open the last run for one command. What the command queued is delivered before the context ends.

    Where this process has a `temporary` run open, that one is used; its engine delivers.

    Raises:
        LookupError: there was no run yet.
    """
    current = _current.get()
    if current is not None:
        yield current.application
        return
    with _continue_last() as run:
        try:
            yield run.application
        except KeyboardInterrupt:
            # Do not make the user wait; the next command delivers what was queued.
            raise
        except BaseException:
            _deliver(run)
            raise
        _deliver(run)


@contextmanager
def keep_running(clinics: str = "", scenario: ScenarioRun | None = None, endpoint: str = "") -> Iterator[LocalRun]:
    """Continue the last run with all functions and schedules running while the context lasts.

    Where this process has a `temporary` run open, that one is used.

    Args:
        clinics: the text of a clinics.toml; empty for the one of the last run.
        scenario: the faults that the simulator plays.
        endpoint: as of `start`.

    Raises:
        LookupError: there was no run yet and no configuration is given, or the configuration has errors.
    """
    current = _current.get()
    if current is not None:
        yield current
        return
    with _continue_last(clinics, scenario, endpoint) as run:
        try:
            with Engine(run.cloud, schedules=True) as engine, _saved_now_and_then(run):
                run.engine = engine
                yield run
        finally:
            run.engine = None


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Handle SIGTERM as Ctrl-C, so that state is saved and temporary files are deleted."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _exclusively() -> Iterator[None]:
    """Lock the saved state, since two runs would overwrite each other's.

    Raises:
        LookupError: another process has the lock.
    """
    path = snapshot.FOLDER.with_name(f"{snapshot.FOLDER.name}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with private.opened(path) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LookupError(
                "the local run is open in another terminal (`vaxline local` or `vaxline console`): use its console, or "
                "end it with Ctrl-C first"
            ) from None
        yield


@contextmanager
def _logs_in(file: Path) -> Iterator[None]:
    """Append the functions' log lines to a file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with private.opened(file, "a") as stream, logs.written_to(stream):
        yield


@contextmanager
def _continue_last(clinics: str = "", scenario: ScenarioRun | None = None, endpoint: str = "") -> Iterator[LocalRun]:
    """Continue the last run; with `clinics` start a new one where there is none."""
    exists = snapshot.exists()
    text = clinics or snapshot.stored(CURRENT_CONFIGURATION).decode("utf-8")
    name = "the clinics.toml of the local run"
    with start(text, name, continued=exists, scenario=scenario, endpoint=endpoint) as run:
        for line in run.resume():
            sys.stderr.write(f"{line}\n")
        yield run


@contextmanager
def _saved_now_and_then(run: LocalRun) -> Iterator[None]:
    """Save the state every few seconds while it changes, so that a killed run loses no more than these seconds."""
    stop = threading.Event()

    def save() -> None:
        seen, pause = writes(), _SAVE_SECONDS
        while not stop.wait(pause):
            began, now = time.monotonic(), writes()
            if now != seen and run.save():
                seen = now
            # A large state must not be saved all the time.
            pause = max(_SAVE_SECONDS, _SAVE_FRACTION * (time.monotonic() - began))

    thread = threading.Thread(target=save, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=60)


def _deliver(run: LocalRun) -> None:
    with Engine(run.cloud) as engine:
        engine.wait_until_idle()
        engine.invoke(QUERY_FILES, {})
