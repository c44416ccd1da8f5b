"""Who may ask the IIS: the functions `query` and `queries`, and the operators by way of them."""

from __future__ import annotations

from infra.functions import Function
from infra.ledger import Ledger
from infra.operators import Operators
from infra.secrets import ClinicSecrets
from infra.stages import Stage
from infra.storage import Storage
from shared import settings
from shared.settings import CONFIG_PREFIX, QUERIES_PREFIX


def allow_queries(
    query: Function,
    queries: Function,
    *,
    stage: Stage,
    storage: Storage,
    ledger: Ledger,
    secrets: ClinicSecrets,
    operators: Operators,
) -> None:
    """Both read configuration, secrets and stops, and may stop a facility. Operators may invoke `query`.

    `queries` runs on a schedule, reads files and writes answers under `queries/` and nowhere else; operators may put
    files there and read the answers.
    """
    storage.grant_read(query.rights, CONFIG_PREFIX)
    storage.grant_read(queries.rights, CONFIG_PREFIX, QUERIES_PREFIX)
    for function in (query, queries):
        ledger.grant(function.rights, "PutItem", "Query")
        secrets.grant_read(function.rights)
    for rights in (queries.rights, operators.rights):
        storage.grant_write(rights, QUERIES_PREFIX)
    operators.rights.allow(["lambda:InvokeFunction"], [query.function.function_arn])
    queries.run_every(settings.QUERIES.every_minutes or 15, stage=stage)
