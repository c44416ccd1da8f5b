from __future__ import annotations

from collections.abc import Callable

import boto3
import pytest

from local.aws.cloud import REGION, LocalCloud
from shared.adapters.ledger.dynamodb import DynamoLedger
from tests.shared.usecases.desk import Desk, Say, Vault


@pytest.fixture
def desk(cloud: LocalCloud) -> Callable[..., Desk]:
    ledger = DynamoLedger(boto3.client("dynamodb", region_name=REGION), cloud.runtime.table)

    def make(say: Say, vault: Vault | None = None) -> Desk:
        return Desk(ledger, say, vault or Vault())

    return make
