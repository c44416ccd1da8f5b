"""The catalogue of the Z22 checks, made from the table of the profile: what is wrong, how to fix it, and who can.

There is one check per field and kind of violation (`Z22-PID-8-MISSING`; the path of a finding names the part of the
field), per segment for its place and number, per segment for its optional fields, and per conformance statement.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from shared.domain.checks import Check, Severity, Who
from shared.domain.z22.model import ANY, Field, Origin, Part, Segment, Usage
from shared.domain.z22.primitives import FORMS
from shared.domain.z22.segments import SEGMENTS
from shared.domain.z22.types import TYPES

_REPORT: Final = "This is a defect of vaxline: report it with the MSH-10."
_EXPORT: Final = "Correct it in the EHR and export the row again."


class _Kind(NamedTuple):
    """One kind of violation: severity, words and fix. `{label}` is the analyst's name of the field, capitalized."""

    severity: Severity
    words: str
    fix: str


_KINDS: Final[dict[str, _Kind]] = {
    "MISSING": _Kind(
        Severity.ERROR,
        "{label}, or a required part of it, is missing.",
        "Enter it in the EHR and export the row again.",
    ),
    "EMPTY": _Kind(
        Severity.WARNING,
        "{label}, or a part of it that should be sent if known, is empty.",
        "Enter it in the EHR, if it is known.",
    ),
    "NOT-ALLOWED": _Kind(
        Severity.ERROR, "{label}, or a part of it, is sent although profile Z22 does not allow it{condition}.", _EXPORT
    ),
    "REPEATS": _Kind(Severity.ERROR, "{label} is sent more than once.", "Export one value only."),
    "LENGTH": _Kind(
        Severity.ERROR,
        "{label}, or a part of it, is longer or shorter than HL7 allows{length}.",
        "Correct its length in the EHR; the field may hold notes.",
    ),
    "FORMAT": _Kind(
        Severity.ERROR,
        "{label} has not the form that HL7 requires for a date, a time or a number.",
        "Export dates in the formats of the source, and numbers without text.",
    ),
    "CODE": _Kind(
        Severity.ERROR, "{label} has a code that is not one of its {values}.", "Map the code to one that is."
    ),
    "SYSTEM": _Kind(
        Severity.ERROR,
        "{label} names a coding system that does not have its code ({values}).",
        "Name the coding system of the code in the code map.",
    ),
    "SEPARATOR": _Kind(Severity.ERROR, "{label} has an HL7 delimiter that is not escaped.", _REPORT),
    "EXTRA": _Kind(Severity.ERROR, "{label} has more parts than HL7 defines.", _REPORT),
}

_FIXES: Final[dict[Origin, dict[str, str]]] = {
    Origin.SETUP: dict.fromkeys(_KINDS, "Correct it in clinics.toml, push it, then resubmit."),
    Origin.VAXLINE: dict.fromkeys(_KINDS, _REPORT),
    Origin.EHR: {},
    Origin.CODED: {
        "MISSING": "Export the code, or map what the EHR writes to one in the code map.",
        "LENGTH": "Map the code in the code map.",
    },
}
_WHO: Final[dict[Origin, Who]] = {
    Origin.EHR: Who.EHR,
    Origin.CODED: Who.CODE_MAP,
    Origin.SETUP: Who.SETUP,
    Origin.VAXLINE: Who.HELP_DESK,
}
_OF_VAXLINE: Final = frozenset({"SEPARATOR", "EXTRA"})
_FORBIDDEN: Final = frozenset({"NOT-ALLOWED"})


def _kinds_of(element: Field | Part) -> set[str]:  # noqa: C901  # one question per kind
    """The kinds of violation that an element or its parts can have."""
    usages = {element.usage}
    if element.when is not None:
        usages |= {element.when.then, element.when.otherwise}
    kinds = set()
    if Usage.X in usages:
        kinds.add("NOT-ALLOWED")
    if usages == {Usage.X}:
        return kinds
    if Usage.R in usages:
        kinds.add("MISSING")
    if Usage.RE in usages and element.warned:
        kinds.add("EMPTY")
    if element.values is not None:
        kinds.add("CODE")
    type_ = TYPES.get(element.type)
    if type_ is not None:
        kinds.add("EXTRA")
        for part in type_.parts:
            kinds |= _kinds_of(part)
    elif element.usage is not Usage.O:
        kinds.add("FORMAT" if element.type in FORMS else "SEPARATOR")
        if element.longest:
            kinds.add("LENGTH")
    return kinds


def _kinds_of_field(segment: Segment, field: Field) -> set[str]:
    kinds = _kinds_of(field)
    if field.type == "varies":
        return {"MISSING", "NOT-ALLOWED", "REPEATS", "LENGTH", "FORMAT", "CODE", "SEPARATOR", "EXTRA", "EMPTY"}
    if field.usage is not Usage.X:
        # The first repetition of any field can be empty before others.
        kinds |= {"MISSING"} if field.repeats == ANY else {"MISSING", "REPEATS"}
    if field.values is not None and field.type in TYPES:
        kinds.add("SYSTEM")
    if segment.name == "ORC" and field.number == 12:
        kinds.add("EMPTY")
    return kinds


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]


def _row(segment: Segment, field: Field, kind: str) -> Check:
    severity, words, fix = _KINDS[kind]
    length = f" ({field.longest} characters at most)" if field.longest and field.type not in TYPES else ""
    condition = f" (it depends on: {field.when.words})" if field.when is not None else ""
    values = "values" if field.values is None else field.values.words
    origin = Origin.VAXLINE if kind in _OF_VAXLINE else field.origin
    if kind in _FORBIDDEN and field.usage is Usage.X:
        origin = Origin.VAXLINE
    return Check(
        f"Z22-{segment.name}-{field.number}-{kind}",
        severity,
        f"{segment.name}-{field.number}",
        words.format(label=_capitalized(field.label), length=length, condition=condition, values=values),
        _FIXES[origin].get(kind, fix),
        _WHO[origin],
        counts_in_strict=kind != "EMPTY",
    )


def _of_segment(segment: Segment) -> list[Check]:
    label = _capitalized(segment.label)
    name = segment.name
    rows = [
        Check(
            f"Z22-{name}-{kind}",
            Severity.ERROR,
            name,
            words.format(label=label, name=name),
            fix,
            Who.HELP_DESK,
        )
        for kind, (words, fix) in _SEGMENT_KINDS.items()
    ]
    return rows + [
        _row(segment, field, kind) for field in segment.fields for kind in sorted(_kinds_of_field(segment, field))
    ]


_SEGMENT_KINDS: Final[dict[str, tuple[str, str]]] = {
    "MISSING": ("{label} ({name}) is missing.", _REPORT),
    "REPEATS": ("{label} ({name}) is sent more than once.", _REPORT),
    "EXTRA": ("{label} ({name}) has more fields than HL7 defines.", _REPORT),
    "OPTIONAL": ("An optional field of {label} ({name}) breaks HL7 v2.5.1 itself.", _REPORT),
}

_STRUCTURE: Final = (
    Check(
        "Z22-SEGMENT-UNKNOWN",
        Severity.ERROR,
        "",
        "A segment that profile Z22 does not have.",
        _REPORT,
        Who.HELP_DESK,
    ),
    Check(
        "Z22-NULL",
        Severity.ERROR,
        "",
        'A field is "", which tells the registry to delete what it has.',
        "vaxline never sends that: report it with the MSH-10.",
        Who.HELP_DESK,
    ),
    Check("Z22-SEGMENT-UNREADABLE", Severity.ERROR, "", "A line that is not a segment.", _REPORT, Who.HELP_DESK),
    Check(
        "Z22-SEGMENT-PLACE",
        Severity.ERROR,
        "",
        "A segment is at a place where VXU_V04 does not allow it.",
        _REPORT,
        Who.HELP_DESK,
    ),
)

_SHALL: Final = "Conformance statement {code}: {words}"

# code, path, requirement in our words, origin, fix ("" for the one of the origin)
_STATEMENTS: Final[tuple[tuple[str, str, str, Origin, str], ...]] = (
    ("IZ-3", "EI.3", "the universal id of an identifier is an OID.", Origin.SETUP, ""),
    ("IZ-4", "EI.4", "an identifier's universal id is of type ISO.", Origin.VAXLINE, ""),
    ("IZ-5", "HD.2", "the universal id of an authority or facility is an OID.", Origin.SETUP, ""),
    ("IZ-6", "HD.3", "the universal id of an authority or facility is of type ISO.", Origin.VAXLINE, ""),
    ("IZ-12", "MSH-1", "the field separator is |.", Origin.VAXLINE, ""),
    ("IZ-13", "MSH-2", "the encoding characters are ^~\\&.", Origin.VAXLINE, ""),
    ("IZ-15", "MSH-12", "the HL7 version is 2.5.1.", Origin.VAXLINE, ""),
    ("IZ-17", "MSH-9", "the message type is VXU^V04^VXU_V04.", Origin.VAXLINE, ""),
    ("IZ-22", "OBX-11", "the status of an observation is F (final).", Origin.VAXLINE, ""),
    (
        "IZ-23",
        "RXA",
        "a dose given here has an observation of its funding eligibility (64994-7).",
        Origin.EHR,
        "Enter the eligibility at the dose, or give the source a default in clinics.toml.",
    ),
    (
        "IZ-24",
        "RXA",
        "each VIS is complete: its document, or its vaccine and edition, with the date it was handed out.",
        Origin.EHR,
        "Export the statement's document code or edition date with the date it was handed out, and the funding source.",
    ),
    ("IZ-25", "ORC-1", "the order control is RE.", Origin.VAXLINE, ""),
    ("IZ-28", "RXA-1", "the sub-id counter is 0.", Origin.VAXLINE, ""),
    ("IZ-29", "RXA-2", "the administration counter is 1.", Origin.VAXLINE, ""),
    ("IZ-30", "RXA-4", "the end of the administration, if sent, is its start.", Origin.VAXLINE, ""),
    (
        "IZ-31",
        "RXA-9",
        "a dose that was given names its information source: 00 for given here, 01 to 08 for historical.",
        Origin.CODED,
        "",
    ),
    (
        "IZ-32",
        "RXA-20",
        "if there is a reason of refusal, the completion status is RE (refused).",
        Origin.CODED,
        "Correct the completion status, or leave the reason out.",
    ),
    ("IZ-35", "OBX-5", "the funding eligibility is a code of HL7 table 0064.", Origin.CODED, ""),
    (
        "IZ-36",
        "OBX-5",
        "the document of a Vaccine Information Statement is the 24-digit code of its bar code (cdcgs1vis).",
        Origin.CODED,
        "",
    ),
    ("IZ-37", "OBX-5", "the vaccine of a Vaccine Information Statement is a CVX code.", Origin.CODED, ""),
    ("IZ-41", "MSH-16", "the application acknowledgment type is AL.", Origin.VAXLINE, ""),
    ("IZ-42", "MSH-15", "the accept acknowledgment type is ER.", Origin.VAXLINE, ""),
    ("IZ-43", "MSH-21", "the message profile is Z22^CDCPHINVS.", Origin.VAXLINE, ""),
    ("IZ-44", "OBX-4", "the sub-id of an observation is a positive whole number.", Origin.VAXLINE, ""),
    ("IZ-45", "ORC-3", "a dose that was refused or not administered has the order number 9999.", Origin.VAXLINE, ""),
    ("IZ-46", "PID-1", "the patient's set id is 1.", Origin.VAXLINE, ""),
    (
        "IZ-47",
        "RXA-9",
        "a dose that was not given (RXA-20 neither CP nor PA) names no information source.",
        Origin.CODED,
        "Correct the completion status, or leave the information source out.",
    ),
    (
        "IZ-48",
        "RXA-6",
        "the amount of a refused dose is 999 (unknown).",
        Origin.EHR,
        "Leave the amount of a refused dose out.",
    ),
    ("IZ-49", "RXA-6", "with vaccine 998 (no vaccine) the amount is 999.", Origin.EHR, "Leave the amount out."),
    ("IZ-66", "PID-6.7", "the name type of the mother's maiden name is M.", Origin.VAXLINE, ""),
    ("IZ-69", "IN1-1", "the set id of the insurance is 1.", Origin.VAXLINE, ""),
    ("IZ-70", "NK1-1", "relatives are numbered from 1.", Origin.VAXLINE, ""),
    ("IZ-TS-Z", "MSH-7", "the time of the message has seconds and a zone offset.", Origin.VAXLINE, ""),
    ("IZ-TS-NZ", "PID-7, RXA-3, OBX-14, IN1-29", "the date is given to the day, without a zone.", Origin.EHR, ""),
    ("IZ-DT-D", "PD1-17, PD1-18", "the date is given to the day.", Origin.EHR, ""),
    (
        "NIST-01",
        "OBX-1",
        "observations are numbered from 1, through the message or in every order.",
        Origin.VAXLINE,
        "",
    ),
)


def _of_statement(code: str, path: str, words: str, origin: Origin, fix: str) -> Check:
    own = {Origin.EHR: _EXPORT, Origin.CODED: "Map the code in the code map."}
    fallback = own.get(origin) or _FIXES[origin]["MISSING"]
    return Check(code, Severity.ERROR, path, _SHALL.format(code=code, words=words), fix or fallback, _WHO[origin])


TABLE: Final[tuple[Check, ...]] = (
    *_STRUCTURE,
    *(row for segment in SEGMENTS.values() for row in _of_segment(segment)),
    *(_of_statement(*row) for row in _STATEMENTS),
)

CHECKS: Final[dict[str, Check]] = {row.code: row for row in TABLE}
