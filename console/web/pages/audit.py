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


async def draw(session: ConsoleSession, clinic: str = "") -> None:
    """Draw the page, for all clinics or for one."""
    async with loading():
        entries = await session.run(lambda application: _entries(application, clinic))
        with card(f"The last {DAYS} days"):
            if not entries:
                empty("There are no entries.", "`vaxline audit --days 30` goes further back.")
                return
            table(
                ("time (UTC)", "who", "action", "about", "detail"),
                (
                    (f"{entry.when:%Y-%m-%d %H:%M:%S}", entry.who, entry.action, entry.subject, entry.detail)
                    for entry in entries
                ),
                label="Audit trail",
            )


def _entries(application: Application, clinic: str) -> list[AuditEntry]:
    """Return the entries of the last days, newest first."""
    today = application.clock.now().date()
    entries = list(application.audit.entries(today - timedelta(days=DAYS - 1), today))[::-1]
    if not clinic:
        return entries
    return entries_of(
        entries,
        application.ledger.submissions,
        application.ledger.files,
        application.configurations.current(),
        clinic,
    )
