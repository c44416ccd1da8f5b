"""What should have come by now, and what runs out soon: sources that are silent, credentials that expire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from shared.domain.clinics import Configuration
from shared.ports.ledger import Sources, Stops


@dataclass(frozen=True, slots=True)
class SourceDue:
    """A source that clinics.toml expects files of: since when it is quiet, and when its next file is late."""

    source: str
    quiet_since: datetime
    due: datetime
    late: bool


@dataclass(frozen=True, slots=True)
class CredentialsDue:
    """When a facility's credentials expire, and in how many days from today (negative: since)."""

    facility: str
    secret: str
    expire: date
    days: int


@dataclass(frozen=True, slots=True)
class Expected:
    """All of it, what comes next first; `stopped` are the facilities whose delivery waits for a person."""

    sources: tuple[SourceDue, ...]
    credentials: tuple[CredentialsDue, ...]
    stopped: Mapping[str, str]


def expected(
    sources: Sources, stops: Stops, configuration: Configuration, now: datetime, *, noting: bool = False
) -> Expected:
    """Looks once. A source counts from its last file; before its first, from when it was first looked at.

    With `noting` that first look is written down (the schedule does so; people only look).
    """
    quiet = sources.quiet_since()
    zone = configuration.iis.time_zone
    due_sources = []
    for name, source in configuration.sources.items():
        if source.expected_every is None:
            continue
        if noting and name not in quiet:
            sources.expect(name, now)
        since = quiet.get(name, now)
        due = source.expected_every.due_after(since, zone)
        due_sources.append(SourceDue(name, since, due, late=due < now))
    return Expected(
        tuple(sorted(due_sources, key=lambda one: one.due)),
        _credentials(configuration, now),
        stops.current().facilities,
    )


def _credentials(configuration: Configuration, now: datetime) -> tuple[CredentialsDue, ...]:
    """One line per facility; where its clinics name several days, the first."""
    today = now.astimezone(ZoneInfo(configuration.iis.time_zone)).date()
    found: dict[str, CredentialsDue] = {}
    for clinic in configuration.clinics.values():
        day = clinic.credentials_expire
        if day is None:
            continue
        one = CredentialsDue(clinic.facility_id, clinic.secret, day, (day - today).days)
        known = found.get(clinic.facility_id)
        if known is None or one.days < known.days:
            found[clinic.facility_id] = one
    return tuple(sorted(found.values(), key=lambda one: one.expire))
