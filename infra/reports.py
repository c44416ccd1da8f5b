"""The permissions and schedule of the function that writes the daily reports."""

from __future__ import annotations

from infra.functions import Function
from infra.ledger import Ledger
from infra.stages import Stage
from infra.storage import Storage
from shared import settings
from shared.settings import CONFIG_PREFIX, REPORTS_PREFIX


def serve(report: Function, *, stage: Stage, storage: Storage, ledger: Ledger) -> None:
    """Let it read outcomes, worklist and stops, and write under `reports/` only; run it daily."""
    storage.grant_read(report.permissions, CONFIG_PREFIX, REPORTS_PREFIX)
    storage.grant_write(report.permissions, REPORTS_PREFIX)
    ledger.grant(report.permissions, "Query")
    ledger.grant_query(report.permissions, settings.WORKLIST)
    report.run_every(settings.REPORT.every_minutes or 1440, stage=stage)
