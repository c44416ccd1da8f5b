"""Our checks of Z22 and NIST's, verdict by verdict: on what vaxline builds, and on that broken in every way of the profile.

`DIFFERENCES` is the list of explained differences; `docs/conformance.md` gives it to the reader. By default a part of
the mutations runs; VAXLINE_CONFORMANCE_RECORDS=2000 takes that many generated records, and every mutation of the
messages below.
"""

import os
import random
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from shared.domain.checks import Severity
from shared.domain.hl7 import vxu
from shared.domain.model import Action, Code, Completion, Dose, Name, NextOfKin, Patient, Provider, Telecom, Vis, Visit
from shared.domain.z22 import conformance, valuesets
from shared.domain.z22.model import Usage
from shared.domain.z22.segments import SEGMENTS
from shared.domain.z22.types import IG_TYPES, TYPES
from shared.replaced import replace
from tests.conformance import mutations
from tests.conformance.visits import CLINIC, CONFIGURATION, NOW, visits
from tests.places import ROOT

RECORDS = int(os.environ.get("VAXLINE_CONFORMANCE_RECORDS", "0"))

KINDS = {
    "usage-R": "MISSING",
    "predicate-R": "MISSING",
    "usage-X": "NOT-ALLOWED",
    "usage-W": "NOT-ALLOWED",
    "predicate-X": "NOT-ALLOWED",
    "cardinality": "REPEATS",
    "extra": "EXTRA",
    "unexpected": "PLACE",
    "invalid": "PLACE",
    "format": "FORMAT",
    "unresolved": "FORMAT",
    "length": "LENGTH",
    "separator": "SEPARATOR",
    "code": "CODE",
    "code-system": "SYSTEM",
    "unusable": "PLACE",
    "IZ-TS_Z": "IZ-TS-Z",
    "IZ-TS_NZ": "IZ-TS-NZ",
    "IZ-DT_D": "IZ-DT-D",
}
"""NIST's rules in the words of our codes."""

ACROSS = {"IZ-23", "IZ-24", "NIST-01"}
"""Statements about several segments: each side names another place."""


@dataclass(frozen=True)
class Case:
    """A message and both verdicts, each a set of (path, kind) of errors."""

    message: str
    nist: frozenset[tuple[str, str]]
    ours: frozenset[tuple[str, str]]

    @property
    def is_out_of_order(self) -> bool:
        missing = {"MISSING", "REPEATS"}
        return any(kind == "PLACE" or (kind in missing and "-" not in path) for path, kind in self.nist | self.ours)


@dataclass(frozen=True)
class Difference:
    """An error that only one side sees, and why."""

    name: str
    side: str
    kinds: str
    paths: str
    reason: str
    when: Callable[[Case, str], bool] = lambda case, path: True

    def explains(self, case, side, path, kind):
        return (
            side == self.side
            and re.fullmatch(self.kinds, kind) is not None
            and re.fullmatch(self.paths, path) is not None
            and self.when(case, path)
        )


def _field(path):
    """The field of a path, without component and repetition."""
    return re.sub(r"(-\d+).*", r"\1", path)


def _is_refused_there(case, path):
    """Whether we refuse the element itself, or one that it is part of, as not allowed."""
    return any(kind == "NOT-ALLOWED" and (path == at or _field(path) == at) for at, kind in case.ours)


def _lacks(*fields):
    """Whether the element that a condition speaks of is missing on both sides, in the same segment."""

    def holds(case, path):
        segment = path.split("-")[0]
        return any(
            _field(at) in {f"{segment}-{field}" for field in fields} for at, kind in case.ours if kind == "MISSING"
        )

    return holds


def _has_null(case, path):
    return '""' in case.message


def _is_of_a_deletion(case, path):
    """Whether a path is in an ORDER group that deletes its dose."""
    named = re.match(r"([A-Z0-9]{3})(?:\[(\d+)\])?", path)
    if named is None:
        return False
    name, number = named[1], int(named[2] or 1)
    groups, group_of, seen = [], None, 0
    for line in case.message.split("\r"):
        if line.startswith("ORC"):
            groups.append([])
        if groups:
            groups[-1].append(line)
        if line.startswith(name):
            seen += 1
            if seen == number:
                group_of = groups[-1] if groups else None
    rxa = next((line.split("|") for line in group_of or () if line.startswith("RXA")), [])
    return len(rxa) > 21 and rxa[21] == "D"


DIFFERENCES = (
    Difference(
        "segment-order",
        "nist",
        ".*",
        ".*",
        "After a segment that is out of place NIST's engine calls every later line unexpected, and what they hold missing; "
        "we name the segment and read on.",
        lambda case, path: case.is_out_of_order,
    ),
    Difference(
        "segment-order",
        "ours",
        ".*",
        ".*",
        "As above: we go on reading, so we find what NIST's engine no longer looks at.",
        lambda case, path: case.is_out_of_order,
    ),
    Difference(
        "null",
        "nist",
        ".*",
        ".*",
        'A field that is "" asks the registry to delete. We never send one and refuse it as such, without a second look.',
        _has_null,
    ),
    Difference("null", "ours", ".*", ".*", 'As above: the profile lets "" stand for a value that is there.', _has_null),
    Difference(
        "not-allowed-is-enough",
        "nist",
        "CODE|NOT-ALLOWED",
        ".*",
        "An element that may not be there is refused once; its code and its repetitions are not looked at.",
        _is_refused_there,
    ),
    Difference(
        "deleted-dose",
        "nist",
        ".*",
        r"(ORC|RXA|RXR|OBX|NTE).*",
        "Of an ORDER group that deletes a dose only the fields are checked by which an IIS finds the dose.",
        _is_of_a_deletion,
    ),
    Difference(
        "deleted-dose",
        "nist",
        r"IZ-\d+",
        "",
        "As above, of statements about several segments of such a group.",
        lambda case, path: any(
            len(rxa) > 21 and rxa[21] == "D"
            for rxa in (line.split("|") for line in case.message.split("\r") if line.startswith("RXA"))
        ),
    ),
    Difference(
        "code-sets",
        "nist",
        "CODE|SYSTEM|IZ-36|IZ-37",
        r"(RXA.*-(5|17)\.1|OBX.*-5)",
        "CVX, MVX, NDC and VIS documents: NIST's lists are of 2016 to 2019. We look at the form of these codes; whether "
        "they exist and were in use is for the code sets.",
    ),
    Difference(
        "state-eligibility",
        "nist",
        "IZ-35",
        r"OBX.*-5",
        "Connecticut uses V00, and a state may add codes of its own to table 0064; the profile's list has neither.",
        lambda case, path: re.search(r"64994-7[^|]*\|\d+\|(V00|[A-Z]{2,3}\d\d)\^", case.message) is not None,
    ),
    Difference(
        "units",
        "ours",
        "CODE",
        r"(RXA.*-7|OBX.*-6)(\[\d\])?\.1",
        "Of UCUM's units of volume and mass we list those in which vaccines are measured.",
    ),
    Difference(
        "units",
        "nist",
        "SYSTEM",
        r"(RXA.*-7|OBX.*-6)\.3",
        "As above: a unit that we do not list is refused as a code, before its coding system.",
        lambda case, path: (path.removesuffix("3") + "1", "CODE") in case.ours,
    ),
    Difference(
        "coding-systems",
        "ours",
        "CODE",
        r".*\.[36]",
        "Of table 0396 we list the coding systems that an immunization message has use for.",
    ),
    Difference(
        "identifier-types",
        "ours",
        "CODE",
        r".*\.(5|7|13)",
        "Of table 0203 we list the identifier types of persons and organizations.",
    ),
    Difference(
        "empty-condition",
        "nist",
        "IZ-3[567]",
        r"OBX.*-5",
        "NIST's engine reads a condition on an element that is missing as true. That element is refused anyway.",
        _lacks(2, 3),
    ),
    Difference("empty-condition", "nist", "IZ-49", r"RXA.*-6", "As above, of RXA-5.", _lacks(5)),
    Difference("empty-condition", "nist", "MISSING", r"OBX.*-6", "As above, of OBX-2.", _lacks(2)),
    Difference("empty-condition", "nist", "NOT-ALLOWED", r"RXA.*-7", "As above, of RXA-6.", _lacks(6)),
    Difference(
        "death-without-indicator",
        "ours",
        "NOT-ALLOWED",
        r"PID-29.*",
        "The guide lets PID-29 stand only where PID-30 is Y; NIST's engine takes a missing PID-30 for Y.",
    ),
    Difference(
        "end-of-administration",
        "ours",
        "IZ-30",
        r"RXA.*-4",
        "NIST's engine compares RXA-4 with RXA-3 only where both are dates.",
        lambda case, path: any(kind in ("FORMAT", "OPTIONAL") and "RXA" in at for at, kind in case.ours),
    ),
    Difference(
        "positive-integer",
        "ours",
        "IZ-44",
        r"OBX.*-4",
        "IZ-44 asks for a positive integer; NIST's engine takes 1.5 and leaves what is not a number unchecked.",
    ),
    *(
        Difference(
            "empty-first-repetition",
            side,
            ".*",
            ".*",
            "An empty repetition before others is refused: conditions and statements speak of the first one. NIST's engine "
            "takes it as missing for some of them and not for others.",
            lambda case, path: "|~" in case.message,
        )
        for side in ("nist", "ours")
    ),
    Difference(
        "repeated-field",
        "ours",
        ".*",
        ".*",
        "A field that repeats though it may not is refused; conditions and statements then read it as a whole, where NIST's "
        "engine reads its first repetition.",
        lambda case, path: any(
            kind == "REPEATS" and (not path or at.split("-")[0] == path.split("-")[0]) for at, kind in case.ours
        ),
    ),
    Difference(
        "universal-id-types",
        "ours",
        "OPTIONAL",
        r".*\.\d+\.3",
        "An optional id of a system names the type of its universal id by table 0301; the profile leaves that open in "
        "parts whose namespace is bound to a value set.",
    ),
    Difference(
        "funding-source",
        "ours",
        "CODE",
        r"OBX.*-5",
        "The addendum of 2015 lists the funding sources; the profile leaves that OBX-5 open.",
        lambda case, path: "30963-3" in case.message,
    ),
    Difference(
        "segments-not-built",
        "nist",
        ".*",
        r"(SFT|PV1|PV2|GT1|IN2|IN3|TQ1|TQ2).*",
        "vaxline builds none of these segments: their place is checked, their fields are not.",
    ),
)


MAY_PASS = {"deleted-dose", "code-sets", "state-eligibility", "segments-not-built"}
"""The differences by which a message that NIST calls wrong may leave; all others only concern what else is wrong."""


def normalised(path, kind):
    path = path.rsplit("/")[-1].replace("[1]", "")
    if kind in ACROSS:
        return "", kind
    if kind.startswith("IZ"):
        return path.split(".")[0], kind
    if kind in ("MISSING", "PLACE") and "-" not in path:
        return re.sub(r"\[.*", "", path), kind
    return path, kind


def judged_by_nist(profile, message):
    errors = [finding for finding in profile.check(message) if finding.severity == "error"]
    return frozenset(normalised(finding.path, KINDS.get(finding.rule, finding.rule)) for finding in errors)


def judged_by_us(message):
    found = set()
    for finding in conformance.check(message):
        if conformance.CHECKS[finding.code].severity is Severity.ERROR:
            kind = finding.code
            if kind.startswith("Z22-SEGMENT"):
                kind = "PLACE"
            elif kind.startswith("Z22"):
                kind = re.sub(r"^Z22-[A-Z]\w\w(-\d+)?-", "", kind)
            found.add(normalised(finding.path, kind))
    return frozenset(found)


def unexplained(case):
    """(side, path, kind) of every error that only one side sees and no difference explains.

    Where we find nothing at all, only those differences count by which a wrong message may leave.
    """
    # Of optional fields we say that they break HL7, not how.
    optional = {path for path, kind in case.ours if kind == "OPTIONAL"}
    nist = {path for path, _ in case.nist}
    only_nist = [error for error in case.nist - case.ours if error[0] not in optional]
    only_ours = [(path, kind) for path, kind in case.ours - case.nist if not (kind == "OPTIONAL" and path in nist)]
    sides = [("nist", *error) for error in only_nist] + [("ours", *error) for error in only_ours]
    known = DIFFERENCES if case.ours else [difference for difference in DIFFERENCES if difference.name in MAY_PASS]
    return [error for error in sides if not any(difference.explains(case, *error) for difference in known)]


def judge(profile, message):
    return Case(message, judged_by_nist(profile, message), judged_by_us(message))


NURSE = Provider("1234567893", "Example", "Nora", "", "NPI", "NPI")
CHILD = Patient(
    mrn="SYN-1",
    name=Name("Sampleton", "Ada", "B"),
    birth_date="20200102",
    sex="F",
    mothers_maiden_name="Example",
    races=(Code("2106-3", "White"),),
    ethnicity=Code("2186-5", "Not Hispanic or Latino"),
    addresses=(replace(CLINIC.address, type="H"),),
    telecoms=(Telecom("PRN", "PH", "860", "5550100"), Telecom("NET", email="parent@example.org")),
    multiple_birth="Y",
    birth_order="1",
    death_indicator="N",
    publicity=Code("02", "Reminder/recall"),
    publicity_date="20240101",
    protection="N",
    protection_date="20240101",
    registry_status="A",
    registry_status_date="20240101",
    next_of_kin=(
        NextOfKin(Name("Sampleton", "Mary"), Code("MTH", "Mother")),
        NextOfKin(Name("Sampleton", "Bert"), Code("FTH", "Father")),
    ),
)
GIVEN = Dose(
    id="DOSE-1",
    date="20250102",
    vaccine=Code("110", "DTaP-Hep B-IPV"),
    ndc="00005-0100-01",
    information_source=Code("00", "New immunization record"),
    amount="0.5",
    units=Code("mL", "milliliter"),
    lot="EX12345",
    expiry="20260630",
    manufacturer=Code("SKB", "GlaxoSmithKline"),
    route=Code("C28161", "Intramuscular"),
    site=Code("LT", "Left thigh"),
    eligibility=Code("V02", "Medicaid"),
    funding_source=Code("VXC50", "Public"),
    vis=(
        Vis(document="253088698300005911160720", presented="20250102"),
        Vis(vaccine=Code("45", "Hep B"), edition="20200401", presented="20250102"),
    ),
    dose_number="1",
    comment="synthetic",
    administered_by=NURSE,
    ordered_by=NURSE,
    entered_by=NURSE,
    placer_id="ORDER-1",
)
HISTORICAL = Dose(
    id="DOSE-2",
    date="20210102",
    vaccine=Code("21", "varicella"),
    information_source=Code("01", "Historical"),
    action=Action.DELETE,
)
REFUSED = Dose(
    date="20250102",
    vaccine=Code("21", "varicella"),
    completion=Completion.REFUSED,
    refusal_reason=Code("00", "Parental decision"),
)
NOT_ADMINISTERED = Dose(date="20250102", vaccine=Code("998", "none"), completion=Completion.NOT_ADMINISTERED)


def build(visit):
    return vxu.build(visit, msh_10="EXAMPLE0000000000001", clinic=CLINIC, configuration=CONFIGURATION, now=NOW)


def messages():
    """A child's dose with everything, and one message with every other kind of dose."""
    mixed = (REFUSED, HISTORICAL, NOT_ADMINISTERED, replace(GIVEN, vaccine=Code("08", "Hep B"), comment=""))
    patient = replace(CHILD, death_indicator="Y", death_date="20250201", multiple_birth="", birth_order="")
    return {
        "administered": build(Visit("example", CHILD, "20250102", doses=(GIVEN,))),
        "mixed": build(Visit("example", patient, "20250102", doses=mixed)),
    }


def _in_profile(type_):
    """Usage, greatest number and, of primitive types, length of every element of a segment or data type."""
    return {
        child.position: (
            child.usage,
            0 if child.high == float("inf") or type_.kind == "Datatype" else child.high,
            0 if child.type.children else child.length[1],
        )
        for child in type_.children
    }


def test_our_table_says_of_every_field_what_the_profile_says(z22):
    for name, type_ in mutations.segment_types(z22).items():
        if name in SEGMENTS:
            expected = _in_profile(type_)
            segment = SEGMENTS[name]
            assert segment.size == len(expected), name
            assert {n: (usage, high) for n, (usage, high, _) in expected.items() if n in segment.optional} == {
                n: ("O", repeats) for n, (_, repeats) in segment.optional.items()
            }
            ours = {
                field.number: (
                    field.usage.name,
                    0 if field.usage is Usage.X else field.repeats,
                    0 if field.type in TYPES or field.usage is Usage.X else field.longest,
                )
                for field in segment.fields
            }
            theirs = {n: row if row[0] != "X" else ("X", 0, 0) for n, row in expected.items() if n in ours}
            assert ours == theirs, name


def test_our_data_types_say_of_every_part_what_the_profile_says(z22):
    types = {
        field.type.id: field.type for segment in mutations.segment_types(z22).values() for field in segment.children
    }
    for type_ in [*types.values()]:
        types |= {part.type.id: part.type for part in type_.children}
    for name, ours in IG_TYPES.items():
        expected = _in_profile(types["MSG_IZ_VXU" if name == "MSG_IZ" else name])
        assert ours.size == len(expected), name
        listed = {part.position: (part.usage.name, 0 if part.type in TYPES else part.longest) for part in ours.parts}
        theirs = {n: (usage, length) for n, (usage, _, length) in expected.items() if usage not in ("O", "X")}
        assert {n: row for n, row in listed.items() if row[0] not in ("O", "X")} == theirs, name
        assert {n for n, row in listed.items() if row[0] == "X"} == {n for n, row in expected.items() if row[0] == "X"}


def test_our_value_sets_hold_nothing_that_the_profile_does_not(z22):
    bound = {}
    for segment in SEGMENTS.values():
        children = mutations.segment_types(z22)[segment.name].children
        for field in segment.fields:
            if field.values is not None:
                bound[f"{segment.name}-{field.number}"] = (field.values, children[field.number - 1].binding.sets)
    more = {}
    for name, (values, sets) in bound.items():
        known = set().union(*(z22.library.sets[one] for one in sets))
        ours = set().union(*values.codes.values())
        if ours - known:
            more[name] = ours - known
    assert more == {}
    eligibility = set().union(*valuesets.ELIGIBILITY.codes.values())
    assert eligibility - set(z22.library.sets["HL70064_IZ"]) == {"V00"}
    assert set(z22.library.sets["PHVS_VISVaccines_IIS"]) == valuesets.VIS_VACCINES


@pytest.mark.slow
@pytest.mark.parametrize("kind", messages())
def test_what_we_build_of_every_kind_of_dose_is_right_on_both_sides(z22, kind):
    case = judge(z22, messages()[kind])
    assert (case.nist, case.ours) == (frozenset(), frozenset())


@pytest.mark.slow
@pytest.mark.parametrize("kind", messages())
def test_every_error_of_a_broken_message_is_seen_by_both_or_explained(z22, kind):
    failures = []
    broken = list(mutations.mutations(z22, messages()[kind]))
    if not RECORDS:
        broken = random.Random(kind).sample(broken, 1800)
    for what, message in broken:
        failures += [f"{what}: {side} {path} {kind}" for side, path, kind in unexplained(judge(z22, message))]
    assert failures == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", messages())
def test_a_broken_structure_is_refused_by_both_or_explained(z22, kind):
    failures = []
    for what, message in mutations.structure(messages()[kind]):
        failures += [f"{what}: {side} {path} {kind}" for side, path, kind in unexplained(judge(z22, message))]
    assert failures == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_generated_records_and_their_mutations_get_the_same_verdict_on_both_sides(z22):
    chance = random.Random(22)
    failures = []

    @seed(22)
    @given(visits)
    @settings(
        max_examples=RECORDS or 60,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def compare(visit):
        message = build(visit)
        case = judge(z22, message)
        failures.extend(f"as built: {error}" for error in (*case.nist, *case.ours))
        broken = list(mutations.of_one_segment(z22, message, chance))
        for what, mutated in chance.sample(broken, min(20, len(broken))):
            found = unexplained(judge(z22, mutated))
            failures.extend(f"{what}: {side} {path} {kind}" for side, path, kind in found)

    compare()
    assert failures == []


def test_every_explained_difference_is_told_to_the_reader():
    page = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    assert [difference.name for difference in DIFFERENCES if f"`{difference.name}`" not in page] == []
