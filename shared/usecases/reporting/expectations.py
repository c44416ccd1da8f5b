"""Due files and expiring credentials: which sources are late, and whose password ends when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from shared.domain.clinics import Configuration
from shared.ports.ledger import Sources, Stops


@dataclass(frozen=True, slots=True)
class SourceDue:
    """A source with `expected_every`: when its last file came, when its next one is due, and whether it is late."""

    source: str
    quiet_since: datetime
    due: datetime
    late: bool


@dataclass(frozen=True, slots=True)
class CredentialsDue:
    """The day on which a facility's credentials expire; `days` from today on, negative where it has passed."""

    facility: str
    secret: str
    expire: date
    days: int


@dataclass(frozen=True, slots=True)
class Expectations:
    """Due files and expiring credentials, the next ones first.

    Attributes:
        sources: the sources with `expected_every`.
        credentials: one entry per facility with `credentials_expire`.
        stopped: stopped facility → fault.
    """

    sources: tuple[SourceDue, ...]
    credentials: tuple[CredentialsDue, ...]
    stopped: Mapping[str, str]


def read_expectations(
    sources: Sources, stops: Stops, configuration: Configuration, now: datetime, *, noting: bool = False
) -> Expectations:
    """Return what is due as of now.

    Args:
        sources: knows the time of each source's last file.
        stops: what stops delivery.
        configuration: the configuration in force.
        now: the current time.
        noting: record the time from which the first file of a new source is expected. The schedule does; people don't.
    """
    quiet_since = sources.quiet_since()
    time_zone = configuration.iis.time_zone
    due_sources = []
    for name, source in configuration.sources.items():
        if source.expected_every is None:
            continue
        if noting and name not in quiet_since:
            sources.expect(name, now)
        since = quiet_since.get(name, now)
        due = source.expected_every.due_after(since, time_zone)
        due_sources.append(SourceDue(name, since, due, late=due < now))
    return Expectations(
        tuple(sorted(due_sources, key=lambda source: source.due)),
        _credentials(configuration, now),
        stops.current().facilities,
    )


def _credentials(configuration: Configuration, now: datetime) -> tuple[CredentialsDue, ...]:
    """Return one entry per facility, with the earliest day where its clinics name several."""
    today = now.astimezone(ZoneInfo(configuration.iis.time_zone)).date()
    earliest: dict[str, CredentialsDue] = {}
    for clinic in configuration.clinics.values():
        day = clinic.credentials_expire
        if day is None:
            continue
        due = CredentialsDue(clinic.facility_id, clinic.secret, day, (day - today).days)
        known = earliest.get(clinic.facility_id)
        if known is None or due.days < known.days:
            earliest[clinic.facility_id] = due
    return tuple(sorted(earliest.values(), key=lambda due: due.expire))
