"""The worklist: an index of the submissions by clinic, state and first cause."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from shared import settings
from shared.adapters.ledger.items import msh_10_of, number, strings, submission_key, text, texts
from shared.adapters.ledger.submissions import DynamoSubmissions
from shared.adapters.ledger.table import Item, Table, key
from shared.domain.lifecycle import State
from shared.ports.ledger import NO_CLINIC, WorklistEntry

_CLINICS: Final = "CLINICS"


class DynamoWorklist:
    """Port `Worklist`.

    The index can be asked clinic by clinic only, so the clinics that ever had an entry are kept beside it.
    """

    def __init__(self, table: Table, submissions: DynamoSubmissions) -> None:
        self._table = table
        self._submissions = submissions
        self._kept: set[str] = set()

    def enter(self, msh_10: str, causes: tuple[str, ...]) -> bool:
        submission = self._submissions.get(msh_10)
        if submission is None:
            return False
        clinic = submission.clinic or NO_CLINIC
        self._keep_clinic(clinic)
        state = submission.state.value
        # Leaves the state that was read, not replaced: guards what a correction or another state took off the worklist.
        return self._table.update_if(
            "#state = :state AND attribute_not_exists(replaced_by)",
            submission_key(msh_10),
            "SET worklist_clinic = :clinic, worklist_key = :key, causes = :causes",
            {
                ":clinic": {"S": clinic},
                ":key": {"S": f"{state}#{causes[0] if causes else ''}#{msh_10}"},
                ":causes": strings(causes),
                ":state": {"S": state},
            },
        )

    def _keep_clinic(self, clinic: str) -> None:
        if clinic not in self._kept:
            # Leaves nothing: a clinic that is kept stays.
            self._table.put_if_absent(key(_CLINICS, clinic))
            self._kept.add(clinic)

    def entries(self, *, clinic: str = "", state: State | None = None, cause: str = "") -> Iterator[WorklistEntry]:
        for asked in [clinic] if clinic else self._clinics():
            condition = "worklist_clinic = :clinic"
            values: Item = {":clinic": {"S": asked}}
            if state is not None:
                condition += " AND begins_with(worklist_key, :state)"
                values[":state"] = {"S": f"{state.value}#"}
            entries = map(_entry, self._table.query(condition, values, index=settings.WORKLIST.name))
            yield from (entry for entry in entries if not cause or cause in entry.causes)

    def _clinics(self) -> list[str]:
        return [text(item, "sk") for item in self._table.query("pk = :pk", {":pk": {"S": _CLINICS}})]


def _entry(item: Item) -> WorklistEntry:
    return WorklistEntry(
        msh_10=msh_10_of(item),
        clinic=text(item, "worklist_clinic"),
        source=text(item, "source"),
        state=State(text(item, "state")),
        row_count=number(item, "row_count"),
        causes=texts(item, "causes"),
        created=datetime.fromisoformat(text(item, "created")),
        file_id=text(item, "file_id"),
    )
