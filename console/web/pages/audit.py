"""Audit: who read or changed what, and when."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from console.web.parts import card, empty, loading, table
from console.web.session import ConsoleSession
from shared.bootstrap import Application
from shared.domain.audit import AuditEntry
from shared.usecases.reporting.by_clinic import entries_of

DAYS: Final = 7


def seen(application: Application, clinic: str) -> list[AuditEntry]:
    """The entries of the last days, the newest first, of all or of what concerns one clinic."""
    today = application.clock.now().date()
    found = list(application.audit.entries(today - timedelta(days=DAYS - 1), today))[::-1]
    return entries_of(found, application.ledger, application.configurations.current(), clinic) if clinic else found


async def draw(session: ConsoleSession, clinic: str = "") -> None:
    """The page."""
    async with loading():
        found = await session.ask(lambda application: seen(application, clinic))
        with card(f"The last {DAYS} days"):
            if not found:
                empty("Nobody looked at anything yet.", "`vaxline audit --days 30` goes further back.")
                return
            table(
                ("time (UTC)", "who", "action", "about", "detail"),
                ((f"{one.when:%Y-%m-%d %H:%M:%S}", one.who, one.action, one.subject, one.detail) for one in found),
                label="Audit trail",
            )
