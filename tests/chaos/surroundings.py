"""What surrounds the world: its clinics, its registry, the clocks of its hosts, and ports that know one answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

from local.ctwiz import rules
from local.ctwiz.messages import Message, Order
from local.ctwiz.registry import Patient, WebIz
from shared.domain.clinics import Clinic, Configuration, Iis, Source
from shared.domain.model import Numbering
from shared.domain.submission import Credentials
from shared.replaced import replace
from tests.chaos.exports import REFUSED_LOT, SPELLINGS
from tests.chaos.processes import Scheduler


def _clinic(key: str) -> Clinic:
    name = f"{key.title()} Example Clinic"
    spellings = frozenset(SPELLINGS[key])
    return Clinic(key, name, f"CT-{key}", f"CT-{key}", f"ID-{key}", key, export_names=spellings)


FILE_DATE: Final = "%Y%m%d-%H%M%S-*.csv"


def _source(name: str, **values: Any) -> Source:
    return Source(name, "csv", file_date=FILE_DATE, **values)


CONFIGURATION: Final = Configuration(
    "v1",
    "Example Health",
    "VAXLINE",
    # So few that most schedules have exports whose rest waits for its turn.
    Iis("https://iis.example/", backfill_from=12, time_zone="UTC"),
    {key: _clinic(key) for key in ("elm", "oak")},
    {
        "elm": _source("elm", clinic="elm", numbering=Numbering("E-")),
        "both": _source("both", clinic="oak"),
        # The same EHR as "both" writes these files too.
        "more": _source("more", clinic="elm", numbers_of="both"),
    },
)
EHRS: Final[tuple[Mapping[str, Any], ...]] = (
    {"sources": ("elm",), "clinics": ("elm",), "prefix": "E-"},
    {"sources": ("both", "more"), "clinics": ("elm", "oak")},
)
_FRESH: Final = timedelta(seconds=60)


def first_configuration(random: Random) -> Configuration:
    """The configuration of a schedule's first day, perhaps with what an analyst mends later.

    The IIS does not know a clinic's facility code, or a spelling of a clinic is missing.
    """
    clinics = dict(CONFIGURATION.clinics)
    if random.random() < 0.3:
        clinics["oak"] = replace(clinics["oak"], sending_facility="CT-WRONG")
    if random.random() < 0.3:
        key = random.choice(("elm", "oak"))
        clinics[key] = replace(clinics[key], export_names=frozenset())
    return replace(CONFIGURATION, clinics=clinics)


class Pushed:
    """The configuration in force, which all processes share."""

    def __init__(self, scheduler: Scheduler, configuration: Configuration) -> None:
        self.scheduler, self.configuration = scheduler, configuration
        self._versions = 1

    def push(self, configuration: Configuration) -> None:
        """`vaxline config push`."""
        self._versions += 1
        self.configuration = replace(configuration, version=f"v{self._versions}")


class Seen:
    """Port `Configurations` of one process: as of a minute ago at most."""

    def __init__(self, pushed: Pushed) -> None:
        self._pushed = pushed
        self._read_at = datetime.min.replace(tzinfo=UTC)
        self._cached = pushed.configuration

    def current(self, *, since: datetime | None = None) -> Configuration:
        now = self._pushed.scheduler.now()
        is_older = since is not None and self._read_at < since + _FRESH
        if is_older or now - self._read_at > _FRESH:
            self._read_at, self._cached = now, self._pushed.configuration
        return self._cached


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
