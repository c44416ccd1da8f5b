"""The local run of `vaxline local`: AWS played by moto, simulated CT WiZ, schedules, and a drop folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local import runs
from local.aws import snapshot
from local.ctwiz.scenarios import LAPTOP_PACE, SCENARIOS, run_scenario
from local.drop_folder import TAKEN, DropFolder, Tell
from shared.bootstrap import Application


@contextmanager
def interactive_run(
    folder: Path, config: Path | None, scenario: str, seed: int, *, tell: Tell, endpoint: str = ""
) -> Iterator[Application]:
    """Keep a local run going while the context lasts; it continues from the saved state where there is any.

    Args:
        folder: the drop folder.
        config: a clinics.toml to put in force; None for the last run's, or the demo's.
        scenario: name of the faults that the simulator plays; empty for none.
        seed: seed of the scenario.
        tell: prints a line for the user.
        endpoint: of an IIS on this machine in the simulator's place; see `runs.start`.

    Raises:
        LookupError: the configuration has errors, there is no such scenario, or another process has a run open.
    """
    if scenario and scenario not in SCENARIOS:
        raise LookupError(f"there is no scenario {scenario!r}; it is one of {', '.join(SCENARIOS)}")
    clinics = config or (None if snapshot.exists() else runs.DEMO_CLINICS)
    text = clinics.read_text("utf-8") if clinics else ""
    scenario_run = run_scenario(scenario, seed=seed, pace=LAPTOP_PACE)
    with runs.sigterm_as_interrupt(), runs.keep_running(text, scenario_run, endpoint) as run:
        tell(f"{run.iis}, AWS played by moto.")
        with DropFolder(run, folder.resolve(), tell) as drop:
            sources = ", ".join(run.configuration.sources)
            tell(f"Drop exports into {drop.folder}/SOURCE/, where SOURCE is one of {sources}.")
            tell(f"Files that were taken are moved to {drop.folder / TAKEN}/.")
            yield run.application
