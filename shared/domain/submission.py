"""A submission and what happens to it: the values that use cases and the ledger exchange.

They are frozen structs, as in `model`: values are made for every message, the classes themselves at each cold start.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from shared.domain.lifecycle import State
from shared.domain.model import Finding, Visit


class Strategy(StrEnum):
    """What a fault asks for (design, "Failures have a strategy")."""

    RETRY = "RETRY"
    CORRECT = "CORRECT"
    CHECK_IIS = "CHECK_IIS"
    CHECK_SETUP = "CHECK_SETUP"
    CONFIRM = "CONFIRM"


class AckError(msgspec.Struct, frozen=True, gc=False):
    """One ERR segment, resolved: where (`path`, and `dose_id` where it names one vaccination), what, how bad.

    `segment` and `sequence` locate it in our VXU (ERR-2: the n-th segment of that name); `severity` is ERR-4 (table
    0516); `code` ERR-3 (table 0357), `application_code` ERR-5 with the IIS's own code (`WEBIZ-…`) preferred; `text`
    ERR-8, which may quote PHI.
    """

    severity: str
    code: str = ""
    application_code: str = ""
    segment: str = ""
    sequence: int = 0
    field: int = 0
    component: int = 0
    path: str = ""
    text: str = ""
    dose_id: str = ""
    row: int = 0


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """One try to deliver: what went, what came back, how long it took. Kept for ever, never overwritten.

    `fault` is a code of the fault catalogue, empty where a trustworthy ACK came; `ack` is the answer as it came (PHI);
    `dropped` are the ids of doses that the IIS did not store; `trace_ids` are the IIS's own log ids (ZSA) for its help
    desk. `seconds` is wall time.
    """

    number: int
    started: datetime
    seconds: float
    state: State
    fault: str = ""
    http_status: int = 0
    msa_1: str = ""
    ack: str = ""
    errors: tuple[AckError, ...] = ()
    dropped: tuple[str, ...] = ()
    trace_ids: tuple[str, ...] = ()


class BackfillLane(NamedTuple):
    """What one clinic reports by one source: the unit that waits for turns (ADR 0014)."""

    source: str
    clinic: str


class Submission(msgspec.Struct, frozen=True, gc=False):
    """One VXU with one MSH-10, from one version of a record.

    `replaces` and `replaced_by` are the lineage; `fingerprints` what the EHR said, per dose, when this was made;
    `row_count` how many rows of its file it stands for. `backfill` is set while it waits in the ledger for its turn,
    without a queue message (ADR 0014). `attempt_count` counts claims, `resends` the claims after an
    unknown outcome, `waiting_since` is set while somebody must still deliver it.
    """

    msh_10: str
    state: State
    source: str
    clinic: str
    record: str
    patient_group: str
    file_id: str
    file_name: str
    row_count: int
    config_version: str
    created: datetime
    visit: Visit
    vxu: str = ""
    findings: tuple[Finding, ...] = ()
    revision: int = 0
    replaces: str = ""
    replaced_by: str = ""
    attempt_count: int = 0
    deferrals: int = 0
    resends: int = 0
    lease_until: datetime | None = None
    waiting_since: datetime | None = None
    backfill: bool = False
    attempts: tuple[Attempt, ...] = ()
    closed_reason: str = ""
    causes: tuple[str, ...] = ()

    @property
    def lane(self) -> BackfillLane:
        return BackfillLane(self.source, self.clinic)


class Record(msgspec.Struct, frozen=True, gc=False):
    """What the ledger knows of one record: for each dose the fingerprint last taken up and the submission that has it.

    `version` counts the writes (optimistic lock); `revision` makes the next MSH-10 differ; `current` is the newest
    submission, `held` whether it was HELD when it was made; `as_of` is when the export arrived that said so, because an
    export that arrives late must not undo a newer one. `history` names the last submissions as (file id, MSH-10, the
    one it replaces), so that a redelivered event finds its own work. `doses` are (dose id, fingerprint, MSH-10).
    """

    key: str
    version: int = 0
    revision: int = 0
    current: str = ""
    held: bool = False
    as_of: str = ""
    history: tuple[tuple[str, str, str], ...] = ()
    doses: tuple[tuple[str, str, str], ...] = ()


class Checkpoint(msgspec.Struct, frozen=True, gc=False):
    """How far an export is converted.

    Attributes:
        visits: Its first visits, all of them written and queued.
        checksum: The CRC-32 of their rows; it differs if the reader groups the rows differently.
        built: Messages built for them.
        objection: The second opinion's objection to one of them; empty if there is none.
    """

    visits: int
    checksum: int
    built: int = 0
    objection: str = ""


class FileSummary(msgspec.Struct, frozen=True, gc=False):
    """One arrival of one export, and where its rows are now: `rows = unchanged + held + sum(submitted)`.

    While it is not complete, the counts are those of its `checkpoint`.
    `places` counts rows by (clinic, state); `findings` are about the file itself, not about one of its visits.
    `begun_by` is the key of the object whose event began it: of a set of files, each file has one.
    """

    file_id: str
    name: str
    source: str
    arrived: datetime
    rows: int
    unchanged: int
    complete: bool
    findings: tuple[Finding, ...] = ()
    places: tuple[tuple[str, State, int], ...] = ()
    checkpoint: Checkpoint | None = None
    begun_by: str = ""

    @property
    def held(self) -> int:
        return sum(rows for _, state, rows in self.places if state is State.HELD)

    @property
    def submitted(self) -> dict[State, int]:
        """Rows per state, of everything that is neither unchanged nor held."""
        counts: dict[State, int] = {}
        for _, state, rows in self.places:
            if state is not State.HELD:
                counts[state] = counts.get(state, 0) + rows
        return counts

    @property
    def adds_up(self) -> bool:
        return self.rows == self.unchanged + self.held + sum(self.submitted.values())


class Answer(msgspec.Struct, frozen=True, gc=False):
    """The IIS answered over a working connection: `text` is what stood in `return`, not yet trusted."""

    text: str
    http_status: int
    seconds: float


class DeliveryFault(msgspec.Struct, frozen=True, gc=False):
    """No usable answer: `code` names the row of the fault catalogue; `embedded` is HL7 found inside a fault's text."""

    code: str
    http_status: int
    seconds: float
    embedded: str = ""


class Credentials(msgspec.Struct, frozen=True, gc=False):
    """What one facility signs its calls with."""

    username: str
    password: str
