"""Building and checking a VXU and reading its ACK, beside the least that could be done and beside other libraries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import hl7
import hl7types
from hl7apy.parser import parse_message
from hl7types.hl7.v2_5_1.messages.VXU_V04 import VXU_V04

from shared.domain import visit_checks
from shared.domain.hl7 import ack
from shared.domain.hl7.iis_profiles import PROFILES
from shared.domain.z22 import conformance
from tests.benchmarks import records
from tests.benchmarks.by_hl7apy import Tree, tree_of, with_hl7apy
from tests.benchmarks.floor import floor
from tests.benchmarks.measure import Row, at_most, each, faster, in_turn

ROUNDS: Final = 25
# Calls in a round: the libraries take milliseconds.
FEWER: Final = 50
FEWEST: Final = 2


def rows() -> Iterator[Row]:
    for doses in (1, 3):
        yield from _build(doses)
    yield from _checks()
    yield from _ack()


# build ----------------------------------------------------------------------------------------------------------------


def _build(doses: int) -> Iterator[Row]:
    visits, built = records.visits(doses), records.messages(doses)
    tree = [tree_of(message) for message in built]
    typed = [hl7types.decode_er7(message, VXU_V04, strict=False).model_dump() for message in built[:50]]
    assert floor(visits[0], 0) == built[0]
    assert with_python_hl7(tree[0]) == built[0]
    fast = in_turn(
        {
            "floor": each(lambda number: floor(visits[number], number), len(visits)),
            "ours": each(lambda number: records.message(visits[number], number), len(visits)),
            "python-hl7": each(lambda number: with_python_hl7(tree[number]), FEWER),
            "hl7types": each(lambda number: hl7types.encode_er7(VXU_V04(**typed[number])), FEWER),
            "hl7apy": each(lambda number: with_hl7apy(tree[number]), FEWEST),
        },
        rounds=ROUNDS,
    )
    name, ours = f"build a VXU, {doses} dose{'s' * (doses > 1)}", fast["ours"] / len(visits) * 1e6
    yield at_most(name, ours, "µs", peer="f-string floor", peer_value=fast["floor"] / len(visits) * 1e6, limit=6)
    yield faster(name, ours, "µs", peer="hl7apy", peer_value=fast["hl7apy"] / FEWEST * 1e6, limit=700)
    for library in ("python-hl7", "hl7types"):
        yield faster(name, ours, "µs", peer=library, peer_value=fast[library] / FEWER * 1e6, limit=15)


def with_python_hl7(tree: Tree) -> str:
    message = hl7.Message("\r", [])
    for name, fields in tree:
        made: list[Any] = [hl7.Field("~", [name])]
        if name == "MSH":
            made += [hl7.Field("", ["|"]), hl7.Field("", ["^~\\&"])]
        for value in fields:
            made.append(hl7.Field("~", [hl7.Repetition("^", value.split("^"))]))
        message.append(hl7.Segment("|", made))
    return str(message)


# checks ---------------------------------------------------------------------------------------------------------------


def _checks() -> Iterator[Row]:
    visits, built = records.visits(1), records.messages(1)
    today = "20260401"
    contenders: dict[str, Callable[[], object]] = {
        "record": each(lambda number: visit_checks.check(visits[number], today), len(visits)),
        "message": each(lambda number: conformance.check(built[number]), len(built)),
        "floor": each(lambda number: floor(visits[number], number), len(visits)),
        "hl7apy": each(lambda number: judged_by_hl7apy(built[number]), FEWEST),
    }
    taken = in_turn(contenders, rounds=ROUNDS)
    least = taken["floor"] / len(visits) * 1e6
    both = (taken["record"] + taken["message"]) / len(visits) * 1e6
    name = "all checks on a record and its message"
    yield at_most(name, both, "µs", peer="f-string floor of one dose", peer_value=least, limit=22)
    yield faster(
        name,
        both,
        "µs",
        peer="hl7apy parse + validate",
        peer_value=taken["hl7apy"] / FEWEST * 1e6,
        limit=200,
    )


def judged_by_hl7apy(message: str) -> object:
    return parse_message(message, find_groups=True).validate()


# ACK ------------------------------------------------------------------------------------------------------------------


def _ack_of(number: int) -> str:
    return (
        f"MSH|^~\\&|CTWIZ|CT0000|VAXLINE|EX0000|20260301120001.123-0500||ACK^V04^ACK|A{number:018}|P|2.5.1||||||||||Z23"
        f"^CDCPHINVS\rMSA|AE|{records.MSH_10S[number]}\r"
        "ERR||PID^1^11^1^5|101^Required field missing^HL70357|W|||||Warning: patient address ZIP is missing\r"
        "ERR||RXA^1^15^1|102^Data type error^HL70357|E|1^Illogical value error^HL70533^WEBIZ-317^Lot^WEBIZ||||"
        "Not processing order group: the lot number is not known\r"
        f"ERR||OBX^3^5^1|103^Table value not found^HL70357|W|||||Informational: VIS document is not known {number}\r"
    )


def _ack() -> Iterator[Row]:
    visits, built = records.visits(3), records.messages(3)
    answers = [_ack_of(number) for number in range(len(visits))]
    profile = PROFILES["ctwiz"]

    def ours(number: int) -> object:
        return ack.read_ack(
            answers[number],
            msh_10=records.MSH_10S[number],
            vxu=built[number],
            profile=profile,
            doses=visits[number].doses,
        )

    reading = ours(0)
    assert isinstance(reading, ack.AckReading)
    assert len(reading.errors) == 3
    assert read_by_hl7apy(answers[0]) == read_by_python_hl7(answers[0])
    found = located(read_by_python_hl7(answers[0]), python_hl7_names(built[0]))
    assert found == located(read_by_hl7apy(answers[0]), hl7apy_names(built[0]))
    ids = [dose.id for dose in visits[0].doses]
    assert [error.dose_id for error in reading.errors] == ["" if at is None else ids[at] for at in found]
    fast = in_turn(
        {
            "split": each(lambda number: split(answers[number]), len(answers)),
            "ours": each(ours, len(answers)),
            "python-hl7": each(lambda number: read_by_python_hl7(answers[number]), FEWER),
            "hl7apy": each(lambda number: read_by_hl7apy(answers[number]), FEWEST),
            "python-hl7 names": each(lambda number: python_hl7_names(built[number]), FEWER),
            "hl7apy names": each(lambda number: hl7apy_names(built[number]), FEWEST),
        },
        rounds=ROUNDS,
    )
    name, value = "ACK with three errors → outcome", fast["ours"] / len(answers) * 1e6
    yield at_most(name, value, "µs", peer="plain split", peer_value=fast["split"] / len(answers) * 1e6, limit=25)
    for library, calls, limit in (("hl7apy", FEWEST, 450), ("python-hl7", FEWER, 25)):
        read, names = (fast[what] / calls * 1e6 for what in (library, f"{library} names"))
        yield faster(name, value, "µs", peer=f"{library}, doses found", peer_value=read + names, limit=limit)


def read_by_hl7apy(answer: str) -> list[Any]:
    """Read with hl7apy what an outcome needs: MSA-1, MSA-2, and location, codes, severity and text of each ERR."""
    message: Any = parse_message(answer)
    read: list[Any] = [message.msa.msa_1.to_er7(), message.msa.msa_2.to_er7()]
    for err in message.err:
        place = [component.to_er7() for component in err.err_2.children]
        read.append([place, *[field.to_er7() for field in (err.err_3.err_3_1, err.err_4, err.err_5, err.err_9)]])
    return read


def read_by_python_hl7(answer: str) -> list[Any]:
    """Read the same with python-hl7."""
    message = hl7.parse(answer)
    msa = message.segment("MSA")
    read: list[Any] = [str(msa(1)), str(msa(2))]
    for err in message.segments("ERR"):
        place = [str(component) for component in err(2)[0]]
        read.append([place, str(err(3)[0][0]), *[str(err(number)) for number in (4, 5, 9)]])
    return read


def hl7apy_names(message: str) -> list[str]:
    """Read with hl7apy the segment names of our message, which tell the dose that a location means."""
    return [segment.name for segment in parse_message(message, find_groups=False).children]


def python_hl7_names(message: str) -> list[str]:
    """Read the same with python-hl7."""
    return [str(segment[0]) for segment in hl7.parse(message)]


def located(read: list[Any], names: list[str]) -> list[int | None]:
    """Return the ORDER group that each ERR means, from what a library has read of the ACK and of our message."""
    found: list[int | None] = []
    for (segment, sequence, *_), *_ in read[2:]:
        at = [position for position, name in enumerate(names) if name == segment][int(sequence) - 1]
        orders = names[: at + 1].count("ORC")
        found.append(orders - 1 if orders else None)
    return found


def split(answer: str) -> object:
    """Split the ACK into fields and components: the least that finds the same values."""
    return [[field.split("^") for field in line.split("|")] for line in answer.split("\r")]
