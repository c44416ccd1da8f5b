"""A world in one process: the real handlers and use cases between ports that a seed lets fail.

    EHR ──► bucket ──event (late, twice, reordered)──► intake ──► convert ──► ledger, outbox ──► submit ──► IIS
                                                                    sweep, triage, a person at the console

Time is the scheduler's; functions are killed at any port call; the calm comes when `calm_down` is called.
"""

from __future__ import annotations

import json
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from random import Random
from types import GeneratorType, SimpleNamespace
from typing import Any, Final

from shared.domain.lifecycle import Event
from shared.settings import (
    BACKFILL,
    FUNCTIONS,
    INTAKE,
    OUTBOX,
    QUERY,
    QUEUES,
    RESUBMISSION,
    SUBMIT,
    SWEEP,
    VALVE,
    FunctionSettings,
)
from shared.usecases.correction.correct import Correct
from shared.usecases.correction.triage import Triage
from shared.usecases.delivery.backfill import Backfill
from shared.usecases.delivery.certificate import days_left
from shared.usecases.delivery.deliver import Deliver
from shared.usecases.delivery.submit import Submit
from shared.usecases.delivery.sweep import Sweep
from shared.usecases.delivery.trial_round import TrialRound
from shared.usecases.delivery.valve import ValveCheck, close_by_hand, open_by_hand, open_facility_by_hand
from shared.usecases.intake.convert import Convert
from shared.usecases.registry.query import Query
from shared.usecases.reporting.expectations import read_expectations
from tests.chaos import mischief as kinds
from tests.chaos.exports import Ehr
from tests.chaos.handlers import handler
from tests.chaos.invariants import Promises
from tests.chaos.mischief import CALM, InjectedError, Mischief
from tests.chaos.processes import Call, Inline, Scheduler
from tests.chaos.surroundings import (
    CONFIGURATION,
    EHRS,
    Agreeing,
    HostClock,
    Nobody,
    Pushed,
    Registry,
    Seen,
    Switch,
    Vault,
    first_configuration,
)
from tests.fakes.bucket import MemoryBucket
from tests.fakes.iis import MemoryIis
from tests.fakes.ledger import PORTS, MemoryLedger, ports_for
from tests.fakes.queues import MemoryIntake, MemoryOutbox, MemoryResubmission, MemorySqs

_LONGEST_DRAIN: Final = timedelta(days=6)
# Asked of DynamoDB once per process.
_CACHED: Final = "ledger.submissions.patient_key"


class _Port:
    """A port whose every call the world may spoil."""

    def __init__(self, world: World, name: str, real: object) -> None:
        self._world, self._name, self._real = world, name, real

    def __getattr__(self, method: str) -> Any:
        bound = partial(self._world._port_call, f"{self._name}.{method}", getattr(self._real, method))
        setattr(self, method, bound)
        return bound


@dataclass(slots=True)
class _Instance:
    """One function instance: warm while `app` is there, busy while `call` is."""

    function: FunctionSettings
    app: SimpleNamespace | None = None
    call: Call | None = None


@dataclass
class World:
    """One schedule's world.

    `submit` is the class that delivers: tests put broken ones here. The threads of a real submit are played by
    `senders`, each an instance that receives one message at a time; without them, two instances send one by one.
    """

    random: Random
    mischief: Mischief = CALM
    submit: type[Submit] = Submit
    ledger_class: type[MemoryLedger] = MemoryLedger
    scheduler: Scheduler = field(default_factory=Scheduler)
    trace: list[tuple[datetime, str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    senders: int = 0

    def __post_init__(self) -> None:
        self.watch = Promises(self)
        self.bucket = MemoryBucket()
        self.ledger = self.ledger_class(on_change=self.watch.changed)
        self.queues = {one.name: MemorySqs(one, self.scheduler, self.random.random) for one in QUEUES}
        self.registry = Registry(
            facilities=[clinic.sending_facility for clinic in CONFIGURATION.clinics.values()],
            today=self._today,
        )
        self.iis = MemoryIis(self.registry, fault=self._fault, latency=self._latency, wait=self._wait)
        self.delivery = Switch()
        self.ehrs = [Ehr(**ehr, random=self.random) for ehr in EHRS]
        self.pushed = Pushed(self.scheduler, first_configuration(self.random))
        self.corrected: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._uploads = self._exports = 0
        self.instances = [
            _Instance(function)
            for function in FUNCTIONS
            if function.queue
            for _ in range(self.senders if self.senders and function is SUBMIT else function.max_concurrency)
        ]
        self.rows_of: dict[tuple[str, str], int] = {}
        for function in (SWEEP, VALVE, BACKFILL):
            self._tick(function)

    # what happens by itself ------------------------------------------------------------------------------------------

    def export(self, number: int, visits: int, key: str = "") -> None:
        """An EHR exports; the file comes when it comes, and so does its event, perhaps twice.

        A key without a date is written at once: its arrival is its place in the order of exports.
        """
        ehr = self.ehrs[number % len(self.ehrs)]
        ehr.live(visits)
        now = self.scheduler.time
        body, rows = ehr.export(now)
        self._exports += 1
        name = f"inbox/{self.random.choice(ehr.sources)}/{key or f'{now:%Y%m%d-%H%M%S}-{self._exports}.csv'}"
        is_late = not key and self._chance(self.mischief.late_files)
        self._uploads += 1
        self.note("ehr", f"exports {name}, {rows} rows{', and it comes late' if is_late else ''}")
        upload = partial(self._upload, name, body, rows)
        if is_late:
            self.scheduler.after(self.random.uniform(60, 40_000), upload)
        else:
            upload()

    def _upload(self, key: str, body: bytes, rows: int) -> None:
        self._uploads -= 1
        item = self.bucket.put(key, body, self.scheduler.time)
        self.rows_of[key, item.version] = rows
        self.note("ehr", f"uploads {key} {item.version}")
        event = {"Records": [{"s3": {"object": {"key": key, "versionId": item.version_id}}}]}
        for _ in range(2 if self._chance(self.mischief.duplicated) else 1):
            late = self.random.uniform(0, 7200) if self._chance(self.mischief.late_events) else 1.0
            self.queues[INTAKE.name].put(json.dumps(event), delay=late)

    def lose_a_message(self) -> None:
        """A reference to what waits for delivery is gone, before anybody received it."""
        queue = self.queues[OUTBOX.name]
        lying = [(json.loads(one.body)["msh_10"], one.identifier) for one in queue.lying()]
        waiting = [
            (msh_10, receipt) for msh_10, receipt in lying if self.ledger.memory.submissions[msh_10].waiting_since
        ]
        if waiting:
            msh_10, receipt = self.random.choice(waiting)
            self.counts["lost messages"] += 1
            self.note("sqs", f"loses {msh_10}")
            queue.delete(receipt)

    def ask(self) -> None:
        """An EHR asks about a patient, in the name of the clinic elm."""
        patient = {"last_name": "Sampleton", "first_name": "Ada", "birth_date": "20200102"}
        self._start(_Instance(QUERY), {"clinic": "elm", "patient": patient}, lambda _: None)

    def open_facilities(self) -> None:
        """`vaxline valve open` for every stopped facility."""
        for facility in sorted(self.ledger.stops.current().facilities):
            self.note("person", f"opens {facility}")
            open_facility_by_hand(self.ledger.stops, self._plain_sweep(), facility)

    def close_the_valve(self) -> None:
        """`vaxline valve close`."""
        self.note("person", "closes the valve")
        close_by_hand(self.ledger.stops, self.scheduler, "synthetic")

    def open_the_valve(self) -> None:
        """`vaxline valve open`."""
        if open_by_hand(self.ledger.stops, self.scheduler):
            self.note("person", "opens the valve")

    def push_configuration(self, *, mended: bool) -> None:
        """`vaxline config push`, of the same content or with what was wrong mended."""
        self.note("person", f"pushes {'a mended' if mended else 'the same'} configuration")
        self.pushed.push(CONFIGURATION if mended else self.pushed.configuration)

    def correct(self) -> None:
        """Somebody corrects a failure of the worklist: perhaps twice, perhaps two at once, perhaps cut off."""
        entries = sorted(entry.msh_10 for entry in self.ledger.worklist.entries())
        if not entries:
            return
        msh_10 = self.random.choice(entries)
        changes = self._changes(msh_10)
        others = self.random.choice(([], [], [changes], [self._changes(msh_10)]))
        for each in (changes, *others):
            self.scheduler.after(self.random.choice((0.0, 0.0, 1.0, 600.0)), partial(self._correct, msh_10, each))

    def close(self) -> None:
        """`vaxline close` for a failure of the worklist."""
        entries = sorted(entry.msh_10 for entry in self.ledger.worklist.entries())
        if entries:
            msh_10 = self.random.choice(entries)
            self.note("person", f"closes {msh_10}")
            self.ledger.states.move(msh_10, Event.CLOSE, reason="synthetic")

    def _changes(self, msh_10: str) -> dict[str, str]:
        """A correction: another lot for a dose, and whatever else holds it."""
        one = self.ledger.memory.submissions[msh_10]
        if self.random.random() < 0.1 or not one.visit.doses:
            return {}
        number = self.random.randint(1, len(one.visit.doses))
        changes = {f"lot[{number}]": f"MEND{self.random.randint(1, 10**6)}"}
        if "PATIENT-ANOTHER" in one.causes and self.random.random() < 0.7:
            changes["same_person"] = "yes"
        return changes

    def _correct(self, msh_10: str, changes: dict[str, str]) -> None:
        self.note("person", f"corrects {msh_10} with {changes}")
        self._uploads += 1

        def ended(call: Call) -> None:
            self._uploads -= 1
            self.counts["corrections cut off" if call.error else "corrections"] += 1
            self.note("person", f"corrected {msh_10}: {call.answer or call.error!r}")
            if call.error is not None and not call.is_killed:
                self.watch.noted(repr(call.error))

        app = self._app()
        correct = Correct(
            **ports_for(Correct, app.ledger),
            outbox=app.outbox,
            resubmission=app.resubmission,
            configurations=Seen(self.pushed),
            clock=app.clock,
        )
        for target, value in changes.items():
            if target.startswith("lot"):
                dose = self.ledger.memory.submissions[msh_10].visit.doses[int(target[4:-1]) - 1]
                self.corrected[self.ledger.memory.submissions[msh_10].chart.split("#")[0], dose.id].add(value)
        Call(self.scheduler, "person", lambda: correct(msh_10, changes), app=app, seconds=900, ended=ended).begin()

    def calm_down(self) -> None:
        """From now on everything works; an operator reads the alarms."""
        self.mischief = CALM
        self.push_configuration(mended=True)
        self.note("world", "is calm from now on")
        self.open_the_valve()
        self._look_after()

    def _look_after(self) -> None:
        """What the alarms ask of a person, once an hour: dead letters are redriven, facilities opened."""
        for queue in self.queues.values():
            if queue.redrive():
                self.note("person", f"redrives {queue.settings.name}")
        self.open_facilities()
        self.scheduler.after(3600, self._look_after)

    def run(self, seconds: float) -> None:
        """Lets so much time pass."""
        self._run_until(self.scheduler.time + timedelta(seconds=seconds), lambda: False)

    def drain(self) -> bool:
        """Lets time pass until nothing waits any more; False where that takes days."""
        self._run_until(self.scheduler.time + _LONGEST_DRAIN, self.is_quiet)
        return self.is_quiet()

    def is_quiet(self) -> bool:
        return not (
            any(instance.call for instance in self.instances)
            or self._uploads
            or any(len(queue) or queue.dead for queue in self.queues.values())
            or self.ledger.memory.waiting
        )

    def note(self, who: str, what: str) -> None:
        self.trace.append((self.scheduler.time, who, what))

    # the loop --------------------------------------------------------------------------------------------------------

    def _run_until(self, end: datetime, is_over: Callable[[], bool]) -> None:
        while not is_over():
            self.watch.check()
            self.scheduler.run_due()
            if self._dispatch():
                continue
            times = [time for time in (self.scheduler.next_time(), *self._queue_times()) if time is not None]
            upcoming = min(times, default=end)
            if upcoming > end:
                self.scheduler.time = end
                return
            self.scheduler.time = max(self.scheduler.time, upcoming)

    def _queue_times(self) -> Iterator[datetime | None]:
        """When each queue that somebody idle consumes has something."""
        idle = {instance.function.queue for instance in self.instances if instance.call is None}
        if not self.delivery.on:
            idle.discard(SUBMIT.queue)
        return (queue.next_time() for name, queue in self.queues.items() if name in idle)

    def _dispatch(self) -> bool:
        """Starts the functions that have something to do; False where none has."""
        started = False
        for instance in self.random.sample(self.instances, len(self.instances)):
            if instance.call is not None or (instance.function is SUBMIT and not self.delivery.on):
                continue
            queue = self.queues[str(instance.function.queue)]
            largest = 1 if self.senders and instance.function is SUBMIT else instance.function.batch_size
            messages = queue.receive(self.random.choice((largest, self.random.randint(1, largest))))
            if not messages:
                continue
            started = True
            if instance.function is SUBMIT and self._chance(self.mischief.lost):
                self.lose_a_message()
            event = {"Records": [message.record() for message in messages]}
            self._start(instance, event, partial(self._settle, queue, [one.identifier for one in messages]))
        return started

    def _start(self, instance: _Instance, event: dict[str, Any], settle: Callable[[Call], None]) -> None:
        if instance.app is None or self._chance(0.05):
            instance.app = self._app()
        name = instance.function.name
        work = handler(name)

        def ended(call: Call) -> None:
            instance.call = None
            if call.is_killed:
                instance.app = None
                self.counts["killed"] += 1
            elif call.error is not None:
                self.note(name, "failed")
                self.watch.noted(repr(call.error))
            settle(call)

        call = Call(
            self.scheduler,
            name,
            lambda: work(event, call) or {},
            app=instance.app,
            seconds=instance.function.timeout,
            ended=ended,
        )
        instance.call = call
        self.counts["calls"] += 1
        call.begin()

    def _settle(self, queue: MemorySqs, receipts: list[str], call: Call) -> None:
        """Deletes what was done, as the event source mapping does; of a failed call nothing."""
        if call.error is not None:
            return
        failed = {one["itemIdentifier"] for one in call.answer.get("batchItemFailures", [])}
        for receipt in receipts:
            if receipt not in failed:
                queue.delete(receipt)

    def _tick(self, function: FunctionSettings) -> None:
        """A schedule. A call that would find nothing to do is left out: there are thousands of them in a day."""
        self.scheduler.after(60 * (function.every_minutes or 1), partial(self._tick, function))
        valve = self.ledger.stops.current().valve
        idle = {
            VALVE: valve.is_open and self.delivery.on,
            BACKFILL: not self.ledger.backfills.lanes(),
            SWEEP: not self.ledger.memory.waiting,
        }[function]
        if not idle:
            self._start(_Instance(function), {}, lambda _: None)

    def _app(self) -> SimpleNamespace:
        """A function instance's use cases, wired as in `shared.bootstrap`, between ports that may fail."""
        clock = HostClock(self.scheduler, self.random.uniform(-self.mischief.skew, self.mischief.skew))
        ledger = SimpleNamespace(**{name: self._port(f"ledger.{name}", getattr(self.ledger, name)) for name in PORTS})
        outbox = self._port("outbox", self._outbox())
        resubmission = self._port("resubmission", MemoryResubmission(self.queues[RESUBMISSION.name]))
        configurations = Seen(self.pushed)

        def wired(use_case: Callable[..., object]) -> dict[str, Any]:
            return {"clock": clock} | ports_for(use_case, ledger)

        convert = Convert(
            **wired(Convert),
            outbox=outbox,
            resubmission=resubmission,
            objects=self._port("objects", self.bucket),
            configurations=configurations,
            second_opinion=Agreeing(),
            bucket="chaos",
        )
        submit = self.submit(
            **wired(Submit),
            resubmission=resubmission,
            configurations=configurations,
            secrets=self._port("secrets", Vault()),
            iis=self._port("iis", self.iis),
        )
        deliver = Deliver(submit=submit, outbox=outbox)
        backfill = Backfill(**wired(Backfill), outbox=outbox, configurations=configurations)
        convert._pool = submit._pool = deliver._pool = backfill._pool = Inline()  # type: ignore[assignment]
        return SimpleNamespace(
            ledger=ledger,
            clock=clock,
            resubmission=resubmission,
            convert=convert,
            submit=submit,
            deliver=deliver,
            certificate_days=lambda clinics: days_left(clinics, CONFIGURATION, Vault(), clock.now()),
            triage=Triage(**wired(Triage), outbox=outbox),
            backfill=backfill,
            sweep=Sweep(**wired(Sweep), outbox=outbox, configurations=configurations),
            # A file here is always read in the end: `_files` of the invariants looks.
            unread=lambda: (),
            is_configured=True,
            expected=lambda *, noting: read_expectations(
                ledger.sources, ledger.stops, self.pushed.configuration, clock.now(), noting=noting
            ),
            valve=ValveCheck(
                **wired(ValveCheck),
                delivery=self._port("delivery", self.delivery),
                configurations=configurations,
                iis=self._port("iis", self.iis),
                trial=TrialRound(submit=submit, outbox=outbox, submissions=ledger.submissions, clock=clock),
            ),
            query=Query(
                clock=clock,
                stops=ledger.stops,
                configurations=configurations,
                secrets=self._port("secrets", Vault()),
                iis=self._port("iis", self.iis),
            ),
            outbox=outbox,
            intake=self._port("intake", MemoryIntake(self.queues[INTAKE.name])),
            notices=self._port("notices", Nobody()),
            noted=self.watch.noted,
        )

    def _plain_sweep(self) -> Sweep:
        return Sweep(
            **ports_for(Sweep, self.ledger),
            outbox=self._outbox(),
            configurations=Seen(self.pushed),
            clock=self.scheduler,
        )

    def _outbox(self) -> MemoryOutbox:
        return MemoryOutbox(self.queues[OUTBOX.name])

    def _port(self, name: str, real: object) -> Any:
        return _Port(self, name, real)

    # what goes wrong -------------------------------------------------------------------------------------------------

    def _chance(self, rate: float) -> bool:
        return rate > 0 and self.random.random() < rate

    def _port_call(self, name: str, work: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        fate = self.mischief.fate(self.random) if self.mischief.fates and name != _CACHED else ""
        call = threading.current_thread()
        assert isinstance(call, Call)
        if fate:
            self.counts[fate] += 1
            self.note(call.name, f"{fate} {name} {arguments[0] if arguments and isinstance(arguments[0], str) else ''}")
            if fate == kinds.KILL_BEFORE:
                call.kill()
            if fate == kinds.FAIL_BEFORE:
                raise InjectedError(name)
            if fate == kinds.PAUSE:
                call.pause(self.random.choice((0.0, 0.5, 20.0)))
        answer = work(*arguments, **named)
        if isinstance(answer, GeneratorType):
            answer = iter(list(answer))
        if fate == kinds.TWICE and name.startswith("ledger."):
            answer = work(*arguments, **named)
        if fate == kinds.KILL_AFTER:
            call.kill()
        if fate == kinds.FAIL_AFTER and not name.startswith("iis."):
            raise InjectedError(name)
        return answer

    def _today(self) -> date:
        return self.scheduler.time.date()

    def _wait(self, seconds: float) -> None:
        call = threading.current_thread()
        assert isinstance(call, Call)
        call.pause(seconds)

    def _latency(self) -> float:
        return min(self.random.expovariate(1 / self.mischief.latency), 59.0)

    def _fault(self, facility: str, message: str) -> str:
        mischief = self.mischief
        rate = mischief.iis if message or mischief.probes is None else mischief.probes
        name = self.random.choice(mischief.faults) if self._chance(rate) else ""
        if message.startswith("MSH|") and "|QBP^" in message[:200]:
            return self.random.choice(mischief.query_faults) if mischief.query_faults else ""
        if name:
            self.counts["iis faults"] += 1
        if not message:
            self.note("valve", f"probes {name}")
            return name
        self.watch.sends(message.split("|", 10)[9], name)
        return name
