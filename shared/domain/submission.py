"""Submissions and files: the values that use cases and the ledger exchange.

They are frozen msgspec structs, as in `model`: quick to make for every message, and to define at a cold start.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from shared.domain.lifecycle import State
from shared.domain.model import Finding, Visit


class Strategy(StrEnum):
    """The reaction to a fault (docs/faults.md)."""

    RETRY = "RETRY"
    CORRECT = "CORRECT"
    CHECK_IIS = "CHECK_IIS"
    CHECK_SETUP = "CHECK_SETUP"
    CONFIRM = "CONFIRM"
    RECONCILE = "RECONCILE"


class AckError(msgspec.Struct, frozen=True, gc=False):
    """One ERR segment of an ACK.

    Attributes:
        severity: ERR-4 (table 0516).
        code: ERR-3 (table 0357).
        application_code: ERR-5; the IIS's own code (`WEBIZ-…`) if there are several.
        segment: Name of the segment of our VXU that is meant (ERR-2).
        sequence: Which segment of that name, from 1 (ERR-2).
        field: Number of the field (ERR-2).
        component: Number of the component (ERR-2).
        path: The location as text, for example `PID-8`.
        text: ERR-8, which may quote PHI.
        dose_id: The dose that is meant, if it is one.
        row: The row of that dose in its file.
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


class Attempt(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One attempt to deliver a submission. Attempts are kept and never changed.

    Attributes:
        number: Counted from 1 by the claims of the submission.
        started: When the call began.
        seconds: How long the call took, in wall time.
        state: The state of the submission after it.
        fault: Code of the fault catalogue; empty if a trustworthy ACK came.
        http_status: Status of the HTTP answer; 0 if there was none.
        msa_1: MSA-1 of the ACK.
        ack: The answer as it came (PHI).
        errors: The ERR segments of the ACK.
        dropped: Ids of the doses that the IIS did not store.
        trace_ids: The IIS's own log ids (ZSA), for its help desk.
        msa_3: The texts of MSA-3, which may quote PHI.
        unproven: Ids of the doses of which the ACK does not say whether the IIS stored them.
        free: It met a closed valve and is not counted among the submission's tries.
        salvaged: Characters of the answer that XML forbids were replaced by U+FFFD.
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
    msa_3: str = ""
    unproven: tuple[str, ...] = ()
    free: bool = False
    salvaged: bool = False


_PERHAPS_RECEIVED: Final = frozenset(
    {State.ACCEPTED, State.ACCEPTED_WITH_WARNINGS, State.PARTLY_ACCEPTED, State.UNKNOWN}
)


class BackfillLane(NamedTuple):
    """One clinic and source that have a backfill, or may have one (ADR 0014)."""

    source: str
    clinic: str


class Submission(msgspec.Struct, frozen=True, gc=False):
    """One VXU with one MSH-10, made from one version of a patient's chart.

    Attributes:
        msh_10: MSH-10 of its VXU, and its key in the ledger.
        state: See `lifecycle`.
        source: Name of the source.
        clinic: Key of the clinic in clinics.toml; empty if the clinic is not known.
        chart: Key of the patient's chart.
        patient_group: Keyed hash of the patient, by which the outbox keeps the order of messages.
        file_id: The file whose rows it stands for.
        file_name: Name of that file.
        row_count: How many rows of the file it stands for; 0 for a correction by a person.
        config_version: Version of clinics.toml that it was made under.
        created: When it was made.
        visit: The visit that the VXU reports.
        vxu: The message; empty if none could be built.
        findings: Findings of the checks.
        revision: How many submissions the chart had before.
        replaces: MSH-10 of the submission that it takes the place of; the first, if there are several.
        also_replaces: MSH-10s of the others.
        deletes: For a deletion: MSH-10s of the submissions that may have brought its doses to the IIS.
        after: MSH-10 of a submission that must be decided before this one is sent.
        replaced_by: MSH-10 of the submission that corrects it.
        attempt_count: Number of claims.
        deferrals: Number of counted attempts after which it was queued again, since the last time it was requeued.
        resends: Number of claims after an unknown outcome, without those after which the resend was deferred.
        lease_until: When the claim ends, while it is SENDING.
        waiting_since: Since when, or until when, it waits for delivery; None if it does not.
        backfill: It waits in the ledger, without a queue message (ADR 0014).
        attempts: The attempts, oldest first.
        closed_reason: Why a person closed it, or what proved it.
        closed_from: While it is CLOSED: the state in which it was closed.
        causes: What the worklist groups it by.
    """

    msh_10: str
    state: State
    source: str
    clinic: str
    chart: str
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
    also_replaces: tuple[str, ...] = ()
    deletes: tuple[str, ...] = ()
    after: str = ""
    replaced_by: str = ""
    attempt_count: int = 0
    deferrals: int = 0
    resends: int = 0
    lease_until: datetime | None = None
    waiting_since: datetime | None = None
    backfill: bool = False
    attempts: tuple[Attempt, ...] = ()
    closed_reason: str = ""
    closed_from: str = ""
    causes: tuple[str, ...] = ()

    @property
    def lane(self) -> BackfillLane:
        """Its backfill lane."""
        return BackfillLane(self.source, self.clinic)

    @property
    def unproven(self) -> tuple[str, ...]:
        """Ids of the doses that the IIS may have stored or not, until a query proves that it has them."""
        if self.state is not State.PARTLY_ACCEPTED or self.closed_reason or not self.attempts:
            return ()
        return self.attempts[-1].unproven

    @property
    def predecessors(self) -> tuple[str, ...]:
        """MSH-10s of all submissions that it takes the place of."""
        return (self.replaces, *self.also_replaces) if self.replaces else ()

    @property
    def was_perhaps_received(self) -> bool:
        """Whether the IIS answered that it took up some of it, or no trustworthy answer to a call came."""
        return any(attempt.state in _PERHAPS_RECEIVED for attempt in self.attempts)

    @property
    def may_be_stored(self) -> bool:
        """Whether the IIS has some of it, may have it, or may be getting it now."""
        return self.state is State.SENDING or self.was_perhaps_received


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
    """One arrival of one export, and the states of its rows: `rows = unchanged + held + sum(submitted)`.

    Attributes:
        file_id: See `identity.file_id`.
        name: Key of the object, or prefix of the set of objects.
        source: Name of the source.
        arrived: When its newest object arrived.
        rows: Rows taken up; until the file is complete, those before its checkpoint.
        unchanged: Rows of them that brought nothing new.
        complete: All rows are taken up.
        findings: Findings about the file itself, not about one of its visits.
        places: Rows by (clinic, state) as of now; empty unless the ledger counted them.
        checkpoint: How far it is converted.
        begun_by: Key of the object whose event began it; each file of a set has an event.
        closed_reason: Why a person took the file's own errors off the worklist.
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
    closed_reason: str = ""

    @property
    def held(self) -> int:
        """Rows in HELD submissions."""
        return sum(rows for _, state, rows in self.places if state is State.HELD)

    @property
    def submitted(self) -> dict[State, int]:
        """Rows by state, without those that are unchanged or held."""
        counts: dict[State, int] = {}
        for _, state, rows in self.places:
            if state is not State.HELD:
                counts[state] = counts.get(state, 0) + rows
        return counts

    @property
    def adds_up(self) -> bool:
        """Whether every row is in exactly one place."""
        return self.rows == self.unchanged + self.held + sum(self.submitted.values())


class Answer(msgspec.Struct, frozen=True, gc=False):
    """An answer of the IIS over a working connection.

    Attributes:
        text: The content of `return`, not yet checked.
        http_status: The status of the HTTP answer.
        seconds: How long the call took.
        salvaged: Characters of the answer that XML forbids were replaced by U+FFFD.
    """

    text: str
    http_status: int
    seconds: float
    salvaged: bool = False


class DeliveryFault(msgspec.Struct, frozen=True, gc=False):
    """A call without a usable answer. `code` is in the fault catalogue, `embedded` HL7 in the text of a SOAP fault."""

    code: str
    http_status: int
    seconds: float
    embedded: str = ""


class Credentials(msgspec.Struct, frozen=True, gc=False):
    """The credentials of a facility.

    Attributes:
        username: Its user name.
        password: Its password.
        certificate: The client certificate with its chain, as PEM; empty if the IIS asks for none.
        private_key: The key of the certificate, as PEM without a passphrase.
    """

    username: str
    password: str
    certificate: str = ""
    private_key: str = ""
