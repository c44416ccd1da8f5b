from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.fakes.ledger import MemoryLedger
from tests.shared.usecases.desk import Desk, Say, Vault


@pytest.fixture
def desk() -> Callable[..., Desk]:
    ledger = MemoryLedger()

    def make(say: Say, vault: Vault | None = None) -> Desk:
        return Desk(ledger, say, vault or Vault())

    return make
