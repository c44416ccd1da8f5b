"""The charts of patients in the ledger's table, one item each under an optimistic lock, and the index of doses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from shared.adapters.ledger.items import chart_item, chart_key, dose_key, text
from shared.adapters.ledger.packing import unpack
from shared.adapters.ledger.table import Item, Put, Statement, Table, inserting, key_of
from shared.domain.chart import Chart


class DynamoCharts:
    """Port `Charts`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, keys: Iterable[str]) -> dict[str, Chart]:
        found = self._table.get_many(map(chart_key, dict.fromkeys(keys)))
        return {chart.key: chart for chart in (unpack(item["body"]["B"], Chart) for item in found)}

    def save(self, chart: Chart) -> bool:
        put = _put(chart)
        return self._table.put_if(put.condition, put.item, put.values)

    def save_all(self, charts: Sequence[Chart]) -> list[bool]:
        return self._table.execute([self._saving(chart) for chart in charts])

    def _saving(self, chart: Chart) -> Statement:
        item = chart_item(chart)
        if chart.version == 1:
            # Leaves nothing: guards a first version that another process wrote.
            return inserting(self._table.name, item)
        # Leaves the version before: guards every other version that another process wrote.
        change = 'SET "version"=? SET "body"=? WHERE "pk"=? AND "sk"=? AND "version"=?'
        return Statement(
            key_of(item),
            " ".join(("UPDATE", f'"{self._table.name}"', change)),
            [item["version"], item["body"], item["pk"], item["sk"], _before(chart)],
        )

    def move(self, charts: Sequence[Chart], doses: Mapping[str, str], to: str) -> bool:
        # Leaves the chart before of each dose: guards where another conversion moved it.
        notes = [Put(_dose_item(dose, to), "chart = :left", {":left": {"S": left}}) for dose, left in doses.items()]
        return self._table.put_together([*map(_put, charts), *notes])


class DynamoDoseIndex:
    """Port `DoseIndex`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, keys: Iterable[str]) -> dict[str, str]:
        wanted = dict.fromkeys(keys)
        found = self._table.get_many(map(dose_key, wanted)) if wanted else ()
        return {text(item, "pk").removeprefix("DOSE#"): text(item, "chart") for item in found}

    def add(self, charts: Mapping[str, str]) -> dict[str, str]:
        # Leaves nothing: guards the chart that another conversion noted.
        new = self._table.execute([inserting(self._table.name, _dose_item(*note)) for note in charts.items()])
        known = self.find(dose for dose, is_new in zip(charts, new, strict=True) if not is_new)
        return {dose: chart for dose, chart in known.items() if chart != charts[dose]}


def _dose_item(dose: str, chart: str) -> Item:
    return dose_key(dose) | {"chart": {"S": chart}}


def _put(chart: Chart) -> Put:
    item = chart_item(chart)
    if chart.version == 1:
        # Leaves nothing: guards a first version that another process wrote.
        return Put(item, "attribute_not_exists(pk)")
    # Leaves the version before: guards every other version that another process wrote.
    return Put(item, "version = :before", {":before": _before(chart)})


def _before(chart: Chart) -> dict[str, str]:
    return {"N": str(chart.version - 1)}
