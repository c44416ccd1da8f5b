"""What `vaxline local` keeps going: cloud, simulated CT WiZ, engine with its schedules, and the drop folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local import session
from local.aws import snapshot
from local.ctwiz.scenarios import LAPTOP_PACE, SCENARIOS, playing
from local.drop import TAKEN, Drop, Tell
from shared.bootstrap import Application


@contextmanager
def going(folder: Path, config: Path | None, scenario: str, seed: int, *, tell: Tell) -> Iterator[Application]:
    """A local run that goes on while the context lasts, from what was left behind or from the start.

    Raises:
        LookupError: the configuration has errors, there is no such scenario, or another process has the local run.
    """
    if scenario and scenario not in SCENARIOS:
        raise LookupError(f"there is no scenario {scenario!r}; it is one of {', '.join(SCENARIOS)}")
    clinics = config or (None if snapshot.exists() else session.DEMO_CLINICS)
    played = playing(scenario, seed=seed, pace=LAPTOP_PACE)
    with session.sigterm_as_interrupt(), session.kept(clinics.read_text("utf-8") if clinics else "", played) as run:
        tell(f"Simulated CT WiZ at {run.simulator.endpoint}, AWS played by moto.")
        with Drop(run, folder.resolve(), tell) as drop:
            sources = ", ".join(run.configuration.sources)
            tell(f"Drop exports into {drop.folder}/SOURCE/, SOURCE being one of {sources}.")
            tell(f"What was taken up lies in {drop.folder / TAKEN}/.")
            yield run.application
