"""One local run from start to end: cloud, simulator, engine and configuration, kept for the next look.

`make demo` opens a fresh one; the `vaxline` command opens the one that was left behind.
"""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from functions import logs
from local.aws import snapshot
from local.aws.cloud import LocalCloud
from local.aws.engine import Engine
from local.ctwiz.scenarios import Playing
from local.ctwiz.server import Simulator
from shared.adapters.aws.s3 import CURRENT_CONFIGURATION
from shared.adapters.configuration import reader
from shared.bootstrap import Application
from shared.settings import QUERY_FILES

DEMO_CLINICS: Final = Path(__file__).with_name("clinics.toml")
"""The configuration of the demo, and of a local run that names none."""
LOG: Final = snapshot.FOLDER.parent / "functions.log"
_PASSWORD: Final = "synthetic"  # noqa: S105 - opens the simulator only


class Session:
    """A running local cloud with a simulated CT WiZ that knows every clinic of the configuration."""

    def __init__(self, cloud: LocalCloud, clinics: str, name: str, scenario: Playing | None = None) -> None:
        self.cloud = cloud
        self._clinics = clinics
        self._name = name
        self.configuration = reader.valid(clinics, name)
        known = self.configuration.clinics.values()
        self.simulator = Simulator(
            facilities={clinic.facility_id: (clinic.secret, _PASSWORD) for clinic in known},
            clinic_codes={code for clinic in known for code in (clinic.facility, clinic.sending_facility)},
            scenario=scenario,
        )
        self.application = Application(cloud.runtime)
        self._saving = threading.Lock()

    def save(self) -> None:
        """Keeps everything as it is now; what is under way is swept up again at the next look."""
        with self._saving:
            snapshot.save(self.cloud)
            snapshot.save_accepted(list(self.simulator.accepted.values()))

    def start(self) -> None:
        """Puts secrets and configuration in place, the endpoint being the simulator's."""
        for secret in dict.fromkeys(clinic.secret for clinic in self.configuration.clinics.values()):
            self.cloud.put_secret(secret, secret, _PASSWORD)
        text = self._clinics.replace(self.configuration.iis.endpoint, self.simulator.endpoint)
        self.configuration = reader.valid(text, self._name)
        self.application.configurations.push(text, self.configuration.version)


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
        with session.simulator, _logs_in_a_file():
            session.start()
            try:
                yield session
            finally:
                # Also after an error or Ctrl-C: what was done is done, and the next look must find it.
                session.save()


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
def _logs_in_a_file() -> Iterator[None]:
    """What the functions log goes to build/functions.log: standard output belongs to the command."""
    snapshot.FOLDER.parent.mkdir(parents=True, exist_ok=True)
    with LOG.open("a", encoding="utf-8") as stream, logs.written_to(stream):
        yield


@contextmanager
def opened() -> Iterator[Application]:
    """What the last local run left behind, for the `vaxline` command; what it queues is delivered before it ends.

    Raises:
        LookupError: there was no local run yet.
    """
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

    Raises:
        LookupError: there was no local run yet and no configuration is given, or it has errors.
    """
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
