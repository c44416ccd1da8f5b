"""From the outbox to the IIS: submit, deliver, the valve, backfills and the sweep."""
