"""Submit on the memory ledger with a scripted IIS, for the tests of delivery and queries."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

from shared.domain.chart import Chart, DoseState
from shared.domain.clinics import Clinic, Configuration, Iis, Source
from shared.domain.submission import Answer, Credentials, DeliveryFault, Submission
from shared.ports.queues import OutboxMessage
from shared.replaced import replace
from shared.usecases.delivery.delivered import Delivered
from shared.usecases.delivery.submit import Submit
from tests.conftest import a_submission
from tests.fakes.configurations import Fixed
from tests.fakes.ledger import MemoryLedger

Say = Callable[[str], Answer | DeliveryFault]


class ScriptedIis:
    """An IIS whose answers the test scripts by MSH-10. It records what it was sent and with which password."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.sent: list[str] = []
        self.passwords: list[str] = []
        self._lock = threading.Lock()

    def submit(self, endpoint: str, credentials: Credentials, facility_id: str, message: str) -> Answer | DeliveryFault:
        msh_10 = message.split("|")[9]
        with self._lock:
            self.sent.append(msh_10)
            self.passwords.append(credentials.password)
        return self.say(msh_10)

    def test_connection(
        self, endpoint: str, echo: str, credentials: Credentials | None = None
    ) -> Answer | DeliveryFault:
        return Answer(echo, 200, 0.1)


class Queue:
    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, msh_10s: list[str]) -> None:
        self.sent += msh_10s


class Vault:
    """Credentials that may change between a cached and a fresh read."""

    def __init__(self, cached: str | None = "old", fresh: str | None = "old") -> None:
        self.cached, self.fresh = cached, fresh

    def credentials(self, secret: str, *, fresh: bool = False) -> Credentials | None:
        password = self.fresh if fresh else self.cached
        return None if password is None else Credentials("user", password)


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 3, 2, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


def a_clinic(key: str) -> Clinic:
    return Clinic(key, key.title(), f"F-{key}", "ORG", f"ID-{key}", key)


CONFIGURATION = Configuration(
    "v1",
    "Example",
    "VAXLINE",
    Iis("http://127.0.0.1:1/"),
    {key: a_clinic(key) for key in ("elm", "oak")},
    {"demo": Source("demo", "csv", clinic="elm")},
)


def ack(msh_10: str, *errors: str, code: str = "AA") -> Answer:
    lines = ["MSH|^~\\&|WebIZ|CT0000||ORG|20260302||ACK^V04^ACK|1|P|2.5.1", f"MSA|{code}|{msh_10}", *errors]
    return Answer("\r".join(lines), 200, 0.2)


REFUSAL = "ERR||PID^1^8|101^Required field missing^HL70357|E||||Sex is required"


class SubmitSetup:
    """Submit with its ledger, IIS, queue and clock."""

    def __init__(self, ledger: MemoryLedger, say: Say, vault: Vault) -> None:
        self.ledger = ledger
        self.iis = ScriptedIis(say)
        self.resubmission = Queue()
        self.clock = Clock()
        self.submit = Submit(
            submissions=ledger.submissions,
            charts=ledger.charts,
            states=ledger.states,
            outcomes=ledger.outcomes,
            stops=ledger.stops,
            resubmission=self.resubmission,  # type: ignore[arg-type]
            configurations=Fixed(CONFIGURATION),
            secrets=vault,
            iis=self.iis,
            clock=self.clock,
        )

    def add(self, *msh_10s: str, clinic: str = "elm", replaces: str = "", group: str = "G") -> None:
        for msh_10 in msh_10s:
            vxu = f"MSH|^~\\&|A|B|C|D|20260302||VXU^V04^VXU_V04|{msh_10}|P|2.5.1\rPID|1\rORC|RE||1\rRXA|0|1\r"
            made = replace(a_submission(msh_10, replaces=replaces), clinic=clinic, vxu=vxu)
            self.ledger.submissions.add(replace(made, patient_group=group))

    def carry(self, *msh_10s: str) -> None:
        """Write a chart whose one dose was carried by these submissions, the newest last."""
        dose = DoseState("SYN-1-1", "elm", "20260301", "1:f", "2026", msh_10s)
        assert self.ledger.charts.save(Chart(a_submission().chart, version=1, doses=(dose,)))

    def deliver(self, *msh_10s: str, clinic: str = "elm", group: str = "G", left: float = 999) -> list[Delivered]:
        messages = [OutboxMessage(msh_10, clinic, group) for msh_10 in msh_10s]
        return self.submit(messages, lambda: left)

    def of(self, msh_10: str) -> Submission:
        found = self.ledger.submissions.get(msh_10)
        assert found is not None
        return found
