"""ORC, RXA, RXR, OBX and NTE of an incoming VXU as one dose (HL7 v2.3.1 to v2.8, chapter 4A)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.domain.codes import cdc, tables
from shared.domain.identity import NO_ORDER
from shared.domain.model import NO_CODE, Action, Code, Completion, Dose, Vis
from shared.exports import values
from shared.exports.hl7v2.fields import (
    NO_SEGMENT,
    Reading,
    Segment,
    Triplet,
    component_of,
    look_up,
    triplets,
    with_alternate,
)
from shared.exports.visits import information_source
from shared.replaced import replace

_CVX_SYSTEMS: Final = frozenset({"CVX", "HL70292", "2.16.840.1.113883.12.292"})
_NDC_SYSTEMS: Final = frozenset({"NDC", "2.16.840.1.113883.6.69"})
_MVX_SYSTEMS: Final = frozenset({"MVX", "HL70227", "2.16.840.1.113883.12.227"})
# RXA-6 of an amount that nobody knows, and of what was not given.
_NO_AMOUNTS: Final = frozenset({"999", "999.0", "0", "0.0"})
_DOCUMENT_LENGTH: Final = 24
_ELIGIBILITY, _FUNDING, _NUMBER = "64994-7", "30963-3", "30973-2"
_DOCUMENT, _VACCINE, _EDITION, _PRESENTED = "69764-9", "30956-7", "29768-9", "29769-7"
_STATEMENTS: Final = frozenset({_DOCUMENT, _VACCINE, _EDITION, _PRESENTED})
_ANNOTATION: Final = "48767-8"
# Evidence of immunity: without it the report of such a patient says something else.
_IMMUNITY: Final = "59784-9"
_OTHER_REASON: Final = "02"


@dataclass(slots=True)
class _Observations:
    """What the OBX and NTE segments of a dose tell."""

    eligibility: Code = NO_CODE
    funding_source: Code = NO_CODE
    vis: tuple[Vis, ...] = ()
    dose_number: str = ""
    comment: str = ""


def dose(segments: Sequence[Segment], part: str, reading: Reading, eligibility: Code) -> Dose:
    """The dose of one ORDER group; `eligibility` is what the message says for the whole visit."""
    by_name = {one.name: one for one in reversed(segments)}
    orc, rxa, rxr = (by_name.get(name, NO_SEGMENT) for name in ("ORC", "RXA", "RXR"))
    seen = _observations([one for one in segments if one.name in ("OBX", "NTE")], reading)
    reason = _reason(rxa, reading)
    completion = _completion(rxa, reason, reading)
    vaccine, ndc = _vaccine(rxa, reading)
    lot = rxa.text(15)
    stated = next(
        (code for raw in rxa.repetitions(9) if (code := look_up(tables.INFORMATION_SOURCE, triplets(raw, rxa.syntax)))),
        NO_CODE,
    )
    if not stated and rxa.first(9) and completion in (Completion.COMPLETE, Completion.PARTIALLY_ADMINISTERED):
        reading.unreadable("information_source", rxa.text(9) or rxa.text(9, 2))
    action = reading.code("action", rxa.first(21), rxa.syntax).code
    quantity = "" if rxa.text(6) in _NO_AMOUNTS else reading.read("amount", rxa.text(6), values.amount)
    source = information_source(stated, completion, lot)
    found = Dose(
        id=_order_number(orc, 3) or _order_number(orc, 2),
        date=reading.as_day(rxa.text(3)) or "",
        vaccine=vaccine,
        ndc=ndc,
        completion=completion,
        information_source=source,
        action=Action(action) if action else Action.ADD,
        amount=quantity,
        units=_units(rxa, reading) if quantity else NO_CODE,
        lot=lot,
        expiry=reading.read("expiry", rxa.text(16), reading.as_day_or_month),
        manufacturer=_manufacturer(rxa, reading),
        route=reading.code("route", rxr.first(1), rxr.syntax),
        site=reading.code("site", rxr.first(2), rxr.syntax),
        refusal_reason=reason,
        eligibility=seen.eligibility,
        funding_source=seen.funding_source,
        vis=seen.vis,
        dose_number=seen.dose_number,
        comment=seen.comment,
        administered_by=reading.provider(rxa, 10),
        ordered_by=reading.provider(orc, 12),
        entered_by=reading.provider(orc, 10),
        placer_id=_order_number(orc, 2),
        row=reading.row,
        part=part,
    )
    return replace(found, eligibility=found.eligibility or eligibility) if found.is_administered_here else found


def _order_number(orc: Segment, number: int) -> str:
    """ORC-2.1 or ORC-3.1; 9999 says that there is no order (IZ-45)."""
    text = orc.text(number)
    return "" if text == NO_ORDER else text


def _reason(rxa: Segment, reading: Reading) -> Code:
    said = triplets(rxa.first(18), rxa.syntax)
    reason = reading.code("refusal_reason", rxa.first(18), rxa.syntax)
    if reason.code == _OTHER_REASON and said[0].text:
        # "Other" asks for a description, and the message's own words are the best one.
        return replace(reason, text=said[0].text)
    return reason


def _completion(rxa: Segment, reason: Code, reading: Reading) -> Completion:
    stated = reading.code("completion", rxa.first(20), rxa.syntax).code
    if stated:
        return Completion(stated)
    return Completion.REFUSED if reason else Completion.COMPLETE


def _vaccine(rxa: Segment, reading: Reading) -> tuple[Code, str]:
    """(vaccine, NDC) of RXA-5: by the triplets' coding systems; a local code goes along as the alternate."""
    said = triplets(rxa.first(5), rxa.syntax)
    vaccine, ndc = NO_CODE, ""
    local: list[Triplet] = []
    for one in said:
        system = one.system.upper()
        if system in _NDC_SYSTEMS:
            ndc = ndc or reading.read("ndc", one.code, cdc.ndc_11)
        elif system in _CVX_SYSTEMS or (not system and cdc.cvx(one.code)):
            found = tables.cvx(one.code, one.text)
            if found is None and one.code:
                reading.unreadable("cvx", one.code)
            vaccine = vaccine or found or NO_CODE
        elif one.code:
            local.append(one)
    if vaccine:
        return with_alternate(vaccine, local), ndc
    if local:
        first = local[0]
        return Code("", first.text, "", first.code, first.text, first.system or "L"), ndc
    return Code("", next((one.text for one in said if one.text), "")), ndc


def _manufacturer(rxa: Segment, reading: Reading) -> Code:
    """RXA-17: the MVX code; a maker's code of another system goes along as the alternate."""
    said = triplets(rxa.first(17), rxa.syntax)
    for one in said:
        if one.system.upper() in _MVX_SYSTEMS or (one.code and cdc.mvx(one.code)):
            found = tables.mvx(one.code, one.text)
            if found:
                return with_alternate(found, said)
    if said:
        reading.unreadable("mvx", said[0].code or said[0].text)
    return NO_CODE


def _units(rxa: Segment, reading: Reading) -> Code:
    """RXA-7 in UCUM, mL where it is empty; what another table calls the same unit need not go along."""
    if not rxa.first(7):
        return tables.UNITS.by_spelling["mL"]
    found = reading.code("units", rxa.first(7), rxa.syntax)
    return Code(found.code, found.text, found.system)


def _observations(segments: Sequence[Segment], reading: Reading) -> _Observations:
    seen = _Observations()
    comments: list[str] = []
    statements: list[Segment] = []
    for one in segments:
        if one.name == "NTE":
            comments += [_lines(raw, one) for raw in one.repetitions(3)]
            continue
        number, raw = one.text(3), one.first(5)
        if not number or not raw:
            continue
        if number == _ELIGIBILITY:
            seen.eligibility = seen.eligibility or reading.code("eligibility", raw, one.syntax, "OBX-5")
        elif number == _FUNDING:
            seen.funding_source = seen.funding_source or reading.code("funding_source", raw, one.syntax, "OBX-5")
        elif number == _NUMBER:
            seen.dose_number = seen.dose_number or one.text(5)
        elif number == _ANNOTATION:
            comments += [_lines(text, one) for text in one.repetitions(5)]
        elif number in _STATEMENTS:
            statements.append(one)
        else:
            code = "IMMUNITY-NOT-READ" if number == _IMMUNITY else "OBSERVATION-LEFT-OUT"
            said = f"{number} {one.text(3, 2)}".strip()
            reading.note(code, f"OBX {number}", said, "OBX-3")
    seen.vis = _vis(statements, reading)
    seen.comment = "\n".join(comment for comment in comments if comment)
    return seen


def _lines(raw: str, segment: Segment) -> str:
    """A note's text with its line breaks; delimiters that nobody escaped stay as they stand."""
    text = segment.syntax.text(raw)
    return "\n".join("".join(c if c.isprintable() else " " for c in line).strip() for line in text.split("\n"))


def _vis(segments: Sequence[Segment], reading: Reading) -> tuple[Vis, ...]:
    """The statements: what shares OBX-4 belongs together, and a second value of one kind begins the next statement."""
    said: list[tuple[str, dict[str, Segment]]] = []
    for one in segments:
        group, number = one.text(4), one.text(3)
        last = next((held for key, held in reversed(said) if key == group), None)
        if last is None or number in last:
            last = {}
            said.append((group, last))
        last[number] = one
    found = (_statement(held, reading) for _, held in said)
    return tuple(vis for vis in found if vis is not None)


def _statement(said: dict[str, Segment], reading: Reading) -> Vis | None:
    def day(number: str, name: str) -> str:
        return reading.day(name, said[number].text(5), "OBX-5") if number in said else ""

    document = said[_DOCUMENT].text(5) if _DOCUMENT in said else ""
    if len(document) != _DOCUMENT_LENGTH:
        if document:
            reading.unreadable("vis_document", document, "OBX-5")
        document = ""
    vaccine = _statement_vaccine(said[_VACCINE], reading) if _VACCINE in said else NO_CODE
    edition, presented = day(_EDITION, "vis_edition"), day(_PRESENTED, "vis_presented")
    if document or vaccine:
        return Vis(document, NO_CODE if document else vaccine, edition, presented)
    if edition or presented:
        reading.note("OBSERVATION-LEFT-OUT", "OBX 29769-7", edition or presented, "OBX-5")
    return None


def _statement_vaccine(obx: Segment, reading: Reading) -> Code:
    code = component_of(obx.first(5), 1, obx.syntax)
    found = tables.cvx(code, obx.text(5, 2))
    if found is None and code:
        reading.unreadable("vis_cvx", code, "OBX-5")
    return found or NO_CODE
