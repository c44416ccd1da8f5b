"""Guidance for an error of an IIS: the row of `guidance_table.TABLE` that matches its code and place.

The IIS's text (ERR-8) says what is wrong; a row says why that happens, how to fix it and who can. The most specific row
wins: a code of the IIS's own, then code and place together, then a component, then a field, then a code of a national
table (ERR-3: HL7 table 0357, ERR-5: 0533), then a segment. The last row matches everything. A cause of the worklist
names no component, so rows with one explain single errors only.
"""

from __future__ import annotations

import re
from typing import Final

from shared.domain.guidance_table import ANSWERS, TABLE, Guidance
from shared.domain.hl7.message import parse
from shared.domain.submission import AckError

__all__ = ["FIELD_NAMES", "Guidance", "field_name", "guide", "guide_cause", "place"]

_ANSWERS_OF_ENHANCED_MODE: Final = {"CA": "AA", "CE": "AR", "CR": "AR"}
FIELD_NAMES: Final[dict[str, str]] = {
    "MSH-3": "sending application",
    "MSH-4": "sending facility",
    "MSH-5": "receiving application",
    "MSH-6": "receiving facility",
    "MSH-7": "time of the message",
    "MSH-9": "message type",
    "MSH-10": "message control id",
    "MSH-11": "processing id",
    "MSH-12": "HL7 version",
    "MSH-21": "message profile",
    "MSH-22": "responsible organization",
    "PID-3": "medical record number",
    "PID-5": "patient name",
    "PID-6": "mother's maiden name",
    "PID-7": "birth date",
    "PID-8": "sex",
    "PID-10": "race",
    "PID-11": "address",
    "PID-13": "telephone, e-mail",
    "PID-15": "language",
    "PID-22": "ethnicity",
    "PID-24": "multiple birth",
    "PID-25": "birth order",
    "PID-29": "date of death",
    "PID-30": "deceased",
    "PD1-11": "reminders and recalls",
    "PD1-12": "protection",
    "PD1-13": "protection since",
    "PD1-16": "registry status",
    "PD1-17": "registry status since",
    "PD1-18": "reminders since",
    "NK1-2": "guardian's name",
    "NK1-3": "guardian's relationship",
    "NK1-4": "guardian's address",
    "NK1-5": "guardian's telephone",
    "ORC-1": "order control",
    "ORC-2": "order number",
    "ORC-3": "dose id",
    "ORC-10": "entered by",
    "ORC-12": "ordered by",
    "RXA-3": "date of the dose",
    "RXA-4": "end of the dose",
    "RXA-5": "vaccine",
    "RXA-6": "amount",
    "RXA-7": "unit",
    "RXA-9": "given here or historical",
    "RXA-10": "given by",
    "RXA-11": "clinic",
    "RXA-15": "lot",
    "RXA-16": "expiration date",
    "RXA-17": "manufacturer",
    "RXA-18": "reason of refusal",
    "RXA-20": "completion",
    "RXA-21": "action",
    "RXR-1": "route",
    "RXR-2": "site",
    "OBX-3": "kind of observation",
    "OBX-5": "observed value",
    "OBX-14": "date of the observation",
    "OBX 64994-7": "funding eligibility",
    "OBX 30963-3": "funding source",
    "OBX 69764-9": "VIS document",
    "OBX 30956-7": "vaccine of the VIS",
    "OBX 29768-9": "edition of the VIS",
    "OBX 29769-7": "VIS handed out on",
    "OBX 30973-2": "number of the dose",
    "OBX 59784-9": "immunity",
    "OBX 75505-8": "immunity by a laboratory",
    "OBX 30945-0": "contraindication",
    "OBX 30946-8": "first day of the contraindication",
    "OBX 30944-3": "last day of the contraindication",
    "OBX 31044-1": "reaction",
    "NTE-3": "comment",
    "QPD-3": "medical record number",
    "QPD-4": "patient name",
    "QPD-5": "mother's maiden name",
    "QPD-6": "birth date",
    "QPD-7": "sex",
    "QPD-8": "address",
    "QPD-9": "telephone",
    "QPD-10": "multiple birth",
    "QPD-11": "birth order",
}
"""Names of the fields that vaxline sends."""

_OWN_CODE: Final = re.compile(r"[A-Z]+-.*")
# A cause as `shared.domain.hl7.ack` writes it: a code with a digit (`WEBIZ-501`, `103`, two national codes as `999-5`),
# or ERR where the IIS gave no code; then the place.
_CAUSE: Final = re.compile(
    r"(?P<code>(?=[^0-9 ]*[0-9])[A-Za-z0-9][A-Za-z0-9._-]{0,23}|ERR)(?: (?P<place>[A-Z][A-Z0-9]{2}(?:-[0-9]{1,3})?))?"
)
_INDEX: Final = re.compile(r"\[[0-9]+\]")


def guide(error: AckError, vxu: str = "") -> Guidance:
    """Return the guidance for one ERR.

    Args:
        error: the ERR.
        vxu: the message that it is about; with it, an error at an OBX is matched by the OBX's LOINC.
    """
    where = place(error, vxu)
    if error.component and where == f"{error.segment}-{error.field}":
        where += f".{error.component}"
    return _most_specific((error.application_code, error.code), where)


def guide_cause(cause: str) -> Guidance | None:
    """Return the guidance for a cause of the worklist (`103 PID-8`, `WEBIZ-501`, `AE`); None where no IIS gave it."""
    cause = cause.strip()
    answer = _ANSWERS_OF_ENHANCED_MODE.get(cause, cause)
    if answer in ANSWERS:
        return ANSWERS[answer]
    match = _CAUSE.fullmatch(cause)
    if match is None:
        return None
    code = match["code"]
    table, _, national = code.partition("-")
    codes = (national, table) if table.isdigit() and national else (code,)
    return _most_specific(codes, match["place"] or "")


def place(error: AckError, vxu: str = "") -> str:
    """Return segment and field of an error (`PID-8`), or the LOINC of the OBX that it names (`OBX 64994-7`), if any."""
    if error.segment == "OBX" and error.sequence and vxu:
        observations = parse(vxu).named("OBX")
        if error.sequence <= len(observations):
            observation = f"OBX {observations[error.sequence - 1].text(3)}"
            if observation in FIELD_NAMES:
                return observation
    if error.segment:
        return f"{error.segment}-{error.field}" if error.field else error.segment
    return _INDEX.sub("", error.path).partition(".")[0]


def field_name(place: str) -> str:
    """Return the name of a field; empty where vaxline does not send it."""
    return FIELD_NAMES.get(place, "")


def _most_specific(codes: tuple[str, ...], place: str) -> Guidance:
    matching = [row for row in TABLE if _has_code(row, codes) and _covers(row.path, place)]
    return max(matching, key=_specificity)


def _has_code(row: Guidance, codes: tuple[str, ...]) -> bool:
    if row.code.endswith("-"):
        return any(code.startswith(row.code) for code in codes)
    return row.code == "" or row.code in codes


def _covers(path: str, place: str) -> bool:
    """Say whether a path covers a place: `PID` covers every field of PID, but `PID-1` does not cover PID-11."""
    return path in ("", place) or place.startswith((f"{path}-", f"{path} ", f"{path}."))


def _specificity(row: Guidance) -> tuple[int, bool, bool, bool, int]:
    """Return a sort key that is greater for more specific rows, in the order of the module's docstring."""
    length_of_own_code = len(row.code) if _OWN_CODE.fullmatch(row.code) else 0
    has_both = row.code != "" and row.path != ""
    is_field = "-" in row.path
    return length_of_own_code, has_both, is_field, row.code != "", len(row.path)
