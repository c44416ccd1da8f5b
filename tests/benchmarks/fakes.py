"""The ledger and the queues in memory, for conversion: the same conditions, nothing of AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from threading import Lock

from shared.domain.lifecycle import State
from shared.domain.submission import FileSummary, Record, Submission
from shared.ports import OutboxMessage


class MemoryLedger:
    """Port `Ledger`, the part that convert uses. `before_write` may raise, as a process that is killed stops."""

    def __init__(self, before_write: Callable[[], None] = lambda: None) -> None:
        self.by_key: dict[str, Record] = {}
        self.summaries: dict[str, FileSummary] = {}
        self.before_write = before_write
        self._kept: dict[str, Submission] = {}
        self._lock = Lock()

    def patient_key(self) -> bytes:
        return b"synthetic"

    def records(self, keys: Iterable[str]) -> dict[str, Record]:
        return {key: self.by_key[key] for key in keys if key in self.by_key}

    def save_record(self, record: Record) -> bool:
        self.before_write()
        with self._lock:
            before = self.by_key.get(record.key)
            if (before.version if before else 0) != record.version - 1:
                return False
            self.by_key[record.key] = record
            return True

    def add(self, submission: Submission) -> bool:
        self.before_write()
        with self._lock:
            if submission.msh_10 in self._kept:
                return False
            self._kept[submission.msh_10] = submission
            return True

    def make_findable(self, submissions: Sequence[Submission]) -> None:
        self.before_write()

    def get(self, msh_10: str) -> Submission | None:
        return self._kept.get(msh_10)

    def name_replacement(self, msh_10: str, replaced_by: str) -> None:
        self.before_write()

    def save_file(self, summary: FileSummary) -> None:
        self.before_write()
        self.summaries[summary.file_id] = summary

    def file(self, file_id: str) -> FileSummary | None:
        summary = self.summaries.get(file_id)
        return replace(summary, places=self._places(file_id)) if summary else None

    def _places(self, file_id: str) -> tuple[tuple[str, State, int], ...]:
        rows: dict[tuple[str, State], int] = {}
        for one in self._kept.values():
            if one.file_id == file_id:
                rows[one.clinic, one.state] = rows.get((one.clinic, one.state), 0) + one.row_count
        return tuple((clinic, state, count) for (clinic, state), count in sorted(rows.items()))


class MemoryQueue:
    """Ports `Outbox` and `ResubmissionQueue`: every MSH-10 and how often it was queued, in order of the first time."""

    def __init__(self, before_send: Callable[[], None] = lambda: None) -> None:
        self.sent: dict[str, int] = {}
        self.before_send = before_send

    def send(self, messages: Sequence[OutboxMessage | str]) -> None:
        self.before_send()
        for message in messages:
            msh_10 = message if isinstance(message, str) else message.msh_10
            self.sent[msh_10] = self.sent.get(msh_10, 0) + 1
