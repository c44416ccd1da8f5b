from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.fakes.ledger import MemoryLedger
from tests.shared.usecases.submit_setup import Say, SubmitSetup, Vault


@pytest.fixture
def submit_setup() -> Callable[..., SubmitSetup]:
    ledger = MemoryLedger()

    def make(say: Say, vault: Vault | None = None) -> SubmitSetup:
        return SubmitSetup(ledger, say, vault or Vault())

    return make
