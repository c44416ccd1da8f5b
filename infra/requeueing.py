"""The permissions and schedules of the functions that queue what waits in the ledger: sweep and backfill (ADR 0014)."""

from __future__ import annotations

from infra.functions import Function
from infra.ledger import Ledger
from infra.queues import Queues
from infra.stages import Stage
from infra.storage import Storage
from shared import settings
from shared.settings import CONFIG_PREFIX, INBOX_PREFIX


def serve_sweep(sweep: Function, *, stage: Stage, storage: Storage, ledger: Ledger, queues: Queues) -> None:
    """Let sweep read the backlog, the worklist and the inbox, queue submissions, and keep the entries of unread files.

    It removes these entries, and pending notices once they are sent.
    """
    storage.grant_read(sweep.permissions, INBOX_PREFIX, CONFIG_PREFIX)
    ledger.grant(sweep.permissions, "DeleteItem", "PutItem", "Query", "UpdateItem")
    ledger.grant_query(sweep.permissions, settings.WAITING, settings.WORKLIST)
    queues.outbox.grant_send(sweep.permissions)
    sweep.run_every(settings.SWEEP.every_minutes or 15, stage=stage)


def serve_backfill(backfill: Function, *, stage: Stage, storage: Storage, ledger: Ledger, queues: Queues) -> None:
    """Let backfill read the pace and the backfills, queue submissions, and note what it queued."""
    storage.grant_read(backfill.permissions, CONFIG_PREFIX)
    ledger.grant(backfill.permissions, "Query", "UpdateItem")
    ledger.grant_query(backfill.permissions, settings.WAITING)
    queues.outbox.grant_send(backfill.permissions, depth=True)
    backfill.run_every(settings.BACKFILL.every_minutes or 1, stage=stage)
