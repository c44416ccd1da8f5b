"""The ledger's own secret key, by which patient groups and search keys are hashed."""

from __future__ import annotations

import secrets
from typing import Final

from shared.adapters.ledger.table import Table, key

_KEY: Final = key("META", "patient_key")
_BYTES: Final = 32


class LedgerKey:
    """The key of one ledger, read once per process."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._key: bytes | None = None

    def get(self) -> bytes:
        """Return the key, which is made if the ledger has none."""
        if self._key is None:
            # Leaves nothing: guards the key that another process made.
            self._table.put_if_absent(_KEY | {"key": {"B": secrets.token_bytes(_BYTES)}})
            item = self._table.get(_KEY)
            assert item is not None
            self._key = bytes(item["key"]["B"])
        return self._key
