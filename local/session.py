"""One local run from start to end: cloud, simulator, engine and configuration, kept for the next look.

`make demo` opens a fresh one; the `vaxline` command opens the one that was left behind.
"""

from __future__ import annotations

import fcntl
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Final

from functions import logs
from local.aws import snapshot
from local.aws.cloud import LocalCloud
from local.aws.engine import Engine
from local.ctwiz.scenarios import Playing
from local.ctwiz.server import Simulator
from shared.adapters.aws.s3 import CURRENT_CONFIGURATION, S3Configurations
from shared.adapters.configuration.reader import read_configuration, version_of
from shared.bootstrap import Application
from shared.domain.clinics import Clinic
from shared.settings import QUERY_FILES

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

DEMO_CLINICS: Final = Path(__file__).with_name("clinics.toml")
"""The configuration of the demo, and of a local run that names none."""
LOG: Final = snapshot.FOLDER.parent / "functions.log"
_PASSWORD: Final = "synthetic"  # noqa: S105 - opens the simulator only
_open: ContextVar[Session | None] = ContextVar("_open", default=None)
"""The run `apart` that this process has open."""


class Session:
    """A running local cloud with a simulated CT WiZ that knows every clinic of every configuration it was given."""

    def __init__(self, cloud: LocalCloud, clinics: str, name: str, scenario: Playing | None = None) -> None:
        self.cloud = cloud
        self._clinics = clinics
        self.configuration = read_configuration(clinics, name)
        clinics_of_it = self.configuration.clinics.values()
        self.simulator = Simulator(
            facilities=_accounts(clinics_of_it), clinic_codes=_codes(clinics_of_it), scenario=scenario
        )
        self.application = Application(cloud.runtime)
        self.application.configurations = _LocalConfigurations(cloud.s3, cloud.runtime.bucket, self._prepare)
        self._secrets: set[str] = set()
        self._saving = threading.Lock()

    def save(self) -> None:
        """Keeps everything as it is now; what is under way is swept up again at the next look."""
        with self._saving:
            snapshot.save(self.cloud)
            snapshot.save_accepted(list(self.simulator.accepted.values()))

    def start(self) -> None:
        """Puts secrets and configuration in place, the endpoint being the simulator's."""
        self.application.configurations.push(self._clinics, self.configuration.version)
        self.configuration = self.application.configurations.current()

    def _prepare(self, text: str) -> str:
        """The text of a clinics.toml with the simulator's endpoint; the simulator gets to know its clinics."""
        configuration = read_configuration(text)
        clinics = configuration.clinics.values()
        self.simulator.admit(_accounts(clinics), _codes(clinics))
        for secret in {clinic.secret for clinic in clinics} - self._secrets:
            self.cloud.put_secret(secret, secret, _PASSWORD)
            self._secrets.add(secret)
        return text.replace(configuration.iis.endpoint, self.simulator.endpoint)


class _LocalConfigurations(S3Configurations):
    """Configurations of a local run: none of them leads to a real IIS, whatever endpoint its text names."""

    def __init__(self, client: S3Client, bucket: str, prepare: Callable[[str], str]) -> None:
        super().__init__(client, bucket)
        self._prepare = prepare

    def push(self, text: str, version: str) -> None:  # noqa: ARG002 - the text that is stored has another
        prepared = self._prepare(text)
        super().push(prepared, version_of(prepared))


def _accounts(clinics: Iterable[Clinic]) -> dict[str, tuple[str, str]]:
    """facilityID → user name and password at the simulator."""
    return {clinic.facility_id: (clinic.secret, _PASSWORD) for clinic in clinics}


def _codes(clinics: Iterable[Clinic]) -> set[str]:
    """The HL7 facility codes of MSH-4 and RXA-11.4."""
    return {code for clinic in clinics for code in (clinic.facility, clinic.sending_facility)}


@contextmanager
def running(clinics: str, name: str, *, continued: bool = False, scenario: Playing | None = None) -> Iterator[Session]:
    """A local run under the text of a clinics.toml; with `continued` on top of what the last one left behind."""
    with _alone(), LocalCloud() as cloud:
        if continued:
            snapshot.load(cloud)
        session = Session(cloud, clinics, name, scenario)
        if continued:
            # What it accepted before, so that a query finds it.
            for message in snapshot.accepted():
                session.simulator.webiz.receive(message)
        with session.simulator, _logs_in(LOG):
            session.start()
            try:
                yield session
            finally:
                # Also after an error or Ctrl-C: what was done is done, and the next look must find it.
                session.save()


@contextmanager
def apart(clinics: str, name: str, log: Path) -> Iterator[Session]:
    """A local run in memory that keeps nothing and leaves alone what the last one left behind.

    Commands at the local stage work on it while the context lasts.

    Args:
        clinics: the text of a clinics.toml.
        name: what that file is called.
        log: where the functions' log lines go.

    Raises:
        LookupError: the configuration has errors.
    """
    with LocalCloud() as cloud:
        session = Session(cloud, clinics, name)
        with session.simulator, _logs_in(log):
            session.start()
            before = _open.set(session)
            try:
                yield session
            finally:
                _open.reset(before)


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """SIGTERM ends the process as Ctrl-C does, with everything kept or cleared away."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _alone() -> Iterator[None]:
    """Holds what is kept for this process alone: two runs would undo each other's work.

    Raises:
        LookupError: another process has it.
    """
    path = snapshot.FOLDER.with_name(f"{snapshot.FOLDER.name}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
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
    """What the functions log goes to this file: standard output belongs to the command."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as stream, logs.written_to(stream):
        yield


@contextmanager
def opened() -> Iterator[Application]:
    """What the last local run left behind, for the `vaxline` command; what it queues is delivered before it ends.

    Where this process has a run `apart` open, that one; it delivers by itself.

    Raises:
        LookupError: there was no local run yet.
    """
    current = _open.get()
    if current is not None:
        yield current.application
        return
    with _continued() as session:
        try:
            yield session.application
        except KeyboardInterrupt:
            # Whoever stops it does not want to wait; what was queued is delivered at the next look.
            raise
        except BaseException:
            _deliver(session)
            raise
        _deliver(session)


@contextmanager
def kept(clinics: str = "", scenario: Playing | None = None) -> Iterator[Session]:
    """A local run on which everything runs on, schedules included, while the context lasts.

    It goes on from what the last one left behind, under `clinics` (the text of a clinics.toml) where one is given.
    Where this process has a run `apart` open, it is that one.

    Raises:
        LookupError: there was no local run yet and no configuration is given, or it has errors.
    """
    current = _open.get()
    if current is not None:
        yield current
        return
    with _continued(clinics, scenario) as session, Engine(session.cloud, schedules=True):
        yield session


@contextmanager
def _continued(clinics: str = "", scenario: Playing | None = None) -> Iterator[Session]:
    """What the last local run left behind; under another clinics.toml there need not be any."""
    there = snapshot.exists()
    text = clinics or snapshot.stored(CURRENT_CONFIGURATION).decode("utf-8")
    with running(text, "the clinics.toml of the local run", continued=there, scenario=scenario) as session:
        # The queues were not kept; what waited in them waits in the ledger.
        session.application.sweep(everything=True)
        yield session


def _deliver(session: Session) -> None:
    with Engine(session.cloud) as engine:
        engine.wait_until_idle()
        engine.invoke(QUERY_FILES, {})
