"""Delivery to the IIS: submit, the calls that queries use too, the valve, backfills and the sweep."""
