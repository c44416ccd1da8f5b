"""Days in a feed's life without AWS: exports are converted, and their messages delivered to the simulated registry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from random import Random
from typing import Any, NamedTuple

from local.ctwiz.registry import Outcome, WebIz
from shared.adapters.configuration.reader import read_configuration
from shared.domain.lifecycle import State
from shared.domain.submission import FileSummary, Submission
from shared.ports.queues import OutboxMessage
from shared.usecases.correction.triage import Triage
from shared.usecases.delivery.submit import Later, Submit
from tests.chaos.surroundings import Vault
from tests.fakes.iis import MemoryIis
from tests.fakes.ledger import ports_for
from tests.shared.usecases.intake.feeds import Feeds

CLINICS = """
[organization]
name = "Sampleton Health"
[iis]
endpoint = "http://127.0.0.1:9/"
[clinics.elm]
name = "Elm"
facility = "CT9001"
sending_facility = "CT9001"
export_names = ["Elm Street Pediatrics", "ELM 01"]
[clinics.oak]
name = "Oak"
facility = "CT9002"
sending_facility = "CT9002"
[clinics.ash]
name = "Ash, which reports under the code of Elm"
facility = "CT9003"
sending_facility = "CT9001"
[sources.ehr]
format = "csv"
clinic = "elm"
[sources.dated]
format = "csv"
clinic = "elm"
id_prefix = "D-"
file_date = "%Y-%m-%d*.csv"
[sources.bulk]
format = "fhir"
clinic = "elm"
id_prefix = "F-"
[sources.live]
format = "hl7"
clinic = "elm"
id_prefix = "H-"
"""


class Row(NamedTuple):
    """One row of an export. Empty values are empty cells; a `clinic` of None in every row leaves the column out."""

    id: str = "D1"
    mrn: str = "SYN-1"
    day: str = "2026-03-02"
    lot: str = "AB123"
    clinic: str | None = None
    action: str = "A"
    first: str = "Ada"
    last: str = "Sampleton"
    birth: str = "1990-05-06"
    sex: str = "F"
    order: str = ""
    cvx: str = "115"
    phone: str = ""


_COLUMNS: dict[str, Callable[[Row], str]] = {
    "dose_id": lambda row: row.id,
    "patient_id": lambda row: row.mrn,
    "dose_date": lambda row: row.day,
    "lot": lambda row: row.lot,
    "action": lambda row: row.action,
    "first_name": lambda row: row.first,
    "last_name": lambda row: row.last,
    "birth_date": lambda row: row.birth,
    "sex": lambda row: row.sex,
    "birth_order": lambda row: row.order,
    "multiple_birth": lambda row: "Y" if row.order else "",
    "cvx": lambda row: row.cvx,
    "phone": lambda row: row.phone,
    "mvx": lambda _: "SKB",
    "route": lambda _: "IM",
    "eligibility": lambda _: "V01",
    "funding_source": lambda _: "PHC70",
}


def csv_of(rows: Iterable[Row]) -> bytes:
    """An export of rows."""
    rows = list(rows)
    columns = dict(_COLUMNS)
    if any(row.clinic is not None for row in rows):
        columns["clinic"] = lambda row: row.clinic or ""
    lines = [",".join(columns), *(",".join(value(row) for value in columns.values()) for row in rows)]
    return "\n".join((*lines, "")).encode()


class Registry(WebIz):
    """The registry, which records what it received."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.received: list[str] = []

    def receive(self, text: str) -> Outcome:
        self.received.append(text)
        return super().receive(text)


class Life(Feeds):
    """A feed, with everything behind it up to what the registry has."""

    def __init__(self, clinics_toml: str = CLINICS, *, knows: Iterable[str] = ("CT9001", "CT9002", "CT9003")) -> None:
        super().__init__(clinics_toml)
        self.registry = Registry(facilities=frozenset(knows), clinic_codes=frozenset(knows), today=self._today)
        self.submit = Submit(
            **ports_for(Submit, self.ledger),
            resubmission=self.resubmission,  # type: ignore[arg-type]
            configurations=self.configurations,
            secrets=Vault(),
            iis=MemoryIis(self.registry),
            clock=self,
        )
        self.triage = Triage(**ports_for(Triage, self.ledger), outbox=self.outbox, clock=self)  # type: ignore[arg-type]
        self._exports = 0

    def _today(self) -> date:
        return self.time.date()

    def configure(self, clinics_toml: str) -> None:
        """Put another clinics.toml in force."""
        self.configurations.configuration = read_configuration(clinics_toml)

    def arrives(self, *rows: Row, key: str = "") -> FileSummary:
        """An export arrives and is converted. Nothing is delivered."""
        self._exports += 1
        return self.file(key or f"ehr/{self._exports}.csv", csv_of(rows))

    def store(self, *rows: Row) -> str:
        """An export is stored, and its event is still to come. Returns the key to convert."""
        self._exports += 1
        self.time += timedelta(minutes=1)
        key = f"inbox/ehr/{self._exports}.csv"
        self.bucket.put(key, csv_of(rows), self.time)
        return key

    def export(self, *rows: Row, key: str = "") -> FileSummary:
        """An export arrives, and what comes of it is delivered."""
        summary = self.arrives(*rows, key=key)
        self.deliver()
        found = self.ledger.files.get(summary.file_id)
        assert found is not None
        return found

    def deliver(self, random: Random | None = None, times: int = 10**6) -> None:
        """Deliver what waits: each patient's messages in their order, the patients in any order if `random` says so."""
        waits = {one.msh_10: one for one in self._waiting()}
        while waits and times:
            times -= 1
            firsts: dict[str, Submission] = {}
            for one in waits.values():
                firsts.setdefault(one.patient_group, one)
            choice = list(firsts.values())
            one = random.choice(choice) if random else choice[0]
            (result,) = self.submit([OutboxMessage(one.msh_10, one.clinic, one.patient_group)], lambda: 999.0)
            self.time += timedelta(seconds=1)
            del waits[one.msh_10]
            if isinstance(result, Later):
                assert not result.error, result
                self.time += timedelta(seconds=result.wait or 0)
                if len(choice) == 1 and not random:
                    raise AssertionError(f"{one.msh_10} waits for something that is not there: {result}")
                # SQS keeps its place in its group; other patients go on.
                group = [each for each in waits.values() if each.patient_group == one.patient_group]
                for each in group:
                    del waits[each.msh_10]
                waits |= {each.msh_10: each for each in (one, *group)}

    def _waiting(self) -> list[Submission]:
        queued = dict.fromkeys(self.outbox.sent)
        found = [one for one in self.ledger.submissions.many(queued) if one.state is State.QUEUED]
        order = list(queued)
        return sorted(found, key=lambda one: order.index(one.msh_10))

    @property
    def sent(self) -> list[str]:
        """What the registry received: for each message facility, record number, and action and id of its doses."""
        return [_short(message) for message in self.registry.received]

    @property
    def iis(self) -> dict[str, str]:
        """What the registry has: `facility record-number dose` to `day lot`."""
        return {
            f"{patient.facility} {patient.pid_3} {dose.orc_3}": f"{dose.date} {dose.lot}"
            for patient in self.registry.stored()
            for dose in patient.doses
        }

    @property
    def open(self) -> list[str]:
        """What waits for a person: state, ids of the doses, and causes."""
        for msh_10 in self.resubmission.sent:
            self.triage(msh_10)
        self.resubmission.sent.clear()
        return sorted(
            " ".join((entry.state.value, *self.ids(entry.msh_10), *entry.causes))
            for entry in self.ledger.worklist.entries()
        )

    def ids(self, msh_10: str) -> list[str]:
        """The ids of a submission's doses."""
        found = self.ledger.submissions.get(msh_10)
        return [dose.id for dose in found.visit.doses] if found else []


def _short(message: str) -> str:
    segments = [segment.split("|") for segment in message.split("\r")]
    (pid,) = (segment for segment in segments if segment[0] == "PID")
    number, _, _, authority, *_ = pid[3].split("^")
    orders = [segment[3].split("^")[0] for segment in segments if segment[0] == "ORC"]
    actions = [segment[21] for segment in segments if segment[0] == "RXA"]
    return " ".join((authority, number, *(f"{action}:{order}" for action, order in zip(actions, orders, strict=True))))
