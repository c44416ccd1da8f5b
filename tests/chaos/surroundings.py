"""What surrounds the world: its clinics, its registry, the clocks of its hosts, and ports that know one answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from local.ctwiz import rules
from local.ctwiz.messages import Message, Order
from local.ctwiz.registry import Patient, WebIz
from shared.domain.clinics import Clinic, Configuration, Iis, Source
from shared.domain.submission import Credentials
from tests.chaos.exports import REFUSED_LOT
from tests.chaos.processes import Scheduler


def _clinic(key: str) -> Clinic:
    return Clinic(key, f"{key.title()} Example Clinic", f"CT-{key}", f"CT-{key}", f"ID-{key}", key)


CONFIGURATION: Final = Configuration(
    "v1",
    "Example Health",
    "VAXLINE",
    # So few that most schedules have exports whose rest waits for its turn.
    Iis("https://iis.example/", backfill_from=12),
    {key: _clinic(key) for key in ("elm", "oak")},
    {"elm": Source("elm", "csv", clinic="elm"), "both": Source("both", "csv", clinic="oak")},
)
CLINICS_OF: Final = {"elm": ("elm",), "both": ("elm", "oak")}
_CREDENTIALS: Final = Credentials("synthetic", "synthetic")


class Registry(WebIz):
    """A registry that also drops what has a certain lot, so that refusals come and go with corrections."""

    def _apply(
        self, order: Order, patient: Patient, message: Message, context: rules.Context
    ) -> Iterator[rules.Problem]:
        rxa = order.first("RXA")
        if rxa.value(15).startswith(REFUSED_LOT) and rxa.value(21) != "D":
            text = f"Lot not accepted. {rules.NOT_PROCESSING} {order.number}"
            yield rules._err("E", f"RXA^{rxa.number}^15^1^1", "WEBIZ-799", (4, text))
            return
        yield from super()._apply(order, patient, message, context)


class HostClock:
    """The scheduler's time, as one host sees it."""

    def __init__(self, scheduler: Scheduler, skew: float) -> None:
        self._scheduler, self._skew = scheduler, timedelta(seconds=skew)

    def now(self) -> datetime:
        return self._scheduler.time + self._skew


class Agreeing:
    """Port `SecondOpinion` that never objects."""

    def objection(self, vxu: str) -> str:
        return ""


@dataclass(slots=True)
class Switch:
    """Port `DeliverySwitch`: what feeds submit."""

    on: bool = True

    def is_on(self) -> bool:
        return self.on

    def switch(self, *, on: bool) -> None:
        self.on = on


class Nobody:
    """Who gets the mails."""

    def request(self, clinic: str, causes: Sequence[str]) -> None:
        pass

    def send(self) -> None:
        pass


class Vault:
    """Port `Secrets` in which every clinic has its credentials."""

    def credentials(self, secret: str, *, fresh: bool = False) -> Credentials:
        return _CREDENTIALS
