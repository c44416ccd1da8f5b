"""ORC, RXA, RXR, OBX and NTE of an incoming VXU as one dose (HL7 v2.3.1 to v2.8, chapter 4A)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.domain.codes import cdc, systems, tables
from shared.domain.hl7 import loinc
from shared.domain.hl7.message import Message, Repetition, Segment
from shared.domain.identity import NO_ORDER
from shared.domain.model import NO_CODE, Action, Code, Completion, Dose, Observation, Vis
from shared.exports import blanks, values
from shared.exports.columns import BY_NAME
from shared.exports.hl7v2.fields import Reading, Triplet, look_up, triplets, with_alternate
from shared.exports.visits import information_source
from shared.replaced import replace

_CVX_SYSTEMS: Final = frozenset({"CVX", "HL70292", "2.16.840.1.113883.12.292"})
_NDC_SYSTEMS: Final = frozenset({"NDC", "2.16.840.1.113883.6.69"})
_MVX_SYSTEMS: Final = frozenset({"MVX", "HL70227", "2.16.840.1.113883.12.227"})
_BESIDE: Final = frozenset({*loinc.OBSERVED, loinc.CONTRAINDICATION_BEGINS, loinc.CONTRAINDICATION_ENDS})
_DOCUMENT_LENGTH: Final = 24
# OBX-11 (HL7 0085): deleted, wrong, and no result.
_WITHDRAWN: Final = frozenset({"D", "W", "X"})
_VIS: Final = frozenset({loinc.VIS_DOCUMENT, loinc.VACCINE, loinc.VIS_EDITION, loinc.VIS_PRESENTED})
_OTHER_REASON: Final = "02"


def dose(message: Message, part: str, reading: Reading, eligibility: Code) -> Dose:
    """Read the dose of a message with one ORDER group.

    Args:
        message: The message.
        part: The file that the dose comes from.
        reading: Takes the findings.
        eligibility: What the message says for the whole visit.
    """
    orc, rxa, rxr = message.first("ORC"), message.first("RXA"), message.first("RXR")
    observations = _observations(message, reading)
    reason = _refusal_reason(rxa, reading)
    completion = _completion(rxa, reason, reading)
    vaccine, ndc = _vaccine(rxa, reading)
    lot = _lot(rxa, reading)
    source = _information_source(rxa, completion, reading)
    action = _action(rxa, reading)
    amount = reading.read("amount", rxa.text(6), values.amount)
    result = Dose(
        id=_dose_id(orc),
        date=reading.as_day(rxa.text(3)) or "",
        vaccine=vaccine,
        ndc=ndc,
        completion=completion,
        information_source=information_source(source, completion, lot),
        action=action,
        amount=amount,
        units=_units(rxa, reading) if amount and not values.is_unknown_amount(amount) else NO_CODE,
        lot=lot,
        expiry=reading.read("expiry", rxa.text(16), reading.as_day_or_month),
        manufacturer=_manufacturer(rxa, reading),
        route=reading.code("route", rxr.first(1)),
        site=reading.code("site", rxr.first(2)),
        refusal_reason=reason,
        eligibility=observations.eligibility,
        funding_source=observations.funding_source,
        vis=observations.vis,
        observations=observations.beside,
        dose_number=observations.dose_number,
        comment=observations.comment,
        administered_by=reading.provider(rxa, 10),
        ordered_by=reading.provider(orc, 12),
        entered_by=reading.provider(orc, 10),
        placer_id=_order_number(orc, 2),
        row=reading.row,
        part=part,
    )
    return replace(result, eligibility=result.eligibility or eligibility) if result.is_administered_here else result


def deletes_by_id(message: Message, reading: Reading) -> bool:
    """Whether a message with one ORDER group deletes a dose that it names by its id."""
    return _action(message.first("RXA"), reading) is Action.DELETE and _dose_id(message.first("ORC")) != ""


# ORC and RXA ----------------------------------------------------------------------------------------------------------


def _lot(rxa: Segment, reading: Reading) -> str:
    """RXA-15, a text without components: the first of several is the lot of the vaccine."""
    first, *others = [lot.whole() for lot in rxa.repetitions(15)] or [""]
    for other in others:
        if other != first:
            reading.note("VALUE-LEFT-OUT", "RXA-15", other)
    return first


def _action(rxa: Segment, reading: Reading) -> Action:
    action = reading.code("action", rxa.first(21)).code
    return Action(action) if action else Action.ADD


def _dose_id(orc: Segment) -> str:
    return _order_number(orc, 3) or _order_number(orc, 2)


def _order_number(orc: Segment, number: int) -> str:
    """ORC-2.1 or ORC-3.1; 9999 means that there is no order (IZ-45)."""
    text = blanks.identity(orc.id(number))
    return "" if text == NO_ORDER else text


def _refusal_reason(rxa: Segment, reading: Reading) -> Code:
    """RXA-18. "Other" asks for a description: the message's own text is the best one."""
    ce = rxa.first(18)
    reason = reading.code("refusal_reason", ce)
    if reason.code == _OTHER_REASON and (text := triplets(ce)[0].text):
        return replace(reason, text=text)
    return reason


def _completion(rxa: Segment, reason: Code, reading: Reading) -> Completion:
    """RXA-20, else what the reason of a refusal implies."""
    stated = reading.code("completion", rxa.first(20)).code
    if stated:
        return Completion(stated)
    return Completion.REFUSED if reason else Completion.COMPLETE


def _information_source(rxa: Segment, completion: Completion, reading: Reading) -> Code:
    """The first repetition of RXA-9 that the table knows."""
    codes = (look_up(tables.INFORMATION_SOURCE, triplets(ce)) for ce in rxa.repetitions(9))
    source = next((code for code in codes if code), NO_CODE)
    if not source and rxa.first(9) and completion in (Completion.COMPLETE, Completion.PARTIALLY_ADMINISTERED):
        reading.unreadable("information_source", rxa.text(9) or rxa.text(9, 2))
    return source


def _vaccine(rxa: Segment, reading: Reading) -> tuple[Code, str]:
    """(vaccine, NDC) of RXA-5, by the triplets' coding systems. A local code becomes the alternate."""
    coded = triplets(rxa.first(5))
    vaccine, ndc = NO_CODE, ""
    local: list[Triplet] = []
    for triplet in coded:
        system = triplet.system.upper()
        if system in _NDC_SYSTEMS:
            ndc = ndc or reading.read("ndc", triplet.code, cdc.ndc_11)
        elif system in _CVX_SYSTEMS or (not system and cdc.cvx(triplet.code)):
            cvx = tables.cvx(triplet.code, triplet.text)
            if cvx is None and triplet.code:
                reading.unreadable("cvx", triplet.code)
            vaccine = vaccine or cvx or NO_CODE
        elif triplet.code:
            local.append(triplet)
    if vaccine:
        return with_alternate(vaccine, local), ndc
    if local:
        first = local[0]
        return Code("", first.text, "", first.code, first.text, first.system or "L"), ndc
    return Code("", next((triplet.text for triplet in coded if triplet.text), "")), ndc


def _manufacturer(rxa: Segment, reading: Reading) -> Code:
    """The MVX of RXA-17. A code of another system becomes the alternate."""
    coded = triplets(rxa.first(17))
    for triplet in coded:
        if triplet.system.upper() in _MVX_SYSTEMS or (triplet.code and cdc.mvx(triplet.code)):
            mvx = tables.mvx(triplet.code, triplet.text)
            if mvx:
                return with_alternate(mvx, coded)
    if coded:
        reading.unreadable("mvx", coded[0].code or coded[0].text)
    return NO_CODE


def _units(rxa: Segment, reading: Reading) -> Code:
    """RXA-7 in UCUM, mL if it is empty, without the code of another table."""
    if not rxa.first(7):
        return tables.UNITS.by_spelling["mL"]
    units = reading.code("units", rxa.first(7))
    return Code(units.code, units.text, units.system)


# OBX and NTE ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Observations:
    """The values of a dose's OBX and NTE segments."""

    eligibility: Code = NO_CODE
    funding_source: Code = NO_CODE
    vis: tuple[Vis, ...] = ()
    beside: tuple[Observation, ...] = ()
    dose_number: str = ""
    comment: str = ""


def _observations(message: Message, reading: Reading) -> _Observations:
    observations = _Observations()
    comments: list[str] = []
    vis: list[Segment] = []
    beside: list[Segment] = []
    for segment in message.segments:
        if segment.name == "NTE":
            comments += map(_comment, segment.repetitions(3))
        elif segment.name == "OBX" and segment.text(3) and segment.first(5):
            code = segment.text(3)
            if segment.text(11).upper() in _WITHDRAWN:
                reading.note("OBSERVATION-WITHDRAWN", f"OBX {code}", f"{code} {segment.text(5)}".strip(), "OBX-11")
            elif code == loinc.ANNOTATION:
                comments += map(_comment, segment.repetitions(5))
            elif code in _VIS:
                vis.append(segment)
            elif code in _BESIDE:
                beside.append(segment)
            else:
                _take_observation(segment, observations, reading)
    observations.vis = _vis(vis, reading)
    observations.beside = _beside(beside, reading)
    observations.comment = "\n".join(filter(None, comments))
    return observations


def _take_observation(obx: Segment, observations: _Observations, reading: Reading) -> None:
    """Read an observation of which the first one counts, or note that it is left out."""
    code, value = obx.text(3), obx.first(5)
    if code == loinc.ELIGIBILITY:
        observations.eligibility = _only(observations.eligibility, "eligibility", value, reading)
    elif code == loinc.FUNDING_SOURCE:
        observations.funding_source = _only(observations.funding_source, "funding_source", value, reading)
    elif code == loinc.DOSE_NUMBER:
        observations.dose_number = observations.dose_number or value.whole()
    else:
        reading.note("OBSERVATION-LEFT-OUT", f"OBX {code}", f"{code} {obx.text(3, 2)}".strip(), "OBX-3")


def _beside(segments: list[Segment], reading: Reading) -> tuple[Observation, ...]:
    """Immunity, contraindications, reactions; the dates of a contraindication have its OBX-4."""
    found: dict[tuple[str, str], Observation] = {}
    for obx in segments:
        if obx.text(3) in loinc.OBSERVED and (value := _found(obx)):
            found[obx.text(4), f"{obx.text(3)} {value.code}"] = Observation(obx.text(3), value)
    for obx in segments:
        name = {loinc.CONTRAINDICATION_BEGINS: "begins", loinc.CONTRAINDICATION_ENDS: "ends"}.get(obx.text(3))
        if name is None:
            continue
        key = next((key for key, one in found.items() if _is_of(key, one, obx)), None)
        day = reading.as_day(obx.text(5))
        if key is None or day is None:
            reading.note("OBSERVATION-LEFT-OUT", f"OBX {obx.text(3)}", obx.text(5), "OBX-5")
        else:
            before = found[key]
            found[key] = replace(before, begins=day) if name == "begins" else replace(before, ends=day)
    return tuple(found.values())


def _is_of(key: tuple[str, str], observation: Observation, obx: Segment) -> bool:
    return observation.code == loinc.CONTRAINDICATION and key[0] == obx.text(4)


def _found(obx: Segment) -> Code:
    """OBX-5 as it stands: the profile leaves its codes open."""
    coded = triplets(obx.first(5))
    if not coded:
        return NO_CODE
    first = coded[0]
    return with_alternate(Code(first.code or first.text, first.text, systems.alternate(first.system)), coded)


def _only(before: Code, name: str, value: Repetition, reading: Reading) -> Code:
    """The code of an observation of which a dose has one. A second one that differs holds the visit."""
    code = reading.code(name, value, "OBX-5")
    if not before:
        return code
    if code and code.code != before.code:
        reading.note("OBSERVATIONS-DIFFER", BY_NAME[name].path, f"{before.code}, {code.code}", "OBX-5")
    return before


def _comment(repetition: Repetition) -> str:
    """The text of a note with its line breaks. Delimiters that nobody escaped stay as they are."""
    text = repetition.syntax.decode(repetition.raw)
    lines = ("".join(c if c.isprintable() else " " for c in line).strip() for line in text.split("\n"))
    return "\n".join(lines)


def _vis(segments: list[Segment], reading: Reading) -> tuple[Vis, ...]:
    """The VIS. OBX with one OBX-4 belong together; a second value of one kind begins the next VIS."""
    groups: list[tuple[str, dict[str, Segment]]] = []
    for obx in segments:
        sub_id, code = obx.text(4), obx.text(3)
        group = next((parts for key, parts in reversed(groups) if key == sub_id), None)
        if group is None or code in group:
            group = {}
            groups.append((sub_id, group))
        group[code] = obx
    return tuple(vis for _, group in groups if (vis := _one_vis(group, reading)) is not None)


def _one_vis(parts: dict[str, Segment], reading: Reading) -> Vis | None:
    """The VIS of the OBX by LOINC code; None if neither document nor vaccine can be read."""
    document = parts[loinc.VIS_DOCUMENT].text(5) if loinc.VIS_DOCUMENT in parts else ""
    if document and len(document) != _DOCUMENT_LENGTH:
        reading.unreadable("vis_document", document, "OBX-5")
        document = ""
    vaccine = _vis_vaccine(parts[loinc.VACCINE], reading) if loinc.VACCINE in parts else NO_CODE
    edition, presented = (
        reading.day(name, parts[code].text(5), "OBX-5") if code in parts else ""
        for name, code in (("vis_edition", loinc.VIS_EDITION), ("vis_presented", loinc.VIS_PRESENTED))
    )
    if document or vaccine:
        return Vis(document, NO_CODE if document else vaccine, edition, presented)
    if edition or presented:
        reading.note("OBSERVATION-LEFT-OUT", f"OBX {loinc.VIS_PRESENTED}", edition or presented, "OBX-5")
    return None


def _vis_vaccine(obx: Segment, reading: Reading) -> Code:
    cvx = tables.cvx(obx.text(5), obx.text(5, 2))
    if cvx is None and obx.text(5):
        reading.unreadable("vis_cvx", obx.text(5), "OBX-5")
    return cvx or NO_CODE
