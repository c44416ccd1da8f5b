"""Who may ask the IIS: the function `query`, and the operators by way of it."""

from __future__ import annotations

from infra.functions import Function
from infra.ledger import Ledger
from infra.operators import Operators
from infra.secrets import ClinicSecrets
from infra.storage import Storage
from shared.settings import CONFIG_PREFIX


def allow_queries(
    query: Function, *, storage: Storage, ledger: Ledger, secrets: ClinicSecrets, operators: Operators
) -> None:
    """The function reads configuration, secrets and stops, and may stop a facility; operators may invoke it."""
    storage.grant_read(query.rights, CONFIG_PREFIX)
    ledger.grant(query.rights, "PutItem", "Query")
    secrets.grant_read(query.rights)
    operators.rights.allow(["lambda:InvokeFunction"], [query.function.function_arn])
