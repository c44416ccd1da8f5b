"""The log lines and metrics of deliveries: of a batch of submit, or of a round of the valve's trial."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from functions import logs
from shared import metrics
from shared.domain.lifecycle import State
from shared.metrics import Measured, Metric
from shared.usecases.delivery.delivered import Delivered, Done, Later

OUTCOMES: Final[dict[str, Metric]] = {
    State.ACCEPTED: metrics.ACCEPTED,
    State.ACCEPTED_WITH_WARNINGS: metrics.ACCEPTED_WITH_WARNINGS,
    State.PARTLY_ACCEPTED: metrics.PARTLY_ACCEPTED,
    State.REFUSED: metrics.REFUSED,
    State.UNKNOWN: metrics.UNKNOWN,
}
# A message of a stopped facility has a fault too, but was not tried.
_TRIED: Final = frozenset({*OUTCOMES, State.QUEUED.value})


def log(results: Iterable[Delivered]) -> None:
    """Write one line for each delivery that ended in a fault or an error."""
    for result in results:
        if isinstance(result, Later) and (result.fault or result.error):
            logs.line(
                "comes again",
                msh_10=result.msh_10,
                clinic=result.clinic,
                fault=result.fault,
                error=result.error,
                wait=result.wait,
            )
        elif result.fault:
            logs.line("fault", msh_10=result.msh_10, clinic=result.clinic, fault=result.fault)


def called(results: Iterable[Delivered]) -> frozenset[str]:
    """Return the clinics in whose name the IIS was called and answered, or may have."""
    return frozenset(result.clinic for result in results if isinstance(result, Done) and result.outcome in OUTCOMES)


def expiring(days: int | None) -> Iterator[Measured]:
    """Yield the days until the first client certificate expires, if there is one."""
    if days is not None:
        yield Measured(metrics.CREDENTIAL_DAYS, days)


def measured(results: Iterable[Delivered]) -> Iterator[Measured]:
    """Yield the outcome of each message, the fault of each try that had one, and the time of each answer."""
    for result in results:
        state = State.QUEUED.value if isinstance(result, Later) else result.outcome
        if result.fault and state in _TRIED:
            yield Measured(metrics.FAULTS, 1, result.clinic)
        if state in OUTCOMES:
            yield Measured(OUTCOMES[state], 1, result.clinic)
        if isinstance(result, Done) and state in OUTCOMES and not result.fault:
            yield Measured(metrics.ANSWER_SECONDS, result.seconds)
