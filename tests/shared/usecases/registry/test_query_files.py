"""Query files: every row has one outcome, however often the function is stopped or has to wait."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.hl7.qbp import Request
from shared.domain.hl7.rsp import read_rsp
from shared.domain.maintenance import window
from shared.domain.query_file import MAX_BYTES, Progress, Summary
from shared.replaced import replace
from shared.settings import QUERY_FILES_PREFIX
from shared.usecases.delivery.stops import Stop
from shared.usecases.registry.query import NOT_ENOUGH, Asked
from shared.usecases.registry.query_files import OFF_HOURS, PART_ROWS, TRIES, QueryFiles
from tests.fakes.bucket import MemoryBucket, MemoryFileStore
from tests.fakes.configurations import Fixed
from tests.shared.usecases.submit_setup import CONFIGURATION, Clock

NAME = "elm/due.csv"
HEADER = "patient_id,last_name,first_name,birth_date,sex"
LATER = timedelta(hours=1)
RESPONSE = read_rsp("MSH|^~\\&|W|CT||O|20260302||RSP^K11^RSP_K11|1|P|2.5.1|||||||||Z33^CDCPHINVS\rMSA|AA|1\rQAK|1|NF")


def a_file(*given_names: str) -> bytes:
    return "\n".join((HEADER, *(f"SYN-{name},Sampleton,{name},2020-01-02,F" for name in given_names))).encode()


class World:
    """The bucket, and an IIS that takes a second per query."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.say: Callable[[str], Asked] = lambda _: answered()
        self.clock = Clock()
        self.configuration = Fixed(CONFIGURATION)
        self.bucket = MemoryBucket()
        self.files = MemoryFileStore(self.bucket, QUERY_FILES_PREFIX, self.clock.now)
        self.query_files = QueryFiles(
            files=self.files,
            objects=self.bucket,
            configurations=self.configuration,
            ask=self._ask,
            clock=self.clock,
            retry_scale=0,
        )

    def _ask(self, request: Request, clinic: str) -> Asked:
        assert clinic == "elm"
        self.clock.time += timedelta(seconds=1)
        self.asked.append(request.patient.name.given)
        return self.say(request.patient.name.given)

    def run(self, span: timedelta = LATER) -> Summary:
        self.query_files(self.clock.now() + span)
        (summary,) = self.query_files.summaries()
        return summary

    def lines(self) -> list[dict]:
        (summary,) = self.query_files.summaries()
        return [json.loads(line) for line in self.query_files.answers(summary)]


def answered() -> Asked:
    return Asked("elm", "Z44", msh_10="M", response=RESPONSE)  # type: ignore[arg-type]


def fault(code: str) -> Asked:
    return Asked("elm", "Z44", msh_10="M", fault=code)  # type: ignore[arg-type]


def not_asked(why: str) -> Asked:
    return Asked("elm", "Z44", not_asked=why)  # type: ignore[arg-type]


@pytest.fixture
def world() -> World:
    return World()


def test_every_row_is_asked_once_and_answered_in_order(world: World) -> None:
    names = [f"N{number}" for number in range(PART_ROWS + 3)]
    world.query_files.put(NAME, a_file(*names))
    summary = world.run()
    assert world.asked == names
    assert (summary.progress, summary.rows, summary.done) == (Progress.DONE, len(names), len(names))
    assert summary.outcomes == {"NOT_FOUND": len(names)}
    assert summary.parts == (2, PART_ROWS + 2)
    assert [line["row"] for line in world.lines()] == list(range(2, len(names) + 2))
    assert all(line["fix"] for line in world.lines())
    world.run()
    assert world.asked == names, "a done file is not asked about again"


def test_a_file_continues_in_the_next_invocation(world: World) -> None:
    names = [f"N{number}" for number in range(50)]
    world.query_files.put(NAME, a_file(*names))
    seen = [world.run(timedelta(seconds=7)).done for _ in range(8)]
    assert seen == [7, 14, 21, 28, 35, 42, 49, 50]
    assert world.asked == names
    assert [line["row"] for line in world.lines()] == list(range(2, 52))


def test_rows_answered_but_not_in_the_checkpoint_are_asked_again_and_listed_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.query_files.put(NAME, a_file("Ada", "Grace"))
    put = MemoryFileStore.put

    def cut_off(self: MemoryFileStore, name: str, content: bytes, content_type: str) -> None:
        if name.endswith("summary.json"):
            raise RuntimeError("the function was killed")
        put(self, name, content, content_type)

    with monkeypatch.context() as patched:
        patched.setattr(MemoryFileStore, "put", cut_off)
        with pytest.raises(RuntimeError):
            world.run()
    assert world.run().done == 2
    assert world.asked == ["Ada", "Grace"] * 2
    assert [line["row"] for line in world.lines()] == [2, 3]


def test_nothing_is_asked_outside_the_query_hours(world: World) -> None:
    hours = window("daily 22:00-23:00")
    assert hours is not None
    iis = replace(CONFIGURATION.iis, query_hours=(hours,), time_zone="UTC")
    world.configuration.configuration = replace(CONFIGURATION, iis=iis)
    world.query_files.put(NAME, a_file("Ada"))
    summary = world.run()
    assert (summary.progress, summary.waits, world.asked) == (Progress.WAITING, OFF_HOURS, [])
    world.clock.time = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)
    assert (world.run().progress, world.asked) == (Progress.DONE, ["Ada"])


def test_a_fault_that_may_pass_is_retried_before_it_is_the_rows_outcome(world: World) -> None:
    world.say = lambda name: fault("READ-TIMEOUT") if name == "Ada" else answered()
    world.query_files.put(NAME, a_file("Ada", "Grace"))
    for _ in range(TRIES):
        summary = world.run()
    assert world.asked == ["Ada"] * TRIES + ["Grace"]
    assert summary.outcomes == {"FAULT": 1, "NOT_FOUND": 1}
    assert (world.lines()[0]["asked"]["fault"], bool(world.lines()[0]["fix"])) == ("READ-TIMEOUT", True)


@pytest.mark.parametrize(
    "waits", [not_asked(Stop.VALVE), not_asked(Stop.FACILITY), fault("SECURITY-FAULT"), fault("NO-CREDENTIALS")]
)
def test_a_file_waits_for_a_closed_valve_or_a_refused_password_without_losing_a_row(world: World, waits: Asked) -> None:
    world.say = lambda _: waits
    world.query_files.put(NAME, a_file("Ada", "Grace"))
    for _ in range(TRIES + 2):
        summary = world.run()
        assert (summary.progress, summary.done) == (Progress.WAITING, 0)
        assert summary.waits == (waits.not_asked or waits.fault)
    assert set(world.asked) == {"Ada"}
    world.say = lambda _: answered()
    assert world.run().outcomes == {"NOT_FOUND": 2}


def test_an_unreadable_row_is_reported_with_its_columns_and_without_values(world: World) -> None:
    rows = (
        f"{HEADER},clinic,profile",
        "SYN-1,Sampleton,Ada,yesterday,F,,",
        "SYN-2,Sampleton,Grace,2020-01-02,F,nowhere,Z99",
        "",
        "SYN-3,Sampleton,Short",
        "SYN-4,Sampleton,Fine,2020-01-02,F,elm,z34",
        "SYN-5,Sampleton,,2020-01-02,F,,",
    )
    world.say = lambda name: answered() if name else replace(not_asked(NOT_ENOUGH), missing=("QPD-4.2",))
    world.query_files.put(NAME, "\n".join(rows).encode())
    summary = world.run()
    assert [(one.row, one.fields) for one in summary.unreadable] == [
        (2, ("birth_date",)),
        (3, ("profile", "clinic")),
        (5, ("cells",)),
        (7, ("first_name",)),
    ]
    assert summary.outcomes == {"ROW_UNREADABLE": 4, "NOT_FOUND": 1}
    kept = world.files.get(f"{NAME}.answers/summary.json") or b""
    assert not any(value in kept for value in (b"Sampleton", b"yesterday", b"nowhere", b"SYN-", b"2020-01-02"))


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("due.txt", a_file("Ada"), "does not end in .csv"),
        ("due.csv", b"", "empty"),
        ("due.csv", b"last_name,first_name\nA,B\n", "no column birth_date"),
        ("due.csv", a_file("Ada") + b"\xff", "not UTF-8"),
        ("due.csv", a_file('"Ada'), "not CSV"),
        ("due.csv", b"x" * (MAX_BYTES + 1), "larger than"),
    ],
)
def test_an_unreadable_file_is_reported_once(world: World, name: str, content: bytes, problem: str) -> None:
    world.query_files.put(name, content)
    summary = world.run()
    assert summary.progress is Progress.UNREADABLE
    assert problem in summary.problem
    assert world.asked == []


def test_new_content_under_the_same_name_starts_over(world: World) -> None:
    world.query_files.put(NAME, a_file("Ada", "Grace"))
    world.run()
    world.query_files.put(NAME, a_file("Hedy"))
    assert (world.run().done, world.asked) == (1, ["Ada", "Grace", "Hedy"])
    assert len(world.lines()) == 1
