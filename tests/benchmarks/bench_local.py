"""The local run of 10,000 doses, exports to outcomes: with moto as the cloud, and with ports in memory in its place."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

from local.ctwiz.server import Simulator
from shared.adapters.clock import SystemClock
from shared.adapters.hl7apy_opinion import Hl7apyOpinion
from shared.adapters.iis.soap import SoapIis
from shared.domain.submission import FileSummary
from shared.settings import OUTBOX, RESUBMISSION
from shared.usecases.delivery.deliver import Deliver
from shared.usecases.intake.convert import Convert
from tests.benchmarks import bench_delivery, records
from tests.benchmarks.exports import Bucket
from tests.benchmarks.measure import Row, figure
from tests.fakes.configurations import Fixed
from tests.fakes.ledger import MemoryLedger, ports_for
from tests.fakes.queues import MemoryOutbox, MemoryResubmission, MemorySqs
from tests.places import ROOT

DOSES: Final = 10_000


def rows() -> Iterator[Row]:
    alone = _in_memory()
    command = [sys.executable, "-m", "console.demo", "--json", "--quiet", "--doses", str(DOSES)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    totals = json.loads(done.stdout.splitlines()[-1])
    assert totals["in_flight"] == 0
    seconds = totals["seconds"]
    yield Row(
        f"local run of {DOSES:,} doses, with moto",
        seconds,
        "s",
        f"without moto (fake ports): {alone:.0f} s",
        seconds / alone,
        "≤ 12 x",
        seconds <= 12 * alone,
    )
    yield figure(f"local run of {DOSES:,} doses, without moto", alone, "s")


def _in_memory() -> float:
    """The seconds of one run through ports in memory, over SOAP to the simulated CT WiZ."""
    clock, ledger = SystemClock(), MemoryLedger()
    outbox = MemoryOutbox(MemorySqs(OUTBOX, clock))
    resubmission = MemoryResubmission(MemorySqs(RESUBMISSION, clock))
    facilities = {bench_delivery._FACILITY: bench_delivery._USER}
    ports: Any = {"configurations": Fixed(records.CONFIGURATION), "objects": Bucket(DOSES)}
    start = time.monotonic()
    with Simulator(facilities=facilities, clinic_codes=["EX0001"]) as iis, closing(SoapIis()) as client:
        convert = Convert(
            **ports_for(Convert, ledger),
            outbox=outbox,
            resubmission=resubmission,
            clock=clock,
            second_opinion=Hl7apyOpinion(),
            bucket="bench",
            **ports,
        )
        deliver = Deliver(submit=bench_delivery._use_case(ledger, client, iis.endpoint), outbox=outbox)
        done = convert(Bucket.key)
        while brought := outbox.receive():
            deliver(brought, lambda: 900.0)
    seconds = time.monotonic() - start
    assert isinstance(done, FileSummary)
    states = Counter(one.state for one in ledger.memory.submissions.values())
    assert sum(states.values()) == DOSES, states
    assert all(not state.value.startswith(("QUEUED", "SENDING")) for state in states), states
    return seconds
