"""The daily reports: what their function may read and where it writes."""

from __future__ import annotations

from infra.functions import Function
from infra.ledger import Ledger
from infra.stages import Stage
from infra.storage import Storage
from shared import settings
from shared.settings import CONFIG_PREFIX, REPORTS_PREFIX


def serve(report: Function, *, stage: Stage, storage: Storage, ledger: Ledger) -> None:
    """It reads days of outcomes, the worklist and what is stopped, and writes under `reports/` and nowhere else."""
    storage.grant_read(report.rights, CONFIG_PREFIX, REPORTS_PREFIX)
    storage.grant_write(report.rights, REPORTS_PREFIX)
    ledger.grant(report.rights, "Query")
    ledger.grant_query(report.rights, settings.WORKLIST)
    report.run_every(settings.REPORT.every_minutes or 1440, stage=stage)
