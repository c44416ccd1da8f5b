"""The charts of patients in the ledger's table, one item each under an optimistic lock, and the index of doses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from shared.adapters.ledger.items import chart_item, chart_key, dose_key, text
from shared.adapters.ledger.packing import unpack
from shared.adapters.ledger.table import Statement, Table, inserting
from shared.domain.chart import Chart


class DynamoCharts:
    """Port `Charts`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, keys: Iterable[str]) -> dict[str, Chart]:
        found = self._table.get_many(map(chart_key, dict.fromkeys(keys)))
        return {chart.key: chart for chart in (unpack(item["body"]["B"], Chart) for item in found)}

    def save(self, chart: Chart) -> bool:
        item = chart_item(chart)
        if chart.version == 1:
            # Leaves nothing: guards a first version that another process wrote.
            return self._table.put_if_absent(item)
        # Leaves the version before: guards every other version that another process wrote.
        return self._table.put_if("version = :before", item, {":before": _before(chart)})

    def save_all(self, charts: Sequence[Chart]) -> list[bool]:
        return self._table.execute([self._saving(chart) for chart in charts])

    def _saving(self, chart: Chart) -> Statement:
        item = chart_item(chart)
        if chart.version == 1:
            # Leaves nothing: guards a first version that another process wrote.
            return inserting(self._table.name, item)
        # Leaves the version before: guards every other version that another process wrote.
        change = 'SET "version"=? SET "body"=? WHERE "pk"=? AND "sk"=? AND "version"=?'
        return {
            "Statement": " ".join(("UPDATE", f'"{self._table.name}"', change)),
            "Parameters": [item["version"], item["body"], item["pk"], item["sk"], _before(chart)],
        }


class DynamoDoseIndex:
    """Port `DoseIndex`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, keys: Iterable[str]) -> dict[str, str]:
        wanted = dict.fromkeys(keys)
        found = self._table.get_many(map(dose_key, wanted)) if wanted else ()
        return {text(item, "pk").removeprefix("DOSE#"): text(item, "chart") for item in found}

    def add(self, charts: Mapping[str, str]) -> None:
        self._table.put_many([dose_key(dose) | {"chart": {"S": chart}} for dose, chart in charts.items()])


def _before(chart: Chart) -> dict[str, str]:
    return {"N": str(chart.version - 1)}
