"""Who may ask the IIS: the functions `query` and `query_files`, and the operators by way of them."""

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
    """Both read configuration, secrets and stops, and may stop a facility. Operators may invoke `query`.

    `query_files` runs on a schedule, and reads files and writes answers under `queries/` only. Operators may put files
    there and read the answers.
    """
    storage.grant_read(query.rights, CONFIG_PREFIX)
    storage.grant_read(query_files.rights, CONFIG_PREFIX, QUERY_FILES_PREFIX)
    for function in (query, query_files):
        ledger.grant(function.rights, "PutItem", "Query")
        secrets.grant_read(function.rights)
    for rights in (query_files.rights, operators.rights):
        storage.grant_write(rights, QUERY_FILES_PREFIX)
    operators.rights.allow(["lambda:InvokeFunction"], [query.function.function_arn])
    query_files.run_every(settings.QUERY_FILES.every_minutes or 15, stage=stage)
