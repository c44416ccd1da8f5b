"""The permissions for queries to the IIS: of the functions `query` and `query_files`, and of operators."""

from __future__ import annotations

from infra.functions import Function
from infra.ledger import Ledger
from infra.operators import Operators
from infra.secrets import ClinicSecrets
from infra.stages import Stage
from infra.storage import Storage
from shared import settings
from shared.settings import CONFIG_PREFIX, QUERY_FILES_PREFIX


def allow_queries(
    query: Function,
    query_files: Function,
    *,
    stage: Stage,
    storage: Storage,
    ledger: Ledger,
    secrets: ClinicSecrets,
    operators: Operators,
) -> None:
    """Grant the permissions, and schedule `query_files`.

    Both functions read configuration, secrets and stops, and may stop a facility. `query_files` reads files and writes
    answers under `queries/` only. Operators may invoke `query`, upload query files and read the answers.
    """
    storage.grant_read(query.permissions, CONFIG_PREFIX)
    storage.grant_read(query_files.permissions, CONFIG_PREFIX, QUERY_FILES_PREFIX)
    for function in (query, query_files):
        ledger.grant(function.permissions, "PutItem", "Query")
        secrets.grant_read(function.permissions)
    for rights in (query_files.permissions, operators.permissions):
        storage.grant_write(rights, QUERY_FILES_PREFIX)
    operators.permissions.allow(["lambda:InvokeFunction"], [query.function.function_arn])
    query_files.run_every(settings.QUERY_FILES.every_minutes or 15, stage=stage)
